//! From recorded steps to what the stages learn from: transitions, windows, prioritised replay; and windows in a small file.

mod earned;
mod experience;
mod normaliser;
mod replay;
mod returns;
mod steps;
mod timeouts;
mod transitions;
mod windows;

pub use earned::earned;
pub use experience::{Experience, ExperienceError, Recorded};
pub use normaliser::Normaliser;
pub use replay::{Drawn, Replay, SumTree};
pub use returns::{WindowReturn, window_return};
pub use steps::{NoSteps, StepBatch, Steps};
pub use timeouts::{TimeoutRule, TimeoutVerdict};
pub use transitions::{ColumnMismatch, Transitions};
pub use windows::{WindowBatch, Windows, WindowsError};
