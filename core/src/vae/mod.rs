//! Stage 1: the β-VAE that turns a window of states and actions into a latent z (Eq. 1, Alg. 3).

mod decoder;
mod encoder;
#[cfg(feature = "train")]
mod loss;
#[cfg(feature = "train")]
mod prior;

pub(crate) use decoder::PackedDecoder;
#[cfg(feature = "gpu")]
pub(crate) use decoder::PlacedDecoder;
pub use decoder::{Decoder, PolicyDecoder};
pub use encoder::Encoder;
#[cfg(feature = "train")]
pub use loss::{VaeLoss, vae_loss};
#[cfg(feature = "train")]
pub use prior::{TransformerPrior, TransformerPriorConfig};

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::nn::{Gaussian, GaussianNet};
use crate::rng::Key;
use crate::settings::VaeSettings;
use crate::spec::TaskSpec;

/// Encoder, decoders and state prior.
#[derive(Module, Debug)]
pub struct Vae {
    /// `q(z | s_{0..H}, a_{0..H})`.
    pub encoder: Encoder,
    /// `π(a | s, z)` and `f(s_end | s, z)`: all that acting needs.
    pub decoder: Decoder,
    /// `p(z | s)`.
    pub prior: GaussianNet,
}

impl Vae {
    /// The networks of a task, newly drawn.
    pub fn new(key: Key, settings: &VaeSettings, spec: &TaskSpec, device: &Device) -> Self {
        Self {
            encoder: Encoder::new(key.named("encoder"), settings, spec, device),
            decoder: Decoder::new(key.named("decoder"), settings, spec, device),
            prior: GaussianNet::new(
                key.named("prior"),
                spec.state_dim(),
                settings.hidden,
                settings.latent,
                settings.sigma_floor,
                device,
            ),
        }
    }

    /// The latent's distribution given windows, `[batch, horizon, state]` and `[batch, horizon, action]`.
    pub fn encode(&self, states: Tensor<3>, actions: Tensor<3>) -> Gaussian {
        self.encoder.forward(states, actions)
    }
}
