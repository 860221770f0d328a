//! Blocks of a U-Net.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::convolution::{Convolution, pointwise};
use super::norm::GroupNorm;
use crate::nn::linear;
use crate::rng::Key;

/// Taps of the convolutions in blocks.
const TAPS: usize = 5;

/// Convolution, group norm, Mish.
#[derive(Module, Debug)]
pub(super) struct ConvBlock {
    convolution: Convolution,
    norm: GroupNorm,
}

impl ConvBlock {
    pub(super) fn new(key: Key, [input, output]: [usize; 2], device: &Device) -> Self {
        Self {
            convolution: Convolution::same(key, TAPS, [input, output], device),
            norm: GroupNorm::new(output, device),
        }
    }

    /// The block's output, plus `rest`.
    ///
    /// # Shapes
    /// `[batch, time, input]` to `[batch, time, output]`; `rest` is of that shape or `[batch, 1, output]`.
    pub(super) fn forward(&self, x: Tensor<3>, rest: Option<Tensor<3>>) -> Tensor<3> {
        self.norm.mish(self.convolution.forward(x), rest)
    }
}

/// Two convolution blocks with the time's code between them, and a skip around both.
#[derive(Module, Debug)]
pub(super) struct Residual {
    first: ConvBlock,
    second: ConvBlock,
    /// From the time's code.
    time: Linear,
    /// A product for each row, where the widths differ.
    skip: Option<Linear>,
}

impl Residual {
    /// A block between these widths, with a code of so many numbers.
    pub(super) fn new(key: Key, [input, output]: [usize; 2], code: usize, device: &Device) -> Self {
        Self {
            first: ConvBlock::new(key.named("first"), [input, output], device),
            second: ConvBlock::new(key.named("second"), [output, output], device),
            time: linear(key.named("time"), code, output, device),
            skip: (input != output).then(|| linear(key.named("skip"), input, output, device)),
        }
    }

    /// # Shapes
    /// `[batch, time, input]` and the Mish of the code, `[batch, 1, code]`, to `[batch, time, output]`.
    pub(super) fn forward(&self, x: Tensor<3>, code: Tensor<3>) -> Tensor<3> {
        let inner = self.first.forward(x.clone(), Some(pointwise(&self.time, code)));
        let skip = match &self.skip {
            Some(skip) => pointwise(skip, x),
            None => x,
        };
        self.second.forward(inner, Some(skip))
    }
}
