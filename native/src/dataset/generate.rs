//! Data sets made anew, where they fit into memory.

use diar_core::data::Transitions;
use diar_core::env;
use diar_core::learn::row_bytes;
use diar_core::task::Task;

use crate::memory::{self, TooMuch};
use crate::say::say;

/// Generates rows of a task's data and says so on standard error.
///
/// # Errors
/// When they do not fit into memory.
pub fn generate(task: &'static Task, rows: usize, seed: u64) -> Result<Transitions, TooMuch> {
    require(task, rows, row_bytes(task))?;
    say(format_args!("generating {rows} rows of {} with seed {seed}", task.id));
    Ok(env::generate(task, rows, seed))
}

/// Refuses rows that take more than is left, at so many bytes for each.
///
/// # Errors
/// When they do not fit into memory.
pub fn require(task: &Task, rows: usize, each: f64) -> Result<(), TooMuch> {
    let work = format!("generating {rows} rows of {}", task.id);
    memory::require(work, rows as f64 * each, "generate fewer rows")
}
