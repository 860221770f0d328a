//! Acting by sampled states and inverse dynamics.

use std::sync::Arc;

use super::Settings;
use crate::agent::{self, AgentError, Choice};
use crate::diffusion::inpaint::{Known, sample};
use crate::diffusion::{CosineSchedule, Update};
use crate::method::trajectory::{CHUNK, finite, noise, only};
use crate::method::{Loaded, numbers};
use crate::nn::tensor;
use crate::rng::Key;

/// A trained Decision Diffuser in some episodes.
#[derive(Debug)]
pub struct Actor {
    agent: Arc<Loaded<Settings>>,
    schedule: CosineSchedule,
    updates: Vec<Update>,
    lanes: Vec<Lane>,
    /// Plans made for the last actions, where they are kept.
    chosen: Option<Vec<(usize, Choice)>>,
}

/// An episode.
#[derive(Clone, Debug)]
struct Lane {
    key: Key,
    /// Plans made.
    plans: usize,
    /// States of the plan as the network sees them, `[rows][state]`; empty before the first.
    plan: Vec<f32>,
    /// Steps taken by the plan.
    taken: usize,
}

impl Actor {
    /// The agent in no episode yet.
    #[must_use]
    pub fn new(agent: Arc<Loaded<Settings>>) -> Self {
        let schedule = CosineSchedule::new(agent.settings.policy.diffusion_steps);
        let updates = schedule.updates(agent.settings.act.sampler);
        Self { agent, schedule, updates, lanes: Vec::new(), chosen: None }
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
        let keys: Vec<Key> = lanes
            .iter()
            .map(|&(lane, _)| {
                let lane = &mut self.lanes[lane];
                lane.plans += 1;
                lane.key.named("plans").fold(lane.plans as u64 - 1)
            })
            .collect();
        let act = &settings.act;
        let noise = noise(keys, shape, act.temperature, device);
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
        let fresh = Lane { key, plans: 0, plan: Vec::new(), taken: 0 };
        if self.lanes.len() <= lane {
            self.lanes.resize(lane + 1, fresh.clone());
        }
        self.lanes[lane] = fresh;
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let every = self.agent.settings.act.replan_every;
        let ends = |lane: &Lane| lane.plan.is_empty() || lane.taken >= every;
        let new: Vec<(usize, &[f64])> =
            lanes.iter().filter(|(lane, _)| ends(&self.lanes[*lane])).copied().collect();
        let state = self.agent.task.state_dim();
        for lanes in new.chunks(CHUNK) {
            let plans = self.plans(lanes)?;
            for (&(lane, _), plan) in lanes.iter().zip(plans.chunks_exact(plans.len() / lanes.len())) {
                if let Some(kept) = &mut self.chosen {
                    kept.push((lane, only(plan.to_vec(), &self.agent.state_norm, state)));
                }
                let lane = &mut self.lanes[lane];
                (lane.plan, lane.taken) = (plan.to_vec(), 0);
            }
        }
        let mut next = Vec::with_capacity(lanes.len() * state);
        for &(lane, _) in lanes {
            let Lane { plan, taken, .. } = &mut self.lanes[lane];
            *taken += 1;
            next.extend_from_slice(&plan[*taken * state..(*taken + 1) * state]);
        }
        let next = tensor(next, [lanes.len(), state], &self.agent.device);
        numbers(self.agent.network.actions(self.agent.states(lanes), next))
    }

    fn decisions(&self, lane: usize) -> usize {
        self.lanes[lane].plans
    }

    fn record(&mut self) {
        self.chosen = Some(Vec::new());
    }

    fn choices(&mut self) -> Vec<(usize, Choice)> {
        self.chosen.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
