//! The chain of denoising steps of all candidates in two launches.

use core::ops::Range;

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

use super::launch::{Chain, Kernels};
use super::program::{Builder, Placed, Program};
use super::tile::TileShape;
use super::{SideBySide, count_launch, fits};
use crate::kernel::tensors::tensor;

/// Most updates in one launch, so that a display which shares the GPU is not kept waiting for a long chain.
const MOST_UPDATES: usize = 64;
/// Numbers of an update's row before its modulation: factors of the latent, of the guess and of noise.
pub(crate) const FACTORS: usize = 3;

/// The part of the denoiser that is computed at every step, and what a state adds to it.
#[derive(Clone, Debug)]
pub(crate) struct PlacedDenoiser {
    /// From states to the shares that they have in each block.
    states: SideBySide,
    program: Program,
    layers: usize,
    slots: usize,
}

impl PlacedDenoiser {
    /// Layers, placed by the builder, that save their outputs in columns below `slots`; the first of them are the
    /// latents' own, and no column is shared by layers of different widths. `None` when they are too wide for the device.
    pub(crate) fn new(
        states: SideBySide,
        mut builder: Builder,
        layers: Vec<Placed>,
        slots: usize,
        device: &Device,
    ) -> Option<Self> {
        let count = layers.len();
        for layer in layers {
            builder.push(layer);
        }
        let program = builder.finish(device);
        fits(device, program.widest).then_some(Self { states, program, layers: count, slots })
    }

    /// A tensor of the device that holds it.
    pub(crate) fn like(&self) -> Tensor<1> {
        self.program.numbers.clone()
    }

    /// Latents of every state's candidates, `[states, candidates, latent]`, from `[states, state]`.
    ///
    /// `draw` gives standard normal numbers for all of them, `[numbers, states, candidates, latent]`: number 0 is the
    /// start, number k the noise of update k - 1.
    pub(crate) fn sample(
        &self,
        steps: &Steps,
        states: Tensor<2>,
        draw: impl Fn(Range<usize>) -> Tensor<4>,
    ) -> Tensor<3> {
        let shares = self.states.forward(states);
        let mut latents: Option<Tensor<3>> = None;
        for first in (0..steps.noise.len()).step_by(MOST_UPDATES) {
            let updates = &steps.noise[first..steps.noise.len().min(first + MOST_UPDATES)];
            let noisy = updates.iter().rposition(|&noise| noise > 0.0).map_or(0, |last| last + 1);
            let noise: Tensor<4> = match latents {
                None => draw(0..noisy + 1),
                Some(latents) if noisy == 0 => latents.unsqueeze_dim(0),
                Some(latents) => {
                    Tensor::cat(vec![latents.unsqueeze_dim(0), draw(first + 1..first + noisy + 1)], 0)
                }
            };
            let plan = Chain {
                layers: self.layers,
                updates: updates.len(),
                step_at: steps.at + first * steps.width,
                step_width: steps.width,
                slots: self.slots,
                shape: TileShape::of(self.program.widest),
            };
            count_launch();
            let out = Dispatch::chain(
                steps.numbers.clone().into_dispatch(),
                self.program.table.clone().into_dispatch(),
                shares.clone().into_dispatch(),
                noise.into_dispatch(),
                plan,
            );
            latents = Some(Tensor::from_dispatch(out));
        }
        latents.unwrap_or_else(|| draw(0..1).squeeze_dim(0))
    }
}

/// What the updates of a sampler add to a denoiser's numbers.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    /// The denoiser's, then a row for each update.
    numbers: Tensor<1>,
    /// Where the rows begin.
    at: usize,
    /// Numbers in a row.
    width: usize,
    /// Each update's factor of noise.
    noise: Vec<f32>,
}

impl Steps {
    /// Updates with these factors of latent, guess and noise, and the scales and shifts that their diffusion steps
    /// contribute to each block, `[updates, 2 * width]` each.
    pub(crate) fn new(
        denoiser: &PlacedDenoiser,
        factors: &[[f32; FACTORS]],
        modulations: Vec<Tensor<2>>,
    ) -> Self {
        let numbers = denoiser.program.numbers.clone();
        let at = numbers.dims()[0];
        let rows = tensor(factors.concat(), [factors.len(), FACTORS], &numbers.device());
        let rows: Tensor<2> = Tensor::cat(core::iter::once(rows).chain(modulations).collect(), 1);
        let [count, width] = rows.dims();
        Self {
            numbers: Tensor::cat(vec![numbers, rows.reshape([count * width])], 0),
            at,
            width,
            noise: factors.iter().map(|&[_, _, noise]| noise).collect(),
        }
    }
}
