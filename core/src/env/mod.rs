//! Environments: episodes of Maze2D and the generator of its data.

mod episode;
mod generate;

pub use episode::MazeEnv;
pub use generate::generate;
