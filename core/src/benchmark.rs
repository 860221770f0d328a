//! D4RL's tasks, by their ids: specifications, and what the paper and D4RL's files say about each.
//!
//! Bundles and links of version 1 name their task by id only; this is where the rest comes from. All that is newer holds its
//! own [`TaskSpec`].

mod antmaze;

use std::sync::{Arc, LazyLock};

use thiserror::Error;

pub use antmaze::{ANTMAZE, Collection};

use crate::maze::MazeId;
use crate::settings::Basis;
use crate::spec::{RewardKind, ScoreKind, Scoring, Space, TaskSpec};

/// A task of D4RL.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// Its specification.
    pub spec: Arc<TaskSpec>,
    /// Simulator that it is played in.
    pub family: Family,
    /// Window length H of the paper, in environment steps (A.1).
    pub horizon: usize,
    /// Rows of D4RL's data set.
    pub rows: usize,
}

/// A simulator and the world in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A point mass in a maze.
    Maze2d(MazeId),
    /// A body with four legs in a maze, and the walks that its data consists of.
    AntMaze(MazeId, Collection),
}

/// A task id that is not known.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown task '{found}': expected one of {}", known())]
pub struct UnknownTask {
    /// The id that was asked for.
    pub found: String,
}

fn known() -> String {
    Benchmark::all().map(Benchmark::id).collect::<Vec<_>>().join(", ")
}

/// Maze2D's three tasks, in order of size.
pub static MAZE2D: LazyLock<[Benchmark; 3]> = LazyLock::new(|| {
    [
        maze2d("maze2d-umaze-v1", MazeId::Umaze, 300, [23.85, 161.86], 1_000_000),
        maze2d("maze2d-medium-v1", MazeId::Medium, 600, [13.13, 277.39], 2_000_000),
        maze2d("maze2d-large-v1", MazeId::Large, 800, [6.7, 273.99], 4_000_000),
    ]
});

/// A Maze2D task: time limit, returns of D4RL's random policy and its expert, and rows of its file.
fn maze2d(id: &str, maze: MazeId, max_steps: usize, reference: [f64; 2], rows: usize) -> Benchmark {
    let spec = TaskSpec {
        id: id.to_owned(),
        observation: Space::named(&["x (m)", "y (m)", "vx (m/s)", "vy (m/s)"]),
        action: Space {
            names: ["force x", "force y"].map(str::to_owned).to_vec(),
            ..Space::within(2, -1.0, 1.0)
        },
        max_steps,
        reward: RewardKind::AtGoal,
        scoring: Scoring {
            kinds: vec![ScoreKind::FirstContact, ScoreKind::Return],
            reference: Some(reference),
            strata: maze.layout().free_cells().len(),
        },
    };
    Benchmark { spec: Arc::new(spec), family: Family::Maze2d(maze), horizon: 30, rows }
}

impl Benchmark {
    /// All of them: Maze2D's, then AntMaze's.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        MAZE2D.iter().chain(ANTMAZE.iter())
    }

    /// The task of an id.
    ///
    /// # Errors
    /// When no task has that id; the message lists those that exist.
    pub fn find(id: &str) -> Result<&'static Self, UnknownTask> {
        Self::all().find(|task| task.id() == id).ok_or_else(|| UnknownTask { found: id.to_owned() })
    }

    /// D4RL's environment id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.spec.id
    }

    /// Facts that presets are sized by.
    #[must_use]
    pub fn basis(&self) -> Basis {
        Basis {
            rows: self.rows,
            horizon: self.horizon,
            max_steps: self.spec.max_steps,
            reward: self.spec.reward,
            score: self.spec.scoring.kinds[0],
        }
    }

    /// The maze that it is played in. AntMaze has other coordinates than Maze2D.
    #[must_use]
    pub fn maze(&self) -> MazeId {
        match self.family {
            Family::Maze2d(maze) | Family::AntMaze(maze, _) => maze,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_specification_is_usable_and_found_by_its_id() {
        for task in Benchmark::all() {
            task.spec.check().unwrap();
            assert_eq!(Benchmark::find(task.id()), Ok(task));
        }
    }

    #[test]
    fn scores_match_the_reference_table() {
        let umaze = &MAZE2D[0].spec;
        // The paper's 141.8 implies a mean first contact at step 80.5 (see docs/results.md).
        let score = umaze.normalise(300.0 - 80.5);
        assert!((score - 141.8).abs() < 0.1, "{score}");
        assert_eq!(MAZE2D[2].spec.scoring.strata, 46);
    }

    #[test]
    fn unknown_tasks_are_named() {
        let error = Benchmark::find("maze2d-huge-v1").unwrap_err().to_string();
        assert!(error.contains("maze2d-huge-v1") && error.contains("maze2d-medium-v1"), "{error}");
    }
}
