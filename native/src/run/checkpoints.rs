//! `checkpoints/<stage>-<position>/`: states of training to go on from.
//!
//! Each is a directory that appears whole or not at all. Its blobs are files, listed with size and SHA-256 in
//! `checkpoint.json`; one that does not agree with its list is not used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use diar_core::learn::{Checkpoint, Stage};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{RunError, atomic};

/// Checkpoints that are kept.
const KEPT: usize = 2;
const LIST: &str = "checkpoint.json";

/// What the program knows beside what training knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Seconds spent training, over all sessions of the run.
    pub training_seconds: f64,
    /// Losses at the end of each stage, by `stage.name`.
    pub losses: BTreeMap<String, f64>,
}

/// `checkpoint.json`.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    stage: Stage,
    position: usize,
    history: History,
    blobs: BTreeMap<String, Blob>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Blob {
    bytes: usize,
    sha256: String,
}

/// The checkpoints of a run.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Those in a run directory. What an interrupted write has left is cleared away.
    #[must_use]
    pub fn of(run: &Path) -> Self {
        let checkpoints = Self { folder: run.join("checkpoints") };
        for (name, path) in checkpoints.entries() {
            if name.starts_with(atomic::UNFINISHED) {
                // What cannot be removed only takes space.
                let _ = fs::remove_dir_all(path);
            }
        }
        checkpoints
    }

    /// Writes a checkpoint and removes all but the newest two.
    ///
    /// # Errors
    /// When it cannot be written; those before it are then untouched.
    pub fn save(&self, checkpoint: &Checkpoint, history: &History) -> Result<(), RunError> {
        let path = self.folder.join(format!("{}-{}", checkpoint.stage, checkpoint.position));
        let list = List {
            stage: checkpoint.stage,
            position: checkpoint.position,
            history: history.clone(),
            blobs: checkpoint
                .blobs
                .iter()
                .map(|(name, bytes)| (name.clone(), Blob { bytes: bytes.len(), sha256: sha256(bytes) }))
                .collect(),
        };
        let list = serde_json::to_vec_pretty(&list).map_err(|error| damaged(&path, error.to_string()))?;
        if path.exists() {
            // The same position again, after going back to an earlier checkpoint: the one there was damaged.
            fs::remove_dir_all(&path).map_err(RunError::file("write", &path))?;
        }
        let blobs = checkpoint.blobs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        atomic::write_folder(&path, blobs.chain([(LIST, list.as_slice())]))
            .map_err(RunError::file("write", &path))?;
        for old in self.newest_first().into_iter().filter(|old| *old != path).skip(KEPT - 1) {
            fs::remove_dir_all(&old).map_err(RunError::file("remove", &old))?;
        }
        Ok(())
    }

    /// The newest checkpoint that is intact; each damaged one on the way is passed to `skipped` with what is wrong.
    pub fn newest_intact(&self, mut skipped: impl FnMut(RunError)) -> Option<(Checkpoint, History)> {
        self.newest_first().into_iter().find_map(|path| match load(&path) {
            Ok(loaded) => Some(loaded),
            Err(error) => {
                skipped(error);
                None
            }
        })
    }

    /// Directories of checkpoints, the furthest in training first.
    fn newest_first(&self) -> Vec<PathBuf> {
        let mut found: Vec<(Stage, usize, PathBuf)> = self
            .entries()
            .into_iter()
            .filter_map(|(name, path)| {
                let (stage, position) = name.rsplit_once('-')?;
                Some((stage_named(stage)?, position.parse().ok()?, path))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, _, path)| path).collect()
    }

    fn entries(&self) -> Vec<(String, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
    }
}

/// The stage of a name.
pub(super) fn stage_named(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.to_string() == name)
}

fn load(path: &Path) -> Result<(Checkpoint, History), RunError> {
    let list_path = path.join(LIST);
    let bytes = fs::read(&list_path).map_err(RunError::file("read", &list_path))?;
    let list: List =
        serde_json::from_slice(&bytes).map_err(|error| damaged(&list_path, error.to_string()))?;
    let blobs = list
        .blobs
        .into_iter()
        .map(|(name, blob)| Ok((name.clone(), load_blob(path, &name, &blob)?)))
        .collect::<Result<_, RunError>>()?;
    Ok((Checkpoint { stage: list.stage, position: list.position, blobs }, list.history))
}

fn load_blob(folder: &Path, name: &str, blob: &Blob) -> Result<Vec<u8>, RunError> {
    let path = folder.join(name);
    if Path::new(name).file_name() != Some(name.as_ref()) {
        return Err(damaged(&path, "its name is not that of a file".to_owned()));
    }
    let bytes = fs::read(&path).map_err(RunError::file("read", &path))?;
    if bytes.len() != blob.bytes {
        return Err(damaged(&path, format!("it has {} bytes, expected {}", bytes.len(), blob.bytes)));
    }
    if sha256(&bytes) != blob.sha256 {
        return Err(damaged(&path, "its content is not what was written".to_owned()));
    }
    Ok(bytes)
}

fn damaged(path: &Path, reason: String) -> RunError {
    RunError::Damaged { path: path.to_owned(), reason }
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
