//! From recorded steps to what the stages learn from: transitions, windows, prioritised replay.

mod normaliser;
mod replay;
mod transitions;
mod windows;

pub use normaliser::Normaliser;
pub use replay::{Drawn, Replay, SumTree};
pub use transitions::{ColumnMismatch, Transitions};
pub use windows::{WindowBatch, Windows, WindowsError};
