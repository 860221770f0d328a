//! Tasks of the command line: D4RL's by their names, and those of one's own data.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use diar_core::benchmark::Benchmark;
use diar_core::settings::Basis;
use diar_core::spec::{SpecError, TaskSpec};
use thiserror::Error;

use crate::dataset::basis;
use crate::run::atomic;

/// A task to learn.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its specification.
    pub spec: Arc<TaskSpec>,
    /// Facts that presets are sized by.
    pub basis: Basis,
    /// The task of D4RL that it is, if any: its data can be generated.
    pub benchmark: Option<&'static Benchmark>,
}

/// A file that is no specification.
#[derive(Debug, Error)]
pub enum SpecFileError {
    /// A file that cannot be read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// Read or write.
        action: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Text of another form.
    #[error("{} is no task specification: {reason}; `diar data inspect FILE --spec-out FILE.toml` writes one", .path.display())]
    Form {
        /// The file.
        path: std::path::PathBuf,
        /// The place and the reason.
        reason: String,
    },
    /// A value over its limit.
    #[error("{}: {source}", .path.display())]
    Value {
        /// The file.
        path: std::path::PathBuf,
        /// The value.
        source: SpecError,
    },
}

impl From<&'static Benchmark> for Task {
    fn from(benchmark: &'static Benchmark) -> Self {
        Self { spec: Arc::clone(&benchmark.spec), basis: benchmark.basis(), benchmark: Some(benchmark) }
    }
}

impl Task {
    /// The task of a specification, with so many rows of data.
    #[must_use]
    pub fn own(spec: TaskSpec, rows: usize) -> Self {
        match Benchmark::find(&spec.id) {
            Ok(benchmark) if *benchmark.spec == spec => benchmark.into(),
            _ => Self { basis: basis(&spec, rows), spec: Arc::new(spec), benchmark: None },
        }
    }
}

/// First lines of a specification's file.
const HEAD: &str = "\
# Task of a data set, for `diar train --spec`. Edit what is guessed wrong; `docs/formats.md` explains every field.
# reward: \"at_goal\" (1 at the goal, 0 elsewhere), \"penalty\" (0 at the goal, -1 elsewhere), { subtasks = 4 } (how many are
# complete), \"dense\" (anything). Actions are scaled from their bounds to [-1, 1] for the networks, and back.
";

/// Reads a specification.
///
/// # Errors
/// When the file cannot be read, is none, or holds a value over its limit.
pub fn read_spec(path: &Path) -> Result<TaskSpec, SpecFileError> {
    let owned = || path.to_owned();
    let text = fs::read_to_string(path).map_err(|source| SpecFileError::File {
        action: "read",
        path: owned(),
        source,
    })?;
    let spec: TaskSpec = toml::from_str(&text).map_err(|error| SpecFileError::Form {
        path: owned(),
        reason: error.to_string().trim().replace('\n', " "),
    })?;
    spec.check().map_err(|source| SpecFileError::Value { path: owned(), source })?;
    Ok(spec)
}

/// Writes a specification to be edited.
///
/// # Errors
/// When the file cannot be written.
pub fn write_spec(spec: &TaskSpec, path: &Path) -> Result<(), SpecFileError> {
    let form =
        |error: toml::ser::Error| SpecFileError::Form { path: path.to_owned(), reason: error.to_string() };
    let text = format!("{HEAD}{}", toml::to_string(spec).map_err(form)?);
    atomic::write(path, text.as_bytes()).map_err(|source| SpecFileError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use diar_core::benchmark::MAZE2D;
    use diar_core::spec::RewardKind;

    use super::*;

    #[test]
    fn a_specification_survives_its_file_and_mistakes_are_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("task.toml");
        let spec = TaskSpec {
            id: "own-v0".to_owned(),
            reward: RewardKind::Subtasks(3),
            ..(*MAZE2D[0].spec).clone()
        };
        write_spec(&spec, &path).unwrap();
        assert_eq!(read_spec(&path).unwrap(), spec);
        assert!(Task::own(spec.clone(), 9).benchmark.is_none());
        assert!(Task::own((*MAZE2D[1].spec).clone(), 9).benchmark.is_some());
        for (text, part) in [
            ("id = 3", "no task specification"),
            (
                &fs::read_to_string(&path).unwrap().replace("max_steps = 300", "max_steps = 0"),
                "max_steps is 0",
            ),
            (&fs::read_to_string(&path).unwrap().replace("max_steps = ", "max_stops = "), "max_stops"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read_spec(&path).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(matches!(read_spec(&folder.path().join("none")), Err(SpecFileError::File { .. })));
    }
}
