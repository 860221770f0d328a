//! Baselines that learn nothing, in the same episodes as the methods.

mod ants;
mod controller;
mod random;

pub use ants::AntController;
pub use controller::MazeController;
pub use random::Random;
