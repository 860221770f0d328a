//! What a link says, held against what can be: its fields, and its actions through the physics.

use std::sync::Arc;

use super::{Link, LinkDecision, LinkError, MOST_CALLS, Recorded};
use crate::agent::{ActingSettings, Decision, Outcome, Scenario, Step, Trace};
use crate::env::{self, EnvError, Envs, Start};
use crate::maze::World;
use crate::spec::TaskSpec;

const ASTRAY: LinkError = LinkError::Damaged("its actions do not lead to what its decisions say");

impl Link {
    /// Checks that every field is one that an episode can have.
    pub(super) fn check(&self) -> Result<(), LinkError> {
        let task = env::spec(&self.task).ok_or(LinkError::Damaged("its task is not known"))?;
        playable(&task, &self.run.scenario, &self.run.settings)?;
        if let Some(other) = &self.other {
            playable(&task, &other.scenario, &other.settings)?;
        }
        self.check_work()?;
        let width = task.action_dim();
        if self.actions.iter().any(|action| action.len() != width) {
            return Err(LinkError::Damaged("an action has the wrong number of numbers"));
        }
        if let Some(start) = &self.run.start {
            let mut begun = vec![(0, Start::At(start.clone()))];
            begun.retain(|_| start.len() == task.state_dim());
            let begins =
                simulated(&task, |envs| envs.reset(&begun, &World::default()).map(|frames| frames.len()));
            if begins.is_some_and(|begins| begins != Ok(1)) {
                return Err(LinkError::Damaged("it begins outside the maze"));
            }
        }
        if !self.actions.iter().flatten().all(|a| a.abs() <= 1.0) {
            return Err(LinkError::Damaged("an action is out of reach"));
        }
        let values =
            || self.decisions.iter().flat_map(|decision| decision.v_end.iter().chain(&decision.v_now));
        if !values().all(|v| v.is_finite()) {
            return Err(LinkError::Damaged("a value is not finite"));
        }
        if let Some(plan) = self.run.settings.plan() {
            let exists = |chosen| usize::from(chosen) < plan.candidates;
            if !self.decisions.iter().all(|decision| decision.chosen.is_some_and(exists)) {
                return Err(LinkError::Damaged("a decision takes a candidate that does not exist"));
            }
        }
        let steps = self.decisions.iter().map(|decision| usize::from(decision.steps)).sum::<usize>();
        if steps != self.actions.len() || steps > task.max_steps {
            return Err(LinkError::Damaged("its steps do not add up"));
        }
        let shape = |recorded: &Recorded| {
            let states = recorded
                .states
                .iter()
                .all(|state| state.len() == task.state_dim() && state.iter().all(|x| x.is_finite()));
            let rewards = recorded.rewards.iter().all(|reward| reward.is_finite());
            states
                && rewards
                && recorded.states.len() == steps + 1
                && [recorded.rewards.len(), recorded.at_goal.len()] == [steps; 2]
        };
        if self.recorded.as_ref().is_some_and(|recorded| !shape(recorded)) {
            return Err(LinkError::Damaged("its recorded states do not fit"));
        }
        Ok(())
    }

    /// Refuses a run whose decisions cannot be made again in reasonable time.
    fn check_work(&self) -> Result<(), LinkError> {
        let Some(plan) = self.run.settings.plan() else { return Ok(()) };
        let (decisions, candidates, steps) = (self.decisions.len(), plan.candidates, plan.sampler.calls());
        let calls =
            [decisions, candidates, steps].iter().fold(1_u64, |calls, &n| calls.saturating_mul(n as u64));
        if calls > MOST_CALLS {
            return Err(LinkError::Work { decisions, candidates, steps, calls });
        }
        Ok(())
    }

    /// The recorded episode: its states are computed anew from its start and its actions, so they are those of the
    /// recording, bit by bit; where the simulator is not exact everywhere, they are those that the link carries, rounded. What a
    /// link does not carry is empty in the decisions (latents, Q and predicted ends), and values are rounded.
    ///
    /// # Errors
    /// When a field is none that an episode can have, or the actions do not lead to what the decisions say.
    pub fn replay(&self) -> Result<Trace, LinkError> {
        self.check()?;
        let task = env::spec(&self.task).ok_or(ASTRAY)?;
        let (start, steps) = match &self.recorded {
            Some(recorded) => self.recalled(recorded),
            None => self.simulated(&task)?,
        };
        let mut trace = Trace::new(&self.task, self.run.clone(), start.clone());
        trace.decisions.clear();
        let (mut now, mut taken, mut ended) = (start, 0, false);
        for decision in &self.decisions {
            if ended {
                return Err(ASTRAY);
            }
            let mut again = Decision::new(taken, now.clone(), &self.run.settings);
            again.steps = steps[taken..taken + usize::from(decision.steps)].to_vec();
            taken += again.steps.len();
            if !ends_so(decision, &steps[..taken], &task, &self.run.settings) {
                return Err(ASTRAY);
            }
            now = again.steps.last().map_or(now, |step| step.state.clone());
            again.chosen = decision.chosen.map(usize::from);
            again.v_end = decision.v_end;
            again.v_now.clone_from(&decision.v_now);
            again.outcome = decision.outcome;
            trace.decisions.push(again);
            ended = !matches!(decision.outcome, Some(Outcome::Completed | Outcome::Revalued { .. }));
        }
        if !ended {
            trace.decisions.push(Decision::new(taken, now, &self.run.settings));
        }
        Ok(trace)
    }

    /// Start and steps as the link carries them.
    fn recalled(&self, recorded: &Recorded) -> (Vec<f64>, Vec<Step>) {
        let Recorded { states, rewards, at_goal } = recorded;
        let steps = (0..rewards.len()).map(|t| Step {
            action: self.actions[t].clone(),
            state: states[t + 1].clone(),
            reward: rewards[t],
            at_goal: at_goal[t],
        });
        (states[0].clone(), steps.collect())
    }

    /// Start and steps from the simulator.
    fn simulated(&self, task: &Arc<TaskSpec>) -> Result<(Vec<f64>, Vec<Step>), LinkError> {
        let episode = self.run.episode();
        let mut envs = env::open(task).map_err(|_| LinkError::Damaged("its task has no simulator here"))?;
        let frames = envs.reset(&[(0, episode.start())], &self.run.scenario.world).map_err(|_| ASTRAY)?;
        let start = frames.into_iter().next().ok_or(ASTRAY)?.observation;
        let (mut steps, mut stepped) = (Vec::new(), Vec::new());
        for action in &self.actions {
            let mut taken = action.clone();
            task.action.expand(&mut taken);
            envs.step(&[0], &taken, &mut stepped).map_err(|_| ASTRAY)?;
            let step = stepped.pop().ok_or(ASTRAY)?;
            let action = action.clone();
            steps.push(Step { action, state: step.observation, reward: step.reward, at_goal: step.at_goal });
        }
        Ok((start, steps))
    }
}

/// Returns `true` if a decision can have ended as it says, after the last of the steps taken so far.
fn ends_so(decision: &LinkDecision, taken: &[Step], task: &TaskSpec, settings: &ActingSettings) -> bool {
    let steps = usize::from(decision.steps);
    let compared = decision.v_end.is_none() && decision.v_now.is_empty() || decision.compared();
    let over = taken.len() >= task.max_steps;
    let on_time = steps == 0 || !over;
    let Some(settings) = settings.plan() else {
        let no_values = decision.v_end.is_none() && decision.v_now.is_empty();
        let ends = match decision.outcome {
            Some(Outcome::Completed) | None => on_time,
            Some(Outcome::Revalued { .. }) => false,
            Some(Outcome::Goal) => touches(taken),
            Some(Outcome::TimeLimit) => over,
        };
        return no_values && ends && (steps > 0 || decision.outcome.is_none());
    };
    compared
        && match decision.outcome {
            Some(Outcome::Completed) => steps == settings.exec_horizon && on_time,
            Some(Outcome::Revalued { at }) => at == steps && steps < settings.exec_horizon && on_time,
            Some(Outcome::Goal) => steps > 0 && touches(taken),
            Some(Outcome::TimeLimit) => steps > 0 && over,
            None => steps < settings.exec_horizon && on_time,
        }
        && steps <= settings.exec_horizon
}

/// Returns `true` if the last of the steps is the first to touch the goal.
fn touches(taken: &[Step]) -> bool {
    taken.iter().position(|step| step.at_goal).is_some_and(|first| first + 1 == taken.len())
}

fn playable(task: &Arc<TaskSpec>, scenario: &Scenario, settings: &ActingSettings) -> Result<(), LinkError> {
    let decides = match settings {
        ActingSettings::Plan(plan) => {
            // The number of diffusion steps is the bundle's business.
            plan.check(plan.sampler.steps)?;
            scenario.check(plan).is_ok()
        }
        // What is in them is the bundle's business.
        ActingSettings::Own(_) => scenario.interventions.is_empty(),
    };
    let world = simulated(task, |envs| envs.reset(&[], &scenario.world));
    let playable = world.is_none_or(|world| world.is_ok()) && decides;
    if playable { Ok(()) } else { Err(LinkError::Damaged("its scenario cannot be played")) }
}

/// The answer of the task's simulator, where there is one in pure arithmetic.
fn simulated<T>(
    task: &TaskSpec,
    ask: impl FnOnce(&mut dyn Envs) -> Result<T, EnvError>,
) -> Option<Result<T, EnvError>> {
    env::open(task).ok().map(|mut envs| ask(&mut *envs))
}
