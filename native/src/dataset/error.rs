//! Reasons why a data set cannot be read, used or written.

use std::path::PathBuf;

use diar_core::data::ColumnMismatch;
use thiserror::Error;

use super::{Storage, minari, npz};

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
    /// The file is not of its format, or damaged.
    #[error("{} is not a readable {format} file: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Storage,
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
        "{} {reason}: expected an HDF5 or npz file, or the folder of a Minari data set, with data/main_data.hdf5 or \
         data/0/part-0.arrow or .parquet",
        .path.display()
    )]
    NoMinari {
        /// The folder.
        path: PathBuf,
        /// Contents that it has instead.
        reason: String,
    },
    /// One of many files that are a data set together.
    #[error(
        "{} is one episode of a Minari data set: expected the folder of the whole one, with data/metadata.json",
        .path.display()
    )]
    Episode {
        /// The file.
        path: PathBuf,
    },
    /// Data without rewards, and no word on how to label them.
    #[error(
        "{} has no rewards: expected an array 'rewards', or `--reward-at X,Y,RADIUS`, which rewards each step that ends \
         within that radius of that place",
        .path.display()
    )]
    NoRewards {
        /// The file.
        path: PathBuf,
    },
    /// Data with rewards, and another way to label them.
    #[error("{} has rewards of its own, and `--reward-at` is for data without: leave it out", .path.display())]
    OwnRewards {
        /// The file.
        path: PathBuf,
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
    /// Actions that the task does not have.
    #[error(
        "{count} actions of {} lie outside of {task}'s bounds, the first in row {row}: number {number} is {found}, expected \
         {low} to {high}. Correct the bounds in the specification (`--spec`), or the data",
        .path.display()
    )]
    OutOfBounds {
        /// The file.
        path: PathBuf,
        /// The task to learn.
        task: String,
        /// Rows with such an action.
        count: usize,
        /// The first of them.
        row: usize,
        /// The place of the first such number in its action.
        number: usize,
        /// That number.
        found: f32,
        /// The least that it may be.
        low: f32,
        /// The most.
        high: f32,
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
            Self::Damaged { format: Storage::Hdf5, .. } => {
                "copy or download it again; if h5py reads it, `h5repack IN OUT` writes it in a plainer form"
            }
            Self::Damaged { .. } => "copy or download it again",
            Self::LeftOpen { .. } => {
                "end that program; if all rows are there, `h5clear -s FILE` removes the mark that it left"
            }
            Self::Link { .. } => {
                "put back what the link leads to, or gather the columns in one file, with h5py: `new[name] = old[name][()]`"
            }
            Self::MissingColumn { expected: minari::LAYOUT, .. } => {
                "docs/formats.md says under Data which columns an episode has"
            }
            Self::MissingColumn { expected: npz::LAYOUT, .. } => {
                "docs/formats.md says under Data which arrays an npz file has"
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
