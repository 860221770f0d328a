//! Episodes of a planner of trajectories.

use crate::agent::Choice;
use crate::rng::Key;

/// Episodes that follow plans of a kind.
#[derive(Debug)]
pub(in crate::method) struct Lanes<P> {
    lanes: Vec<Lane<P>>,
    /// Plans made for the last actions, where they are kept.
    told: Option<Vec<(usize, Choice)>>,
}

#[derive(Debug)]
struct Lane<P> {
    key: Key,
    /// Plans made.
    plans: usize,
    /// The plan that is followed, once there is one.
    plan: Option<P>,
    /// Steps taken by it.
    taken: usize,
}

impl<P> Lanes<P> {
    /// No episode yet.
    pub(in crate::method) fn new() -> Self {
        Self { lanes: Vec::new(), told: None }
    }

    /// Begins an episode, whose random draws come from `key`.
    pub(in crate::method) fn begin(&mut self, lane: usize, key: Key) {
        let fresh = || Lane { key, plans: 0, plan: None, taken: 0 };
        if self.lanes.len() <= lane {
            self.lanes.resize_with(lane + 1, fresh);
        }
        self.lanes[lane] = fresh();
    }

    /// Plans made in an episode.
    pub(in crate::method) fn plans(&self, lane: usize) -> usize {
        self.lanes[lane].plans
    }

    /// Lanes of these that make a plan before their next action: those without one, and those that have taken the most steps of
    /// a plan.
    pub(in crate::method) fn due<'a>(
        &self,
        lanes: &[(usize, &'a [f64])],
        most: Option<usize>,
    ) -> Vec<(usize, &'a [f64])> {
        let due = |lane: &Lane<P>| lane.plan.is_none() || most.is_some_and(|most| lane.taken >= most);
        lanes.iter().filter(|(lane, _)| due(&self.lanes[*lane])).copied().collect()
    }

    /// Keys of new plans of some lanes, by lane and number of the plan.
    pub(in crate::method) fn keys(&mut self, lanes: &[(usize, &[f64])]) -> Vec<Key> {
        let key = |&(lane, _): &(usize, &[f64])| {
            let lane = &mut self.lanes[lane];
            lane.plans += 1;
            lane.key.named("plans").fold(lane.plans as u64 - 1)
        };
        lanes.iter().map(key).collect()
    }

    /// Gives a lane a plan; `told` is the plan as a candidate, asked for where candidates are kept.
    pub(in crate::method) fn give(&mut self, lane: usize, plan: P, told: impl FnOnce() -> Choice) {
        if let Some(kept) = &mut self.told {
            kept.push((lane, told()));
        }
        let lane = &mut self.lanes[lane];
        (lane.plan, lane.taken) = (Some(plan), 0);
    }

    /// The plan of a lane and the number of the step that is taken by it now, from 0.
    pub(in crate::method) fn step(&mut self, lane: usize) -> Option<(&P, usize)> {
        let Lane { plan, taken, .. } = &mut self.lanes[lane];
        let at = *taken;
        *taken += 1;
        plan.as_ref().map(|plan| (plan, at))
    }

    /// Keeps plans as candidates from now on.
    pub(in crate::method) fn record(&mut self) {
        self.told = Some(Vec::new());
    }

    /// Candidates kept since the last call.
    pub(in crate::method) fn choices(&mut self) -> Vec<(usize, Choice)> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
