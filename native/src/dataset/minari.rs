//! Minari's layout: a group per episode.
//!
//! A data set is a folder with `data/main_data.hdf5` and `data/metadata.json`. Its groups `episode_0`, `episode_1`, …
//! have `actions`, `rewards`, `terminations` and `truncations` of T rows each, and `observations` of T + 1 rows: the
//! last is where the episode ended. Of observations that come as a group (mazes: with goals) the part `observation` is
//! the state.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use diar_core::data::Transitions;
use serde::Deserialize;

use super::hdf5::{Column, Node};
use super::memory::Need;
use super::{Boundaries, DataError, Layout, Origin};

/// The file of a data set.
const FILE: &str = "main_data.hdf5";
/// The file beside it.
const METADATA: &str = "metadata.json";

/// Beginning of an episode's name.
const PREFIX: &str = "episode_";
/// The layout's name in errors.
pub(super) const LAYOUT: &str = "Minari's layout";

/// The part of `metadata.json` that is read: enough to see that the file is whole.
#[derive(Deserialize)]
struct Metadata {
    total_episodes: Option<u64>,
    total_steps: Option<u64>,
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

/// True if a file's root holds episodes.
pub(super) fn recognises(root: &Node) -> bool {
    !root.has("observations") && root.names().any(|name| number_of(name).is_some())
}

/// Reads the episodes of a file one after the other; those that were added later may be links to other files.
pub(super) fn read(
    path: &Path,
    root: &Node,
    available: Option<u64>,
) -> Result<(Transitions, Origin), DataError> {
    let mut findings = Vec::new();
    let mut numbers: Vec<u64> = Vec::new();
    for name in root.names().filter(|name| name.starts_with(PREFIX)) {
        match number_of(name) {
            Some(number) => numbers.push(number),
            None => {
                findings.push(format!("'{name}' is left out: episodes are named {PREFIX}0, {PREFIX}1, …"));
            }
        }
    }
    numbers.sort_unstable();
    if let Some((missing, _)) = (0..).zip(&numbers).find(|(expected, number)| expected != *number) {
        findings.push(format!("{PREFIX}{missing} is missing, though later ones are there"));
    }
    let episodes = numbers
        .iter()
        .map(|number| Episode::of(root, &format!("{PREFIX}{number}"), path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut need = Need::default();
    for episode in &episodes {
        episode.claim(&mut need);
    }
    need.check(path, available)?;

    let mut data = Transitions { continuous: false, ..Transitions::default() };
    let (mut short, mut never_written) = (0, 0);
    for episode in &episodes {
        let noted = episode.append(&mut data)?;
        short += usize::from(noted.short);
        never_written += usize::from(noted.never_written);
    }
    let metadata = path.parent().map(metadata).transpose()?.flatten();
    let (told_episodes, told_steps) =
        metadata.map_or((None, None), |metadata| (metadata.total_episodes, metadata.total_steps));
    let attribute = "its attribute";
    for (source, unit, told, found) in [
        (METADATA, "episodes", told_episodes, episodes.len()),
        (METADATA, "steps", told_steps, data.len()),
        (attribute, "episodes", root.total("total_episodes")?, episodes.len()),
        (attribute, "steps", root.total("total_steps")?, data.len()),
    ] {
        check_total(path, source, unit, told, found as u64)?;
    }
    if data.is_empty() {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })?;
    if short > 0 {
        findings.push(format!(
            "{short} of {} episodes have as many observations as actions, not one more: where they ended is not there",
            episodes.len()
        ));
    }
    if never_written > 0 {
        findings.push(format!(
            "in {never_written} of {} episodes no row of 'terminations' or 'truncations' was ever written",
            episodes.len()
        ));
    }
    Ok((data, Origin { layout: Layout::Minari, boundaries: Boundaries::Minari, findings }))
}

/// Holds a total against what was read.
fn check_total(
    path: &Path,
    source: &'static str,
    unit: &'static str,
    told: Option<u64>,
    found: u64,
) -> Result<(), DataError> {
    match told {
        Some(told) if told != found => {
            Err(DataError::Total { path: path.to_owned(), source_of: source, unit, told, found })
        }
        _ => Ok(()),
    }
}

/// The number of an episode's group, written as Minari does.
fn number_of(group: &str) -> Option<u64> {
    let digits = group.strip_prefix(PREFIX)?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// The metadata in a folder, if it has any.
fn metadata(folder: &Path) -> Result<Option<Metadata>, DataError> {
    let path = folder.join(METADATA);
    match fs::read(&path) {
        // Some editors put a byte order mark first.
        Ok(bytes) => serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes))
            .map(Some)
            .map_err(|error| DataError::Metadata { path, reason: error.to_string() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DataError::File { action: "read", path, source }),
    }
}

/// The columns of an episode.
struct Episode {
    states: Column,
    actions: Column,
    rewards: Column,
    terminations: Column,
    truncations: Column,
}

/// Oddities of an episode that is read all the same.
struct Noted {
    /// The observation that it ended with is missing.
    short: bool,
    /// A column of flags that nobody wrote to.
    never_written: bool,
}

impl Episode {
    fn of(root: &Node, name: &str, path: &Path) -> Result<Self, DataError> {
        let group = root.group(name)?.ok_or_else(|| DataError::Column {
            path: path.to_owned(),
            column: name.to_owned(),
            problem: "is no group, expected the columns of an episode in it".to_owned(),
        })?;
        let need = |column| group.need(column, LAYOUT);
        let states = match group.group("observations")? {
            Some(parts) => parts.need("observation", LAYOUT)?,
            None => need("observations")?,
        };
        let episode = Self {
            states,
            actions: need("actions")?,
            rewards: need("rewards")?.flat()?,
            terminations: need("terminations")?.flat()?,
            truncations: need("truncations")?.flat()?,
        };
        match group.total("total_steps")? {
            Some(told) if told != episode.rewards.rows => Err(episode.rewards.wrong(format!(
                "has {} rows, but the attribute 'total_steps' of its episode says {told}",
                episode.rewards.rows
            ))),
            _ => Ok(episode),
        }
    }

    fn claim(&self, need: &mut Need) {
        for column in [&self.states, &self.actions, &self.rewards, &self.terminations, &self.truncations] {
            column.claim(need);
        }
    }

    /// Adds its steps; the last observation, in which nothing was done, is left out.
    fn append(&self, data: &mut Transitions) -> Result<Noted, DataError> {
        let steps = self.rewards.rows;
        // Some recorders leave the last observation out themselves.
        let short = self.states.rows == steps;
        let observations = if short { steps } else { steps.saturating_add(1) };
        let columns = [
            (&self.states, observations),
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
        data.states.extend_from_slice(&states[..steps as usize * self.states.width]);
        data.actions.extend(self.actions.read()?);
        data.rewards.extend(self.rewards.read()?);
        let (terminations, truncations) = (self.terminations.flags()?, self.truncations.flags()?);
        data.terminals.extend(terminations.values);
        data.timeouts.extend(truncations.values);
        // The end of the recording ends an episode too, even without a flag.
        if let (true, Some(terminal), Some(timeout)) =
            (steps > 0, data.terminals.last(), data.timeouts.last_mut())
        {
            *timeout |= !terminal;
        }
        Ok(Noted {
            short: short && steps > 0,
            never_written: terminations.never_written || truncations.never_written,
        })
    }
}
