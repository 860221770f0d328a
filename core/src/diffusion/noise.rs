//! Noising latents, and the loss of taking the noise away again (Alg. 4 lines 6-8).

use burn::tensor::{Device, Tensor};

use super::{Denoiser, NoiseSchedule};
use crate::nn::tensor;
use crate::rng::Key;

/// Random diffusion steps and noise for a batch of latents.
#[derive(Clone, Debug)]
pub struct Noise {
    /// Diffusion step j of each latent, 1..=T.
    pub steps: Vec<usize>,
    /// `√ᾱ_j`, `[batch, 1]`.
    pub signal: Tensor<2>,
    /// `√(1 - ᾱ_j)`, `[batch, 1]`.
    pub level: Tensor<2>,
    /// `min(SNR_j, γ)`, `[batch, 1]`.
    pub weight: Tensor<2>,
    /// Standard normal noise, `[batch, latent]`.
    pub noise: Tensor<2>,
}

impl Noise {
    /// Draws steps and noise for `batch` latents of `latent` numbers; `min_snr` is γ of Min-SNR-γ.
    pub fn draw(
        key: Key,
        schedule: &NoiseSchedule,
        min_snr: f64,
        batch: usize,
        latent: usize,
        device: &Device,
    ) -> Self {
        let mut stream = key.named("steps").stream();
        let steps: Vec<usize> = (0..batch).map(|_| 1 + stream.below(schedule.steps())).collect();
        let column = |f: &dyn Fn(usize) -> f64| {
            tensor(steps.iter().map(|&t| f(t) as f32).collect(), [batch, 1], device)
        };
        Self {
            signal: column(&|t| schedule.alpha_bar(t).sqrt()),
            level: column(&|t| (1.0 - schedule.alpha_bar(t)).sqrt()),
            weight: column(&|t| schedule.snr(t).min(min_snr)),
            noise: tensor(key.named("noise").normals(batch * latent), [batch, latent], device),
            steps,
        }
    }

    /// `√ᾱ z + √(1 - ᾱ) ε`, `[batch, latent]`.
    pub fn add_to(&self, latents: Tensor<2>) -> Tensor<2> {
        latents * self.signal.clone() + self.noise.clone() * self.level.clone()
    }
}

/// Mean over batch and width of `min(SNR, γ)·(z - ẑ)²`, `[1]` (Alg. 4 line 8).
///
/// Latents are `[batch, latent]`, states `[batch, state]`; `shown` hides states, see [`Denoiser::condition`].
pub fn denoising_loss(
    denoiser: &Denoiser,
    latents: Tensor<2>,
    states: Tensor<2>,
    shown: Option<Tensor<2>>,
    noise: &Noise,
) -> Tensor<1> {
    let noised = noise.add_to(latents.clone()).unsqueeze_dim::<3>(1);
    let condition = denoiser.condition(states, shown);
    let time = denoiser.time(&noise.steps);
    let predicted = denoiser.forward(noised, &condition, &time).squeeze_dim::<2>(1);
    ((latents - predicted).square() * noise.weight.clone()).mean()
}
