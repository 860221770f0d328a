//! The mazes of Maze2D, exactly: layouts, D4RL's point mass and its waypoint controller, in plain `f64` arithmetic.
//!
//! Nothing here depends on MuJoCo, and nothing but `+ - * /` and the square root is used, so native and wasm32 builds
//! produce the same bits. The integration test `maze.rs` holds every part to trajectories recorded with MuJoCo 2.3.7
//! and to the statistics of D4RL's published data files.
//!
//! Frame: all positions are D4RL's `qpos`, in metres. The first coordinate runs along the rows of a layout, the second
//! along its columns, and cell (i, j) covers [i - 0.7, i + 0.3] x [j - 0.7, j + 0.3]: an integer position is *not* the
//! centre of its cell (see [`CELL_LOW`] and [`CELL_HIGH`]).

mod controller;
mod layout;
mod physics;
mod world;

pub use controller::{Command, Controller};
pub use layout::{CELL_HIGH, CELL_LOW, GOAL_RADIUS, Layout, MazeId, reaches};
pub use physics::{BALL_RADIUS, MAX_SPEED, PointMass, TIME_STEP, WORLD_OFFSET};
pub use world::{World, WorldError};
