//! A run directory: created, recognised, locked.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::checkpoints::Checkpoints;
use super::config::RunConfig;
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
    /// Locked as long as it is open; the system lets go of it however the program ends.
    _lock: File,
}

impl RunDirectory {
    /// Opens the directory of a run, new or begun earlier.
    ///
    /// # Errors
    /// When it holds another run or something else, another program trains in it, or it cannot be written.
    pub fn open(path: &Path, config: &RunConfig) -> Result<Self, RunError> {
        let recorded = RunConfig::read(path)?;
        match &recorded {
            Some(recorded) => recorded.must_match(config, path)?,
            None if holds_something(path) => return Err(RunError::NotARun { path: path.to_owned() }),
            None => fs::create_dir_all(path).map_err(RunError::file("create", path))?,
        }
        let lock = lock(path)?;
        if recorded.is_none() {
            config.write(path)?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(&self.path)
    }

    /// How the run ended, if it has.
    ///
    /// # Errors
    /// When the result is there but cannot be read.
    pub fn result(&self) -> Result<Option<RunResult>, RunError> {
        RunResult::read(&self.path)
    }

    /// Writes the agent of a step of the critic.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn snapshot(&self, step: usize, bundle: &[u8]) -> Result<(), RunError> {
        let folder = self.path.join(SNAPSHOTS);
        fs::create_dir_all(&folder).map_err(RunError::file("create", &folder))?;
        let path = folder.join(format!("critic-{step}.safetensors"));
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

/// Whether a directory holds anything but the lock of a run that never began.
fn holds_something(path: &Path) -> bool {
    fs::read_dir(path).into_iter().flatten().flatten().any(|entry| entry.file_name() != LOCK)
}

fn lock(run: &Path) -> Result<File, RunError> {
    let path = run.join(LOCK);
    let file = File::create(&path).map_err(RunError::file("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::Busy { path: run.to_owned() }),
        Err(TryLockError::Error(source)) => Err(RunError::file("lock", &path)(source)),
    }
}
