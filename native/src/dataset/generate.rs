//! Data sets made anew, where they fit into memory.

use diar_core::benchmark::Benchmark;
use diar_core::data::Transitions;
use diar_core::env::maze2d;
use diar_core::learn::row_bytes;

use crate::memory::{self, TooMuch};
use crate::say::say;

/// Generates rows of a task's data and says so on standard error.
///
/// # Errors
/// When they do not fit into memory.
pub fn generate(task: &'static Benchmark, rows: usize, seed: u64) -> Result<Transitions, TooMuch> {
    require(task, rows, row_bytes(&task.spec))?;
    say(format_args!("generating {rows} rows of {} with seed {seed}", task.id()));
    Ok(maze2d::generate(task.maze(), rows, seed))
}

/// Refuses rows that take more than is left, at so many bytes for each.
///
/// # Errors
/// When they do not fit into memory.
pub fn require(task: &Benchmark, rows: usize, each: f64) -> Result<(), TooMuch> {
    let work = format!("generating {rows} rows of {}", task.id());
    memory::require(work, rows as f64 * each, "generate fewer rows")
}
