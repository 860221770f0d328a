//! A simulator for tests, without legs and walls.

use super::{QPOS, QVEL, TORQUE};
use crate::env::{Physics, PhysicsError, Pose};

/// A body without legs: its first two motors push it along the world's axes, by 0.2 m at full action.
pub(super) struct Puck {
    qpos: Vec<f64>,
    qvel: Vec<f64>,
}

impl Puck {
    pub(super) fn new() -> Self {
        Self { qpos: vec![0.0; QPOS], qvel: vec![0.0; QVEL] }
    }
}

impl Physics for Puck {
    fn qpos(&self) -> &[f64] {
        &self.qpos
    }
    fn qvel(&self) -> &[f64] {
        &self.qvel
    }
    fn set(&mut self, qpos: &[f64], qvel: &[f64]) -> Result<(), PhysicsError> {
        self.qpos.copy_from_slice(qpos);
        self.qvel.copy_from_slice(qvel);
        Ok(())
    }
    fn step(&mut self, controls: &[f64], substeps: usize) -> Result<(), PhysicsError> {
        for ((control, position), velocity) in controls.iter().zip(&mut self.qpos[..2]).zip(&mut self.qvel) {
            *velocity = 0.4 * control / TORQUE;
            *position += 0.1 * *velocity * substeps as f64;
        }
        Ok(())
    }
    fn save(&self) -> Vec<f64> {
        [&self.qpos[..], &self.qvel].concat()
    }
    fn load(&mut self, saved: &[f64]) -> Result<(), PhysicsError> {
        self.set(&saved[..QPOS], &saved[QPOS..])
    }
    fn poses(&mut self) -> Vec<Pose> {
        Vec::new()
    }
}
