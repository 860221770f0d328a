//! Diffusion. Stage 2 is the latent diffusion model `p(z | s)` (Eq. 2, Alg. 4): [`Denoiser`], [`NoiseSchedule`] and
//! [`LatentSampler`]. Methods that diffuse trajectories share [`CosineSchedule`] and [`inpaint`].

mod cosine;
mod denoiser;
pub mod distance;
pub mod inpaint;
mod noise;
mod sampler;
mod schedule;

pub use cosine::CosineSchedule;
pub use denoiser::{Condition, Denoiser, TimeCode};
pub use noise::{Noise, denoising_loss};
pub use sampler::{LatentSampler, SamplerNoise, Update, updates};
pub use schedule::NoiseSchedule;
