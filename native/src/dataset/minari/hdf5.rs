//! Minari's HDF5: a group `episode_k` for each episode.

use std::path::Path;

use diar_core::data::Transitions;

use super::super::column::{Column, Table};
use super::super::hdf5::{Node, Numbers};
use super::super::memory::Need;
use super::super::{DataError, Origin, Storage};
use super::LAYOUT;
use super::episode::{Episode, Episodes};
use super::metadata::{Metadata, check_total};

/// Beginning of an episode's name.
const PREFIX: &str = "episode_";

/// True if a file's root holds episodes.
pub(in super::super) fn recognises(root: &Node) -> bool {
    !root.has("observations") && root.names().any(|name| number_of(name).is_some())
}

/// Reads the episodes of a file one after the other; those that were added later may be links to other files.
pub(in super::super) fn read(
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
    let metadata = path.parent().map(Metadata::read).transpose()?.flatten().unwrap_or_default();
    let columns = numbers
        .iter()
        .map(|number| episode(root, &format!("{PREFIX}{number}"), path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut need = Need::default();
    for episode in &columns {
        episode.claim(&mut need);
    }
    need.check(path, available)?;

    let mut episodes = Episodes::default();
    if let Some(first) = columns.first() {
        let steps = columns.iter().map(|episode| episode.rewards.rows()).sum();
        episodes.reserve(steps, first.states.width(), first.actions.width());
    }
    for episode in &columns {
        episodes.append(episode)?;
    }
    let attribute = "its attribute";
    check_total(path, attribute, "episodes", root.total("total_episodes")?, columns.len() as u64)?;
    check_total(path, attribute, "steps", root.total("total_steps")?, episodes.steps())?;
    episodes.finish(path, Storage::Hdf5, &metadata, findings)
}

/// The number of an episode's group, written as Minari does.
fn number_of(group: &str) -> Option<u64> {
    let digits = group.strip_prefix(PREFIX)?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// The columns in an episode's group.
fn episode(root: &Node, name: &str, path: &Path) -> Result<Episode<Numbers>, DataError> {
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
    let episode = Episode {
        states,
        actions: need("actions")?,
        rewards: need("rewards")?.flat()?,
        terminations: need("terminations")?.flat()?,
        truncations: need("truncations")?.flat()?,
    };
    match group.total("total_steps")? {
        Some(told) if told != episode.rewards.rows() => Err(episode.rewards.wrong(format!(
            "has {} rows, but the attribute 'total_steps' of its episode says {told}",
            episode.rewards.rows()
        ))),
        _ => Ok(episode),
    }
}
