//! Minari's layout: episodes by themselves, in groups of one HDF5 file or in Arrow or Parquet files in folders.
//!
//! A data set is a folder with `data/metadata.json` and `data/main_data.hdf5`, or with `data/0`, `data/1`, … An episode has
//! `actions`, `rewards`, `terminations` and `truncations` of T steps, and T + 1 `observations`: the last is where the episode
//! ended. Of observations that come in parts (mazes: with goals) the part `observation` is the state.

mod episode;
mod hdf5;
mod metadata;
mod spaces;
mod tables;

use std::path::{Path, PathBuf};

use super::{DataError, Storage};

pub(super) use hdf5::{read as read_hdf5, recognises};
pub(super) use tables::read as read_tables;

/// The file of a data set in HDF5.
const FILE: &str = "main_data.hdf5";
/// The layout's name in errors.
pub(super) const LAYOUT: &str = "Minari's layout";

/// The HDF5 file in a data set's folder or in its `data` folder; for the other formats, the folder with the episodes.
///
/// # Errors
/// When there is neither.
pub(super) fn find(folder: &Path) -> Result<(PathBuf, Storage), DataError> {
    let places = [folder.join("data"), folder.to_owned()];
    if let Some(place) = places.iter().find(|place| place.join(FILE).is_file()) {
        return Ok((place.join(FILE), Storage::Hdf5));
    }
    let told = |place: &Path| metadata::Metadata::read(place).ok()??.data_format;
    for place in &places {
        let storage = match told(place).as_deref() {
            Some("arrow") => Some(Storage::Arrow),
            Some("parquet") => Some(Storage::Parquet),
            _ => tables::storage(place),
        };
        if let Some(storage) = storage {
            return Ok((place.clone(), storage));
        }
    }
    let reason = match places.iter().find_map(|place| told(place)) {
        Some(format) if format != "hdf5" => format!("stores its episodes as {format}"),
        _ => format!("has no data/{FILE} and no episodes"),
    };
    Err(DataError::NoMinari { path: folder.to_owned(), reason })
}
