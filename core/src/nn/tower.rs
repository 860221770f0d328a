//! Linear, layer norm, GELU: the repeated layer of Q, V and the denoiser's embeddings (A.3).

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};

use super::{layer_norm, linear};
use crate::rng::Key;

/// `GELU(LN(x W + b))`.
#[derive(Module, Debug)]
pub struct NormGelu {
    linear: Linear,
    norm: LayerNorm,
}

impl NormGelu {
    /// A layer from `input` to `output` numbers.
    pub fn new(key: Key, input: usize, output: usize, device: &Device) -> Self {
        Self { linear: linear(key, input, output, device), norm: layer_norm(output, device) }
    }

    /// `[.., input]` to `[.., output]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.activate(self.linear.forward(x))
    }

    /// `x · W[rows]`, without bias: the share of some input numbers in the layer.
    ///
    /// A layer over `[a ‖ b]` is `partial(a) + partial(b) + bias`, so the share of what does not change is computed once.
    pub fn partial<const D: usize>(&self, x: Tensor<D>, rows: core::ops::Range<usize>) -> Tensor<D> {
        burn::tensor::module::linear(x, self.linear.weight.val().narrow(0, rows.start, rows.len()), None)
    }

    /// The bias of the linear part, `[output]`.
    pub fn bias(&self) -> Option<Tensor<1>> {
        self.linear.bias.as_ref().map(Param::val)
    }

    /// `GELU(LN(x))` of what the linear part gave.
    pub fn activate<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        gelu(self.norm.forward(x))
    }
}
