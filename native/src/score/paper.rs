//! Figures of the paper (arXiv 2410.11338, Tables 1 and 2), for its nine tasks.

use diar_core::spec::ScoreKind;

/// A task's row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// D4RL's environment id.
    pub task: &'static str,
    /// The score that the paper's figure is taken for.
    pub score: ScoreKind,
    /// Table 1: BC, IQL, DT, IDQL, Diffuser, DD, LDCQ; `None` where it has a dash.
    pub others: [(&'static str, Option<f64>); 7],
    /// Table 1, DIAR: mean and standard deviation. For three tasks it is that of Table 2 without revaluation.
    pub diar: [f64; 2],
    /// Table 2, without revaluation: the same.
    pub without: [f64; 2],
    /// Table 2, with revaluation: the same.
    pub with: [f64; 2],
}

/// All nine, in the paper's order.
pub const ROWS: [Row; 9] = [
    row(
        "maze2d-umaze-v1",
        ScoreKind::FirstContact,
        [3.8, 47.4, 27.3, 57.9, 113.5, NONE, 134.2],
        [[141.8, 4.3], [135.6, 2.8], [141.8, 4.3]],
    ),
    row(
        "maze2d-medium-v1",
        ScoreKind::FirstContact,
        [30.3, 34.9, 32.1, 89.5, 121.5, NONE, 125.3],
        [[139.2, 3.5], [138.2, 3.1], [139.2, 3.5]],
    ),
    row(
        "maze2d-large-v1",
        ScoreKind::FirstContact,
        [5.0, 58.6, 18.1, 90.1, 123.0, NONE, 150.1],
        [[200.3, 3.4], [193.5, 4.7], [200.3, 3.4]],
    ),
    row(
        "antmaze-umaze-diverse-v2",
        ScoreKind::Success,
        [45.6, 62.2, 54.0, 62.0, NONE, NONE, 81.4],
        [[88.8, 1.5], [88.8, 1.5], [85.4, 2.6]],
    ),
    row(
        "antmaze-medium-diverse-v2",
        ScoreKind::Success,
        [0.0, 70.0, 0.0, 83.5, 45.5, 24.6, 68.9],
        [[68.2, 6.7], [68.2, 6.7], [67.4, 3.4]],
    ),
    row(
        "antmaze-large-diverse-v2",
        ScoreKind::Success,
        [0.0, 47.5, 0.0, 56.4, 22.0, 7.5, 57.7],
        [[60.6, 2.4], [56.0, 4.6], [60.6, 2.4]],
    ),
    row(
        "kitchen-complete-v0",
        ScoreKind::Subtasks,
        [65.0, 62.5, NONE, NONE, NONE, NONE, 62.5],
        [[68.8, 2.1], [68.8, 2.1], [63.8, 3.0]],
    ),
    row(
        "kitchen-partial-v0",
        ScoreKind::Subtasks,
        [38.0, 46.3, 42.0, NONE, NONE, 57.0, 67.8],
        [[63.3, 0.9], [63.3, 0.9], [63.0, 2.5]],
    ),
    row(
        "kitchen-mixed-v0",
        ScoreKind::Subtasks,
        [51.5, 51.0, 50.7, NONE, NONE, 65.0, 62.3],
        [[60.8, 1.4], [60.0, 0.7], [60.8, 1.4]],
    ),
];

/// A published row of Maze2D's tables, which the paper prints side by side whatever it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Method.
    pub method: &'static str,
    /// The score that it counts.
    pub score: ScoreKind,
    /// Information beyond observations, actions and their data.
    pub side: &'static str,
    /// U-maze, medium and large.
    pub scores: [f64; 3],
    /// Its source.
    pub source: &'static str,
}

/// Rows whose protocol is known. The paper's DT (27.3, 32.1, 18.1) is in no table: its protocol is not. DD has no Maze2D score.
pub const MAZE2D: [Published; 8] = [
    Published {
        method: "LDCQ",
        score: ScoreKind::FirstContact,
        side: REWARDS,
        scores: [134.2, 125.3, 150.1],
        source: "LDCQ's paper, as DIAR's Table 1 has it",
    },
    Published {
        method: "DIAR",
        score: ScoreKind::FirstContact,
        side: REWARDS,
        scores: [141.8, 139.2, 200.3],
        source: "DIAR's Table 1",
    },
    Published {
        method: "BC",
        score: ScoreKind::Return,
        side: "nothing",
        scores: [3.8, 30.3, 5.0],
        source: "D4RL's paper, as DIAR's Table 1 has it",
    },
    Published {
        method: "IQL",
        score: ScoreKind::Return,
        side: REWARDS,
        scores: [47.4, 34.9, 58.6],
        source: "Diffuser's Table 1, as DIAR's has it",
    },
    Published {
        method: "IQL (CORL, last checkpoint)",
        score: ScoreKind::Return,
        side: REWARDS,
        scores: [42.1, 34.9, 61.7],
        source: "CORL's results, 4 seeds of 100 episodes",
    },
    Published {
        method: "IDQL",
        score: ScoreKind::Return,
        side: REWARDS,
        scores: [57.9, 89.5, 90.1],
        source: "IDQL's paper, as DIAR's Table 1 has it",
    },
    Published {
        method: "DT (CORL, last checkpoint)",
        score: ScoreKind::Return,
        side: REWARDS,
        scores: [18.1, 31.7, 35.7],
        source: "CORL's results, 4 seeds of 100 episodes",
    },
    Published {
        method: "Diffuser",
        score: ScoreKind::Return,
        side: PARKS,
        scores: [113.9, 121.5, 123.0],
        source: "Diffuser's Table 1 (DIAR's prints 113.5)",
    },
];

/// Of plans to a goal that is given, followed by a controller written by hand.
pub const PARKS: &str = "the goal, and a controller that parks there";

/// Of methods that know the goal by its rewards alone.
pub const REWARDS: &str = "rewards";

/// A dash in the paper's table.
const NONE: f64 = f64::NAN;

const fn row(task: &'static str, score: ScoreKind, others: [f64; 7], diar: [[f64; 2]; 3]) -> Row {
    const NAMES: [&str; 7] = ["BC", "IQL", "DT", "IDQL", "Diffuser", "DD", "LDCQ"];
    let mut named = [("", None); 7];
    let mut i = 0;
    while i < 7 {
        named[i] = (NAMES[i], if others[i].is_nan() { None } else { Some(others[i]) });
        i += 1;
    }
    Row { task, score, others: named, diar: diar[0], without: diar[1], with: diar[2] }
}
