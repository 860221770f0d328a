//! Q of many candidates, a few at a time.

use pulp::Arch;

use super::packed::{PackedLayer, Run, TILE};
use super::parallel::{run, tile};

/// One Q network, its state half apart from its latent half.
#[derive(Clone, Debug)]
pub(crate) struct PackedQ {
    /// From a state to its share of the joint layer, bias included.
    pub state: Vec<PackedLayer>,
    /// From a latent to Q; a `Context` brings the state's share to the layer `joint`.
    pub latent: Vec<PackedLayer>,
    /// Which layer of `latent` is joint.
    pub joint: usize,
}

/// The smallest Q of several networks, `[states, candidates]`, from `[states, state]` and
/// `[states, candidates, latent]`.
pub(crate) fn smallest_q(
    networks: &[PackedQ],
    states: &[f32],
    latents: &[f32],
    candidates: usize,
) -> Vec<f32> {
    let Some(first) = networks.first() else { return Vec::new() };
    let count = states.len() / first.state[0].input();
    let latent = first.latent[0].input();
    let arch = Arch::new();
    let shares: Vec<Vec<f32>> =
        networks.iter().map(|q| arch.dispatch(Run { layers: &q.state, x: states, share: None })).collect();
    let mut values = vec![0.0; count * candidates];
    let rows = tile(count, candidates, TILE);
    let jobs = values
        .chunks_mut(candidates.max(1))
        .enumerate()
        .flat_map(|(state, values)| {
            let tiles = values.chunks_mut(rows).enumerate();
            tiles.map(move |(tile, values)| (state, tile * rows, values))
        })
        .collect();
    run(jobs, |(state, from, values): (usize, usize, &mut [f32])| {
        let first = state * candidates + from;
        let x = &latents[first * latent..(first + values.len()) * latent];
        values.fill(f32::INFINITY);
        for (q, shares) in networks.iter().zip(&shares) {
            let width = shares.len() / count;
            let share = Some((q.joint, &shares[state * width..(state + 1) * width]));
            let found = arch.dispatch(Run { layers: &q.latent, x, share });
            for (value, found) in values.iter_mut().zip(found) {
                *value = value.min(found);
            }
        }
    });
    values
}
