//! Minari's layout: episodes by themselves, in groups of one HDF5 file.
//!
//! A data set is a folder with `data/metadata.json` and `data/main_data.hdf5`. An episode has `actions`, `rewards`, `terminations` and `truncations` of T steps, and T + 1 `observations`: the last is where the episode
//! ended. Of observations that come in parts (mazes: with goals) the part `observation` is the state.

mod episode;
mod hdf5;
mod metadata;
mod spaces;

use std::path::{Path, PathBuf};

use super::{DataError, Storage};

pub(super) use hdf5::{read as read_hdf5, recognises};

/// The file of a data set in HDF5.
const FILE: &str = "main_data.hdf5";
/// The layout's name in errors.
pub(super) const LAYOUT: &str = "Minari's layout";

/// The file in a data set's folder, or in its `data` folder.
///
/// # Errors
/// When there is none.
pub(super) fn find(folder: &Path) -> Result<(PathBuf, Storage), DataError> {
    let places = [folder.join("data"), folder.to_owned()];
    if let Some(place) = places.iter().find(|place| place.join(FILE).is_file()) {
        return Ok((place.join(FILE), Storage::Hdf5));
    }
    let format = places.iter().find_map(|place| metadata::Metadata::read(place).ok()??.data_format);
    Err(DataError::NoMinari {
        path: folder.to_owned(),
        reason: match format {
            Some(format) if format != "hdf5" => format!("stores its episodes as {format}"),
            _ => format!("has no data/{FILE}"),
        },
    })
}
