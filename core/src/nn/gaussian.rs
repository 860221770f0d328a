//! Diagonal Gaussians, and the networks that predict them.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};

use super::{Layer, linear};
#[cfg(feature = "gpu")]
use crate::kernel::gpu::{Builder, Placed};
use crate::kernel::packed::PackedLayer;
use crate::rng::Key;

/// A diagonal Gaussian per row.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// Mean μ, `[rows, width]`.
    pub mean: Tensor<2>,
    /// Standard deviation σ, `[rows, width]`.
    pub deviation: Tensor<2>,
}

impl Gaussian {
    /// `log N(x; μ, σ)` summed over the width, `[rows]`.
    pub fn log_density(&self, x: Tensor<2>) -> Tensor<1> {
        let half_log_tau = 0.5 * core::f64::consts::TAU.ln();
        let z = (x - self.mean.clone()) / self.deviation.clone();
        let terms = z.square().mul_scalar(-0.5) - self.deviation.clone().log().add_scalar(half_log_tau);
        terms.sum_dim(1).squeeze_dim(1)
    }

    /// The same for a variable of which only `x = clamp(y, -bound, bound)` was recorded: at a bound it counts what lies
    /// at and beyond it, `[rows]` (Tobin, 1958).
    pub fn censored_log_density(&self, x: Tensor<2>, bound: f64) -> Tensor<1> {
        let half_log_tau = 0.5 * core::f64::consts::TAU.ln();
        let z = (x.clone() - self.mean.clone()) / self.deviation.clone();
        let inside = z.square().mul_scalar(-0.5) - self.deviation.clone().log().add_scalar(half_log_tau);
        let (above, below) = (x.clone().greater_equal_scalar(bound), x.lower_equal_scalar(-bound));
        // Distance of the mean beyond the bound on the side in question, in deviations.
        let side = self.mean.clone().mask_where(below.clone(), self.mean.clone().neg());
        let beyond = log_normal_cdf(side.sub_scalar(bound) / self.deviation.clone());
        inside.mask_where(above.bool_or(below), beyond).sum_dim(1).squeeze_dim(1)
    }

    /// `KL(self ‖ other)` summed over the width, `[rows]`.
    pub fn divergence(&self, other: &Self) -> Tensor<1> {
        let ratio = (self.deviation.clone() / other.deviation.clone()).square();
        let shift = ((self.mean.clone() - other.mean.clone()) / other.deviation.clone()).square();
        let terms = (ratio.clone() + shift - ratio.log()).sub_scalar(1.0).mul_scalar(0.5);
        terms.sum_dim(1).squeeze_dim(1)
    }

    /// `μ + σ·noise`, with standard normal noise `[rows, width]`.
    pub fn sample(&self, noise: Tensor<2>) -> Tensor<2> {
        self.mean.clone() + self.deviation.clone() * noise
    }
}

/// `log Φ(x)` of the standard normal distribution, with gradients that stay finite however small Φ is.
fn log_normal_cdf(x: Tensor<2>) -> Tensor<2> {
    // Below, 1 + erf loses its digits in single precision; there Φ(x) = φ(x)/|x| · (1 - 1/x² + 3/x⁴ - 15/x⁶ + ...).
    const FAR: f64 = -4.0;
    let far = x.clone().lower_scalar(FAR);
    let near_x = x.clone().clamp_min(FAR);
    let near = near_x.div_scalar(core::f64::consts::SQRT_2).erf().add_scalar(1.0).mul_scalar(0.5).log();
    let far_x = x.clamp_max(FAR);
    let square = far_x.clone().square();
    let w = square.clone().recip();
    let series =
        ((w.clone().mul_scalar(-15.0).add_scalar(3.0) * w.clone()).sub_scalar(1.0) * w).add_scalar(1.0);
    let tail = square.mul_scalar(-0.5) - far_x.neg().log().add_scalar(0.5 * core::f64::consts::TAU.ln())
        + series.log();
    near.mask_where(far, tail)
}

/// Two linear layers with a ReLU between them.
#[derive(Module, Debug)]
pub(crate) struct Head {
    first: Linear,
    second: Linear,
}

impl Head {
    fn new(key: Key, input: usize, hidden: usize, output: usize, device: &Device) -> Self {
        Self {
            first: linear(key.fold(0), input, hidden, device),
            second: linear(key.fold(1), hidden, output, device),
        }
    }

    fn pack(&self) -> [PackedLayer; 2] {
        [Layer::<2>::of(&self.first).relu().pack(), Layer::<2>::of(&self.second).pack()]
    }

    #[cfg(feature = "gpu")]
    fn place(&self, builder: &mut Builder) -> [Placed; 2] {
        let first = Layer::<2>::of(&self.first).relu().place(builder);
        [first, Layer::<2>::of(&self.second).place(builder)]
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        Layer::of(&self.second).forward(self.hidden(x))
    }

    /// A ReLU after the second layer, too.
    fn features(&self, x: Tensor<2>) -> Tensor<2> {
        Layer::of(&self.second).relu().forward(self.hidden(x))
    }

    fn hidden(&self, x: Tensor<2>) -> Tensor<2> {
        Layer::of(&self.first).relu().forward(x)
    }
}

/// A mean head and a deviation head over one feature.
#[derive(Module, Debug)]
pub struct GaussianHeads {
    mean: Head,
    deviation: Head,
    #[module(skip)]
    floor: f64,
}

impl GaussianHeads {
    /// Heads from `input` features to `output` numbers; `floor` is added to every deviation.
    pub fn new(key: Key, input: usize, hidden: usize, output: usize, floor: f64, device: &Device) -> Self {
        Self {
            mean: Head::new(key.named("mean"), input, hidden, output, device),
            deviation: Head::new(key.named("deviation"), input, hidden, output, device),
            floor,
        }
    }

    /// `[rows, input]` to a Gaussian of `[rows, output]`.
    pub fn forward(&self, x: Tensor<2>) -> Gaussian {
        Gaussian {
            mean: self.mean.forward(x.clone()),
            deviation: softplus(self.deviation.forward(x), 1.0).add_scalar(self.floor),
        }
    }
}

/// Two ReLU layers, then a mean head and a deviation head: policy decoder, state decoder and state prior.
#[derive(Module, Debug)]
pub struct GaussianNet {
    trunk: Head,
    heads: GaussianHeads,
}

impl GaussianNet {
    /// A network from `input` to `output` numbers; `floor` is added to every deviation.
    pub fn new(key: Key, input: usize, hidden: usize, output: usize, floor: f64, device: &Device) -> Self {
        Self {
            trunk: Head::new(key.named("trunk"), input, hidden, hidden, device),
            heads: GaussianHeads::new(key.named("heads"), hidden, hidden, output, floor, device),
        }
    }

    /// Layers of the mean, and of the deviation before its softplus, laid out for repeated use on the CPU device; and the
    /// floor of the deviation.
    pub(crate) fn pack(&self) -> ([Vec<PackedLayer>; 2], f64) {
        let trunk =
            [&self.trunk.first, &self.trunk.second].map(|linear| Layer::<2>::of(linear).relu().pack());
        let heads = [&self.heads.mean, &self.heads.deviation];
        (heads.map(|head| trunk.iter().cloned().chain(head.pack()).collect()), self.heads.floor)
    }

    /// Layers of the mean, and of the deviation before its softplus, in a table of layers for the GPU's kernels; and the
    /// floor of the deviation.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(&self, builder: &mut Builder) -> ([Vec<Placed>; 2], f64) {
        let trunk = [&self.trunk.first, &self.trunk.second]
            .map(|linear| Layer::<2>::of(linear).relu().place(builder));
        let heads = [&self.heads.mean, &self.heads.deviation];
        (heads.map(|head| trunk.into_iter().chain(head.place(builder)).collect()), self.heads.floor)
    }

    /// `[rows, input]` to a Gaussian of `[rows, output]`.
    pub fn forward(&self, x: Tensor<2>) -> Gaussian {
        self.heads.forward(self.trunk.features(x))
    }

    /// The mean alone, `[rows, output]`.
    pub fn mean(&self, x: Tensor<2>) -> Tensor<2> {
        self.heads.mean.forward(self.trunk.features(x))
    }
}
