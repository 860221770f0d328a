//! Stage 2: the latent diffusion model `p(z | s)` (Eq. 2, Alg. 4).

mod denoiser;
pub mod distance;
mod noise;
mod sampler;
mod schedule;

pub use denoiser::{Condition, Denoiser, TimeCode};
pub use noise::{Noise, denoising_loss};
pub use sampler::{LatentSampler, SamplerNoise, Update, updates};
pub use schedule::NoiseSchedule;
