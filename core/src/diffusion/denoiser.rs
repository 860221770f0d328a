//! The denoiser `μ_ψ(z_j, s, j)`: a U-Net of residual MLP blocks that predicts the clean latent (A.2).
//!
//! A state's candidates share everything that depends on the state alone, and all candidates share everything that
//! depends on the diffusion step alone. The forward pass is therefore split in three: [`Denoiser::condition`] once per
//! state, [`Denoiser::time`] once per step, [`Denoiser::forward`] once per candidate and step.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};

use crate::kernel::denoise::{PackedBlock, PackedDenoiser};
#[cfg(feature = "gpu")]
use crate::kernel::gpu::{Builder, FACTORS, Placed, PlacedDenoiser, SideBySide};
use crate::kernel::packed::PackedLayer;
use crate::nn::{Layer, NormGelu, layer_norm, linear, tensor};
use crate::rng::Key;

/// Sines and cosines in the embedding of a diffusion step.
const SINUSOIDS: usize = 128;
/// Longest period of those sinusoids, over 2π.
const LONGEST_PERIOD: f64 = 10_000.0;

/// A residual block of one width, modulated by time and state.
#[derive(Module, Debug)]
struct Block {
    /// Embedded time to scale and shift.
    time: Linear,
    /// Embedded state to the block's width.
    state: Linear,
    /// From block input and state.
    first: Linear,
    second: Linear,
    /// One norm, used three times, as in the ancestor.
    norm: LayerNorm,
}

impl Block {
    fn new(key: Key, width: usize, embedding: usize, device: &Device) -> Self {
        Self {
            time: linear(key.fold(0), embedding, 2 * width, device),
            state: linear(key.fold(1), embedding, width, device),
            first: linear(key.fold(2), 2 * width, width, device),
            second: linear(key.fold(3), width, width, device),
            norm: layer_norm(width, device),
        }
    }

    /// The share of the state in `first`, bias included: `[states, embedding]` to `[states, 1, width]`.
    fn condition(&self, state: Tensor<2>) -> Tensor<3> {
        let embedded: Tensor<2> = Layer::of(&self.state).norm(&self.norm).forward(state);
        let [_, width] = embedded.dims();
        Layer::of(&self.first).rows(width..2 * width).forward(embedded).unsqueeze_dim(1)
    }

    /// Scale and shift side by side, `[times, embedding]` to `[times, 1, 2 * width]`.
    fn modulation(&self, time: Tensor<2>) -> Tensor<3> {
        Layer::of(&self.time).forward(time).unsqueeze_dim(1)
    }

    /// The block, of what `entry` is given where there is one before it.
    fn pack(&self, entry: Option<&Linear>) -> PackedBlock {
        let [_, width] = self.first.weight.dims();
        let state = Layer::<2>::of(&self.state).norm(&self.norm).pack();
        let share = Layer::<2>::of(&self.first).rows(width..2 * width).pack();
        let first = Layer::<2>::of(&self.first).rows(0..width).unbiased().norm(&self.norm).gelu();
        PackedBlock {
            condition: vec![state, share],
            first: match entry {
                Some(entry) => first.after(entry),
                None => first,
            }
            .pack(),
            second: Layer::<2>::of(&self.second).norm(&self.norm).gelu().pack(),
        }
    }

    /// The layers from an embedded state to its share in `first`.
    #[cfg(feature = "gpu")]
    fn place_state(&self, builder: &mut Builder) -> [Placed; 2] {
        let [_, width] = self.first.weight.dims();
        let embedded = Layer::<2>::of(&self.state).norm(&self.norm).place(builder);
        [embedded, Layer::<2>::of(&self.first).rows(width..2 * width).place(builder)]
    }

    /// The two layers of every step, without share, modulation and skip.
    #[cfg(feature = "gpu")]
    fn place(&self, builder: &mut Builder) -> [Placed; 2] {
        let [_, width] = self.first.weight.dims();
        let first = Layer::<2>::of(&self.first).rows(0..width).unbiased();
        [
            first.norm(&self.norm).gelu().place(builder),
            Layer::<2>::of(&self.second).norm(&self.norm).gelu().place(builder),
        ]
    }

    fn forward(&self, x: Tensor<3>, condition: Tensor<3>, modulation: Tensor<3>) -> Tensor<3> {
        let width = x.dims()[2];
        let first = Layer::of(&self.first).rows(0..width).unbiased().share(condition);
        let h = first.norm(&self.norm).modulation(modulation).gelu().forward(x.clone());
        Layer::of(&self.second).norm(&self.norm).gelu().skip(x).forward(h)
    }
}

/// What a state contributes to every block, `[states, 1, width]` each.
#[derive(Clone, Debug)]
pub struct Condition(pub(super) Vec<Tensor<3>>);

/// What a diffusion step contributes to every block, scale and shift side by side, `[steps, 1, 2 * width]`.
#[derive(Clone, Debug)]
pub struct TimeCode(pub(super) Vec<Tensor<3>>);

/// The denoiser.
#[derive(Module, Debug)]
pub struct Denoiser {
    time: Vec<NormGelu>,
    state: Vec<NormGelu>,
    input: Linear,
    /// One more than there are levels below the top on the way down, as many on the way up, and one at the end.
    blocks: Vec<Block>,
    /// To the next narrower level.
    down: Vec<Linear>,
    /// To the next wider level, narrowest first.
    up: Vec<Linear>,
    /// One per level, shared by the way down and the way up.
    norms: Vec<LayerNorm>,
    output: Linear,
}

impl Denoiser {
    /// A denoiser of `latent` numbers given `state` numbers, newly drawn; `widths` are its levels, widest first.
    ///
    /// # Panics
    /// When `widths` is empty; `Settings::check` excludes it.
    pub fn new(
        key: Key,
        widths: &[usize],
        embedding: usize,
        state: usize,
        latent: usize,
        device: &Device,
    ) -> Self {
        assert!(!widths.is_empty(), "a denoiser has at least one level");
        let layers = |name: &str, input: usize| {
            let key = key.named(name);
            vec![
                NormGelu::new(key.fold(0), input, embedding, device),
                NormGelu::new(key.fold(1), embedding, embedding, device),
            ]
        };
        let ways = |name: &str, from: &[usize], to: &[usize]| -> Vec<Linear> {
            let key = key.named(name);
            from.iter()
                .zip(to)
                .enumerate()
                .map(|(i, (&from, &to))| linear(key.fold(i as u64), from, to, device))
                .collect()
        };
        let below: Vec<usize> = widths[1..].to_vec();
        let upward: Vec<usize> = widths.iter().rev().copied().collect();
        let order = widths.iter().chain(&upward[1..]).chain(&widths[..1]);
        Self {
            time: layers("time", SINUSOIDS),
            state: layers("state", state),
            input: linear(key.named("input"), latent, widths[0], device),
            blocks: order
                .enumerate()
                .map(|(i, &width)| Block::new(key.named("blocks").fold(i as u64), width, embedding, device))
                .collect(),
            down: ways("down", widths, &below),
            up: ways("up", &upward, &upward[1..]),
            norms: widths.iter().map(|&width| layer_norm(width, device)).collect(),
            output: linear(key.named("output"), widths[0], latent, device),
        }
    }

    /// The device it is on.
    pub(crate) fn device(&self) -> Device {
        self.output.weight.val().device()
    }

    /// Numbers in a latent.
    pub(crate) fn latent(&self) -> usize {
        self.output.weight.dims()[1]
    }

    /// What states contribute, from `[states, state]`.
    ///
    /// `shown` is 1 for states that are shown and 0 for hidden ones, `[states, 1]`.
    pub fn condition(&self, states: Tensor<2>, shown: Option<Tensor<2>>) -> Condition {
        let mut embedded = states;
        for layer in &self.state {
            embedded = layer.forward(embedded);
        }
        if let Some(shown) = shown {
            embedded = embedded * shown;
        }
        Condition(self.blocks.iter().map(|block| block.condition(embedded.clone())).collect())
    }

    /// What diffusion steps 1..=T contribute.
    ///
    /// Their sinusoids are computed on the host: of a large angle, a shader's sine is good to three digits only.
    pub fn time(&self, steps: &[usize]) -> TimeCode {
        let half = SINUSOIDS / 2;
        let frequencies: Vec<f64> =
            (0..half).map(|k| libm::exp(-libm::log(LONGEST_PERIOD) * k as f64 / (half - 1) as f64)).collect();
        let mut waves = vec![0.0; steps.len() * SINUSOIDS];
        for (row, &step) in waves.chunks_exact_mut(SINUSOIDS).zip(steps) {
            for (k, frequency) in frequencies.iter().enumerate() {
                let (sine, cosine) = libm::sincos(step as f64 * frequency);
                row[k] = sine as f32;
                row[half + k] = cosine as f32;
            }
        }
        let device = self.device();
        let mut embedded = tensor(waves, [steps.len(), SINUSOIDS], &device);
        for layer in &self.time {
            embedded = layer.forward(embedded);
        }
        TimeCode(self.blocks.iter().map(|block| block.modulation(embedded.clone())).collect())
    }

    /// All but the time layers, laid out for repeated use on the CPU device.
    pub(crate) fn pack(&self) -> PackedDenoiser {
        let ways = |ways: &[Linear], norms: &mut dyn Iterator<Item = &LayerNorm>| -> Vec<PackedLayer> {
            ways.iter().zip(norms).map(|(way, norm)| Layer::<2>::of(way).norm(norm).gelu().pack()).collect()
        };
        PackedDenoiser {
            state: self.state.iter().map(NormGelu::pack).collect(),
            input: Layer::<2>::of(&self.input).pack(),
            blocks: self
                .blocks
                .iter()
                .enumerate()
                .map(|(number, block)| block.pack((number == 0).then_some(&self.input)))
                .collect(),
            down: ways(&self.down, &mut self.norms.iter().skip(1)),
            up: ways(&self.up, &mut self.norms.iter().rev().skip(1)),
            output: Layer::<2>::of(&self.output).pack(),
        }
    }

    /// All of it as two launches on a GPU that holds it: what states contribute, and a chain of steps.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(&self) -> Option<PlacedDenoiser> {
        let device = self.device();
        let mut states = Builder::default();
        let embedding: Vec<Placed> = self.state.iter().map(|layer| layer.place(&mut states)).collect();
        let networks = self.blocks.iter();
        let networks =
            networks.map(|block| [&embedding[..], &block.place_state(&mut states)].concat()).collect();
        let states = SideBySide::new(states, networks, &device)?;

        let levels = self.norms.len();
        let widths = |block: usize| self.blocks[block].second.weight.dims()[1];
        // Where the latents are kept, the input layer's output, the inputs of blocks, and the outputs of levels on the
        // way down; layers of different widths share no slot.
        let mut slots = self.latent();
        let mut slot = |width: usize| {
            slots += width;
            slots - width
        };
        let start = slot(widths(0));
        let entries: Vec<usize> = (0..levels).map(|level| slot(widths(level))).collect();
        let skips: Vec<usize> = (0..levels - 1).map(|level| slot(widths(level))).collect();

        let mut builder = Builder::default();
        let mut layers = vec![Layer::<2>::of(&self.input).place(&mut builder).save(start)];
        let (mut share, mut modulation) = (0, FACTORS);
        for (number, block) in self.blocks.iter().enumerate() {
            // Levels downward, then upward without the last, then the widest once more.
            let level = if number < levels { number } else { (2 * levels - 2).saturating_sub(number) };
            let entry = entries[level];
            if (1..levels).contains(&number) {
                let way = Layer::<2>::of(&self.down[number - 1]).norm(&self.norms[number]).gelu();
                layers.push(way.place(&mut builder).save(entry));
            } else if (levels..2 * levels - 1).contains(&number) {
                let way = Layer::<2>::of(&self.up[number - levels]).norm(&self.norms[level]).gelu();
                layers.push(way.place(&mut builder).skip(skips[level]).save(entry));
            }
            let [first, second] = block.place(&mut builder);
            layers.push(first.share(share).modulation(modulation));
            let second = second.skip(if number == 0 { start } else { entry });
            layers.push(if number + 1 < levels {
                second.save(skips[number])
            } else if number + 2 == self.blocks.len() {
                second.skip(start).save(entry)
            } else {
                second
            });
            share += widths(number);
            modulation += 2 * widths(number);
        }
        layers.push(Layer::<2>::of(&self.output).place(&mut builder));
        PlacedDenoiser::new(states, builder, layers, slots, &device)
    }

    /// The predicted clean latents of `[states, candidates, latent]`, same shape.
    pub fn forward(&self, noised: Tensor<3>, condition: &Condition, time: &TimeCode) -> Tensor<3> {
        let levels = self.norms.len();
        let block =
            |i: usize, x: Tensor<3>| self.blocks[i].forward(x, condition.0[i].clone(), time.0[i].clone());

        let start = Layer::of(&self.input).forward(noised);
        let mut x = block(0, start.clone());
        let mut skips = Vec::new();
        for level in 1..levels {
            skips.push(x.clone());
            x = Layer::of(&self.down[level - 1]).norm(&self.norms[level]).gelu().forward(x);
            x = block(level, x);
        }
        for (i, skip) in skips.into_iter().rev().enumerate() {
            let level = levels - 2 - i;
            x = Layer::of(&self.up[i]).norm(&self.norms[level]).gelu().skip(skip).forward(x);
            x = block(levels + i, x);
        }
        Layer::of(&self.output).forward(block(2 * levels - 1, x + start))
    }
}
