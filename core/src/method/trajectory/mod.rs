//! Parts of the methods that diffuse trajectories: their network's settings, and rows of recorded trajectories.
//!
//! Both see states scaled to [-1, 1] by the limits of the data, stale rows included (they repeat the observation before them, so
//! that no limit changes), and actions so scaled by their space. Guesses of clean trajectories are clipped to that range.

mod lanes;
#[cfg(feature = "train")]
mod rows;
mod settings;

use burn::tensor::{Device, Tensor};

use super::numbers;
use crate::agent::{AgentError, Candidates, Choice};
use crate::nn::tensor;
use crate::rng::Key;

pub(super) use lanes::Lanes;
#[cfg(feature = "train")]
pub(super) use rows::{Noised, draw, gather};
pub use settings::NetSettings;
pub(super) use settings::{LONGEST, check_data, check_temperature};

/// Trajectories that go through the network together: more would fall out of a core's cache.
pub(super) const CHUNK: usize = 32;

/// Given entries of a trajectory, `[rows, channels]`: the states of the first and of the last row.
pub(super) fn given(rows: usize, channels: usize, state: usize) -> Vec<bool> {
    let entry = |i: usize| {
        let (row, channel) = (i / channels, i % channels);
        (row == 0 || row + 1 == rows) && channel >= channels - state
    };
    (0..rows * channels).map(entry).collect()
}

/// Noise of plans with a key each, `[plans, rows, channels]` by its number, times the temperature: a plan does not depend on
/// those beside it.
pub(super) fn noise(
    keys: Vec<Key>,
    shape: [usize; 3],
    temperature: f64,
    device: &Device,
) -> impl FnMut(usize) -> Tensor<3> {
    let device = device.clone();
    move |number| {
        let drawn = keys.iter().flat_map(|key| key.fold(number as u64).normals(shape[1] * shape[2]));
        tensor(drawn.collect(), shape, &device).mul_scalar(temperature)
    }
}

/// A plan as the only candidate of its decision, from its states, `[rows][state]`, raw.
pub(super) fn only(states: &[f32], state: usize) -> Choice {
    let path = states.chunks_exact(state).map(<[f32]>::to_vec).collect();
    Choice { candidates: Candidates::Paths(vec![path]), q: Vec::new(), chosen: 0 }
}

/// Numbers of plans, all of them finite.
pub(super) fn finite(plans: Tensor<3>) -> Result<Vec<f32>, AgentError> {
    let plans = numbers(plans)?;
    if plans.iter().all(|number| number.is_finite()) {
        Ok(plans)
    } else {
        Err(AgentError::NotFinite("a plan"))
    }
}
