//! `config.toml`: task, data, settings and devices of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use diar_core::bundle::Method;
use diar_core::learn::Stage;
use diar_core::method::MethodSettings;
use diar_core::settings::Preset;
use diar_core::spec::TaskSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RunError, atomic};
use crate::label::RewardAt;

/// Name of the file in the run directory.
pub const FILE: &str = "config.toml";

/// Task, data and settings of a run, fixed from its beginning to its end, and the devices that it has been on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct RunConfig {
    /// Name of the task.
    pub task: String,
    /// Its specification, where it is none of D4RL's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<TaskSpec>,
    /// Method.
    pub method: Method,
    /// The preset the settings began with.
    pub preset: Preset,
    /// The device it began on, as on the command line.
    pub device: String,
    /// SHA-256 of the agent whose VAE and diffusion model it began with, where it did not train its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<String>,
    /// What it learns from.
    pub data: DataSource,
    /// What it is trained with.
    pub versions: Versions,
    /// Every number that can be chosen.
    pub settings: MethodSettings,
    /// Things said about the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Changes of device on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Move>,
}

/// The file's fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    task: String,
    #[serde(default)]
    spec: Option<TaskSpec>,
    /// Older programs knew DIAR and LDCQ alone, and told them apart by the critic's target.
    method: Option<Method>,
    preset: Preset,
    device: String,
    #[serde(default)]
    reused: Option<String>,
    data: DataSource,
    versions: Versions,
    settings: Value,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    moved: Vec<Move>,
}

impl TryFrom<Written> for RunConfig {
    type Error = serde_json::Error;

    fn try_from(written: Written) -> Result<Self, serde_json::Error> {
        let Written { task, spec, method, preset, device, reused, data, versions, settings, tags, moved } =
            written;
        let settings = MethodSettings::of(method.unwrap_or(Method::Diar), settings)?;
        let method = settings.method();
        Ok(Self { task, spec, method, preset, device, reused, data, versions, settings, tags, moved })
    }
}

/// A change of device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The device from here on.
    pub device: String,
    /// The stage under way.
    pub stage: Stage,
    /// Steps of it that were done.
    pub step: usize,
}

/// What a run learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSource {
    /// `generated`, or the name of the file.
    pub source: String,
    /// The place that is rewarded, where the file has no rewards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward_at: Option<RewardAt>,
    /// Recorded steps.
    pub rows: usize,
    /// SHA-256 of the columns.
    pub sha256: String,
}

/// What a run is trained with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// This program.
    pub diar: String,
    /// The tensor library.
    pub burn: String,
    /// The commit this program was built from.
    pub commit: String,
}

impl Versions {
    /// Of this program.
    #[must_use]
    pub fn current() -> Self {
        Self {
            diar: env!("CARGO_PKG_VERSION").to_owned(),
            burn: env!("DIAR_BURN_VERSION").to_owned(),
            commit: env!("DIAR_COMMIT").to_owned(),
        }
    }
}

impl RunConfig {
    /// Reads it from a run directory; `None` where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Option<Self>, RunError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RunError::file("read", &path)(error)),
        };
        let config = toml::from_str(&text)
            .map_err(|error| RunError::Damaged { path, reason: error.to_string().trim().to_owned() })?;
        Ok(Some(config))
    }

    /// Writes it to a run directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        let path = folder.join(FILE);
        let text = toml::to_string(self)
            .map_err(|error| RunError::Damaged { path: path.clone(), reason: error.to_string() })?;
        atomic::write(&path, text.as_bytes()).map_err(RunError::file("write", &path))
    }

    /// The device it is on, the last one in order.
    #[must_use]
    pub fn last_device(&self) -> &str {
        self.moved.last().map_or(&self.device, |moved| &moved.device)
    }

    /// The devices it has been on, in order, as in `cpu, then cuda:0`.
    #[must_use]
    pub fn devices(&self) -> String {
        let all = std::iter::once(&self.device).chain(self.moved.iter().map(|moved| &moved.device));
        all.map(String::as_str).collect::<Vec<_>>().join(", then ")
    }

    /// Checks that a run recorded in `folder` is the run that is asked for now.
    ///
    /// Another version of the program or another device may resume it; where the data file lies does not matter, its
    /// content does.
    ///
    /// # Errors
    /// The first key that differs.
    pub fn must_match(&self, asked: &Self, folder: &Path) -> Result<(), RunError> {
        self.first_difference(asked, folder, |_| true)
    }

    /// Checks that a run recorded in `folder` has what is asked for now, but for the settings that begin with `later` and the
    /// method that they make.
    ///
    /// # Errors
    /// The first key that differs.
    pub fn must_match_before(&self, later: [&str; 2], asked: &Self, folder: &Path) -> Result<(), RunError> {
        self.first_difference(asked, folder, |key| {
            !later.iter().chain(&["method", "preset", "reused"]).any(|prefix| key.starts_with(prefix))
        })
    }

    fn first_difference(
        &self,
        asked: &Self,
        folder: &Path,
        counts: impl Fn(&str) -> bool,
    ) -> Result<(), RunError> {
        let (recorded, asked) = (self.leaves(), asked.leaves());
        // Settings first: a setting that changes the data is named itself, not the data it changes.
        let mut keys: Vec<&String> = recorded.keys().chain(asked.keys()).filter(|key| counts(key)).collect();
        keys.sort_by_key(|key| (key.starts_with("data."), *key));
        for key in keys {
            let shown = |leaves: &BTreeMap<String, Value>| {
                leaves.get(key).map_or_else(|| "not set".to_owned(), Value::to_string)
            };
            if recorded.get(key) != asked.get(key) {
                return Err(RunError::OtherRun {
                    path: folder.to_owned(),
                    key: key.strip_prefix("settings.").unwrap_or(key).to_owned(),
                    recorded: shown(&recorded),
                    asked: shown(&asked),
                });
            }
        }
        Ok(())
    }

    /// Everything that makes two runs the same, by dotted names.
    fn leaves(&self) -> BTreeMap<String, Value> {
        let mut leaves = BTreeMap::new();
        // Only maps with text keys are in there, which always become JSON.
        let mut tree = serde_json::to_value(self).unwrap_or_default();
        if let Some(tree) = tree.as_object_mut() {
            for free in ["versions", "device", "moved"] {
                tree.remove(free);
            }
        }
        flatten(String::new(), tree, &mut leaves);
        leaves.remove("data.source");
        leaves
    }
}

fn flatten(name: String, tree: Value, leaves: &mut BTreeMap<String, Value>) {
    match tree {
        Value::Object(inner) => {
            for (key, value) in inner {
                let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                flatten(name, value, leaves);
            }
        }
        leaf => {
            leaves.insert(name, leaf);
        }
    }
}
