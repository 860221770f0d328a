//! `metadata.json`: what a data set says about itself.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::{DataError, Declared};
use super::spaces::{Space, beside};

/// The file's name.
pub(super) const METADATA: &str = "metadata.json";

/// The part of a data set's `metadata.json` that is read. What may be there or not is taken as it comes; the totals are held
/// against what was read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub total_episodes: Option<u64>,
    pub total_steps: Option<u64>,
    pub data_format: Option<String>,
    dataset_id: Option<String>,
    env_spec: Value,
    observation_space: Value,
    action_space: Value,
    ref_min_score: Option<f64>,
    ref_max_score: Option<f64>,
}

/// The `metadata.json` of an episode in a folder of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EpisodeMetadata {
    pub total_steps: Option<u64>,
}

impl Metadata {
    /// Of a folder, if it has any.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, DataError> {
        read(folder)
    }

    /// Parts of the observations that are not read.
    pub(super) fn unread(&self) -> Vec<String> {
        beside(&self.observation_space, "observation")
    }

    /// Statements about the task, and the odd ones among them.
    pub(super) fn declared(&self, findings: &mut Vec<String>) -> Declared {
        let environment = self.env_spec.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let environment = environment.unwrap_or_default();
        let mut space = |name: &str, space: &Value, part: Option<&str>| match Space::of(space, part)? {
            Space::Box(bounds) => Some(bounds),
            Space::Other(kind) => {
                findings.push(format!("{name} are of the space {kind}, and are read as numbers"));
                None
            }
        };
        Declared {
            id: self.dataset_id.clone(),
            environment: environment["id"].as_str().map(str::to_owned),
            max_steps: environment["max_episode_steps"].as_u64().and_then(|steps| steps.try_into().ok()),
            reference: self.ref_min_score.zip(self.ref_max_score).map(|(min, max)| [min, max]),
            observations: space("observations", &self.observation_space, Some("observation")),
            actions: space("actions", &self.action_space, None),
        }
    }
}

impl EpisodeMetadata {
    /// Of an episode's folder; empty if it has none.
    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        read(folder).map(Option::unwrap_or_default)
    }
}

fn read<T: DeserializeOwned>(folder: &Path) -> Result<Option<T>, DataError> {
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

/// Holds a total against what was read.
pub(super) fn check_total(
    path: &Path,
    source: &'static str,
    unit: &'static str,
    told: Option<u64>,
    found: u64,
) -> Result<(), DataError> {
    match told {
        Some(told) if told != found => {
            let path = PathBuf::from(path);
            Err(DataError::Total { path, source_of: source, unit, told, found })
        }
        _ => Ok(()),
    }
}
