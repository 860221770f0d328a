//! The simulator under an environment that is written here.

use thiserror::Error;

/// One state of a simulator that advances an articulated model: MuJoCo, natively or in WebAssembly.
///
/// An environment writes the text of its model, and a program compiles it. All numbers are SI units; positions and
/// velocities are MuJoCo's `qpos` and `qvel`.
pub trait Physics {
    /// Generalised positions.
    fn qpos(&self) -> &[f64];

    /// Generalised velocities.
    fn qvel(&self) -> &[f64];

    /// Begins anew in a state, as if nothing had happened before.
    ///
    /// # Errors
    /// When the state is not of the model's size.
    fn set(&mut self, qpos: &[f64], qvel: &[f64]) -> Result<(), PhysicsError>;

    /// Advances by so many time steps under one control of each actuator.
    ///
    /// # Errors
    /// When there are more or fewer controls than actuators.
    fn step(&mut self, controls: &[f64], substeps: usize) -> Result<(), PhysicsError>;

    /// Everything that the next step depends on, the solver's warm start among it.
    fn save(&self) -> Vec<f64>;

    /// Goes back to what [`save`](Self::save) gave: the same controls then lead to the same bits.
    ///
    /// # Errors
    /// When the numbers are not of the model's size.
    fn load(&mut self, saved: &[f64]) -> Result<(), PhysicsError>;

    /// Poses of the model's bodies in the world, the world's own first, for drawing.
    fn poses(&mut self) -> Vec<Pose>;
}

/// Where a body is, and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Origin of the body in the world, m.
    pub position: [f64; 3],
    /// The body's axes in the world: the columns of this matrix, which is stored row by row.
    pub rotation: [f64; 9],
}

/// A simulator that cannot do what is asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PhysicsError {
    /// The model's text is refused.
    #[error("the simulator refuses the model: {0}")]
    Model(String),
    /// Numbers of another model.
    #[error("{found} numbers of {what} given, but the model has {expected}")]
    Size {
        /// Kind of the numbers.
        what: &'static str,
        /// Number given.
        found: usize,
        /// Number in the model.
        expected: usize,
    },
}

impl PhysicsError {
    /// Checks that as many numbers are given as the model has.
    ///
    /// # Errors
    /// When they are more or fewer.
    pub fn check(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Size { what, found, expected }) }
    }
}
