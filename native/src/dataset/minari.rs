//! Minari's layout: a group per episode.
//!
//! A data set is a folder with `data/main_data.hdf5` and `data/metadata.json`. Its groups `episode_0`, `episode_1`, …
//! have `actions`, `rewards`, `terminations` and `truncations` of T rows each, and `observations` of T + 1 rows: the
//! last is where the episode ended. Of observations that come as a group (mazes: with goals) the part `observation` is
//! the state.

use std::fs;
use std::path::{Path, PathBuf};

use diar_core::data::Transitions;
use hdf5_reader::group::Group;
use serde::Deserialize;

use super::DataError;
use super::hdf5::{Column, Members, damaged};
use super::memory::Need;

/// The file of a data set.
const FILE: &str = "main_data.hdf5";
/// What stands beside it.
const METADATA: &str = "metadata.json";

/// What is read of `metadata.json`: enough to see that the file is whole.
#[derive(Deserialize)]
struct Metadata {
    total_episodes: Option<usize>,
    total_steps: Option<usize>,
    data_format: Option<String>,
}

/// The file in a data set's folder, or in its `data` folder.
///
/// # Errors
/// When there is none.
pub(super) fn file_in(folder: &Path) -> Result<PathBuf, DataError> {
    let places = [folder.join("data"), folder.to_owned()];
    if let Some(place) = places.iter().find(|place| place.join(FILE).is_file()) {
        return Ok(place.join(FILE));
    }
    let format = places.iter().find_map(|place| metadata(place).ok()??.data_format);
    Err(DataError::NoMinari {
        path: folder.to_owned(),
        reason: match format {
            Some(format) if format != "hdf5" => format!("stores its episodes as {format}"),
            _ => format!("has no data/{FILE}"),
        },
    })
}

/// Whether a file's root holds episodes.
pub(super) fn recognises(members: &Members) -> bool {
    !members.has("observations") && members.groups.iter().any(|name| number_of(name).is_some())
}

/// Reads the episodes of a file one after the other.
pub(super) fn read(
    path: &Path,
    root: &Group,
    members: &Members,
    available: Option<u64>,
) -> Result<Transitions, DataError> {
    let mut numbers: Vec<u64> = members.groups.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    let episodes = numbers
        .iter()
        .map(|number| Episode::of(root, &format!("episode_{number}"), path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut need = Need::default();
    for episode in &episodes {
        episode.claim(&mut need);
    }
    need.check(path, available)?;

    let mut data = Transitions { continuous: false, ..Transitions::default() };
    for episode in &episodes {
        episode.append(&mut data)?;
    }
    let whole = path.parent().map(metadata).transpose()?.flatten();
    let told = whole.and_then(|whole| whole.total_episodes.zip(whole.total_steps));
    let found = (episodes.len(), data.len());
    if let Some(told) = told.filter(|&told| told != found) {
        return Err(damaged(
            path,
            &format!(
                "it has {} episodes and {} steps, but {METADATA} says {} and {}",
                found.0, found.1, told.0, told.1
            ),
        ));
    }
    if data.is_empty() {
        return Err(damaged(path, &"its episodes hold no steps"));
    }
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })?;
    Ok(data)
}

/// The number of an episode's group, written as Minari does.
fn number_of(group: &str) -> Option<u64> {
    let digits = group.strip_prefix("episode_")?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// The metadata in a folder, if it has any.
fn metadata(folder: &Path) -> Result<Option<Metadata>, DataError> {
    let path = folder.join(METADATA);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| DataError::Metadata { path, reason: error.to_string() }),
        Err(_) => Ok(None),
    }
}

/// The columns of an episode.
struct Episode<'a> {
    states: Column<'a>,
    actions: Column<'a>,
    rewards: Column<'a>,
    terminations: Column<'a>,
    truncations: Column<'a>,
}

impl<'a> Episode<'a> {
    fn of(root: &Group, name: &str, path: &'a Path) -> Result<Self, DataError> {
        let open = |parent: &Group, name: &str| parent.group(name).map_err(|error| damaged(path, &error));
        let group = open(root, name)?;
        let members = Members::of(&group, path)?;
        let prefix = format!("{name}/");
        let need = |members: &Members, prefix: &str, column: &str| {
            if members.has(column) {
                return Ok(());
            }
            Err(DataError::MissingColumn {
                path: path.to_owned(),
                column: format!("{prefix}{column}"),
                present: members.list(),
                expected: "Minari's layout",
            })
        };
        let states = if members.groups.iter().any(|name| name == "observations") {
            let parts = open(&group, "observations")?;
            let prefix = format!("{prefix}observations/");
            need(&Members::of(&parts, path)?, &prefix, "observation")?;
            Column::of(&parts, &prefix, "observation", path)?
        } else {
            need(&members, &prefix, "observations")?;
            Column::of(&group, &prefix, "observations", path)?
        };
        for column in ["actions", "rewards", "terminations", "truncations"] {
            need(&members, &prefix, column)?;
        }
        let flat = |column| Column::flat(&group, &prefix, column, path);
        Ok(Self {
            states,
            actions: Column::of(&group, &prefix, "actions", path)?,
            rewards: flat("rewards")?,
            terminations: flat("terminations")?,
            truncations: flat("truncations")?,
        })
    }

    fn claim(&self, need: &mut Need) {
        for column in [&self.states, &self.actions, &self.rewards, &self.terminations, &self.truncations] {
            column.claim(need);
        }
    }

    /// Adds its steps; the last observation, in which nothing was done, is left out.
    fn append(&self, data: &mut Transitions) -> Result<(), DataError> {
        let steps = self.rewards.rows;
        let columns = [
            (&self.states, steps.saturating_add(1)),
            (&self.actions, steps),
            (&self.terminations, steps),
            (&self.truncations, steps),
        ];
        for (column, expected) in columns {
            if column.rows != expected {
                let found = column.rows;
                return Err(
                    column.wrong(format!("has {found} rows, expected {expected} for {steps} rewards"))
                );
            }
        }
        for (column, width) in [(&self.states, &mut data.state_dim), (&self.actions, &mut data.action_dim)] {
            // The first episode decides.
            if *width == 0 {
                *width = column.width;
            }
            if column.width != *width {
                let found = column.width;
                return Err(
                    column.wrong(format!("has {found} numbers in a row, other episodes have {width}"))
                );
            }
        }
        let states = self.states.read()?;
        let kept = states.len().saturating_sub(self.states.width);
        data.states.extend_from_slice(&states[..kept]);
        data.actions.extend(self.actions.read()?);
        data.rewards.extend(self.rewards.read()?);
        data.terminals.extend(self.terminations.flags()?);
        data.timeouts.extend(self.truncations.flags()?);
        // An episode that was cut off without a word ends all the same.
        if let (Some(terminal), Some(timeout)) = (data.terminals.last(), data.timeouts.last_mut()) {
            *timeout |= !terminal;
        }
        Ok(())
    }
}
