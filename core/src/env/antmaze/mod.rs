//! D4RL's AntMaze: a four-legged body of eight motors in the mazes of Maze2D, over any [`Physics`](super::Physics).
//!
//! The model's text is written here from its numbers. The test `antmaze.rs` of the program, which has MuJoCo, holds
//! everything to trajectories that Python's MuJoCo recorded (`tests/golden/record_ant.py`).
//!
//! Frame: metres. x runs along the columns of a layout and y along its rows, the other way round than in Maze2D; cell
//! (1, 1), where evaluations start, has its middle at the origin.

mod cells;
mod collect;
mod episodes;
mod grid;
mod model;
mod navigator;
mod senses;
mod start;
mod walker;

pub use cells::goal_cell;
pub use collect::{Collector, EPISODE_ROWS, Episode};
pub use episodes::{AntMaze, drawn_goal};
pub use grid::{CELL, cell_of, is_free, place};
pub use model::{ACTUATORS, JOINTS, QPOS, QVEL, SUBSTEPS, TORQUE, controls, model};
pub use navigator::Navigator;
pub use senses::{SENSES, senses};
pub use start::{goal, goals, start};
pub use walker::{Walker, WalkerError};

/// Numbers of an observation.
pub const OBSERVATION: usize = QPOS + QVEL;

/// An observation: positions, then velocities. The goal is not in it.
#[must_use]
pub fn observation(qpos: &[f64; QPOS], qvel: &[f64; QVEL]) -> [f32; OBSERVATION] {
    core::array::from_fn(|k| if k < QPOS { qpos[k] } else { qvel[k - QPOS] } as f32)
}

#[cfg(test)]
mod puck;
