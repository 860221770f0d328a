//! A policy that acts on the current observation alone, step by step.

use crate::agent::{Advance, AgentError, Observed, Outcome, Phase, Policy, Progress};

/// Actions from observations.
pub trait Actor {
    /// Actions of some lanes in their observations, `[lanes, action]`, scaled to [-1, 1]. Lanes are in order.
    ///
    /// # Errors
    /// When the device fails.
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError>;
}

/// An [`Actor`] in a batch of episodes.
#[derive(Debug)]
pub struct Reflex<A> {
    actor: A,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    state: Vec<f64>,
    phase: Phase,
}

impl<A: Actor> Reflex<A> {
    /// The policy at the starts of episodes.
    pub fn new(actor: A, begun: &[Progress]) -> Self {
        let lane = |progress: &Progress| Lane { state: progress.state.clone(), phase: Phase::Follow };
        Self { actor, lanes: begun.iter().map(lane).collect() }
    }
}

impl<A: Actor> Policy for Reflex<A> {
    async fn advance_some(&mut self, _: usize) -> Result<Advance, AgentError> {
        let lanes = self.lanes.iter().enumerate().filter(|(_, lane)| lane.phase == Phase::Follow);
        let lanes: Vec<(usize, &[f64])> = lanes.map(|(i, lane)| (i, lane.state.as_slice())).collect();
        if lanes.is_empty() {
            return Ok(Advance::Done);
        }
        let mut actions = self.actor.act(&lanes)?;
        if actions.iter().any(|a| !a.is_finite()) {
            return Err(AgentError::NotFinite("an action"));
        }
        // As the motors do: what is recorded is what acts.
        for a in &mut actions {
            *a = a.clamp(-1.0, 1.0);
        }
        let width = actions.len() / lanes.len();
        let taken = lanes.iter().map(|&(lane, _)| lane);
        Ok(Advance::Act(taken.zip(actions.chunks_exact(width).map(<[f32]>::to_vec)).collect()))
    }

    fn observe(&mut self, lane: usize, observed: Observed<'_>) -> Option<Outcome> {
        let lane = &mut self.lanes[lane];
        lane.state = observed.state.to_vec();
        if observed.ended.is_some() {
            lane.phase = Phase::Done;
        }
        observed.ended
    }

    fn phase(&self, lane: usize) -> Phase {
        self.lanes[lane].phase
    }

    fn phases(&self) -> &'static [Phase] {
        &[Phase::Follow]
    }
}
