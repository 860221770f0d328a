//! What a link says, held against what can be: its fields, and its actions through the physics.

use super::{Link, LinkDecision, LinkError, MOST_CALLS};
use crate::agent::{Decision, Episode, Outcome, Scenario, Step, Trace};
use crate::env::MazeEnv;
use crate::maze::{CELL_HIGH, CELL_LOW, Layout, MAX_SPEED};
use crate::settings::PlanSettings;
use crate::task::Task;

const ASTRAY: LinkError = LinkError::Damaged("its actions do not lead to what its decisions say");

impl Link {
    /// Whether every field is one that an episode can have.
    pub(super) fn check(&self) -> Result<(), LinkError> {
        let task = Task::find(&self.task).map_err(|_| LinkError::Damaged("its task is not known"))?;
        let layout = task.maze.layout();
        playable(task, &self.scenario, &self.settings)?;
        if let Some(other) = &self.other {
            playable(task, &other.scenario, &other.settings)?;
        }
        self.check_work()?;
        if self.start.is_some_and(|start| !is_inside(layout, start)) {
            return Err(LinkError::Damaged("it begins outside the maze"));
        }
        if !self.actions.iter().flatten().all(|a| a.abs() <= 1.0) {
            return Err(LinkError::Damaged("an action is out of reach"));
        }
        let values =
            || self.decisions.iter().flat_map(|decision| decision.v_end.iter().chain(&decision.v_now));
        if !values().all(|v| v.is_finite()) {
            return Err(LinkError::Damaged("a value is not finite"));
        }
        if self.decisions.iter().any(|decision| usize::from(decision.chosen) >= self.settings.candidates) {
            return Err(LinkError::Damaged("a decision takes a candidate that does not exist"));
        }
        let steps = self.decisions.iter().map(|decision| usize::from(decision.steps)).sum::<usize>();
        if steps != self.actions.len() || steps > task.max_steps {
            return Err(LinkError::Damaged("its steps do not add up"));
        }
        Ok(())
    }

    /// Refuses a run whose decisions cannot be made again in reasonable time.
    fn check_work(&self) -> Result<(), LinkError> {
        let (decisions, candidates, steps) =
            (self.decisions.len(), self.settings.candidates, self.settings.sampler.calls());
        let calls =
            [decisions, candidates, steps].iter().fold(1_u64, |calls, &n| calls.saturating_mul(n as u64));
        if calls > MOST_CALLS {
            return Err(LinkError::Work { decisions, candidates, steps, calls });
        }
        Ok(())
    }

    /// The recorded episode: its states are computed anew from its start and its actions, so they are those of the
    /// recording, bit by bit. What a link does not carry is empty in the decisions (latents, Q and predicted ends), and
    /// values are rounded.
    ///
    /// # Errors
    /// When a field is none that an episode can have, or the actions do not lead to what the decisions say.
    pub fn replay(&self) -> Result<Trace, LinkError> {
        self.check()?;
        let task = Task::find(&self.task).map_err(|_| ASTRAY)?;
        let layout = self.scenario.world.layout(task.maze).map_err(|_| ASTRAY)?;
        let episode = Episode { seed: self.seed, index: self.episode, start: self.start };
        let mut env = episode.env(task, &layout);
        let start = env.state().to_vec();
        let mut trace =
            Trace::new(&self.task, self.seed, self.episode, self.settings, self.scenario.clone(), start);
        trace.decisions.clear();
        let mut actions = self.actions.iter();
        let mut ended = false;
        for decision in &self.decisions {
            if ended {
                return Err(ASTRAY);
            }
            let mut again = Decision::new(env.steps(), env.state().to_vec());
            for &action in actions.by_ref().take(decision.steps.into()) {
                if env.over() {
                    return Err(ASTRAY);
                }
                let reward = env.step(action);
                again.steps.push(Step { action: action.to_vec(), state: env.state().to_vec(), reward });
            }
            if !ends_so(decision, &env, &self.settings) {
                return Err(ASTRAY);
            }
            again.chosen = Some(decision.chosen.into());
            again.v_end = decision.v_end;
            again.v_now.clone_from(&decision.v_now);
            again.outcome = decision.outcome;
            trace.decisions.push(again);
            ended = !matches!(decision.outcome, Some(Outcome::Completed | Outcome::Revalued { .. }));
        }
        if !ended {
            trace.decisions.push(Decision::new(env.steps(), env.state().to_vec()));
        }
        Ok(trace)
    }
}

/// Whether a decision can have ended as it says, after its last step.
fn ends_so(decision: &LinkDecision, env: &MazeEnv, settings: &PlanSettings) -> bool {
    let steps = usize::from(decision.steps);
    let compared = decision.v_end.is_none() && decision.v_now.is_empty() || decision.compared();
    let on_time = steps == 0 || !env.over();
    compared
        && match decision.outcome {
            Some(Outcome::Completed) => steps == settings.exec_horizon && on_time,
            Some(Outcome::Revalued { at }) => at == steps && steps < settings.exec_horizon && on_time,
            Some(Outcome::Goal) => steps > 0 && env.first_contact() == Some(env.steps()),
            Some(Outcome::TimeLimit) => steps > 0 && env.over(),
            None => steps < settings.exec_horizon && on_time,
        }
        && steps <= settings.exec_horizon
}

fn playable(task: &Task, scenario: &Scenario, settings: &PlanSettings) -> Result<(), LinkError> {
    // The number of diffusion steps is the bundle's business.
    settings.check(settings.sampler.steps)?;
    scenario.check(task.maze, settings).map_err(|_| LinkError::Damaged("its scenario cannot be played"))?;
    Ok(())
}

/// Whether a state lies within the maze and is no faster than the ball gets.
fn is_inside(layout: &Layout, [x, y, vx, vy]: [f64; 4]) -> bool {
    let within = |q: f64, cells: usize| (CELL_LOW..=cells as f64 - 1.0 + CELL_HIGH).contains(&q);
    within(x, layout.rows) && within(y, layout.cols) && [vx, vy].iter().all(|v| v.abs() <= 2.0 * MAX_SPEED)
}
