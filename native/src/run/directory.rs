//! A run directory: created, recognised, locked.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use diar_core::learn::Stage;

use super::checkpoints::Checkpoints;
use super::config::{self, Move, RunConfig};
use super::filesystem::{self, Lock};
use super::{RunError, RunResult, atomic};

/// The agent at the end of training.
pub const BUNDLE: &str = "bundle.safetensors";
const SNAPSHOTS: &str = "snapshots";
const RESULT: &str = "result.json";
const LOCK: &str = ".lock";

/// A run directory, held by this program alone.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Locked as long as it is open; the system releases it however the program ends.
    _lock: File,
    /// False where the file system has no locks.
    locked: bool,
}

impl RunDirectory {
    /// Opens the directory of a run, new or begun earlier.
    ///
    /// # Errors
    /// When it holds another run or something else, another program trains in it, or it cannot be written.
    pub fn open(path: &Path, config: &RunConfig) -> Result<Self, RunError> {
        let other = || RunError::NotARun { path: path.to_owned() };
        // The lock would be the first of our files in a directory of somebody else. One that another diar is creating
        // has its lock before anything else, so the lock is looked for last.
        if holds_something(path) && !path.join(config::FILE).exists() && !path.join(LOCK).exists() {
            return Err(other());
        }
        fs::create_dir_all(path).map_err(RunError::file("create", path))?;
        let (lock, locked) = lock(path)?;
        match RunConfig::read(path)? {
            Some(recorded) => recorded.must_match(config, path)?,
            None if holds_something(path) => return Err(other()),
            None => config.write(path)?,
        }
        Ok(Self { path: path.to_owned(), _lock: lock, locked })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its checkpoints. Files that an interrupted program has left half written are removed.
    #[must_use]
    pub fn checkpoints(&self) -> Checkpoints {
        let checkpoints = Checkpoints::of(&self.path);
        // Without a lock they may be those of a program that is still writing.
        if self.locked {
            atomic::clear_unfinished(&self.path);
            atomic::clear_unfinished(&self.path.join(SNAPSHOTS));
            checkpoints.clear_unfinished();
        }
        checkpoints
    }

    /// Records that the run goes on on a device, and returns its record.
    ///
    /// # Errors
    /// When the record cannot be read or written.
    pub fn record_device(&self, device: &str, stage: Stage, step: usize) -> Result<RunConfig, RunError> {
        let mut recorded =
            RunConfig::read(&self.path)?.ok_or_else(|| RunError::NotARun { path: self.path.clone() })?;
        if recorded.last_device() != device {
            recorded.moved.push(Move { device: device.to_owned(), stage, step });
            recorded.write(&self.path)?;
        }
        Ok(recorded)
    }

    /// How the run ended, if it has.
    ///
    /// # Errors
    /// When the result is there but cannot be read.
    pub fn result(&self) -> Result<Option<RunResult>, RunError> {
        RunResult::read(&self.path)
    }

    /// Writes the agent of a step of a stage.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn snapshot(&self, stage: Stage, step: usize, bundle: &[u8]) -> Result<(), RunError> {
        let folder = self.path.join(SNAPSHOTS);
        fs::create_dir_all(&folder).map_err(RunError::file("create", &folder))?;
        let path = folder.join(format!("{stage}-{step}.safetensors"));
        atomic::write(&path, bundle).map_err(RunError::file("write", &path))
    }

    /// Writes the trained agent and how the run ended, in this order: a result speaks of a bundle that is there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(&self, bundle: &[u8], result: &RunResult) -> Result<(), RunError> {
        let path = self.path.join(BUNDLE);
        atomic::write(&path, bundle).map_err(RunError::file("write", &path))?;
        let path = self.path.join(RESULT);
        let text = serde_json::to_vec_pretty(result)
            .map_err(|error| RunError::Damaged { path: path.clone(), reason: error.to_string() })?;
        atomic::write(&path, &text).map_err(RunError::file("write", &path))
    }
}

impl RunResult {
    /// How the run in a directory ended, if it has.
    ///
    /// # Errors
    /// When the result is there but cannot be read.
    pub fn read(run: &Path) -> Result<Option<Self>, RunError> {
        let path = run.join(RESULT);
        if !path.exists() || !run.join(BUNDLE).exists() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(RunError::file("read", &path))?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| RunError::Damaged { path, reason: error.to_string() })
    }
}

/// True if a directory holds anything but the traces of a run that never began.
fn holds_something(path: &Path) -> bool {
    let trace = |name: &str| name == LOCK || atomic::is_unfinished(name);
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| !entry.file_name().to_str().is_some_and(trace))
}

/// The run's lock, and true if it is held.
fn lock(run: &Path) -> Result<(File, bool), RunError> {
    let path = run.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(RunError::file("create", &path))?;
    match filesystem::lock(&file, &path).map_err(RunError::file("lock", &path))? {
        Lock::Busy => Err(RunError::Busy { path: run.to_owned() }),
        lock => Ok((file, lock == Lock::Held)),
    }
}
