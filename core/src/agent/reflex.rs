//! A policy that acts from observations, step by step.

use super::model::AgentError;
use super::policy::{Advance, LaneAction, LaneEvent, Observed, Policy};
use super::trace::{Choice, Event, Outcome, Phase};
use crate::rng::Key;

/// Actions from observations.
pub trait Actor {
    /// Begins an episode in a lane, whose random draws come from `key`. Actors that draw nothing ignore it.
    fn begin(&mut self, _lane: usize, _key: Key) {}

    /// Actions of some lanes in their observations, `[lanes, action]`, scaled to [-1, 1]. Lanes are in order.
    ///
    /// # Errors
    /// When the device fails.
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError>;

    /// Plans made for a lane so far; none by actors that decide anew at each step.
    fn decisions(&self, _lane: usize) -> usize {
        0
    }

    /// Tells a lane the action that was taken last, `[action]`, and its reward. Actors without memory ignore it.
    fn observe(&mut self, _lane: usize, _action: &[f32], _reward: f32) {}

    /// Keeps, from now on, the candidates that actions are chosen from, for [`Actor::choices`].
    fn record(&mut self) {}

    /// Candidates that the last [`Actor::act`] chose from, each with its lane. A lane that goes on with an earlier choice has
    /// none, nor has a method without candidates, and nothing is kept before [`Actor::record`].
    fn choices(&mut self) -> Vec<(usize, Choice)> {
        Vec::new()
    }
}

impl<T: Actor + ?Sized> Actor for Box<T> {
    fn begin(&mut self, lane: usize, key: Key) {
        (**self).begin(lane, key);
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        (**self).act(lanes)
    }

    fn decisions(&self, lane: usize) -> usize {
        (**self).decisions(lane)
    }

    fn observe(&mut self, lane: usize, action: &[f32], reward: f32) {
        (**self).observe(lane, action, reward);
    }

    fn record(&mut self) {
        (**self).record();
    }

    fn choices(&mut self) -> Vec<(usize, Choice)> {
        (**self).choices()
    }
}

/// An [`Actor`] in a batch of episodes.
#[derive(Debug)]
pub struct Reflex<A> {
    actor: A,
    /// Numbers of an observation.
    width: usize,
    lanes: Vec<Lane>,
    /// Actions whose candidates were told first.
    decided: Vec<LaneAction>,
}

#[derive(Clone, Debug)]
struct Lane {
    state: Vec<f64>,
    phase: Phase,
    /// The action that was given, while its result is not known.
    waiting: Option<Vec<f32>>,
}

impl<A: Actor> Reflex<A> {
    /// The policy at the starts of episodes: a key of all random draws and an observation of `width` numbers each.
    ///
    /// # Errors
    /// When an observation has another number of numbers.
    pub fn new<'a>(
        actor: A,
        width: usize,
        starts: impl IntoIterator<Item = (Key, &'a [f64])>,
    ) -> Result<Self, AgentError> {
        let mut policy = Self { actor, width, lanes: Vec::new(), decided: Vec::new() };
        for (lane, (key, state)) in starts.into_iter().enumerate() {
            policy.begin(lane, key, state)?;
        }
        Ok(policy)
    }

    /// The same policy, whose candidates are told before the actions that were chosen from them.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.actor.record();
        self
    }
}

impl<A: Actor> Policy for Reflex<A> {
    fn begin(&mut self, lane: usize, key: Key, state: &[f64]) -> Result<(), AgentError> {
        let (found, expected) = (state.len(), self.width);
        if found != expected {
            return Err(AgentError::Width { what: "a state", found, expected });
        }
        let idle = Lane { state: Vec::new(), phase: Phase::Done, waiting: None };
        if self.lanes.len() <= lane {
            self.lanes.resize(lane + 1, idle);
        }
        self.lanes[lane] = Lane { state: state.to_vec(), phase: Phase::Follow, waiting: None };
        self.decided.retain(|&(other, _)| other != lane);
        self.actor.begin(lane, key);
        Ok(())
    }

    fn abandon(&mut self, lane: usize) {
        self.decided.retain(|&(other, _)| other != lane);
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.phase = Phase::Done;
        }
    }

    async fn advance_some(&mut self, _: usize) -> Result<Advance, AgentError> {
        if !self.decided.is_empty() {
            return Ok(Advance::Act(std::mem::take(&mut self.decided)));
        }
        let ready = |(_, lane): &(usize, &Lane)| lane.phase == Phase::Follow && lane.waiting.is_none();
        let lanes = self.lanes.iter().enumerate().filter(ready);
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
        let taken: Vec<usize> = lanes.iter().map(|&(lane, _)| lane).collect();
        let given: Vec<_> = taken.into_iter().zip(actions.chunks_exact(width).map(<[f32]>::to_vec)).collect();
        for (lane, action) in &given {
            self.lanes[*lane].waiting = Some(action.clone());
        }
        let events: Vec<LaneEvent> =
            self.actor.choices().into_iter().map(|(lane, choice)| (lane, Event::Chose(choice))).collect();
        if events.is_empty() {
            return Ok(Advance::Act(given));
        }
        self.decided = given;
        Ok(Advance::Decided(events))
    }

    fn observe(&mut self, lane: usize, observed: Observed<'_>) -> Option<Outcome> {
        let place = lane;
        let lane = &mut self.lanes[place];
        lane.state = observed.state.to_vec();
        if let Some(action) = lane.waiting.take() {
            self.actor.observe(place, &action, observed.reward);
        }
        if observed.ended.is_some() {
            lane.phase = Phase::Done;
        }
        observed.ended
    }

    fn phase(&self, lane: usize) -> Phase {
        self.lanes[lane].phase
    }

    fn decisions(&self, lane: usize) -> usize {
        self.actor.decisions(lane)
    }

    fn phases(&self) -> &'static [Phase] {
        &[Phase::Follow]
    }
}
