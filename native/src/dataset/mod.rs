//! Data sets: generated, or read from D4RL's or Minari's files, always as one [`Transitions`].

pub mod d4rl;
mod derive;
mod fit;
mod generate;
mod hdf5;
mod inspection;
mod memory;
mod minari;
mod origin;
pub mod summary;

use std::path::{Path, PathBuf};

use diar_core::data::{ColumnMismatch, Transitions};
use diar_core::spec::TaskSpec;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use derive::{Derived, basis};
pub use fit::Fit;
pub use generate::{generate, require};
pub use inspection::Inspection;
pub use origin::{Boundaries, Layout, Origin};

use crate::guard::guarded;

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
        /// The system's message.
        source: std::io::Error,
    },
    /// The file is not HDF5, or damaged.
    #[error("{} is not a readable HDF5 file: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reader's message.
        reason: String,
    },
    /// A file that a program was writing when it died, or still writes.
    #[error(
        "{} was not closed by the program that writes it, which still runs or died: rows may be missing or half \
         written",
        .path.display()
    )]
    LeftOpen {
        /// The file.
        path: PathBuf,
    },
    /// A link in the file that leads to nothing.
    #[error("the link '{link}' of {}, to {target}, {problem}", .path.display())]
    Link {
        /// The file that is read.
        path: PathBuf,
        /// The link, from the root of the file on.
        link: String,
        /// Where it should lead.
        target: String,
        /// The trouble with it.
        problem: String,
    },
    /// A data set without a single row.
    #[error("{} holds no rows, expected at least one", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A column is missing.
    #[error("{} has no data set '{column}' (it has: {present}): expected {expected}", .path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that is missing.
        column: String,
        /// Members that the file has instead.
        present: String,
        /// The layout that has it.
        expected: &'static str,
    },
    /// A column of the wrong form.
    #[error("column '{column}' of {} {problem}", .path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Found and expected, in words.
        problem: String,
    },
    /// More than the machine's memory.
    #[error(
        "{} takes {needed} of memory, {available} are available: read a part of it, or use a larger machine",
        .path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Memory that it takes by its headers.
        needed: String,
        /// Memory that is available.
        available: String,
    },
    /// A folder that is no data set of Minari's.
    #[error(
        "{} {reason}: expected an HDF5 file, or the folder of a Minari data set with data/main_data.hdf5",
        .path.display()
    )]
    NoMinari {
        /// The folder.
        path: PathBuf,
        /// Contents that it has instead.
        reason: String,
    },
    /// Minari's metadata.
    #[error("{} is not a Minari data set's metadata: {reason}", .path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The trouble with it.
        reason: String,
    },
    /// Fewer or more episodes or steps than there should be.
    #[error(
        "{} has {found} {unit}, but {source_of} says {told}: parts of the data set are missing, or of another one",
        .path.display()
    )]
    Total {
        /// The file.
        path: PathBuf,
        /// Where the total stands.
        source_of: &'static str,
        /// Episodes or steps.
        unit: &'static str,
        /// The total.
        told: u64,
        /// The number that was read.
        found: u64,
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
        task: String,
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
        /// The writer's message.
        source: Box<hdf5_writer::Error>,
    },
}

impl DataError {
    /// The next thing to do about it, where the message does not say so itself.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Damaged { .. } => {
                "copy or download it again; if h5py reads it, `h5repack IN OUT` writes it in a plainer form"
            }
            Self::LeftOpen { .. } => {
                "end that program; if all rows are there, `h5clear -s FILE` removes the mark that it left"
            }
            Self::Link { .. } => {
                "put back what the link leads to, or gather the columns in one file, with h5py: `new[name] = old[name][()]`"
            }
            Self::MissingColumn { expected: minari::LAYOUT, .. } => {
                "docs/formats.md says under Data which columns an episode has"
            }
            Self::MissingColumn { .. } => "`diar data generate` makes a file of the expected form",
            Self::Metadata { .. } => "repair it, or move it away: without it, its totals are not checked",
            Self::Total { .. } => "give the folder of the whole data set, or copy or download it again",
            Self::WrongTask { .. } => "`diar data inspect` says which tasks a data set fits",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Reads a D4RL file, or a Minari data set by its folder, its `data` folder or its file.
///
/// # Errors
/// When the file is missing, damaged or larger than the memory, a column is missing, too short, of the wrong form, or
/// holds something that is not a number.
pub fn read(path: &Path) -> Result<(Transitions, Origin), DataError> {
    read_within(path, crate::memory::available())
}

/// [`read`] with so many bytes of memory; without a number, everything is tried.
///
/// # Errors
/// As [`read`].
pub fn read_within(path: &Path, available: Option<u64>) -> Result<(Transitions, Origin), DataError> {
    let file = if path.is_dir() { minari::file_in(path)? } else { path.to_owned() };
    let path = file.as_path();
    guarded(|| {
        let files = hdf5::Files::new(path, available);
        let root = hdf5::Node::root(&files)?;
        if minari::recognises(&root) {
            minari::read(path, &root, available)
        } else {
            d4rl::read(path, &root, available)
        }
    })
    .map_err(|reason| hdf5::damaged(path, &reason))?
}

/// Checks that data read from `path` has the dimensions of a task.
///
/// # Errors
/// When the data was recorded in an environment of another shape.
pub fn check_task(data: &Transitions, task: &TaskSpec, path: &Path) -> Result<(), DataError> {
    if (data.state_dim, data.action_dim) == (task.state_dim(), task.action_dim()) {
        return Ok(());
    }
    Err(DataError::WrongTask {
        path: path.to_owned(),
        task: task.id.clone(),
        found_state: data.state_dim,
        found_action: data.action_dim,
        state: task.state_dim(),
        action: task.action_dim(),
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
    // Data of one stretch has the hash that it had before there were others.
    if !data.continuous {
        sha.update(b"episodes\n");
    }
    format!("{:x}", sha.finalize())
}
