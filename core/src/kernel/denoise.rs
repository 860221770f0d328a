//! The whole chain of denoising steps for a few candidates at a time, whose numbers stay in cache throughout.

use pulp::{Arch, Simd, WithSimd};

use super::packed::{self, Context, PackedLayer, Run, TILE};
use super::parallel::{run, tile};
use super::rows;

/// One residual block.
#[derive(Clone, Debug)]
pub(crate) struct PackedBlock {
    /// From an embedded state to its share of the first layer.
    pub condition: Vec<PackedLayer>,
    /// The input's share of the first layer, that of the latent in the first block; a [`Context`] brings the state's.
    pub first: PackedLayer,
    /// The second layer.
    pub second: PackedLayer,
}

impl PackedBlock {
    /// A tile through the block, from what its first layer takes and what is added at the end, given what state and
    /// diffusion step contribute; `hidden` has room for it.
    #[inline(always)]
    fn forward<S: Simd>(
        &self,
        s: S,
        [input, x]: [&[f32]; 2],
        hidden: &mut [f32],
        out: &mut [f32],
        [share, modulation]: [&[f32]; 2],
    ) {
        let hidden = &mut hidden[..out.len()];
        let context = Context { share: Some(share), modulation: Some(modulation), skip: None };
        self.first.forward(s, input, hidden, context);
        self.second.forward(s, hidden, out, Context { skip: Some(x), ..Context::default() });
    }
}

/// The denoiser but for its time layers.
#[derive(Clone, Debug)]
pub(crate) struct PackedDenoiser {
    /// Embeds a state.
    pub state: Vec<PackedLayer>,
    /// From a latent to the widest level.
    pub input: PackedLayer,
    /// In order of use.
    pub blocks: Vec<PackedBlock>,
    /// To the next narrower level.
    pub down: Vec<PackedLayer>,
    /// To the next wider level.
    pub up: Vec<PackedLayer>,
    /// From the widest level to a latent.
    pub output: PackedLayer,
}

/// One update of the latents; see `diffusion::Update`.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Factor of the noisy latent.
    pub keep: f32,
    /// Factor of the predicted clean latent.
    pub clean: f32,
    /// Factor of fresh noise; 0 means that none is drawn.
    pub noise: f32,
    /// What the diffusion step contributes to each block, scale and shift side by side.
    pub time: Vec<Vec<f32>>,
}

/// Fills in noise: of which state, of which update (0 is the start), from which number on.
pub(crate) type Noise<'a> = &'a (dyn Fn(usize, usize, usize, &mut [f32]) + Sync);

impl PackedDenoiser {
    /// Latents of candidates for states side by side, `[states, candidates, latent]`.
    pub(crate) fn sample(&self, steps: &[Step], states: &[f32], candidates: usize, noise: Noise) -> Vec<f32> {
        let latent = self.input.input();
        let count = states.len() / self.state[0].input();
        let conditions = &self.conditions(states);
        let mut latents = vec![0.0; count * candidates * latent];
        let rows = tile(count, candidates, TILE);
        let jobs = latents
            .chunks_mut((candidates * latent).max(1))
            .enumerate()
            .flat_map(|(state, latents)| {
                let tiles = latents.chunks_mut(rows * latent).enumerate();
                tiles.map(move |(tile, latents)| (state, tile * rows * latent, latents))
            })
            .collect();
        let arch = Arch::new();
        run(jobs, |(state, from, latents): (usize, usize, &mut [f32])| {
            arch.dispatch(Chain { net: self, steps, conditions, states: count, state, from, latents, noise });
        });
        latents
    }

    /// What states contribute to each block, `[states, width]` each.
    fn conditions(&self, states: &[f32]) -> Vec<Vec<f32>> {
        let embedded = packed::forward(&self.state, states);
        let arch = Arch::new();
        run(self.blocks.iter().collect(), |block: &PackedBlock| {
            arch.dispatch(Run { layers: &block.condition, x: &embedded, share: None })
        })
    }

    fn widths(&self) -> impl Iterator<Item = usize> + '_ {
        self.blocks.iter().map(|block| block.first.output())
    }
}

/// The chain for the candidates of one tile.
struct Chain<'a> {
    net: &'a PackedDenoiser,
    steps: &'a [Step],
    conditions: &'a [Vec<f32>],
    states: usize,
    state: usize,
    from: usize,
    latents: &'a mut [f32],
    noise: Noise<'a>,
}

impl WithSimd for Chain<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { net, steps, conditions, states, state, from, latents, noise } = self;
        let shares: Vec<&[f32]> = conditions
            .iter()
            .map(|condition| {
                let width = condition.len() / states;
                &condition[state * width..(state + 1) * width]
            })
            .collect();
        let rows = latents.len() / net.input.input();
        let mut work = Workspace::new(net, rows);
        let mut fresh = vec![0.0; latents.len()];
        noise(state, 0, from, latents);
        for (i, step) in steps.iter().enumerate() {
            predict(s, net, latents, &shares, &step.time, &mut work);
            for (y, &guess) in latents.iter_mut().zip(&work.guess) {
                *y = step.keep * *y + step.clean * guess;
            }
            if step.noise > 0.0 {
                noise(state, i + 1, from, &mut fresh);
                for (y, &fresh) in latents.iter_mut().zip(&fresh) {
                    *y += step.noise * fresh;
                }
            }
        }
    }
}

/// Numbers of a tile on their way through the network.
struct Workspace {
    rows: usize,
    start: Vec<f32>,
    /// The outputs of the blocks on the way down, for the way up.
    skips: Vec<Vec<f32>>,
    a: Vec<f32>,
    b: Vec<f32>,
    hidden: Vec<f32>,
    /// The predicted clean latents.
    guess: Vec<f32>,
}

impl Workspace {
    fn new(net: &PackedDenoiser, rows: usize) -> Self {
        let widest = rows * net.widths().max().unwrap_or(0);
        Self {
            rows,
            start: vec![0.0; rows * net.input.output()],
            skips: net.widths().take(net.down.len()).map(|width| vec![0.0; rows * width]).collect(),
            a: vec![0.0; widest],
            b: vec![0.0; widest],
            hidden: vec![0.0; widest],
            guess: vec![0.0; rows * net.output.output()],
        }
    }
}

#[inline(always)]
fn predict<S: Simd>(
    s: S,
    net: &PackedDenoiser,
    latents: &[f32],
    shares: &[&[f32]],
    times: &[Vec<f32>],
    work: &mut Workspace,
) {
    let Workspace { rows, start, skips, a, b, hidden, guess } = work;
    let rows = *rows;
    let levels = net.down.len() + 1;
    net.input.forward(s, latents, start, Context::default());
    for level in 0..levels {
        let width = net.blocks[level].first.output();
        let (above, here) = skips.split_at_mut(level.min(levels - 1));
        let x: &[f32] = if level == 0 {
            start
        } else {
            let x = &mut a[..rows * width];
            net.down[level - 1].forward(s, &above[level - 1], x, Context::default());
            x
        };
        let out = if level + 1 < levels { &mut here[0][..] } else { &mut b[..rows * width] };
        let input = if level == 0 { latents } else { x };
        net.blocks[level].forward(s, [input, x], hidden, out, [shares[level], &times[level]]);
    }
    for (i, skip) in skips.iter().rev().enumerate() {
        let up = &net.up[i];
        let x = &mut a[..rows * up.output()];
        up.forward(s, &b[..rows * up.input()], x, Context { skip: Some(skip), ..Context::default() });
        let number = levels + i;
        let out = &mut b[..rows * up.output()];
        net.blocks[number].forward(s, [x, x], hidden, out, [shares[number], &times[number]]);
    }
    let size = start.len();
    a[..size].copy_from_slice(&b[..size]);
    rows::add(s, &mut a[..size], start);
    let last = 2 * levels - 1;
    let x = &a[..size];
    net.blocks[last].forward(s, [x, x], hidden, &mut b[..size], [shares[last], &times[last]]);
    net.output.forward(s, &b[..size], guess, Context::default());
}
