//! Acting, as a rollout sees it: the seam between whatever decides and the environments it acts in.

use super::model::AgentError;
use super::trace::{Event, Outcome, Phase};
use crate::rng::Key;

/// Event of a lane in one part of a decision.
pub type LaneEvent = (usize, Event);

/// Action for a lane to take.
pub type LaneAction = (usize, Vec<f32>);

/// Result of one call of [`Policy::advance_some`].
#[derive(Clone, Debug, PartialEq)]
pub enum Advance {
    /// A part of decisions, or some of one; events only when they are recorded, at the end of the part.
    Decided(Vec<LaneEvent>),
    /// Actions to take, each number in [-1, 1] (scaled to the bounds of the task); call [`Policy::observe`] with the
    /// result of each.
    Act(Vec<LaneAction>),
    /// Every lane is done, or waits for the result of its action.
    Done,
}

/// Result of an action, as a policy sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed<'a> {
    /// Raw observation after the step, `[state]`, as the simulator has it.
    pub state: &'a [f64],
    /// Reward of the step; methods that condition on returns need it.
    pub reward: f32,
    /// Set when the episode ended with the step.
    pub ended: Option<Outcome>,
}

/// A policy over a batch of episodes. It asks for steps and never takes one itself, so the simulator may be anything.
#[allow(async_fn_in_trait, reason = "futures need not be `Send`: a browser has one thread")]
pub trait Policy {
    /// Begins an episode in a lane, from a raw observation, `[state]`; all random draws come from `key`. The lane's
    /// episode before it is over; a lane need not have been there.
    ///
    /// # Errors
    /// When the observation is not one of the task's.
    fn begin(&mut self, lane: usize, key: Key, state: &[f64]) -> Result<(), AgentError>;

    /// Ends the episode of a lane, at any part of a decision.
    fn abandon(&mut self, lane: usize);

    /// Runs the earliest phase at which any lane stands, for the lanes that stand there; a long part may take several
    /// calls of about `work` candidates times networks each.
    ///
    /// # Errors
    /// When the device fails or a network gives a number that is not finite.
    async fn advance_some(&mut self, work: usize) -> Result<Advance, AgentError>;

    /// The same to the end of the part.
    ///
    /// # Errors
    /// As [`Policy::advance_some`].
    async fn advance(&mut self) -> Result<Advance, AgentError> {
        self.advance_some(usize::MAX).await
    }

    /// Tells a lane the result of its action. Gives the outcome of the decision, when this step was its last.
    fn observe(&mut self, lane: usize, observed: Observed<'_>) -> Option<Outcome>;

    /// Phase of a lane.
    fn phase(&self, lane: usize) -> Phase;

    /// Returns `true` while a part is begun that a later call will end.
    fn is_midway(&self) -> bool {
        false
    }

    /// Plans sampled for a lane so far.
    fn decisions(&self, _lane: usize) -> usize {
        0
    }

    /// Plans of a lane that revaluation has dropped so far.
    fn revaluations(&self, _lane: usize) -> usize {
        0
    }

    /// Parts of a decision in their order.
    fn phases(&self) -> &'static [Phase];
}
