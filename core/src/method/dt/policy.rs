//! Acting for the return that is still wanted.

use std::collections::VecDeque;
use std::sync::Arc;

use super::network::Steps;
use super::{Masks, Settings};
use crate::agent::{self, AgentError};
use crate::method::{Loaded, numbers};
use crate::rng::Key;

/// Tokens that go through the network together: more would fall out of a core's cache.
const CHUNK: usize = 2048;

/// A trained Decision Transformer in some episodes.
#[derive(Debug)]
pub struct Actor {
    agent: Arc<Loaded<Settings>>,
    lanes: Vec<Lane>,
}

/// The last K steps of an episode.
#[derive(Clone, Debug)]
struct Lane {
    /// The return that is still wanted, unscaled.
    wanted: f64,
    /// Steps taken.
    time: usize,
    past: VecDeque<Taken>,
}

/// A step as the network sees it. The last one's action is not known yet, and not looked at.
#[derive(Clone, Debug)]
struct Taken {
    wanted: f32,
    state: Vec<f32>,
    action: Vec<f32>,
    time: usize,
}

impl Actor {
    /// The network in no episode yet.
    #[must_use]
    pub fn new(agent: Arc<Loaded<Settings>>) -> Self {
        Self { agent, lanes: Vec::new() }
    }

    fn new_lane(&self) -> Lane {
        let wanted = self.agent.seen.as_ref().map_or(0.0, |seen| self.agent.settings.act.target(seen));
        Lane { wanted, time: 0, past: VecDeque::new() }
    }

    /// Takes in the observation of a lane.
    fn see(&mut self, lane: usize, state: &[f64]) {
        let Loaded { task, settings, state_norm, seen, .. } = &*self.agent;
        let mut state: Vec<f32> = state.iter().map(|&number| number as f32).collect();
        state_norm.apply(&mut state);
        let sequence = &settings.sequence;
        // Embeddings of later steps have learned nothing.
        let trained = seen.as_ref().map_or(1, |seen| seen.steps).min(sequence.longest + sequence.context);
        let lane = &mut self.lanes[lane];
        if lane.past.len() == sequence.context {
            lane.past.pop_front();
        }
        lane.past.push_back(Taken {
            wanted: (lane.wanted / sequence.return_scale) as f32,
            state,
            action: vec![0.0; task.action_dim()],
            time: lane.time.min(trained.saturating_sub(1)),
        });
    }

    /// Actions of some lanes, `[lanes, action]`.
    fn chosen(&self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let Loaded { task, settings, network, device, .. } = &*self.agent;
        let (count, action) = (lanes.len(), task.action_dim());
        let pasts: Vec<&VecDeque<Taken>> = lanes.iter().map(|&(lane, _)| &self.lanes[lane].past).collect();
        // Always as long: products of other sizes are summed up in another order, and a lane must not depend on those beside it.
        let length = settings.sequence.context;
        let mut steps = Steps::none(count * length, [task.state_dim(), action]);
        for (i, past) in pasts.iter().enumerate() {
            for (at, taken) in (i * length..).zip(past.iter()) {
                let [state_to, action_to] = steps.at(at);
                state_to.copy_from_slice(&taken.state);
                action_to.copy_from_slice(&taken.action);
                steps.returns[at] = taken.wanted;
                steps.times[at] = taken.time as i64;
            }
        }
        let context = steps.context(count, device);
        let found = numbers(network.before_bound(context, &Masks::default()))?;
        let last = |(i, past): (usize, &&VecDeque<Taken>)| {
            let at = (i * length + past.len() - 1) * action;
            // A device's tangent may differ in the last bit with the place in a tensor, and so with the lanes beside.
            found[at..at + action].iter().map(|&x| libm::tanhf(x)).collect::<Vec<_>>()
        };
        Ok(pasts.iter().enumerate().flat_map(last).collect())
    }
}

impl agent::Actor for Actor {
    fn begin(&mut self, lane: usize, _: Key) {
        let begun = self.new_lane();
        if self.lanes.len() <= lane {
            self.lanes.resize(lane + 1, begun.clone());
        }
        self.lanes[lane] = begun;
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        for &(lane, state) in lanes {
            self.see(lane, state);
        }
        let together = (CHUNK / (3 * self.agent.settings.sequence.context)).max(1);
        let chunks = lanes.chunks(together).map(|lanes| self.chosen(lanes)).collect::<Result<Vec<_>, _>>()?;
        Ok(chunks.concat())
    }

    fn observe(&mut self, lane: usize, action: &[f32], reward: f32) {
        let lane = &mut self.lanes[lane];
        lane.wanted -= f64::from(reward);
        lane.time += 1;
        if let Some(last) = lane.past.back_mut() {
            last.action.copy_from_slice(action);
        }
    }
}
