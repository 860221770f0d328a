//! Between stages 1 and 2: the posterior mean of every window (Alg. 4 line 5).

use burn::tensor::Tensor;

use super::checkpoint::ENCODED;
use super::vae::VaeStage;
use super::{Checkpoint, Context, LearnError, Metrics, Stage};
use crate::data::Normaliser;
use crate::nn::tensor;

/// Windows encoded in one step on a CPU: more do not fit its caches.
pub const ON_CPU: usize = 1024;
/// The same on any other device: fewer leave it waiting.
const ON_GPU: usize = 16_384;

pub(super) struct EncodeStage {
    windows: usize,
    latent: usize,
    chunk: usize,
    /// Posterior means, `[windows encoded, latent]`.
    means: Vec<f32>,
    /// The same as the later stages see them, once all are there.
    latents: Vec<f32>,
}

impl EncodeStage {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            windows: context.windows.len(),
            latent: context.settings.vae.latent,
            chunk: context.at_once(ON_CPU, ON_GPU),
            means: Vec::new(),
            latents: Vec::new(),
        }
    }

    pub(crate) fn position(&self) -> usize {
        // Another device may have encoded a part in chunks of another size: a chunk counts when it is full, and the last
        // one when everything is encoded.
        let encoded = self.means.len() / self.latent;
        if encoded >= self.windows { self.total() } else { encoded / self.chunk }
    }

    pub(crate) fn total(&self) -> usize {
        self.windows.div_ceil(self.chunk)
    }

    pub(crate) fn step(&mut self, context: &Context, vae: &VaeStage) -> Result<Metrics, LearnError> {
        let from = self.means.len() / self.latent;
        let to = (from + self.chunk).min(self.windows);
        let (task, horizon) = (&context.task, context.settings.data.horizon);
        let batch = context.windows.gather(from..to, &context.state_norm, &task.action);
        let states: Tensor<3> = tensor(batch.states, [to - from, horizon, task.state_dim()], &context.device);
        let actions = tensor(batch.actions, [to - from, horizon, task.action_dim()], &context.device);
        let means = vae.vae().encode(states, actions).mean;
        let means = means.try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))?;
        if means.iter().any(|mean| !mean.is_finite()) {
            return Err(LearnError::NotFinite { what: "a latent", stage: Stage::Vae, step: self.position() });
        }
        self.means.extend(means);
        Ok(Metrics::new())
    }

    /// The latents' normaliser; meaningful once all windows are encoded.
    pub(crate) fn latent_norm(&self, context: &Context) -> Normaliser {
        if context.settings.diffusion.standardise_latents {
            Normaliser::fit(&self.means, self.latent)
        } else {
            Normaliser::identity(self.latent)
        }
    }

    /// Prepares the latents for the later stages.
    pub(crate) fn finish(&mut self, context: &Context) {
        self.latents.clone_from(&self.means);
        self.latent_norm(context).apply(&mut self.latents);
    }

    /// The latent of a window as the diffusion model and Q see it, `[latent]`.
    pub(crate) fn latent(&self, window: usize) -> &[f32] {
        &self.latents[window * self.latent..(window + 1) * self.latent]
    }

    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) {
        checkpoint.put_numbers(ENCODED, &self.means);
    }

    pub(crate) fn load(&mut self, checkpoint: &mut Checkpoint, context: &Context) -> Result<(), LearnError> {
        let means = checkpoint.take_numbers(ENCODED)?;
        let whole = means.len() == self.windows * self.latent;
        let part = means.len() % self.latent == 0 && means.len() < self.windows * self.latent;
        if !(whole || part && checkpoint.stage == Stage::Encode) {
            return Err(LearnError::Blob(ENCODED.to_owned()));
        }
        self.means = means;
        if whole {
            self.finish(context);
        }
        Ok(())
    }
}
