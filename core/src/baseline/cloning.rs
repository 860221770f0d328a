//! Behaviour cloning: a plain network that imitates the data.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::Actor;
use super::random::streams;
use crate::agent::{AgentError, Episode};
use crate::data::{Normaliser, Transitions};
use crate::learn::LearnError;
use crate::nn::train::Trained;
use crate::nn::{GaussianNet, tensor};
use crate::rng::{Key, Stream};
use crate::settings::TrainSettings;
use crate::spec::Space;

/// A policy `π(a | s)` without latents, and its training. The network has the form of the policy decoder.
pub struct Cloning {
    key: Key,
    position: usize,
    settings: TrainSettings,
    norm: Normaliser,
    actions: Space,
    net: Trained<GaussianNet>,
    device: Device,
}

impl Cloning {
    /// A network of hidden width `hidden` about to imitate some data, on a plain (not autodiff) device.
    pub fn new(
        seed: u64,
        hidden: usize,
        sigma_floor: f64,
        settings: TrainSettings,
        data: &Transitions,
        actions: &Space,
        device: &Device,
    ) -> Self {
        let key = Key::new(seed).named("cloning");
        let net = GaussianNet::new(
            key.named("network"),
            data.state_dim,
            hidden,
            data.action_dim,
            sigma_floor,
            &device.clone().autodiff(),
        );
        Self {
            key,
            position: 0,
            settings,
            norm: Normaliser::fit(&data.states, data.state_dim),
            actions: actions.clone(),
            net: Trained::new(net),
            device: device.clone(),
        }
    }

    /// One update on a batch of rows drawn at random. Gives the loss, `-log π` per row, every `read_every` steps.
    ///
    /// # Errors
    /// When the loss is not finite or cannot be read back.
    pub fn step(&mut self, data: &Transitions, read_every: usize) -> Result<Option<f64>, LearnError> {
        let batch = self.settings.batch;
        let mut stream = self.key.named("rows").fold(self.position as u64).stream();
        let (mut states, mut actions) = (Vec::new(), Vec::new());
        for _ in 0..batch {
            let row = stream.below(data.len());
            states.extend_from_slice(data.state(row));
            actions.extend_from_slice(data.action(row));
        }
        self.norm.apply(&mut states);
        self.actions.shrink(&mut actions);
        let autodiff = self.device.clone().autodiff();
        let states: Tensor<2> = tensor(states, [batch, data.state_dim], &autodiff);
        let actions: Tensor<2> = tensor(actions, [batch, data.action_dim], &autodiff);
        let loss = self.net.net().forward(states).log_density(actions).mean().neg();
        let TrainSettings { rate, schedule, steps, clip, .. } = self.settings;
        self.net.update(&mut loss.backward(), schedule.rate(rate, self.position, steps), clip);
        self.position += 1;
        if !self.position.is_multiple_of(read_every.max(1)) {
            return Ok(None);
        }
        let loss =
            loss.inner().try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))?[0];
        if loss.is_finite() {
            return Ok(Some(f64::from(loss)));
        }
        Err(LearnError::Device(format!("the loss of cloning is {loss} at step {}", self.position)))
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.settings.steps
    }

    /// Steps done.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Actions for raw states, `[rows, state]` to `[rows, action]`, scaled to [-1, 1] and not clipped: samples, by standard normal
    /// noise of `[rows, action]`.
    ///
    /// # Errors
    /// When they cannot be read back.
    pub fn act(&self, mut states: Vec<f32>, noise: Vec<f32>) -> Result<Vec<f32>, LearnError> {
        let width = self.norm.width();
        let rows = states.len() / width;
        self.norm.apply(&mut states);
        let states: Tensor<2> = tensor(states, [rows, width], &self.device);
        let shape = [rows, noise.len() / rows.max(1)];
        let noise: Tensor<2> = tensor(noise, shape, &self.device);
        let actions = self.net.net().valid().forward(states).sample(noise);
        actions.try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))
    }
}

/// A trained clone in some episodes. Its actions are sampled, as the policy decoder's are.
pub struct Imitator<'a> {
    cloning: &'a Cloning,
    streams: Vec<Stream>,
}

impl<'a> Imitator<'a> {
    /// The clone in some episodes.
    #[must_use]
    pub fn new(cloning: &'a Cloning, episodes: &[Episode]) -> Self {
        Self { cloning, streams: streams(episodes) }
    }
}

impl Actor for Imitator<'_> {
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let (mut states, mut noise) = (Vec::new(), Vec::new());
        for &(lane, state) in lanes {
            states.extend(state.iter().map(|&x| x as f32));
            let stream = &mut self.streams[lane];
            noise.extend((0..self.cloning.actions.dim).map(|_| stream.normal() as f32));
        }
        self.cloning.act(states, noise).map_err(|error| AgentError::Device(error.to_string()))
    }
}
