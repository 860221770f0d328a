//! Episodes: the planner and the environments it acts in.

use std::sync::Arc;

use super::model::{Agent, AgentError};
use super::planner::{Advance, LaneEvent, Planner};
use super::scenario::Scenario;
use super::trace::{Event, Outcome, Phase};
use crate::env::MazeEnv;
use crate::maze::Layout;
use crate::rng::Key;
use crate::settings::PlanSettings;
use crate::task::Task;

/// Which episode: its random draws depend on these numbers alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    /// Seed of the run it belongs to.
    pub seed: u64,
    /// Number within the run.
    pub index: u64,
    /// Where it begins, x, y (m), vx, vy (m/s); drawn as D4RL draws it when `None`.
    pub start: Option<[f64; 4]>,
}

impl Episode {
    /// An episode that begins where D4RL's reset happens to put it.
    #[must_use]
    pub fn random(seed: u64, index: u64) -> Self {
        Self { seed, index, start: None }
    }

    /// An episode that begins in the free cell whose turn it is: over many, each cell counts the same.
    #[must_use]
    pub fn stratified(task: &'static Task, seed: u64, index: u64) -> Self {
        let episode = Self::random(seed, index);
        let start = MazeEnv::stratified_start(task, index, &mut episode.key().named("reset").stream());
        Self { start: Some(start), ..episode }
    }

    /// Its environment, at its start, in a layout of the task's maze.
    #[must_use]
    pub fn env(self, task: &'static Task, layout: &Arc<Layout>) -> MazeEnv {
        match self.start {
            Some(state) => MazeEnv::at_in(layout, task, state),
            None => MazeEnv::reset_in(layout, task, &mut self.key().named("reset").stream()),
        }
    }

    /// Key of everything random in it.
    #[must_use]
    pub fn key(self) -> Key {
        Key::new(self.seed).named("episode").fold(self.index)
    }

    /// Key of the noise that decisions take.
    #[must_use]
    pub fn plan_key(self) -> Key {
        self.key().named("plan")
    }
}

/// Actions of a shareable episode are whole multiples of one part in so many.
pub(crate) const ACTION_PARTS: f32 = 256.0;

/// The action (in [-1, 1]) that a shareable episode takes instead of this one: rounded to a 256th, so that a link
/// holds it in a few bits.
#[must_use]
pub fn shareable(action: f32) -> f32 {
    // Adding 0 turns -0 into 0.
    (action.clamp(-1.0, 1.0) * ACTION_PARTS).round() / ACTION_PARTS + 0.0
}

/// What is recorded, and when episodes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutOptions {
    /// Give every part's numbers.
    pub record: bool,
    /// End an episode at the first contact with the goal instead of at the time limit.
    pub stop_at_goal: bool,
    /// Round actions ([`shareable`]), so that a link to the episode is short.
    pub shareable: bool,
}

/// Episodes in lockstep.
#[derive(Debug)]
pub struct Rollout {
    planner: Planner,
    envs: Vec<MazeEnv>,
    options: RolloutOptions,
}

impl Rollout {
    /// Episodes about to begin.
    ///
    /// # Errors
    /// When a setting cannot be used with this agent.
    pub fn new(
        agent: Arc<Agent>,
        settings: PlanSettings,
        episodes: Vec<Episode>,
        options: RolloutOptions,
    ) -> Result<Self, AgentError> {
        Self::in_scenario(agent, settings, episodes, options, &Scenario::default())
    }

    /// Episodes about to begin, all in the same changed maze and with the same interventions.
    ///
    /// # Errors
    /// When a setting cannot be used with this agent, or the scenario cannot be played.
    pub fn in_scenario(
        agent: Arc<Agent>,
        settings: PlanSettings,
        episodes: Vec<Episode>,
        options: RolloutOptions,
        scenario: &Scenario,
    ) -> Result<Self, AgentError> {
        let task = agent.task();
        let layout = scenario.world.layout(task.maze)?;
        let envs: Vec<MazeEnv> = episodes.iter().map(|episode| episode.env(task, &layout)).collect();
        let lanes = episodes.iter().zip(&envs).map(|(episode, env)| (episode.plan_key(), observation(env)));
        let planner =
            Planner::new(agent, settings, lanes, options.record)?.intervene(&scenario.interventions)?;
        Ok(Self { planner, envs, options })
    }

    /// Runs one part of a decision, or one environment step, for the lanes that are furthest behind. Gives events only
    /// when they are recorded.
    ///
    /// # Errors
    /// When the device fails or a network gives a number that is not finite.
    pub async fn advance(&mut self) -> Result<Vec<LaneEvent>, AgentError> {
        self.advance_some(usize::MAX).await
    }

    /// The same, but a long part of a decision takes several calls; see [`Planner::advance_some`].
    ///
    /// # Errors
    /// As [`Rollout::advance`].
    pub async fn advance_some(&mut self, work: usize) -> Result<Vec<LaneEvent>, AgentError> {
        let actions = match self.planner.advance_some(work).await? {
            Advance::Decided(events) => return Ok(events),
            Advance::Done => return Ok(Vec::new()),
            Advance::Act(actions) => actions,
        };
        let mut events = Vec::new();
        for (lane, mut action) in actions {
            if self.options.shareable {
                for a in &mut action {
                    *a = shareable(*a);
                }
            }
            let env = &mut self.envs[lane];
            let reward = env.step([action[0], action[1]]);
            let ended = if self.options.stop_at_goal && reward > 0.0 {
                Some(Outcome::Goal)
            } else {
                env.over().then_some(Outcome::TimeLimit)
            };
            let outcome = self.planner.observe(lane, &observation(env), ended);
            if self.options.record {
                events.push((lane, Event::Followed { action, state: env.state().to_vec(), reward, outcome }));
            }
        }
        Ok(events)
    }

    /// Returns `true` while a part is begun that [`Rollout::advance_some`] has yet to end.
    pub fn is_midway(&self) -> bool {
        self.planner.is_midway()
    }

    /// Whether all episodes have ended.
    pub fn finished(&self) -> bool {
        (0..self.envs.len()).all(|lane| self.phase(lane) == Phase::Done)
    }

    /// The environments, lane by lane.
    pub fn envs(&self) -> &[MazeEnv] {
        &self.envs
    }

    /// Where a lane stands.
    pub fn phase(&self, lane: usize) -> Phase {
        self.planner.phase(lane)
    }

    /// Plans of a lane that revaluation has dropped so far.
    pub fn revaluations(&self, lane: usize) -> usize {
        self.planner.revaluations(lane)
    }

    /// Plans sampled for a lane so far.
    pub fn decisions(&self, lane: usize) -> usize {
        self.planner.decisions(lane)
    }
}

/// The environment's state in single precision, as in the data.
fn observation(env: &MazeEnv) -> Vec<f32> {
    env.state().iter().map(|&x| x as f32).collect()
}
