//! Environments: simulators of tasks, behind one trait.
//!
//! [`Envs`] is what a rollout needs of a simulator. [`maze2d`] implements it in exact arithmetic, [`antmaze`] over a
//! [`Physics`] that the program has, [`toy`] is a point on a line. A simulator outside this crate does not implement it: it drives an agent through `diar policy`.

pub mod antmaze;
pub mod maze2d;
mod open;
mod physics;
pub mod toy;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use open::{open, spec};
pub use physics::{Physics, PhysicsError, Pose};

use crate::maze::{World, WorldError};
use crate::rng::Key;
use crate::spec::TaskSpec;

/// Number of an episode among those in lockstep.
pub type Lane = usize;

/// Start of an episode.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// As the task's reset draws it from this key.
    Drawn(Key),
    /// In the stratum whose turn it is, by the number of the episode; the rest is drawn from the key.
    Stratum(u64, Key),
    /// In this observation, `[state]`.
    At(Vec<f64>),
}

/// An observed moment of an episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// `[state]`, as the simulator has it; networks see it in single precision.
    pub observation: Vec<f64>,
    /// Position of the goal, where the task has one: for drawing only.
    pub goal: Option<Vec<f64>>,
}

/// Result of one environment step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `[state]`, after the step.
    pub observation: Vec<f64>,
    /// Reward of the step.
    pub reward: f32,
    /// True if the state after the step is at the goal, with all subtasks complete.
    pub at_goal: bool,
    /// Set when the episode ends with this step.
    pub end: Option<End>,
}

/// End of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The task ends it, as at a goal that is reached once.
    Terminal,
    /// Its time is up.
    TimeLimit,
}

/// A saved moment of an episode: every number that later steps depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// State of the simulator, in an order of its own.
    pub numbers: Vec<f64>,
    /// Steps taken.
    pub steps: usize,
}

/// Agreement of the same actions from the same start between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Bit by bit on every machine: a link needs no states.
    Everywhere,
    /// Bit by bit where the program is the same build; elsewhere rounding differs and grows.
    SameBuild,
    /// Not even there.
    Approximate,
}

/// An episode that cannot be simulated.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EnvError {
    /// A changed world that cannot be played in.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A world without changes to make.
    #[error("the world of {task} cannot be changed: leave walls and goal as they are")]
    Unchangeable {
        /// The task.
        task: String,
    },
    /// Too many or too few numbers.
    #[error("{what} has {found} numbers, expected {expected} for {task}")]
    Width {
        /// Description of the vector.
        what: &'static str,
        /// Numbers it has.
        found: usize,
        /// Numbers it should have.
        expected: usize,
        /// The task.
        task: String,
    },
    /// A start outside of what the simulator can be in.
    #[error("an episode of {task} cannot start at {found:?}: expected {expected}")]
    Start {
        /// The task.
        task: String,
        /// The start.
        found: Vec<f64>,
        /// Possible starts.
        expected: String,
    },
    /// An action that is not a number.
    #[error("an action of lane {lane} is not a finite number")]
    Action {
        /// The lane.
        lane: Lane,
    },
    /// A lane without an episode under way.
    #[error("lane {lane} has no episode under way: reset it first")]
    Idle {
        /// The lane.
        lane: Lane,
    },
    /// A task without a simulator here.
    #[error(
        "no simulator of {task} is known here: drive the agent from its own simulator with `diar policy`"
    )]
    Unknown {
        /// The task.
        task: String,
    },
    /// A task of a known name with another specification.
    #[error(
        "{task} differs from the task of that name that is simulated here: it belongs to other data or another version"
    )]
    Foreign {
        /// The task.
        task: String,
    },
    /// A task whose simulator this program was built without.
    #[error("{task} needs {simulator}: {advice}")]
    Absent {
        /// The task.
        task: String,
        /// The simulator.
        simulator: &'static str,
        /// A way to have it.
        advice: &'static str,
    },
    /// The simulator failed.
    #[error("the simulator failed: {0}")]
    Simulator(String),
}

/// A batch of episodes of one task in lockstep. Deterministic: worlds, starts and actions decide everything.
pub trait Envs: fmt::Debug {
    /// The task.
    fn spec(&self) -> &Arc<TaskSpec>;

    /// Begins an episode in each of these lanes, in the task's world with changes made to it. Lanes need not have been
    /// there before; gives their first frames in the same order.
    ///
    /// # Errors
    /// When the world cannot be played in, or a start is impossible; no lane has changed then.
    fn reset(&mut self, lanes: &[(Lane, Start)], world: &World) -> Result<Vec<Frame>, EnvError>;

    /// Takes one step in each of these lanes with its action, `[lanes, action]`; puts their results into `steps`, whose
    /// former contents are dropped.
    ///
    /// # Errors
    /// When a lane has no episode under way, or its action is no action; no lane has changed then.
    fn step(&mut self, lanes: &[Lane], actions: &[f32], steps: &mut Vec<Step>) -> Result<(), EnvError>;

    /// The moment that a lane is in.
    ///
    /// # Errors
    /// When the lane has no episode under way.
    fn save(&self, lane: Lane) -> Result<Snapshot, EnvError>;

    /// Puts a lane back into a moment of an episode in the same world.
    ///
    /// # Errors
    /// When the lane never began, or the moment is none of this task.
    fn load(&mut self, lane: Lane, from: &Snapshot) -> Result<Frame, EnvError>;

    /// Agreement of the same actions with other machines.
    fn exactness(&self) -> Exactness;
}

/// Checks the numbers of a vector.
fn check_width(spec: &TaskSpec, what: &'static str, found: usize, expected: usize) -> Result<(), EnvError> {
    if found == expected {
        return Ok(());
    }
    Err(EnvError::Width { what, found, expected, task: spec.id.clone() })
}

/// Checks the actions of a step, `[lanes, action]`.
fn check_actions(spec: &TaskSpec, lanes: &[Lane], actions: &[f32]) -> Result<(), EnvError> {
    let width = spec.action_dim();
    check_width(spec, "the actions of a step", actions.len(), lanes.len() * width)?;
    match actions.iter().position(|a| !a.is_finite()) {
        Some(at) => Err(EnvError::Action { lane: lanes[at / width] }),
        None => Ok(()),
    }
}
