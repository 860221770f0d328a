//! Group norm over time, and Mish.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::super::linear::{ones, zeros};
use super::settings::GROUPS;
use crate::nn::mish;

/// What the norm adds to the variance, as in `PyTorch`.
const EPSILON: f64 = 1e-5;

/// Group norm (Wu and He, 2018): channels in eight groups, each standardised over all of time, then gain and bias.
#[derive(Module, Debug)]
pub(super) struct GroupNorm {
    /// `[channels]`.
    gamma: Param<Tensor<1>>,
    /// `[channels]`.
    beta: Param<Tensor<1>>,
}

impl GroupNorm {
    /// A norm with gain 1 and bias 0 over so many channels, a multiple of 8.
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        Self { gamma: ones(channels, device), beta: zeros(channels, device) }
    }

    /// `mish(norm(x)) + rest`.
    ///
    /// # Shapes
    /// `x` and the result are `[batch, time, channels]`; `rest` is that or `[batch, 1, channels]`.
    pub(super) fn mish(&self, x: Tensor<3>, rest: Option<Tensor<3>>) -> Tensor<3> {
        let y = mish(standard(x, GROUPS) * self.gamma.val().unsqueeze() + self.beta.val().unsqueeze());
        match rest {
            Some(rest) => y + rest,
            None => y,
        }
    }
}

/// Numbers of mean 0 and variance 1 in each of so many groups of channels, `[batch, time, channels]`.
pub(super) fn standard(x: Tensor<3>, groups: usize) -> Tensor<3> {
    let [batch, time, channels] = x.dims();
    let x = x.reshape([batch, time, groups, channels / groups]);
    let centred = x.clone() - x.mean_dim(1).mean_dim(3);
    let variance = centred.clone().square().mean_dim(1).mean_dim(3);
    (centred / variance.add_scalar(EPSILON).sqrt()).reshape([batch, time, channels])
}
