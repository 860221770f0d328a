//! A training run and its directory.
//!
//! ```text
//! config.toml                     task, data, settings, devices; the same for the whole run but for the devices
//! metrics.jsonl                   losses, one JSON object per logged step
//! checkpoints/<stage>-<step>/     the last two states to resume from
//! checkpoints/products/<sha256>   what finished stages have made, shared by the checkpoints
//! snapshots/critic-<step>...       agents on the way, where asked for
//! result.json                     how it ended
//! bundle.safetensors              the trained agent, single precision
//! ```

pub mod atomic;
pub mod checkpoints;
pub mod config;
pub mod directory;
mod events;
pub mod filesystem;
pub mod metrics;
pub mod overrides;
pub mod products;
pub mod progress;
pub mod session;
pub mod stop;
pub mod tag;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use config::RunConfig;
pub use directory::RunDirectory;
pub use session::{Ending, RunResult, Session};

/// A run directory that cannot be used.
#[derive(Debug, Error)]
pub enum RunError {
    /// A file of the run cannot be read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// `read`, `write` or `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the run holds something else.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory holds another run.
    #[error("{} holds another run: its {key} is {recorded}, but {asked} was asked for", .path.display())]
    OtherRun {
        /// The run directory.
        path: PathBuf,
        /// The first setting that differs, by its dotted name.
        key: String,
        /// Its value in the directory.
        recorded: String,
        /// Its value now.
        asked: String,
    },
    /// The directory holds something that is no run.
    #[error("{} is not empty and holds no run (no {})", .path.display(), config::FILE)]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// Another program trains in it.
    #[error("another diar is training in {}", .path.display())]
    Busy {
        /// The run directory.
        path: PathBuf,
    },
}

impl RunError {
    fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }
}
