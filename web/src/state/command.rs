//! Commands: what the state asks of the browser.

use super::Theme;
use crate::messages::{Backend, ToTrainer, ToWorker};

/// A task for the code around the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Replace the worker, if any, by a new one.
    StartWorker { bundle: String, backend: Backend },
    /// Tell the worker.
    Send(ToWorker),
    /// Fetch weights to compare with.
    Fetch { address: String },
    /// Start a second worker, on WebGPU.
    StartTrial { bundle: String },
    /// Tell the second worker.
    SendTrial(ToWorker),
    /// The second worker takes the place of the first.
    AdoptTrial,
    /// End the second worker.
    EndTrial,
    /// Start a worker that trains.
    StartTrainer(ToTrainer),
    /// End it.
    EndTrainer,
    /// Copy the address with this fragment.
    Copy(String),
    /// Make a file of what is on display.
    Export(Export),
    /// Remember a theme for the next visit.
    RememberTheme(Theme),
}

/// A file made of what is on display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    Svg,
    Png,
    Gif,
    Json,
}
