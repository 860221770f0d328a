//! The U-Net.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::UNetSettings;
use super::block::{ConvBlock, Residual};
use super::convolution::{Convolution, pointwise};
use crate::nn::{linear, mish, tensor};
use crate::rng::Key;

/// Prediction for noisy trajectories: residual blocks on levels of halved time, joined by skips.
///
/// The first level's skip is left unused, as in Diffuser's code: its input meets the way back only through the levels
/// below.
#[derive(Module, Debug)]
pub struct UNet {
    time: [Linear; 2],
    down: Vec<Down>,
    middle: [Residual; 2],
    up: Vec<Up>,
    last: ConvBlock,
    exit: Linear,
    #[module(skip)]
    dim: usize,
}

/// A level on the way down.
#[derive(Module, Debug)]
struct Down {
    blocks: [Residual; 2],
    /// To the next level; the last has none.
    halving: Option<Convolution>,
}

/// A level on the way back.
#[derive(Module, Debug)]
struct Up {
    blocks: [Residual; 2],
    doubling: Convolution,
}

impl UNet {
    /// A network of these sizes with `PyTorch`'s initial values; a method's settings check the sizes.
    pub fn new(key: Key, settings: &UNetSettings, device: &Device) -> Self {
        let UNetSettings { channels, dim, condition, .. } = *settings;
        let widths: Vec<usize> = settings.multipliers.iter().map(|factor| factor * dim).collect();
        let pair = |key: Key, input: usize, output: usize| {
            let block = |i, widths| Residual::new(key.fold(i), widths, dim + condition, device);
            [block(0, [input, output]), block(1, [output, output])]
        };
        let (last, widest) = (widths.len() - 1, widths[widths.len() - 1]);
        let down = |level: usize| {
            let key = key.named("down").fold(level as u64);
            let (input, output) = (if level == 0 { channels } else { widths[level - 1] }, widths[level]);
            let halving = (level < last).then(|| Convolution::halving(key.named("halving"), output, device));
            Down { blocks: pair(key, input, output), halving }
        };
        let up = |level: usize| {
            let key = key.named("up").fold(level as u64);
            let (input, output) = (widths[level], widths[level - 1]);
            Up {
                blocks: pair(key, 2 * input, output),
                doubling: Convolution::doubling(key.named("doubling"), output, device),
            }
        };
        Self {
            time: [
                linear(key.named("time").fold(0), dim, 4 * dim, device),
                linear(key.named("time").fold(1), 4 * dim, dim, device),
            ],
            down: (0..=last).map(down).collect(),
            middle: pair(key.named("middle"), widest, widest),
            up: (1..=last).rev().map(up).collect(),
            last: ConvBlock::new(key.named("last"), [widths[0], dim], device),
            exit: linear(key.named("exit"), dim, channels, device),
            dim,
        }
    }

    /// The prediction for noisy trajectories; row i of a batch depends on row i of the inputs alone.
    ///
    /// # Shapes
    /// `x` and the result are `[batch, horizon, channels]`, `steps` are the indices of diffusion steps, `[batch]`, and
    /// `condition` is `[batch, condition]`, where the network has one. The horizon is a multiple of
    /// [`UNetSettings::multiple`].
    pub fn forward(&self, x: Tensor<3>, steps: Tensor<1>, condition: Option<Tensor<2>>) -> Tensor<3> {
        let code = self.code(steps);
        let code = mish(match condition {
            Some(condition) => Tensor::cat(vec![code, condition.unsqueeze_dim(1)], 2),
            None => code,
        });
        let mut x = x;
        let mut skips = Vec::with_capacity(self.down.len());
        for level in &self.down {
            x = through(&level.blocks, x, &code);
            skips.push(x.clone());
            if let Some(halving) = &level.halving {
                x = halving.forward(x);
            }
        }
        x = through(&self.middle, x, &code);
        for (level, skip) in self.up.iter().zip(skips.into_iter().rev()) {
            x = through(&level.blocks, Tensor::cat(vec![x, skip], 2), &code);
            x = level.doubling.forward(x);
        }
        pointwise(&self.exit, self.last.forward(x, None))
    }

    /// Codes of diffusion steps, `[batch]` to `[batch, 1, dim]`.
    fn code(&self, steps: Tensor<1>) -> Tensor<3> {
        let hidden = mish(pointwise(&self.time[0], sinusoid(steps, self.dim).unsqueeze_dim(1)));
        pointwise(&self.time[1], hidden)
    }
}

/// Two blocks one after the other.
fn through(blocks: &[Residual; 2], x: Tensor<3>, code: &Tensor<3>) -> Tensor<3> {
    blocks.iter().fold(x, |x, block| block.forward(x, code.clone()))
}

/// Sines, then cosines, of steps times frequencies that fall from 1 to 1/10000, `[batch]` to `[batch, dim]`.
pub(super) fn sinusoid(steps: Tensor<1>, dim: usize) -> Tensor<2> {
    let half = dim / 2;
    let exponent = |j: usize| -4.0 * j as f64 / (half as f64 - 1.0);
    let frequencies = (0..half).map(|j| libm::pow(10.0, exponent(j)) as f32).collect();
    let frequencies: Tensor<2> = tensor(frequencies, [1, half], &steps.device());
    let angles = steps.unsqueeze_dim::<2>(1) * frequencies;
    Tensor::cat(vec![angles.clone().sin(), angles.cos()], 1)
}
