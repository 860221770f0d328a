//! Baselines: policies without plans, in the same episodes as the method.

mod ants;
mod cloning;
mod controller;
mod random;
mod reflex;

pub use ants::AntController;
pub use cloning::{Cloning, Imitator};
pub use controller::MazeController;
pub use random::Random;
pub use reflex::{Actor, Reflex};
