//! Acting by sampled trajectories.

use std::sync::Arc;

use super::follower::{dense, towards};
use super::{Follow, Settings};
use crate::agent::{self, AgentError, Choice};
use crate::diffusion::inpaint::{Known, sample};
use crate::diffusion::{CosineSchedule, Update};
use crate::method::trajectory::{CHUNK, Lanes, finite, given, noise, only};
use crate::method::{Loaded, Recipe, numbers};
use crate::nn::tensor;
use crate::rng::Key;
use crate::settings::InvalidSetting;

/// A trained Diffuser in some episodes.
#[derive(Debug)]
pub struct Actor {
    agent: Arc<Loaded<Settings>>,
    updates: Vec<Update>,
    /// The state that plans end in, as the network sees it.
    goal: Vec<f32>,
    lanes: Lanes<Plan>,
}

/// A plan that is followed.
#[derive(Clone, Debug)]
enum Plan {
    /// States at every step, `[steps][state]`, raw.
    States(Vec<f64>),
    /// Actions, `[steps][action]`, scaled to [-1, 1].
    Actions(Vec<f32>),
}

impl Actor {
    /// The agent in no episode yet.
    ///
    /// # Errors
    /// When plans cannot be followed in the task, or no goal is known.
    pub fn new(agent: Arc<Loaded<Settings>>) -> Result<Self, InvalidSetting> {
        let Loaded { task, settings, .. } = &*agent;
        settings.check_for(task)?;
        let mut goal = settings.goal(task)?;
        agent.state_norm.apply(&mut goal);
        let updates = CosineSchedule::new(settings.policy.diffusion_steps).updates(settings.act.sampler);
        Ok(Self { agent, updates, goal, lanes: Lanes::new() })
    }

    /// Rows of plans of some lanes from their states to the goal, `[lanes][rows][channels]`, as the network sees them.
    ///
    /// # Errors
    /// When the device fails, or the network gives a number that is not finite.
    pub fn plans(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let Loaded { task, settings, network, device, .. } = &*self.agent;
        let (rows, channels) = (settings.trajectory.rows(), settings.trajectory.channels(task));
        let (shape, state) = ([lanes.len(), rows, channels], task.state_dim());
        let starts = numbers(self.agent.states(lanes))?;
        let mut values = vec![0.0; lanes.len() * rows * channels];
        for (values, start) in values.chunks_exact_mut(rows * channels).zip(starts.chunks_exact(state)) {
            values[channels - state..channels].copy_from_slice(start);
            values[rows * channels - state..].copy_from_slice(&self.goal);
        }
        let known = Known::new(values, &given(rows, channels, state), shape, device);
        let noise = noise(self.lanes.keys(lanes), shape, settings.act.temperature, device);
        let plans = sample(&self.updates, &known, noise, |x, t| {
            let steps = tensor(vec![t as f32; lanes.len()], [lanes.len()], device);
            network.forward(x, steps, None).clamp(-1.0, 1.0)
        });
        finite(plans)
    }

    /// Gives some lanes new plans.
    fn plan(&mut self, lanes: &[(usize, &[f64])]) -> Result<(), AgentError> {
        let plans = self.plans(lanes)?;
        let Loaded { task, settings, state_norm, .. } = &*self.agent;
        let (channels, state) = (settings.trajectory.channels(task), task.state_dim());
        let each = settings.trajectory.rows() * channels;
        for (&(lane, _), rows) in lanes.iter().zip(plans.chunks_exact(each)) {
            let part = |from: usize, to: usize| {
                rows.chunks_exact(channels).flat_map(|row| &row[from..to]).copied().collect::<Vec<f32>>()
            };
            let mut states = part(channels - state, channels);
            state_norm.invert(&mut states);
            let plan = if settings.act.follow == Follow::Actions {
                Plan::Actions(part(0, channels - state))
            } else {
                Plan::States(dense(&states, state, settings.trajectory.stride, settings.act.time_step))
            };
            self.lanes.give(lane, plan, || only(&states, state));
        }
        Ok(())
    }

    /// The next action of a lane.
    fn follow(&mut self, lane: usize, state: &[f64]) -> Vec<f32> {
        let act = &self.agent.settings.act;
        let width = self.agent.task.action_dim();
        let nothing = || vec![0.0; width];
        let Some((plan, at)) = self.lanes.step(lane) else { return nothing() };
        match plan {
            Plan::Actions(actions) => {
                actions.chunks_exact(width).nth(at).map_or_else(nothing, <[f32]>::to_vec)
            }
            Plan::States(states) => {
                let mut rows = states.chunks_exact(state.len());
                match rows.nth(at + 1) {
                    Some(next) => towards(next, state, act.gains),
                    None if act.follow == Follow::Unparked => nothing(),
                    None => {
                        let mut last = states[states.len() - state.len()..].to_vec();
                        last[state.len() / 2..].fill(0.0);
                        towards(&last, state, act.gains)
                    }
                }
            }
        }
    }
}

impl agent::Actor for Actor {
    fn begin(&mut self, lane: usize, key: Key) {
        self.lanes.begin(lane, key);
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let act = &self.agent.settings.act;
        let most = (act.follow == Follow::Replan).then_some(act.replan_every);
        for lanes in self.lanes.due(lanes, most).chunks(CHUNK) {
            self.plan(lanes)?;
        }
        Ok(lanes.iter().flat_map(|&(lane, state)| self.follow(lane, state)).collect())
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
