//! `q(z | s_{0..H}, a_{0..H})` (A.1).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use crate::nn::{BiGru, Gaussian, GaussianHeads, Layer, linear};
use crate::rng::Key;
use crate::settings::VaeSettings;
use crate::spec::TaskSpec;

/// States are embedded, actions are not; a bidirectional GRU reads both; its output at the last step gives z.
#[derive(Module, Debug)]
pub struct Encoder {
    embed: Vec<Linear>,
    gru: BiGru,
    heads: GaussianHeads,
}

impl Encoder {
    /// The encoder of a task, newly drawn.
    pub fn new(key: Key, settings: &VaeSettings, spec: &TaskSpec, device: &Device) -> Self {
        let hidden = settings.hidden;
        Self {
            embed: vec![
                linear(key.named("embed").fold(0), spec.state_dim(), hidden, device),
                linear(key.named("embed").fold(1), hidden, hidden, device),
            ],
            gru: BiGru::new(
                key.named("gru"),
                hidden + spec.action_dim(),
                hidden,
                settings.gru_layers,
                device,
            ),
            heads: GaussianHeads::new(
                key.named("heads"),
                2 * hidden,
                hidden,
                settings.latent,
                settings.sigma_floor,
                device,
            ),
        }
    }

    /// `[batch, horizon, state]` and `[batch, horizon, action]` to a Gaussian of `[batch, latent]`.
    pub fn forward(&self, states: Tensor<3>, actions: Tensor<3>) -> Gaussian {
        // Steps first: the recurrence then reads contiguous slices.
        let mut x = states.swap_dims(0, 1);
        for layer in &self.embed {
            x = Layer::of(layer).relu().forward(x);
        }
        let x = Tensor::cat(vec![x, actions.swap_dims(0, 1)], 2);
        self.heads.forward(self.gru.last(x))
    }
}
