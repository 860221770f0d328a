//! Simulators of the tasks that this crate knows.

use std::sync::Arc;

use super::maze2d::Maze2d;
use super::toy::Line;
use super::{EnvError, Envs};
use crate::benchmark::{Benchmark, Family};
use crate::spec::TaskSpec;

/// Specification of a task that is known here by its name.
#[must_use]
pub fn spec(id: &str) -> Option<Arc<TaskSpec>> {
    match Benchmark::find(id) {
        Ok(task) => Some(Arc::clone(&task.spec)),
        Err(_) => (id == Line::ID).then(|| Arc::clone(Line::new().spec())),
    }
}

/// The simulator of a task in pure arithmetic.
///
/// # Errors
/// When no such simulator is known, or the task only has the name of one.
pub fn open(spec: &TaskSpec) -> Result<Box<dyn Envs>, EnvError> {
    let unknown = EnvError::Unknown { task: spec.id.clone() };
    let envs: Box<dyn Envs> = match Benchmark::find(&spec.id) {
        Ok(Benchmark { spec, family: Family::Maze2d(maze), .. }) => {
            Box::new(Maze2d::new(Arc::clone(spec), *maze))
        }
        Err(_) if spec.id == Line::ID => Box::new(Line::new()),
        // Its physics are MuJoCo's, which the program brings.
        Ok(Benchmark { family: Family::AntMaze(..), .. }) | Err(_) => return Err(unknown),
    };
    if **envs.spec() == *spec { Ok(envs) } else { Err(EnvError::Foreign { task: spec.id.clone() }) }
}
