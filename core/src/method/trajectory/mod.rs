//! Parts of the methods that diffuse trajectories: their network's settings, and rows of recorded trajectories.
//!
//! Both see states scaled to [-1, 1] by the limits of the data, stale rows included (they repeat the observation before them, so
//! that no limit changes), and actions so scaled by their space. Guesses of clean trajectories are clipped to that range.

#[cfg(feature = "train")]
mod rows;
mod settings;

#[cfg(feature = "train")]
pub(super) use rows::{Drawn, Noised, gather};
pub use settings::NetSettings;
pub(super) use settings::{check_data, check_rows, limits};

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
