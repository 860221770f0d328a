//! Why a command did not succeed: what to say, what to do about it, and the exit code.

use std::path::{Path, PathBuf};

use diar_core::agent::AgentError;
use diar_core::benchmark::UnknownTask;
use diar_core::bundle::{BundleError, Method};
use diar_core::data::ExperienceError;
use diar_core::env::EnvError;
use diar_core::learn::LearnError;
use diar_core::link::LinkError;
use diar_core::settings::InvalidSetting;
use thiserror::Error;

use crate::bench::BenchError;
use crate::dataset::{DataError, GenerateError};
use crate::device::DeviceError;
use crate::memory::TooMuch;
use crate::registry::SpecFileError;
use crate::run::overrides::AssignmentError;
use crate::run::session::SessionError;
use crate::run::{RunError, config};
use crate::score::ScoreError;

/// Exit code of a failure that is not the user's.
const FAILED: u8 = 1;
/// Exit code of a wrong usage, input or device. The command line parser uses it too.
const WRONG_INPUT: u8 = 2;

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// An assignment of `--set`.
    #[error(transparent)]
    Assignment(#[from] AssignmentError),
    /// A setting that cannot be used.
    #[error("setting {0}")]
    Setting(#[from] InvalidSetting),
    /// A task that does not exist.
    #[error(transparent)]
    Task(#[from] UnknownTask),
    /// The run directory.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Training.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// Work that does not fit into memory.
    #[error(transparent)]
    Memory(#[from] TooMuch),
    /// A bundle that cannot be used.
    #[error("{}: {source}", .path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BundleError,
    },
    /// A run without a bundle.
    #[error("{} has no bundle: its training has not finished", .path.display())]
    NoBundle {
        /// The run directory.
        path: PathBuf,
    },
    /// An option of another method.
    #[error("{option} is for agents that plan latents (diar, ldcq), but this agent's method is {}", .method.name())]
    OtherMethod {
        /// The option.
        option: &'static str,
        /// The agent's method.
        method: Method,
    },
    /// `--reuse` for a method that has nothing to reuse.
    #[error(
        "--reuse takes VAE and diffusion model for diar and ldcq, and the critic of a run of iql for idql; {} learns nothing \
         that another run could have", .method.name()
    )]
    NotReusable {
        /// The method.
        method: Method,
    },
    /// Two agents of different tasks.
    #[error("{} is an agent of {found}, but the first one is of {expected}: agents are compared on one task", .path.display())]
    OtherTaskThan {
        /// The second agent's file.
        path: PathBuf,
        /// The first agent's task.
        expected: String,
        /// The second agent's task.
        found: String,
    },
    /// Episodes on the way.
    #[error("--eval-every: {0}")]
    Trial(Box<dyn std::error::Error + Send + Sync>),
    /// Windows that cannot be used.
    #[error("{}: {source}", .path.display())]
    Windows {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ExperienceError,
    },
    /// Data that the agent was not trained on.
    #[error("the data hashes to {found}, but the agent was trained on {expected}")]
    OtherData {
        /// Hash of the data.
        found: String,
        /// Hash that the bundle recorded.
        expected: String,
    },
    /// A link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A bundle that has nothing to do with a link.
    #[error("the link's episode is of {expected}, but the bundle was trained on {found}")]
    OtherTask {
        /// The link's task.
        expected: String,
        /// The bundle's task.
        found: String,
    },
    /// Training of nothing.
    #[error(
        "nothing to learn: expected a task of D4RL's, such as maze2d-umaze-v1, or --data with a data set"
    )]
    NoTask,
    /// A task specification.
    #[error(transparent)]
    Spec(#[from] SpecFileError),
    /// A task that a command does not know how to draw or simulate.
    #[error("this command is for tasks of Maze2D, not for {task}")]
    NotMaze2d {
        /// The task.
        task: String,
    },
    /// A simulator that is not known here, or cannot be used so.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// Deciding.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The weights of a finished training cannot be written.
    #[error("the trained agent cannot be written: {0}")]
    Encode(BundleError),
    /// Input of `diar simulate`.
    #[error("{0}")]
    Simulation(String),
    /// Result files.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// Measuring.
    #[error(transparent)]
    Bench(BenchError),
    /// A file.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Standard input.
    #[error("cannot read standard input: {0}")]
    Input(std::io::Error),
    /// The result cannot be printed.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// Requests to stop would lose the steps since the last checkpoint.
    #[error("cannot handle signals: {0}")]
    Signals(std::io::Error),
    /// Stopped on request.
    #[error("interrupted: a checkpoint was written to {}", .run.display())]
    Interrupted {
        /// The run directory.
        run: PathBuf,
        /// The exit code, which says who asked.
        exit_code: u8,
    },
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Device(error) => Self::Device(error),
            BenchError::Learn(error) => Self::Learn(error),
            BenchError::Agent(error) => Self::Agent(error),
            BenchError::Bundle(error) => Self::Encode(error),
            error => Self::Bench(error),
        }
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::Memory(error) => Self::Memory(error),
            GenerateError::Env(error) => Self::Env(error),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Run(error) => Self::Run(error),
            SessionError::Learn(error) => Self::Learn(error),
            SessionError::Bundle(error) => Self::Encode(error),
            SessionError::Trial(error) => Self::Trial(error),
        }
    }
}

impl Failure {
    /// A file that cannot be read or written.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    /// The exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Learn(
                LearnError::Setting(_)
                | LearnError::Windows(_)
                | LearnError::Dimensions { .. }
                | LearnError::Rewards(_)
                | LearnError::Steps(_)
                | LearnError::Experience(_)
                | LearnError::OtherAgent { .. }
                | LearnError::Goal { .. },
            )
            | Self::Agent(AgentError::Setting(_) | AgentError::Env(_)) => WRONG_INPUT,
            Self::Interrupted { exit_code, .. } => *exit_code,
            Self::Data(DataError::File { action: "write", .. } | DataError::Encode { .. })
            | Self::Run(RunError::File { .. })
            | Self::File { action: "write", .. }
            | Self::Spec(SpecFileError::File { action: "write", .. })
            | Self::Agent(_)
            | Self::Encode(_)
            | Self::Trial(_)
            | Self::Learn(_)
            | Self::Output(_)
            | Self::Signals(_) => FAILED,
            _ => WRONG_INPUT,
        }
    }

    /// What to do about it, where the message does not say so itself.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Interrupted { .. } => Some("the same command goes on from there".to_owned()),
            Self::Run(RunError::OtherRun { .. } | RunError::NotARun { .. }) => {
                Some("choose another directory with --run".to_owned())
            }
            Self::Run(RunError::Damaged { path, .. }) if path.ends_with(config::FILE) => {
                Some("repair it, or choose another directory with --run".to_owned())
            }
            Self::OtherData { .. } => Some("give the data set it was trained on with --data".to_owned()),
            Self::NoBundle { .. } => Some("go on with `diar train` and the same --run".to_owned()),
            Self::Data(error) => error.hint(),
            _ => None,
        }
    }
}
