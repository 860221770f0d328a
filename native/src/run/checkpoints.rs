//! `checkpoints/<stage>-<position>/`: states of training to resume from.
//!
//! Each is a directory that appears whole or not at all. `checkpoint.json` lists its blobs with size and SHA-256; a
//! checkpoint that does not agree with its list is not used. Blobs of the stage under way are files beside the list.
//! Those of finished stages never change again: they are written once, as [`Products`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use diar_core::learn::{Checkpoint, Stage};
use serde::{Deserialize, Serialize};

use super::products::{self, Products, sha256};
use super::{RunError, atomic};

/// Checkpoints that are kept.
const KEPT: usize = 2;
const LIST: &str = "checkpoint.json";

/// Facts about a run that training itself does not keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Seconds spent training, over all sessions of the run.
    pub training_seconds: f64,
    /// Losses at the end of each stage, by `stage.name`.
    pub losses: BTreeMap<String, f64>,
}

impl History {
    /// Without the losses of a stage and those after it.
    #[must_use]
    pub fn before(mut self, stage: Stage) -> Self {
        let earlier = |name: &str| stage_named(name).is_some_and(|found| found < stage);
        self.losses.retain(|name, _| name.split_once('.').is_some_and(|(name, _)| earlier(name)));
        self
    }
}

/// `checkpoint.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct List {
    stage: Stage,
    position: usize,
    history: History,
    blobs: BTreeMap<String, Blob>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Blob {
    bytes: usize,
    sha256: String,
    /// Lies among the products, under its hash; otherwise beside the list, under its name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    product: bool,
}

impl List {
    fn products(&self) -> impl Iterator<Item = (&String, &Blob)> {
        self.blobs.iter().filter(|(_, blob)| blob.product)
    }
}

/// The checkpoints of a run.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    products: Products,
    /// Lists of the checkpoints that this program has written or read; `None` for damaged ones.
    known: BTreeMap<PathBuf, Option<List>>,
    /// Products of the checkpoint written last.
    finished: BTreeMap<String, Blob>,
}

impl Checkpoints {
    /// Those in a run directory; nothing there is changed by looking.
    #[must_use]
    pub fn of(run: &Path) -> Self {
        let folder = run.join("checkpoints");
        let products = Products::of(&folder);
        Self { folder, products, known: BTreeMap::new(), finished: BTreeMap::new() }
    }

    /// Removes what an interrupted program has left half written; only for the one that holds the run's lock.
    pub(super) fn clear_unfinished(&self) {
        atomic::clear_unfinished(&self.folder);
        self.products.clear_unfinished();
    }

    /// Writes a checkpoint, and then removes damaged ones and all but the newest two intact ones.
    ///
    /// A blob of a finished stage that the checkpoint leaves out is the one of the checkpoint written before.
    ///
    /// # Errors
    /// When it cannot be written; those before it are then untouched.
    pub fn save(&mut self, checkpoint: &Checkpoint, history: &History) -> Result<(), RunError> {
        let path = self.folder.join(format!("{}-{}", checkpoint.stage, checkpoint.position));
        let mut blobs = BTreeMap::new();
        let mut files = Vec::new();
        for (name, bytes) in &checkpoint.blobs {
            let product = checkpoint.is_product(name);
            let blob = Blob { bytes: bytes.len(), sha256: sha256(bytes), product };
            if product {
                self.products.put(&blob.sha256, bytes)?;
            } else {
                files.push((name.as_str(), bytes.as_slice()));
            }
            blobs.insert(name.clone(), blob);
        }
        for (name, blob) in &self.finished {
            blobs.entry(name.clone()).or_insert_with(|| blob.clone());
        }
        let list =
            List { stage: checkpoint.stage, position: checkpoint.position, history: history.clone(), blobs };
        let text = serde_json::to_vec_pretty(&list).map_err(|error| damaged(&path, error.to_string()))?;
        files.push((LIST, &text));
        // The same position again, after going back to an earlier checkpoint: the one there was damaged.
        atomic::replace_folder(&path, files).map_err(RunError::file("write", &path))?;
        self.finished = list.products().map(|(name, blob)| (name.clone(), blob.clone())).collect();
        self.known.insert(path, Some(list));
        self.remove_old();
        Ok(())
    }

    fn remove_old(&mut self) {
        let mut kept = 0;
        let mut used = BTreeSet::new();
        for path in self.newest_first() {
            if kept < KEPT && !self.known.contains_key(&path) {
                let list = self.load(&path).ok().map(|(list, _)| list);
                self.known.insert(path.clone(), list);
            }
            match self.known.get(&path) {
                Some(Some(list)) if kept < KEPT => {
                    kept += 1;
                    used.extend(list.products().map(|(_, blob)| blob.sha256.clone()));
                }
                _ => {
                    // What cannot be removed only takes space; it is tried again after the next checkpoint.
                    let _ = atomic::remove_folder(&path);
                    self.known.remove(&path);
                }
            }
        }
        self.products.retain(&used);
    }

    /// The newest checkpoint that is intact; each damaged one on the way is passed to `skipped` with the reason.
    ///
    /// Where all are damaged, the furthest beginning of a stage before which everything is intact.
    pub fn newest_intact(&mut self, mut skipped: impl FnMut(RunError)) -> Option<(Checkpoint, History)> {
        let paths = self.newest_first();
        for path in &paths {
            match self.load(path) {
                Ok((list, blobs)) => {
                    self.known.insert(path.clone(), Some(list.clone()));
                    let List { stage, position, history, .. } = list;
                    return Some((Checkpoint { stage, position, blobs }, history));
                }
                Err(error) => {
                    skipped(error);
                    self.known.insert(path.clone(), None);
                }
            }
        }
        // The newest comes last, and wins among equals.
        paths.iter().rev().filter_map(|path| self.rest(path)).max_by_key(|(checkpoint, _)| checkpoint.stage)
    }

    /// A damaged checkpoint, taken back to the beginning of the first stage that has lost a blob.
    fn rest(&mut self, path: &Path) -> Option<(Checkpoint, History)> {
        let list = read_list(path).ok()?;
        let (mut blobs, mut lost) = (BTreeMap::new(), Vec::new());
        for (name, blob) in list.blobs {
            match self.load_blob(path, &name, &blob) {
                Ok(bytes) => drop(blobs.insert(name, bytes)),
                Err(_) => lost.push(name),
            }
        }
        let checkpoint = Checkpoint { stage: list.stage, position: list.position, blobs }.without(&lost)?;
        let history = list.history.before(checkpoint.stage);
        Some((checkpoint, history))
    }

    fn load(&mut self, path: &Path) -> Result<(List, BTreeMap<String, Vec<u8>>), RunError> {
        let list = read_list(path)?;
        let mut blobs = BTreeMap::new();
        for (name, blob) in &list.blobs {
            blobs.insert(name.clone(), self.load_blob(path, name, blob)?);
        }
        Ok((list, blobs))
    }

    fn load_blob(&mut self, folder: &Path, name: &str, blob: &Blob) -> Result<Vec<u8>, RunError> {
        let path = folder.join(name);
        if Path::new(name).file_name() != Some(name.as_ref()) {
            return Err(damaged(&path, "its name is not that of a file".to_owned()));
        }
        if blob.product {
            self.products.get(&blob.sha256, blob.bytes)
        } else {
            products::read_intact(&path, &blob.sha256, blob.bytes)
        }
    }

    /// Directories of checkpoints, the furthest in training first.
    fn newest_first(&self) -> Vec<PathBuf> {
        let mut found: Vec<(Stage, usize, PathBuf)> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let (stage, position) = name.rsplit_once('-')?;
                Some((stage_named(stage)?, position.parse().ok()?, entry.path()))
            })
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, _, path)| path).collect()
    }
}

/// The stage of a name.
pub(super) fn stage_named(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.to_string() == name)
}

fn read_list(path: &Path) -> Result<List, RunError> {
    let path = path.join(LIST);
    let bytes = fs::read(&path).map_err(RunError::file("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(&path, error.to_string()))
}

fn damaged(path: &Path, reason: String) -> RunError {
    RunError::Damaged { path: path.to_owned(), reason }
}
