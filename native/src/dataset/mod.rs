//! Data sets: generated or read from a D4RL file, always as one [`Transitions`].

pub mod d4rl;
pub mod summary;

use std::path::PathBuf;

use diar_core::data::{ColumnMismatch, Transitions};
use diar_core::task::Task;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A data set that cannot be read, used or written.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file cannot be opened or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not HDF5, or damaged.
    #[error("{} is not a readable HDF5 file: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// A column is missing.
    #[error("{} has no data set '{column}' (it has: {present}): expected D4RL's flat layout", .path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that is missing.
        column: &'static str,
        /// What the file has instead.
        present: String,
    },
    /// A column of the wrong form.
    #[error("column '{column}' of {} {problem}", .path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// What was found and what was expected.
        problem: String,
    },
    /// Columns that do not fit together.
    #[error("{}: {mismatch}", .path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which column.
        mismatch: ColumnMismatch,
    },
    /// The data belongs to another kind of task.
    #[error(
        "{} has {found_state} numbers in a state and {found_action} in an action, but {task} needs {state} and {action}: \
         it was recorded in another environment",
        .path.display()
    )]
    WrongTask {
        /// The file.
        path: PathBuf,
        /// The task to learn.
        task: &'static str,
        /// Numbers in a state of the file.
        found_state: usize,
        /// Numbers in an action of the file.
        found_action: usize,
        /// Numbers in a state of the task.
        state: usize,
        /// Numbers in an action of the task.
        action: usize,
    },
    /// The file could not be encoded.
    #[error("cannot encode {} as HDF5: {source}", .path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the writer says.
        source: Box<hdf5_writer::Error>,
    },
}

/// Checks that data read from `path` has the dimensions of a task.
///
/// # Errors
/// When the data was recorded in an environment of another shape.
pub fn check_task(data: &Transitions, task: &Task, path: &std::path::Path) -> Result<(), DataError> {
    if (data.state_dim, data.action_dim) == (task.state_dim, task.action_dim) {
        return Ok(());
    }
    Err(DataError::WrongTask {
        path: path.to_owned(),
        task: task.id,
        found_state: data.state_dim,
        found_action: data.action_dim,
        state: task.state_dim,
        action: task.action_dim,
    })
}

/// SHA-256 of the columns, in hexadecimal: the same for the same data, whether generated or read from a file.
#[must_use]
pub fn hash(data: &Transitions) -> String {
    let mut sha = Sha256::new();
    sha.update(b"diar transitions 1\n");
    for size in [data.len(), data.state_dim, data.action_dim] {
        sha.update((size as u64).to_le_bytes());
    }
    for column in [&data.states, &data.actions, &data.rewards, &data.goals] {
        sha.update((column.len() as u64).to_le_bytes());
        // In pieces: hashing four bytes at a time would take longer than generating the data.
        for piece in column.chunks(4096) {
            let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
            sha.update(bytes);
        }
    }
    for column in [&data.terminals, &data.timeouts] {
        for piece in column.chunks(4096) {
            let bytes: Vec<u8> = piece.iter().map(|&flag| u8::from(flag)).collect();
            sha.update(bytes);
        }
    }
    format!("{:x}", sha.finalize())
}
