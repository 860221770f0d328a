//! Acting by sampled states and inverse dynamics.

use std::sync::Arc;

use super::Settings;
use crate::agent::{self, AgentError, Choice};
use crate::diffusion::inpaint::{Known, sample};
use crate::diffusion::{CosineSchedule, Update};
use crate::method::trajectory::{CHUNK, Lanes, finite, noise, only};
use crate::method::{Loaded, numbers};
use crate::nn::tensor;
use crate::rng::Key;

/// A trained Decision Diffuser in some episodes.
#[derive(Debug)]
pub struct Actor {
    agent: Arc<Loaded<Settings>>,
    schedule: CosineSchedule,
    updates: Vec<Update>,
    /// Plans are states as the network sees them, `[rows][state]`.
    lanes: Lanes<Vec<f32>>,
}

impl Actor {
    /// The agent in no episode yet.
    #[must_use]
    pub fn new(agent: Arc<Loaded<Settings>>) -> Self {
        let schedule = CosineSchedule::new(agent.settings.policy.diffusion_steps);
        let updates = schedule.updates(agent.settings.act.sampler);
        Self { agent, schedule, updates, lanes: Lanes::new() }
    }

    /// Plans of some lanes from their states, `[lanes][rows][state]`, as the network sees them.
    ///
    /// # Errors
    /// When the device fails, or the network gives a number that is not finite.
    pub fn plans(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let Loaded { task, settings, network, device, .. } = &*self.agent;
        let (rows, state) = (settings.trajectory.horizon, task.state_dim());
        let shape = [lanes.len(), rows, state];
        let starts = numbers(self.agent.states(lanes))?;
        let mut values = vec![0.0; lanes.len() * rows * state];
        for (values, start) in values.chunks_exact_mut(rows * state).zip(starts.chunks_exact(state)) {
            values[..state].copy_from_slice(start);
        }
        let given: Vec<bool> = (0..rows * state).map(|entry| entry < state).collect();
        let known = Known::new(values, &given, shape, device);
        let act = &settings.act;
        let noise = noise(self.lanes.keys(lanes), shape, act.temperature, device);
        let plans = sample(&self.updates, &known, noise, |x, t| {
            let [kept, added] = self.schedule.shares(t);
            let predicted = network.guided(x.clone(), t, act.target, act.guidance);
            (x - predicted.mul_scalar(added)).div_scalar(kept).clamp(-1.0, 1.0)
        });
        finite(plans)
    }
}

impl agent::Actor for Actor {
    fn begin(&mut self, lane: usize, key: Key) {
        self.lanes.begin(lane, key);
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let state = self.agent.task.state_dim();
        for lanes in self.lanes.due(lanes, Some(self.agent.settings.act.replan_every)).chunks(CHUNK) {
            let plans = self.plans(lanes)?;
            for (&(lane, _), plan) in lanes.iter().zip(plans.chunks_exact(plans.len() / lanes.len())) {
                self.lanes.give(lane, plan.to_vec(), || {
                    let mut states = plan.to_vec();
                    self.agent.state_norm.invert(&mut states);
                    only(&states, state)
                });
            }
        }
        let mut next = Vec::with_capacity(lanes.len() * state);
        for &(lane, _) in lanes {
            if let Some((plan, at)) = self.lanes.step(lane) {
                next.extend_from_slice(&plan[(at + 1) * state..(at + 2) * state]);
            }
        }
        let next = tensor(next, [lanes.len(), state], &self.agent.device);
        numbers(self.agent.network.actions(self.agent.states(lanes), next))
    }

    fn decisions(&self, lane: usize) -> usize {
        self.lanes.plans(lane)
    }

    fn record(&mut self) {
        self.lanes.record();
    }

    fn choices(&mut self) -> Vec<(usize, Choice)> {
        self.lanes.choices()
    }
}
