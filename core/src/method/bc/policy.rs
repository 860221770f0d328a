//! Acting by imitation.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::Settings;
use crate::agent::{Actor, AgentError};
use crate::method::Loaded;
use crate::nn::tensor;
use crate::rng::{Key, Stream};

/// A trained clone in some episodes.
#[derive(Debug)]
pub struct Imitator {
    agent: Arc<Loaded<Settings>>,
    streams: Vec<Stream>,
}

impl Imitator {
    /// The clone in no episode yet.
    #[must_use]
    pub fn new(agent: Arc<Loaded<Settings>>) -> Self {
        Self { agent, streams: Vec::new() }
    }
}

impl Actor for Imitator {
    fn begin(&mut self, lane: usize, key: Key) {
        let stream = key.named("baseline").stream();
        if self.streams.len() <= lane {
            self.streams.resize(lane + 1, stream.clone());
        }
        self.streams[lane] = stream;
    }

    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let Loaded { task, settings, network, device, .. } = &*self.agent;
        let gaussian = network.forward(self.agent.states(lanes));
        if settings.act.mean_action {
            return crate::method::numbers(gaussian.mean);
        }
        let width = task.action_dim();
        let mut noise = Vec::new();
        for &(lane, _) in lanes {
            let stream = &mut self.streams[lane];
            noise.extend((0..width).map(|_| stream.normal() as f32));
        }
        let noise: Tensor<2> = tensor(noise, [lanes.len(), width], device);
        crate::method::numbers(gaussian.sample(noise))
    }
}
