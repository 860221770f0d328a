//! Acting by the best of sampled actions.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::{Acting, Preserving, Settings};
use crate::agent::{self, AgentError, Candidates, Choice};
use crate::method::{Loaded, numbers};
use crate::nn::tensor;
use crate::rng::Key;

/// Sampled actions that go through the network together: more would fall out of a core's cache.
const CHUNK: usize = 2048;

/// A trained diffusion model of actions in some episodes.
#[derive(Debug)]
pub struct Actor {
    agent: Arc<Loaded<Settings>>,
    schedule: Preserving,
    /// Key of each lane's noise, and the decisions made.
    lanes: Vec<(Key, u64)>,
    /// Candidates of the last actions, where they are kept.
    chosen: Option<Vec<(usize, Choice)>>,
}

impl Actor {
    /// The model in no episode yet.
    #[must_use]
    pub fn new(agent: Arc<Loaded<Settings>>) -> Self {
        let schedule = Preserving::new(agent.settings.policy.diffusion_steps);
        Self { schedule, agent, lanes: Vec::new(), chosen: None }
    }

    /// Best actions of some lanes, `[lanes, action]`.
    fn best(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let Loaded { task, settings, network: Acting { noise: net, q }, device, .. } = &*self.agent;
        let (count, each, width) = (lanes.len(), settings.act.candidates, task.action_dim());
        let steps = self.schedule.steps();
        // The first part is where samples begin, each further one the noise of an update.
        let mut noise = vec![Vec::with_capacity(count * each * width); steps];
        for &(lane, _) in lanes {
            let (key, decisions) = &mut self.lanes[lane];
            let drawn = key.named("actions").fold(*decisions).normals(steps * each * width);
            *decisions += 1;
            for (noise, drawn) in noise.iter_mut().zip(drawn.chunks_exact(each * width)) {
                noise.extend_from_slice(drawn);
            }
        }
        let mut noise =
            noise.into_iter().map(|values| -> Tensor<3> { tensor(values, [count, each, width], device) });
        let states = self.agent.states(lanes);
        let Some(mut x) = noise.next() else { return Ok(Vec::new()) };
        for t in (1..=steps).rev() {
            let step = tensor(vec![(t - 1) as f32], [1, 1], device);
            let predicted = net.forward(x.clone(), net.share(states.clone(), step), &[]);
            let [a, b, c] = self.schedule.update(t);
            x = x.mul_scalar(a) - predicted.mul_scalar(b);
            if let Some(noise) = (t > 1).then(|| noise.next()).flatten() {
                x = x + noise.mul_scalar(c);
            }
            x = x.clamp(-1.0, 1.0);
        }
        let [_, state] = states.dims();
        let repeated = states.unsqueeze_dim::<3>(1).expand([count, each, state]);
        let rows = Tensor::cat(vec![repeated, x.clone()], 2).reshape([count * each, state + width]);
        let (values, actions) = (numbers(q.min(rows))?, numbers(x)?);
        if values.iter().any(|value| !value.is_finite()) {
            return Err(AgentError::NotFinite("Q"));
        }
        let mut best = Vec::with_capacity(count * width);
        let rows = values.chunks_exact(each).zip(actions.chunks_exact(each * width));
        for (&(lane, _), (values, actions)) in lanes.iter().zip(rows) {
            let chosen = agent::argmax(values);
            best.extend_from_slice(&actions[chosen * width..(chosen + 1) * width]);
            if let Some(kept) = &mut self.chosen {
                let candidates =
                    Candidates::Actions(actions.chunks_exact(width).map(<[f32]>::to_vec).collect());
                kept.push((lane, Choice { candidates, q: values.to_vec(), chosen }));
            }
        }
        Ok(best)
    }
}

impl agent::Actor for Actor {
    fn begin(&mut self, lane: usize, key: Key) {
        if self.lanes.len() <= lane {
            self.lanes.resize(lane + 1, (key, 0));
        }
        self.lanes[lane] = (key, 0);
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let together = (CHUNK / self.agent.settings.act.candidates).max(1);
        let chunks = lanes.chunks(together).map(|lanes| self.best(lanes)).collect::<Result<Vec<_>, _>>()?;
        Ok(chunks.concat())
    }

    fn record(&mut self) {
        self.chosen = Some(Vec::new());
    }

    fn choices(&mut self) -> Vec<(usize, Choice)> {
        self.chosen.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
