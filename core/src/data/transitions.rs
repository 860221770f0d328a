//! A stream of recorded steps, as D4RL stores it.

use thiserror::Error;

/// Recorded steps, row by row. Row `t` holds the state in which `actions[t]` was chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transitions {
    /// Numbers in a state.
    pub state_dim: usize,
    /// Numbers in an action.
    pub action_dim: usize,
    /// `[rows, state_dim]`, row by row.
    pub states: Vec<f32>,
    /// `[rows, action_dim]`, row by row.
    pub actions: Vec<f32>,
    /// `[rows]`. In Maze2D the reward belongs to the state of the same row (D4RL relabels it so).
    pub rewards: Vec<f32>,
    /// `[rows]`: the task ended here. Nothing is earned beyond, be the recording cut here or not.
    pub terminals: Vec<bool>,
    /// `[rows]`: the segment was cut here. In Maze2D the data-collecting goal was reached; the stream goes on.
    pub timeouts: Vec<bool>,
    /// True if the recorded walk goes on across timeouts, as Maze2D's does. Otherwise each of them ends an episode, and
    /// the next row belongs to another.
    pub continuous: bool,
    /// True if the recorded walk goes on across terminals, as AntMaze's does, where they mark the goal that is rewarded.
    /// Otherwise each of them ends an episode.
    pub past_terminals: bool,
    /// `[rows, 2]`, or empty: where the data-collecting controller was heading (`infos/goal`).
    pub goals: Vec<f32>,
}

/// Columns that do not fit together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "column '{column}' has {found} numbers, expected {expected} ({rows} rows): the data set is cut short or mixed up"
)]
pub struct ColumnMismatch {
    /// Which column.
    pub column: &'static str,
    /// Numbers it has.
    pub found: usize,
    /// Numbers it should have.
    pub expected: usize,
    /// Rows of the data set, by its rewards.
    pub rows: usize,
}

impl Transitions {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rewards.len()
    }

    /// True if there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rewards.is_empty()
    }

    /// The state of a row, `[state_dim]`.
    #[must_use]
    pub fn state(&self, row: usize) -> &[f32] {
        &self.states[row * self.state_dim..(row + 1) * self.state_dim]
    }

    /// The action of a row, `[action_dim]`.
    #[must_use]
    pub fn action(&self, row: usize) -> &[f32] {
        &self.actions[row * self.action_dim..(row + 1) * self.action_dim]
    }

    /// True if the row after this one belongs to another episode.
    #[must_use]
    pub fn breaks_after(&self, row: usize) -> bool {
        (self.terminals[row] && !self.past_terminals) || (self.timeouts[row] && !self.continuous)
    }

    /// Checks that all columns have the same number of rows.
    ///
    /// # Errors
    /// The first column that does not fit.
    pub fn check(&self) -> Result<(), ColumnMismatch> {
        let rows = self.len();
        let columns = [
            ("observations", self.states.len(), rows * self.state_dim),
            ("actions", self.actions.len(), rows * self.action_dim),
            ("terminals", self.terminals.len(), rows),
            ("timeouts", self.timeouts.len(), rows),
        ];
        for (column, found, expected) in columns {
            if found != expected {
                return Err(ColumnMismatch { column, found, expected, rows });
            }
        }
        if !self.goals.is_empty() && self.goals.len() != rows * 2 {
            return Err(ColumnMismatch {
                column: "infos/goal",
                found: self.goals.len(),
                expected: rows * 2,
                rows,
            });
        }
        Ok(())
    }
}
