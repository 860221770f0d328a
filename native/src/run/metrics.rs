//! `metrics.jsonl`: one JSON object per logged step.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use diar_core::learn::{Metrics, Stage};
use serde_json::{Map, Value};

use super::checkpoints::stage_named;
use super::{RunError, atomic};

/// Name of the file in the run directory.
pub const FILE: &str = "metrics.jsonl";

/// The open log of a run.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Opens the log of a run that goes on at `position` of `stage`.
    ///
    /// Lines beyond that point belong to steps that are about to be taken again, and are dropped; so is a line that a
    /// stopped program left unfinished.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(run: &Path, stage: Stage, position: usize) -> Result<Self, RunError> {
        let path = run.join(FILE);
        if path.exists() {
            let bytes = fs::read(&path).map_err(RunError::file("read", &path))?;
            let now = (stage, position as u64);
            let mut kept = String::new();
            for line in String::from_utf8_lossy(&bytes).lines().filter(|line| taken_before(line, now)) {
                kept.push_str(line);
                kept.push('\n');
            }
            atomic::write(&path, kept.as_bytes()).map_err(RunError::file("write", &path))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(RunError::file("write", &path))?;
        Ok(Self { path, file })
    }

    /// Adds a line: the losses after `step` steps of a stage.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(
        &mut self,
        stage: Stage,
        step: usize,
        seconds: f64,
        metrics: &Metrics,
    ) -> Result<(), RunError> {
        self.line(stage, step, seconds, metrics.iter().map(|&(name, value)| (name, value.into())))
    }

    /// Adds a line: the device of the steps after this one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn device(&mut self, stage: Stage, step: usize, seconds: f64, device: &str) -> Result<(), RunError> {
        self.line(stage, step, seconds, [("device", device.into())])
    }

    fn line(
        &mut self,
        stage: Stage,
        step: usize,
        seconds: f64,
        values: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<(), RunError> {
        let mut line = Map::new();
        line.insert("stage".to_owned(), stage.to_string().into());
        line.insert("step".to_owned(), step.into());
        line.insert("elapsed_seconds".to_owned(), ((seconds * 1e3).round() / 1e3).into());
        line.extend(values.into_iter().map(|(name, value)| (name.to_owned(), value)));
        writeln!(self.file, "{}", Value::Object(line)).map_err(RunError::file("write", &self.path))
    }
}

/// Whether a line belongs to a step taken before `now`.
fn taken_before(line: &str, now: (Stage, u64)) -> bool {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
    let stage = line["stage"].as_str().and_then(stage_named);
    // `step` counts finished steps, so the step at the position itself was taken.
    match (stage, line["step"].as_u64()) {
        (Some(stage), Some(step)) => (stage, step) <= now,
        _ => false,
    }
}
