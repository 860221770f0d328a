//! Networks over time: a U-Net of one-dimensional convolutions, as Diffuser has it (Janner et al., ICML 2022).
//!
//! Tensors are time-major, `[batch, time, channels]`: a row in time is contiguous, so that the rows a convolution sees
//! are, too. A level of the U-Net is two residual blocks; between levels the time is halved, and doubled on the way back.
//! Weights of convolutions are `[taps, input, output]`.

mod block;
mod convolution;
mod norm;
mod settings;
#[cfg(test)]
#[cfg(feature = "train")]
mod tests;
mod unet;

pub(crate) use settings::GROUPS;
pub use settings::UNetSettings;
pub use unet::UNet;
