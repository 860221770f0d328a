//! The network that predicts the noise in an action.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};

use super::PolicySettings;
use crate::method::iql::ActionValues;
use crate::nn::{Layer, layer_norm, linear, mish, normals};
use crate::rng::Key;

/// Noise in actions from action, state and diffusion step: residual blocks with layer norms.
#[derive(Module, Debug)]
pub struct NoiseNet {
    /// Frequencies of the step's features, `[features / 2]`.
    frequencies: Param<Tensor<1>>,
    time: [Linear; 2],
    /// From action, state and time code side by side.
    entry: Linear,
    blocks: Vec<Block>,
    exit: Linear,
}

/// `x + W₂ mish(W₁ LN(dropout(x)))`.
#[derive(Module, Debug)]
struct Block {
    norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

impl NoiseNet {
    /// Deviation of the features' frequencies when they are drawn.
    const SPREAD: f32 = 0.2;

    /// A network over `state` numbers, newly drawn.
    pub fn new(key: Key, settings: &PolicySettings, [state, action]: [usize; 2], device: &Device) -> Self {
        let PolicySettings { hidden, blocks, features, time_hidden, .. } = *settings;
        let block = |i: usize| {
            let key = key.named("block").fold(i as u64);
            Block {
                norm: layer_norm(hidden, device),
                wide: linear(key.fold(0), hidden, 4 * hidden, device),
                narrow: linear(key.fold(1), 4 * hidden, hidden, device),
            }
        };
        Self {
            frequencies: normals(key.named("frequencies"), features / 2, Self::SPREAD, device),
            time: [
                linear(key.named("time").fold(0), features, time_hidden, device),
                linear(key.named("time").fold(1), time_hidden, time_hidden, device),
            ],
            entry: linear(key.named("entry"), action + state + time_hidden, hidden, device),
            blocks: (0..blocks).map(block).collect(),
            exit: linear(key.named("exit"), hidden, action, device),
        }
    }

    /// Codes of diffusion steps, `[rows, time_hidden]`, from their indices, `[rows, 1]`.
    fn code(&self, steps: Tensor<2>) -> Tensor<2> {
        let angles = steps.mul_scalar(core::f64::consts::TAU).matmul(self.frequencies.val().unsqueeze());
        let features = Tensor::cat(vec![angles.clone().cos(), angles.sin()], 1);
        Layer::of(&self.time[1]).forward(mish(Layer::of(&self.time[0]).forward(features)))
    }

    /// The share of state and step in the entry layer, `[groups, 1, hidden]`, from `[groups, state]` and indices of steps,
    /// `[groups or 1, 1]`; the same for all actions of a group.
    pub fn share(&self, states: Tensor<2>, steps: Tensor<2>) -> Tensor<3> {
        let ([groups, state], code) = (states.dims(), self.code(steps));
        let [inputs, _] = self.entry.weight.dims();
        let [rows, width] = code.dims();
        let code = if rows == groups { code } else { code.expand([groups, width]) };
        let known = Tensor::cat(vec![states, code], 1);
        let action = inputs - state - width;
        Layer::of(&self.entry).rows(action..inputs).forward(known).unsqueeze_dim(1)
    }

    /// Predicted noise, `[groups, actions, action]`, from noisy actions of that shape and the [share](Self::share) of each
    /// group. In training, `kept` has a mask per block, `[groups, 1, hidden]`, of what dropout keeps, scaled.
    pub fn forward(&self, actions: Tensor<3>, share: Tensor<3>, kept: &[Tensor<3>]) -> Tensor<3> {
        let width = actions.dims()[2];
        let mut x = Layer::of(&self.entry).rows(0..width).unbiased().share(share).forward(actions);
        for (i, block) in self.blocks.iter().enumerate() {
            let seen = kept.get(i).map_or_else(|| x.clone(), |mask| x.clone() * mask.clone());
            let inner = mish(Layer::of(&block.wide).forward(block.norm.forward(seen)));
            x = x + Layer::of(&block.narrow).forward(inner);
        }
        Layer::of(&self.exit).forward(mish(x))
    }
}

/// All that acting takes: the averaged network, and the slow critic that ranks its samples.
#[derive(Debug)]
pub struct Acting {
    /// The noise's network.
    pub noise: NoiseNet,
    /// Q̂0 and Q̂1.
    pub q: ActionValues,
}
