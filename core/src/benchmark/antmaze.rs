//! AntMaze's six tasks.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::{Benchmark, Family};
use crate::maze::MazeId;
use crate::spec::{RewardKind, ScoreKind, Scoring, Space, TaskSpec};

/// Starts and goals of the walks that a data set of AntMaze consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collection {
    /// From the evaluation's start to its goal.
    Fixed,
    /// From anywhere to goals picked by hand.
    Play,
    /// From anywhere to anywhere.
    Diverse,
}

/// Numbers of an observation: positions, then velocities.
const OBSERVED: [&str; 29] = [
    "x (m)",
    "y (m)",
    "z (m)",
    "quaternion w",
    "quaternion x",
    "quaternion y",
    "quaternion z",
    "hip 1 (rad)",
    "ankle 1 (rad)",
    "hip 2 (rad)",
    "ankle 2 (rad)",
    "hip 3 (rad)",
    "ankle 3 (rad)",
    "hip 4 (rad)",
    "ankle 4 (rad)",
    "vx (m/s)",
    "vy (m/s)",
    "vz (m/s)",
    "rotation x (rad/s)",
    "rotation y (rad/s)",
    "rotation z (rad/s)",
    "hip 1 (rad/s)",
    "ankle 1 (rad/s)",
    "hip 2 (rad/s)",
    "ankle 2 (rad/s)",
    "hip 3 (rad/s)",
    "ankle 3 (rad/s)",
    "hip 4 (rad/s)",
    "ankle 4 (rad/s)",
];

/// Numbers of an action: torques, in the order of D4RL's motors.
const TORQUES: [&str; 8] = ["hip 4", "ankle 4", "hip 1", "ankle 1", "hip 2", "ankle 2", "hip 3", "ankle 3"];

/// AntMaze's tasks, in order of size.
pub static ANTMAZE: LazyLock<[Benchmark; 6]> = LazyLock::new(|| {
    [
        antmaze("antmaze-umaze-v2", MazeId::Umaze, Collection::Fixed),
        antmaze("antmaze-umaze-diverse-v2", MazeId::Umaze, Collection::Diverse),
        antmaze("antmaze-medium-play-v2", MazeId::Medium, Collection::Play),
        antmaze("antmaze-medium-diverse-v2", MazeId::Medium, Collection::Diverse),
        antmaze("antmaze-large-play-v2", MazeId::Large, Collection::Play),
        antmaze("antmaze-large-diverse-v2", MazeId::Large, Collection::Diverse),
    ]
});

fn antmaze(id: &str, maze: MazeId, collection: Collection) -> Benchmark {
    let spec = TaskSpec {
        id: id.to_owned(),
        observation: Space::named(&OBSERVED),
        action: Space {
            names: TORQUES.map(str::to_owned).to_vec(),
            ..Space::within(TORQUES.len(), -1.0, 1.0)
        },
        max_steps: if maze == MazeId::Umaze { 700 } else { 1000 },
        reward: RewardKind::AtGoal,
        scoring: Scoring { kinds: vec![ScoreKind::Success], reference: Some([0.0, 1.0]), strata: 1 },
    };
    let family = Family::AntMaze(maze, collection);
    Benchmark { spec: Arc::new(spec), family, horizon: 20, rows: 1_000_000 }
}
