//! Data sets: generated, or read from the files of D4RL, Minari, OGBench and NumPy, always as one [`Transitions`].

mod arrow;
mod column;
pub mod d4rl;
mod derive;
mod description;
mod error;
mod fit;
mod generate;
mod hdf5;
mod inspection;
mod memory;
mod minari;
mod npz;
mod number;
mod ogbench;
mod origin;
pub mod summary;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use diar_core::data::Transitions;
use diar_core::spec::TaskSpec;
use sha2::{Digest, Sha256};

pub use derive::{Derived, basis};
pub use description::Description;
pub use error::DataError;
pub use fit::Fit;
pub use generate::{GenerateError, Generated, generate, require};
pub use inspection::Inspection;
pub use origin::{Boundaries, Bounds, Declared, Dropped, Layout, Origin, RewardSource, Storage};

use crate::guard::guarded;
use crate::label::RewardAt;

/// Reads a data set: D4RL's columns in HDF5 or in an npz file, OGBench's npz file, or Minari's episodes by their folder, its
/// `data` folder or the HDF5 file in there. Data without rewards are labelled by `reward_at`.
///
/// # Errors
/// When a file is missing, damaged or larger than the memory, a column is missing, too short, of the wrong form, or holds
/// something that is not a number, or when there are both rewards and `reward_at`, or neither.
pub fn read(path: &Path, reward_at: Option<RewardAt>) -> Result<(Transitions, Description), DataError> {
    read_within(path, reward_at, crate::memory::available())
}

/// [`read`] with so many bytes of memory; without a number, everything is tried.
///
/// # Errors
/// As [`read`].
pub fn read_within(
    path: &Path,
    reward_at: Option<RewardAt>,
    available: Option<u64>,
) -> Result<(Transitions, Description), DataError> {
    let (path, format) = find(path)?;
    let path = path.as_path();
    let read = guarded(|| match format {
        Storage::Npz => npz::read(path, reward_at, available),
        // Only OGBench's files have no rewards.
        _ if reward_at.is_some() => Err(DataError::OwnRewards { path: path.to_owned() }),
        Storage::Arrow | Storage::Parquet => minari::read_tables(path, format, available),
        Storage::Hdf5 => {
            let files = hdf5::Files::new(path, available);
            let root = hdf5::Node::root(&files)?;
            if minari::recognises(&root) {
                minari::read_hdf5(path, &root, available)
            } else {
                d4rl::read(&root, Storage::Hdf5, available)
            }
        }
    });
    let panicked = |reason| DataError::Damaged { path: path.to_owned(), format, reason };
    let (data, origin) = read.map_err(panicked)??;
    let name = origin.declared.id.clone().unwrap_or_else(|| name_of(path));
    let description = Description::of(name, origin, &data);
    Ok((data, description))
}

/// The file of a data set, or the folder with its episodes, and the format.
fn find(path: &Path) -> Result<(PathBuf, Storage), DataError> {
    if path.is_dir() {
        return minari::find(path);
    }
    let mut begin = Vec::new();
    let file = File::open(path).and_then(|file| file.take(8).read_to_end(&mut begin));
    file.map_err(|source| DataError::File { action: "read", path: path.to_owned(), source })?;
    match begin.as_slice() {
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [b'P', b'A', b'R', b'1', ..] => {
            Err(DataError::Episode { path: path.to_owned() })
        }
        begin if npz::recognises(begin) => Ok((path.to_owned(), Storage::Npz)),
        // A user block may come before the mark of HDF5.
        _ => Ok((path.to_owned(), Storage::Hdf5)),
    }
}

/// The name of a file without its suffix; of the files that Minari has in a data set's `data` folder, the name of that
/// folder's own.
pub(crate) fn name_of(path: &Path) -> String {
    let full = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let file = full.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = full.ancestors().map(Path::file_name).map(Option::unwrap_or_default);
    let mut folder = folder.map(|name| name.to_string_lossy().into_owned());
    let inside = file == "main_data" || file == "data";
    folder.find(|name| inside && !["main_data.hdf5", "data"].contains(&name.as_str())).unwrap_or(file)
}

/// Share of the width of its bounds by which an action may lie outside of them: what rounding does.
const ROUNDING: f32 = 1e-4;

/// Checks that data read from `path` has the dimensions of a task, and actions within its bounds.
///
/// # Errors
/// When the data was recorded in another environment.
pub fn check_task(data: &Transitions, task: &TaskSpec, path: &Path) -> Result<(), DataError> {
    if (data.state_dim, data.action_dim) != (task.state_dim(), task.action_dim()) {
        return Err(DataError::WrongTask {
            path: path.to_owned(),
            task: task.id.clone(),
            found_state: data.state_dim,
            found_action: data.action_dim,
            state: task.state_dim(),
            action: task.action_dim(),
        });
    }
    let Some(bounds) = &task.action.bounds else { return Ok(()) };
    let stray = |row: usize| {
        let numbers = data.action(row).iter().zip(bounds.low.iter().zip(&bounds.high));
        let outside = |&(_, (&found, (&low, &high))): &(usize, (&f32, (&f32, &f32)))| {
            let slack = ROUNDING * (high - low);
            found < low - slack || found > high + slack
        };
        numbers.enumerate().find(outside).map(|(number, (&found, (&low, &high)))| (number, found, low, high))
    };
    let mut strays = (0..data.len()).filter_map(|row| Some((row, stray(row)?)));
    let Some((row, (number, found, low, high))) = strays.next() else { return Ok(()) };
    Err(DataError::OutOfBounds {
        path: path.to_owned(),
        task: task.id.clone(),
        count: 1 + strays.count(),
        row,
        number,
        found,
        low,
        high,
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
    if data.past_terminals {
        sha.update(b"past terminals\n");
    }
    format!("{:x}", sha.finalize())
}
