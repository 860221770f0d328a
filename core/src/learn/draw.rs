//! Between stages 2 and 3: latents drawn from the diffusion model at the ends of windows (Alg. 1 line 6).

use burn::tensor::Tensor;

use super::checkpoint::DRAWN;
use super::diffusion::DiffusionStage;
use super::{Checkpoint, Context, LearnError, Metrics, Stage};
use crate::diffusion::{LatentSampler, SamplerNoise};
use crate::nn::tensor;
use crate::rng::Key;

/// Latents drawn in one step on a CPU.
const ON_CPU: usize = 4096;
/// The same on any other device: fewer leave it waiting.
const ON_GPU: usize = 65_536;

pub(super) struct DrawStage {
    key: Key,
    /// Windows the critic learns from.
    windows: usize,
    latents_per_window: usize,
    latent: usize,
    keep: bool,
    chunk: usize,
    /// Drawn latents, `[windows drawn for, latents per window, latent]`.
    latents: Vec<f32>,
}

impl DrawStage {
    pub(crate) fn new(key: Key, context: &Context) -> Self {
        let critic = &context.settings.critic;
        Self {
            key,
            windows: context.critic_windows(),
            latents_per_window: critic.latents,
            latent: context.settings.vae.latent,
            keep: critic.keep_latents,
            chunk: context.at_once(ON_CPU, ON_GPU).div_ceil(critic.latents),
            latents: Vec::new(),
        }
    }

    /// Window number `i` of those the critic learns from, evenly spread over all.
    pub(crate) fn window(&self, i: usize, context: &Context) -> usize {
        i * context.windows.len() / self.windows
    }

    fn width(&self) -> usize {
        self.latents_per_window * self.latent
    }

    pub(crate) fn position(&self) -> usize {
        // Another device may have drawn a part in chunks of another size: a chunk counts when it is full, and the last one
        // when everything is drawn.
        let drawn = self.latents.len() / self.width();
        if drawn >= self.windows { self.total() } else { drawn / self.chunk }
    }

    pub(crate) fn total(&self) -> usize {
        if self.keep { self.windows.div_ceil(self.chunk) } else { 0 }
    }

    pub(crate) fn step(
        &mut self,
        context: &Context,
        diffusion: &DiffusionStage,
    ) -> Result<Metrics, LearnError> {
        let from = self.latents.len() / self.width();
        let to = (from + self.chunk).min(self.windows);
        let chosen: Vec<usize> = (from..to).collect();
        // By window, not by chunk: devices take chunks of different sizes.
        let keys: Vec<Key> = chosen.iter().map(|&i| self.key.fold(i as u64)).collect();
        let drawn = self.draw(context, diffusion, &chosen, &keys);
        let drawn = drawn.try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))?;
        if drawn.iter().any(|x| !x.is_finite()) {
            return Err(LearnError::NotFinite {
                what: "a drawn latent",
                stage: Stage::Diffusion,
                step: diffusion.position(),
            });
        }
        self.latents.extend(drawn);
        Ok(Metrics::new())
    }

    /// Latents at the ends of the given windows, `[chosen, latents per window, latent]`: kept ones, or new ones, which
    /// stay on the device.
    pub(crate) fn latents(
        &self,
        context: &Context,
        diffusion: &DiffusionStage,
        chosen: &[usize],
        key: Key,
    ) -> Tensor<3> {
        if !self.keep {
            let keys: Vec<Key> = (0..chosen.len()).map(|i| key.fold(i as u64)).collect();
            return self.draw(context, diffusion, chosen, &keys);
        }
        let width = self.width();
        let kept = chosen.iter().flat_map(|i| &self.latents[i * width..(i + 1) * width]).copied().collect();
        tensor(kept, [chosen.len(), self.latents_per_window, self.latent], &context.device)
    }

    fn draw(
        &self,
        context: &Context,
        diffusion: &DiffusionStage,
        chosen: &[usize],
        keys: &[Key],
    ) -> Tensor<3> {
        let mut ends = Vec::new();
        for &i in chosen {
            ends.extend_from_slice(context.windows.last(self.window(i, context)));
        }
        context.state_norm.apply(&mut ends);
        let ends = tensor(ends, [chosen.len(), context.task.state_dim()], &context.device);
        let sampler =
            LatentSampler::new(&diffusion.denoiser(), diffusion.schedule(), context.settings.critic.sampler);
        sampler.sample(ends, self.latents_per_window, SamplerNoise::Drawn(keys))
    }

    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) {
        checkpoint.put_numbers(DRAWN, &self.latents);
    }

    pub(crate) fn load(&mut self, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        let latents = checkpoint.take_numbers(DRAWN)?;
        let (width, whole) = (self.width(), if self.keep { self.windows * self.width() } else { 0 });
        let part = latents.len() % width == 0 && latents.len() < whole;
        if !(latents.len() == whole || part && checkpoint.stage == Stage::Draw) {
            return Err(LearnError::Blob(DRAWN.to_owned()));
        }
        self.latents = latents;
        Ok(())
    }
}
