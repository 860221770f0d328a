//! Minari's Arrow and Parquet: a folder for each episode, with one file in it.
//!
//! All columns of such a file are as long as its observations: the last row has the observation that the episode ended with,
//! and nothing else that counts. Only the columns that are needed are read, one episode after the other.

use std::fs;
use std::path::{Path, PathBuf};

use diar_core::data::Transitions;

use super::super::arrow::{Held, Name, Table};
use super::super::column::Column;
use super::super::memory::Need;
use super::super::{DataError, Origin, Storage};
use super::LAYOUT;
use super::episode::{Episode, Episodes};
use super::metadata::{EpisodeMetadata, METADATA, Metadata};

/// The columns of an episode, in its order of them.
const STATES: Name = ("observations", "observation");
const ACTIONS: Name = ("actions", "");
const REWARDS: Name = ("rewards", "");
const TERMINATIONS: Name = ("terminations", "");
const TRUNCATIONS: Name = ("truncations", "");

/// An episode by the header of its file.
struct Header {
    table: Table,
    steps: u64,
    state: usize,
    action: usize,
}

/// The format of the first episode in a folder.
pub(super) fn storage(folder: &Path) -> Option<Storage> {
    let (numbers, _) = numbers(folder).ok()?;
    let episode = folder.join(numbers.first()?.to_string());
    [Storage::Arrow, Storage::Parquet]
        .into_iter()
        .find(|&storage| files(&episode, storage).is_ok_and(|files| !files.is_empty()))
}

/// Reads the episodes in a data set's `data` folder.
pub(in super::super) fn read(
    folder: &Path,
    storage: Storage,
    available: Option<u64>,
) -> Result<(Transitions, Origin), DataError> {
    let metadata = Metadata::read(folder)?.unwrap_or_default();
    let (numbers, mut findings) = numbers(folder)?;
    if let Some((missing, _)) = (0..).zip(&numbers).find(|(expected, number)| expected != *number) {
        findings.push(format!("episode {missing} is missing, though later ones are there"));
    }
    let headers = numbers
        .iter()
        .map(|number| Header::read(&folder.join(number.to_string()), storage))
        .collect::<Result<Vec<_>, _>>()?;
    let mut need = Need::default();
    for Header { table, state, action, .. } in &headers {
        // Arrow has the columns of an episode all at once.
        need.add(table.rows.saturating_mul((state + action + 3) as u64), 8);
    }
    need.check(folder, available)?;

    let mut episodes = Episodes::default();
    if let Some(first) = headers.first() {
        episodes.reserve(headers.iter().map(|header| header.steps).sum(), first.state, first.action);
    }
    for header in &headers {
        episodes.append(&header.episode()?)?;
    }
    episodes.finish(folder, storage, &metadata, findings)
}

impl Header {
    fn read(folder: &Path, storage: Storage) -> Result<Self, DataError> {
        let files = files(folder, storage)?;
        let [file] = files.as_slice() else {
            return Err(DataError::NoMinari {
                path: folder.to_owned(),
                reason: format!("has {} files of {storage}, where an episode has one", files.len()),
            });
        };
        let table = Table::open(file, storage)?;
        let steps = EpisodeMetadata::read(folder)?.total_steps.unwrap_or(table.rows.saturating_sub(1));
        if ![steps, steps.saturating_add(1)].contains(&table.rows) {
            return Err(DataError::Column {
                path: file.clone(),
                column: STATES.0.to_owned(),
                problem: format!(
                    "has {} rows, expected {} for the {steps} steps that {METADATA} beside it tells of",
                    table.rows,
                    steps.saturating_add(1)
                ),
            });
        }
        let (state, action) = (table.width(STATES, LAYOUT)?, table.width(ACTIONS, LAYOUT)?);
        Ok(Self { table, steps, state, action })
    }

    fn episode(&self) -> Result<Episode<Held>, DataError> {
        let column = |name, rows| self.table.column(name, rows, LAYOUT);
        let mut episode = Episode {
            states: column(STATES, self.table.rows)?,
            actions: column(ACTIONS, self.steps)?,
            rewards: column(REWARDS, self.steps)?.flat()?,
            terminations: column(TERMINATIONS, self.steps)?.flat()?,
            truncations: column(TRUNCATIONS, self.steps)?.flat()?,
        };
        let Episode { states, actions, rewards, terminations, truncations } = &mut episode;
        self.table.read([states, actions, rewards, terminations, truncations])?;
        Ok(episode)
    }
}

/// Numbers of the folders with episodes, in order, and what is odd about their names.
fn numbers(folder: &Path) -> Result<(Vec<u64>, Vec<String>), DataError> {
    let (mut numbers, mut findings) = (Vec::new(), Vec::new());
    for path in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.parse::<u64>().ok().filter(|number| number.to_string() == name) {
            Some(number) => numbers.push(number),
            None if name.starts_with(['_', '.']) => {}
            None => findings.push(format!("folder '{name}' is left out: episodes are in folders 0, 1, …")),
        }
    }
    numbers.sort_unstable();
    Ok((numbers, findings))
}

/// Files of a format in an episode's folder.
fn files(folder: &Path, storage: Storage) -> Result<Vec<PathBuf>, DataError> {
    let suffix = storage.to_string().to_lowercase();
    let ends = |path: &PathBuf| path.extension().is_some_and(|extension| *extension == *suffix);
    Ok(entries(folder)?.into_iter().filter(ends).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let wrong = |source| DataError::File { action: "read", path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(wrong)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(wrong)).collect()
}
