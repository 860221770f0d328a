//! Simulators of the tasks that this program knows.

use diar_core::benchmark::{Benchmark, Family};
use diar_core::env::{self, EnvError, Envs};
use diar_core::spec::TaskSpec;

use crate::antmaze;

/// The simulator of a task.
///
/// # Errors
/// When no such simulator is known, the task only has the name of one, or the program was built without it.
pub fn open(spec: &TaskSpec) -> Result<Box<dyn Envs>, EnvError> {
    match Benchmark::find(&spec.id) {
        Ok(Benchmark { spec: known, family: Family::AntMaze(maze, _), .. }) => {
            if **known != *spec {
                return Err(EnvError::Foreign { task: spec.id.clone() });
            }
            antmaze::open(known, *maze)
        }
        _ => env::open(spec),
    }
}
