//! One-dimensional convolutions over time.

use burn::module::{Module, Param};
use burn::tensor::module::{conv_transpose1d, conv1d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor};

use super::super::linear::uniform;
use crate::rng::Key;

/// Change of a convolution's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// As many rows as before: an odd number of taps, centred.
    Same,
    /// Half as many: three taps, every second row.
    Halved,
    /// Twice as many: the transposed convolution of four taps.
    Doubled,
}

/// A convolution over time with bias.
#[derive(Module, Debug)]
pub(super) struct Convolution {
    /// `[taps, input, output]`. The transposed convolution's taps are those of its adjoint.
    weight: Param<Tensor<3>>,
    /// `[output]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    time: Time,
}

impl Convolution {
    /// A convolution of an odd number of taps that keeps the time.
    pub(super) fn same(key: Key, taps: usize, [input, output]: [usize; 2], device: &Device) -> Self {
        Self::new(key, [taps, input, output], Time::Same, device)
    }

    /// The convolution that halves the time.
    pub(super) fn halving(key: Key, width: usize, device: &Device) -> Self {
        Self::new(key, [3, width, width], Time::Halved, device)
    }

    /// The convolution that doubles the time.
    pub(super) fn doubling(key: Key, width: usize, device: &Device) -> Self {
        Self::new(key, [4, width, width], Time::Doubled, device)
    }

    /// Weights and bias uniform in ±1/√(taps · fan), as `PyTorch` draws them.
    fn new(key: Key, shape: [usize; 3], time: Time, device: &Device) -> Self {
        let [taps, input, output] = shape;
        // PyTorch counts the outputs of a transposed convolution as its inputs.
        let fan = if time == Time::Doubled { output } else { input };
        let bound = 1.0 / ((taps * fan) as f64).sqrt();
        Self {
            weight: uniform(key.fold(0), shape, bound, device),
            bias: uniform(key.fold(1), [output], bound, device),
            time,
        }
    }

    /// # Shapes
    /// `[batch, time, input]` to `[batch, time', output]`.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        let [taps, _, _] = weight.dims();
        let x = x.swap_dims(1, 2);
        let y = match self.time {
            Time::Same => {
                let options = ConvOptions::new([1], [taps / 2], [1], 1);
                conv1d(x, weight.permute([2, 1, 0]), bias, options)
            }
            Time::Halved => {
                let options = ConvOptions::new([2], [taps / 2], [1], 1);
                conv1d(x, weight.permute([2, 1, 0]), bias, options)
            }
            Time::Doubled => {
                let options = ConvTransposeOptions::new([2], [1], [0], [1], 1);
                conv_transpose1d(x, weight.permute([1, 2, 0]), bias, options)
            }
        };
        y.swap_dims(1, 2)
    }
}
