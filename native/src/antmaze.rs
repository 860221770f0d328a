//! AntMaze: its simulator, the walker that comes with the program, and data collected on all cores.
//!
//! The simulator is MuJoCo, which a program has if it was built with the feature `mujoco`.

use diar_core::data::Transitions;
use diar_core::env::EnvError;
use diar_core::env::antmaze::Walker;

#[cfg(feature = "mujoco")]
pub use simulated::{collect, open};
#[cfg(not(feature = "mujoco"))]
pub use without::{collect, open};

/// Trained by `tests/golden/train_walker.py`.
const WALKER: &[u8] = include_bytes!("../weights/ant-walker.safetensors");

/// A data set, as D4RL's generator would write it.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// The data set.
    pub data: Transitions,
    /// `[rows, 29]`: positions and velocities after each step.
    pub after: Vec<f32>,
    /// Number of whole walks.
    pub walks: usize,
    /// Number of those that came within reach of their goal.
    pub reached: usize,
    /// Number of those that ended upside down.
    pub overturned: usize,
}

/// The walker that comes with the program.
///
/// # Errors
/// When its weights are damaged.
pub fn walker() -> Result<Walker, EnvError> {
    Walker::read(WALKER).map_err(|error| EnvError::Simulator(error.to_string()))
}

#[cfg(feature = "mujoco")]
mod simulated {
    use std::sync::Arc;

    use diar_core::benchmark::Collection;
    use diar_core::env::antmaze::{self, AntMaze, Collector, EPISODE_ROWS, Episode};
    use diar_core::env::{EnvError, Envs, PhysicsError};
    use diar_core::maze::MazeId;
    use diar_core::spec::TaskSpec;
    use rayon::prelude::*;

    use super::{Collected, walker};
    use crate::mujoco::{Model, Simulation};
    use crate::run::progress::Progress;

    /// Walks between two reports of progress.
    const REPORTED: usize = 32;

    /// The simulator of a task in one of the mazes.
    ///
    /// # Errors
    /// Never with this build.
    pub fn open(spec: &Arc<TaskSpec>, maze: MazeId) -> Result<Box<dyn Envs>, EnvError> {
        let mut compiled: Option<(String, Model)> = None;
        let simulator = move |text: &str| match &compiled {
            Some((known, model)) if known == text => model.simulation(),
            _ => {
                let model = Model::compile(text)?;
                compiled.insert((text.to_owned(), model)).1.simulation()
            }
        };
        Ok(Box::new(AntMaze::new(Arc::clone(spec), maze, simulator)))
    }

    /// Collects rows of a data set. The seed determines them, however many threads there are.
    ///
    /// # Errors
    /// When the simulator fails.
    pub fn collect(
        maze: MazeId,
        collection: Collection,
        rows: usize,
        seed: u64,
    ) -> Result<Collected, EnvError> {
        let walker = walker()?;
        let collector = Collector::new(maze, collection, |senses| walker.act(senses), seed);
        let model = Model::compile(&antmaze::model(maze.layout()))?;
        let walk = |simulation: &mut Result<Simulation, PhysicsError>, number: usize| {
            let simulation = simulation.as_mut().map_err(|error| error.clone())?;
            let left = rows - number * EPISODE_ROWS;
            collector.episode(number as u64, left.min(EPISODE_ROWS), simulation)
        };
        let count = rows.div_ceil(EPISODE_ROWS);
        let mut progress = Progress::new();
        progress.begin("walks", 0, count);
        let mut episodes: Vec<Episode> = Vec::with_capacity(count);
        while episodes.len() < count {
            let part = episodes.len()..count.min(episodes.len() + REPORTED);
            let walked = part.into_par_iter().map_init(|| model.simulation(), walk);
            episodes.extend(walked.collect::<Result<Vec<_>, _>>()?);
            progress.update(episodes.len(), None);
        }
        progress.end();
        let whole = &episodes[..rows / EPISODE_ROWS];
        let (data, after) = collector.join(&episodes);
        Ok(Collected {
            data,
            after,
            walks: whole.len(),
            reached: whole.iter().filter(|walk| walk.reached.is_some()).count(),
            overturned: whole.iter().filter(|walk| walk.overturned).count(),
        })
    }
}

#[cfg(not(feature = "mujoco"))]
mod without {
    use std::sync::Arc;

    use diar_core::benchmark::Collection;
    use diar_core::env::{EnvError, Envs};
    use diar_core::maze::MazeId;
    use diar_core::spec::TaskSpec;

    use super::Collected;

    fn absent(task: &str) -> EnvError {
        EnvError::Absent {
            task: task.to_owned(),
            simulator: "MuJoCo, which this program was built without",
            advice: "run `cargo xtask mujoco`, then `cargo build --release -p diar --features mujoco`",
        }
    }

    /// Says how to have the simulator of a task.
    ///
    /// # Errors
    /// Always: this program was built without it.
    pub fn open(spec: &Arc<TaskSpec>, _: MazeId) -> Result<Box<dyn Envs>, EnvError> {
        Err(absent(&spec.id))
    }

    /// Says how to have the simulator that collects data.
    ///
    /// # Errors
    /// Always: this program was built without it.
    pub fn collect(_: MazeId, _: Collection, _: usize, _: u64) -> Result<Collected, EnvError> {
        Err(absent("data of AntMaze"))
    }
}
