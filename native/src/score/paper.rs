//! What the paper reports (arXiv 2410.11338, Tables 1 and 2), for the tasks that can be run here.

/// A task's row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// D4RL's environment id.
    pub task: &'static str,
    /// Table 1: BC, IQL, DT, IDQL, Diffuser, LDCQ.
    pub others: [(&'static str, f64); 6],
    /// Table 2, without revaluation: mean and standard deviation.
    pub without: [f64; 2],
    /// Table 2, with revaluation: the same.
    pub with: [f64; 2],
}

/// Its Maze2D rows.
pub const ROWS: [Row; 3] = [
    Row {
        task: "maze2d-umaze-v1",
        others: others([3.8, 47.4, 27.3, 57.9, 113.5, 134.2]),
        without: [135.6, 2.8],
        with: [141.8, 4.3],
    },
    Row {
        task: "maze2d-medium-v1",
        others: others([30.3, 34.9, 32.1, 89.5, 121.5, 125.3]),
        without: [138.2, 3.1],
        with: [139.2, 3.5],
    },
    Row {
        task: "maze2d-large-v1",
        others: others([5.0, 58.6, 18.1, 90.1, 123.0, 150.1]),
        without: [193.5, 4.7],
        with: [200.3, 3.4],
    },
];

const fn others(scores: [f64; 6]) -> [(&'static str, f64); 6] {
    let [bc, iql, dt, idql, diffuser, ldcq] = scores;
    [("BC", bc), ("IQL", iql), ("DT", dt), ("IDQL", idql), ("Diffuser", diffuser), ("LDCQ", ldcq)]
}
