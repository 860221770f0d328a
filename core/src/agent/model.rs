//! The trained networks on a device, ready to act.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use thiserror::Error;

use super::fused::{Fused, Networks};
use crate::bundle::{Bundle, BundleError};
use crate::critic::{TwinQ, VNetwork};
use crate::data::Normaliser;
use crate::diffusion::{Denoiser, LatentSampler, NoiseSchedule};
use crate::env::EnvError;
use crate::networks::AgentNetworks;
use crate::nn::tensor;
use crate::settings::{InvalidSetting, SamplerSettings, Settings};
use crate::spec::TaskSpec;
use crate::vae::Decoder;

/// Why a decision could not be made.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AgentError {
    /// A setting that cannot be used.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// An episode that cannot be simulated.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// A value that is not a number.
    #[error(
        "{0} is not a finite number: the weights are damaged, or the state is far from all that the agent learned from"
    )]
    NotFinite(&'static str),
    /// Decisions changed by hand, of a method that plans nothing.
    #[error("expected no decision changed by hand: only diar and ldcq decide between plans")]
    NoPlans,
    /// Numbers that do not belong to this agent.
    #[error("{what} has {found} numbers, but this agent's has {expected}: it belongs to another agent")]
    Width {
        /// What was given.
        what: &'static str,
        /// How many numbers it has.
        found: usize,
        /// How many the agent's has.
        expected: usize,
    },
}

/// All that acting needs, on one device. Networks see normalised states, and latents as the diffusion model has them.
#[derive(Debug)]
pub struct Agent {
    task: Arc<TaskSpec>,
    settings: Settings,
    device: Device,
    decoder: Decoder,
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    q: TwinQ,
    v: VNetwork,
    state_norm: Normaliser,
    /// Mean and deviation of the latents, `[1, latent]` each.
    latent_norm: [Tensor<2>; 2],
    /// What deciding takes, laid out for the device's kernels, where it has any.
    fused: Option<Fused>,
}

impl Agent {
    /// Puts a bundle's networks on a device.
    ///
    /// # Errors
    /// When a parameter is missing, has the wrong shape, or belongs to no network of the bundle's sizes.
    pub fn load(bundle: &Bundle, device: &Device) -> Result<Self, BundleError> {
        let info = bundle.info();
        let task = Arc::new(info.task.clone());
        let settings = info.settings.clone();
        let AgentNetworks { vae, denoiser, q, v } =
            AgentNetworks::load(&settings, &task, bundle.tensors(), device)?;
        let width = info.latent_norm.width();
        let networks = Networks { denoiser: &denoiser, q: &q, v: &v, decoder: &vae.decoder };
        Ok(Self {
            fused: Fused::new(networks, task.state_dim(), settings.vae.latent, device),
            task,
            device: device.clone(),
            decoder: vae.decoder,
            denoiser,
            schedule: NoiseSchedule::new(settings.diffusion.diffusion_steps),
            q,
            v,
            state_norm: info.state_norm.clone(),
            latent_norm: [&info.latent_norm.mean, &info.latent_norm.deviation]
                .map(|values| tensor(values.clone(), [1, width], device)),
            settings,
        })
    }

    /// The task it was trained on.
    pub fn task(&self) -> &Arc<TaskSpec> {
        &self.task
    }

    /// The settings it was trained with; `plan` holds its defaults for acting.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How noise was added in training.
    pub fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    /// Numbers in a latent.
    pub fn latent(&self) -> usize {
        self.settings.vae.latent
    }

    /// Raw states as the networks see them.
    pub fn normalise(&self, states: &mut [f32]) {
        self.state_norm.apply(states);
    }

    /// A raw observation as the networks see it, `[state]`: in single precision, as in the data, and normalised.
    ///
    /// # Errors
    /// When it has another number of numbers than the task's.
    pub fn seen(&self, observation: &[f64]) -> Result<Vec<f32>, AgentError> {
        let (found, expected) = (observation.len(), self.task.state_dim());
        if found != expected {
            return Err(AgentError::Width { what: "a state", found, expected });
        }
        let mut state: Vec<f32> = observation.iter().map(|&x| x as f32).collect();
        self.normalise(&mut state);
        Ok(state)
    }

    /// What the networks see as raw states.
    pub fn denormalise(&self, states: &mut [f32]) {
        self.state_norm.invert(states);
    }

    /// `rows` normalised states as a tensor, `[rows, state]`.
    pub fn states(&self, values: Vec<f32>) -> Tensor<2> {
        let width = self.task.state_dim();
        let rows = values.len() / width;
        tensor(values, [rows, width], &self.device)
    }

    /// `rows` latents as a tensor, `[rows, latent]`.
    pub fn latents(&self, values: Vec<f32>) -> Tensor<2> {
        let rows = values.len() / self.latent();
        tensor(values, [rows, self.latent()], &self.device)
    }

    /// A sampler of candidate latents.
    pub fn sampler(&self, settings: SamplerSettings) -> LatentSampler {
        match self.fused() {
            Some(fused) => fused.sampler(&self.denoiser, &self.schedule, settings),
            None => LatentSampler::plain(&self.denoiser, &self.schedule, settings),
        }
    }

    /// `min(Q0, Q1)(s, z)`, `[states, candidates]`, from `[states, state]` and `[states, candidates, latent]`.
    pub fn q(&self, states: Tensor<2>, latents: Tensor<3>) -> Tensor<2> {
        match self.fused() {
            Some(fused) => fused.q(states, latents),
            None => self.q.min(states, latents),
        }
    }

    /// `V(s)`, `[states]`, from `[states, state]`.
    pub fn v(&self, states: Tensor<2>) -> Tensor<1> {
        match self.fused() {
            Some(fused) => fused.v(states),
            None => self.v.forward(states),
        }
    }

    /// Predicted end states, `[rows, state]`, from `[rows, state]` and `[rows, latent]`.
    pub fn end(&self, states: Tensor<2>, latents: Tensor<2>) -> Tensor<2> {
        let latents = self.decoded(latents);
        match self.fused() {
            Some(fused) => fused.end(states, latents),
            None => self.decoder.end(states, latents),
        }
    }

    /// Actions, `[rows, action]`, from `[rows, state]` and `[rows, latent]`: the mean, or a sample when noise is given.
    pub fn act(&self, states: Tensor<2>, latents: Tensor<2>, noise: Option<Vec<f32>>) -> Tensor<2> {
        let (rows, width) = (states.dims()[0], self.task.action_dim());
        let latents = self.decoded(latents);
        let noise = noise.map(|noise| tensor(noise, [rows, width], &self.device));
        match self.fused() {
            Some(fused) => fused.act(states, latents, noise),
            None => self.decoder.policy.act(states, latents, noise),
        }
    }

    /// What the device's kernels take, where they serve.
    fn fused(&self) -> Option<&Fused> {
        self.fused.as_ref().filter(|fused| fused.serves(&self.device))
    }

    /// Latents as the VAE has them.
    fn decoded(&self, latents: Tensor<2>) -> Tensor<2> {
        let [mean, deviation] = self.latent_norm.clone();
        latents * deviation + mean
    }

    /// The values of raw states, `rows` times `[state]`.
    ///
    /// # Errors
    /// When the device fails or a value is not finite.
    pub async fn values(&self, states: &[Vec<f32>]) -> Result<Vec<f32>, AgentError> {
        if states.is_empty() {
            return Ok(Vec::new());
        }
        let mut flat = states.concat();
        self.normalise(&mut flat);
        read("V", self.v(self.states(flat))).await
    }
}

/// Reads numbers back from the device.
pub(super) async fn read<const D: usize>(
    what: &'static str,
    tensor: Tensor<D>,
) -> Result<Vec<f32>, AgentError> {
    // Boxed: the future of a GPU's answer takes 18 kB, in every future that waits for it.
    let data = Box::pin(tensor.into_data_async()).await;
    let data = data.map_err(|error| AgentError::Device(error.to_string()))?;
    let values = data.try_into_vec::<f32>().map_err(|error| AgentError::Device(error.to_string()))?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err(AgentError::NotFinite(what));
    }
    Ok(values)
}
