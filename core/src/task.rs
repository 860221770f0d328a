//! What a task is: dimensions, horizon, time limit, reference scores, reward convention.

use thiserror::Error;

use crate::maze::MazeId;

/// A D4RL task that DIAR can be trained on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// D4RL's environment id, such as `maze2d-umaze-v1`.
    pub id: &'static str,
    /// The maze it is played in.
    pub maze: MazeId,
    /// Numbers in a state: x, y (m), vx, vy (m/s).
    pub state_dim: usize,
    /// Numbers in an action, each in [-1, 1].
    pub action_dim: usize,
    /// Window length H, in environment steps (paper, A.1).
    pub horizon: usize,
    /// Time limit of an episode T, in environment steps.
    pub max_steps: usize,
    /// D4RL's reference return of a random policy.
    pub ref_min: f64,
    /// D4RL's reference return of its expert.
    pub ref_max: f64,
    /// Rows of D4RL's data set.
    pub rows: usize,
}

/// Every task, in order of size.
pub const TASKS: [Task; 3] = [
    Task {
        id: "maze2d-umaze-v1",
        maze: MazeId::Umaze,
        state_dim: 4,
        action_dim: 2,
        horizon: 30,
        max_steps: 300,
        ref_min: 23.85,
        ref_max: 161.86,
        rows: 1_000_000,
    },
    Task {
        id: "maze2d-medium-v1",
        maze: MazeId::Medium,
        state_dim: 4,
        action_dim: 2,
        horizon: 30,
        max_steps: 600,
        ref_min: 13.13,
        ref_max: 277.39,
        rows: 2_000_000,
    },
    Task {
        id: "maze2d-large-v1",
        maze: MazeId::Large,
        state_dim: 4,
        action_dim: 2,
        horizon: 30,
        max_steps: 800,
        ref_min: 6.7,
        ref_max: 273.99,
        rows: 4_000_000,
    },
];

/// A task id that is not known.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown task '{found}': expected one of {}", known())]
pub struct UnknownTask {
    /// The id that was asked for.
    pub found: String,
}

fn known() -> String {
    TASKS.map(|task| task.id).join(", ")
}

impl Task {
    /// The task of an id.
    ///
    /// # Errors
    /// When no task has that id; the message lists those that exist.
    pub fn find(id: &str) -> Result<&'static Self, UnknownTask> {
        TASKS.iter().find(|task| task.id == id).ok_or_else(|| UnknownTask { found: id.to_owned() })
    }

    /// D4RL's normalised score of a return: 0 is a random policy, 100 its expert.
    #[must_use]
    pub fn normalise(&self, score: f64) -> f64 {
        100.0 * (score - self.ref_min) / (self.ref_max - self.ref_min)
    }

    /// The `first_contact` return: every step from the first contact on counts; 0 without contact.
    ///
    /// `contact` is the number of steps taken when the goal was first touched (1 = by the first step).
    #[must_use]
    pub fn first_contact_return(&self, contact: Option<usize>) -> f64 {
        contact.map_or(0.0, |step| (self.max_steps - step.min(self.max_steps)) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_match_the_reference_table() {
        let umaze = Task::find("maze2d-umaze-v1").unwrap();
        assert!((umaze.normalise(umaze.ref_min)).abs() < 1e-12);
        assert!((umaze.normalise(umaze.ref_max) - 100.0).abs() < 1e-12);
        // The paper's 141.8 implies a mean first contact at step 80.5 (see docs/results.md).
        let score = umaze.normalise(300.0 - 80.5);
        assert!((score - 141.8).abs() < 0.1, "{score}");
        assert!((umaze.first_contact_return(Some(300))).abs() < 1e-12);
        assert!((umaze.first_contact_return(None)).abs() < 1e-12);
    }

    #[test]
    fn unknown_tasks_are_named() {
        let error = Task::find("maze2d-huge-v1").unwrap_err().to_string();
        assert!(error.contains("maze2d-huge-v1") && error.contains("maze2d-medium-v1"), "{error}");
    }
}
