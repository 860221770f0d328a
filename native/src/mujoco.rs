//! MuJoCo under core's environments: one model that threads share, and a state each.

use std::sync::{Arc, Once};

use diar_core::env::{Physics, PhysicsError, Pose};
use mujoco_rs::mujoco_c::mjtState;
use mujoco_rs::prelude::{MjData, MjModel, log_config, set_log_config};

/// The version of MuJoCo that `mujoco-rs` is made for.
const VERSION: &str = "3.17.0";

/// Everything of a state that a step depends on: positions, velocities, activations, histories, the solver's warm start.
const STATE: u32 = mjtState::mjSTATE_PHYSICS as u32 | mjtState::mjSTATE_WARMSTART as u32;

/// A compiled model.
#[derive(Clone, Debug)]
pub struct Model(Arc<MjModel>);

impl Model {
    /// Compiles a model's text.
    ///
    /// # Errors
    /// When MuJoCo refuses it, or has another version.
    pub fn compile(text: &str) -> Result<Self, PhysicsError> {
        static BEGUN: Once = Once::new();
        let found = mujoco_rs::mujoco_version();
        if found != VERSION {
            return Err(PhysicsError::Model(format!("the library is MuJoCo {found}, expected {VERSION}")));
        }
        // Warnings go to standard error, not to a file in the current folder as well.
        // SAFETY: nothing of MuJoCo runs before the first model is compiled, and all others wait here.
        BEGUN.call_once(|| unsafe { set_log_config(log_config().with_logto_file(false)) });
        let model = MjModel::from_xml_string(text).map_err(|error| PhysicsError::Model(error.to_string()))?;
        Ok(Self(Arc::new(model)))
    }

    /// A state of its own of this model.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn simulation(&self) -> Result<Simulation, PhysicsError> {
        let data =
            MjData::try_new(Arc::clone(&self.0)).map_err(|error| PhysicsError::Model(error.to_string()))?;
        Ok(Simulation { data })
    }
}

/// A state of a model.
pub struct Simulation {
    data: MjData<Arc<MjModel>>,
}

impl Physics for Simulation {
    fn qpos(&self) -> &[f64] {
        self.data.qpos()
    }

    fn qvel(&self) -> &[f64] {
        self.data.qvel()
    }

    fn set(&mut self, qpos: &[f64], qvel: &[f64]) -> Result<(), PhysicsError> {
        PhysicsError::check("positions", qpos.len(), self.data.qpos().len())?;
        PhysicsError::check("velocities", qvel.len(), self.data.qvel().len())?;
        self.data.reset();
        self.data.qpos_mut().copy_from_slice(qpos);
        self.data.qvel_mut().copy_from_slice(qvel);
        Ok(())
    }

    fn step(&mut self, controls: &[f64], substeps: usize) -> Result<(), PhysicsError> {
        PhysicsError::check("controls", controls.len(), self.data.ctrl().len())?;
        self.data.ctrl_mut().copy_from_slice(controls);
        for _ in 0..substeps {
            self.data.step();
        }
        Ok(())
    }

    fn save(&self) -> Vec<f64> {
        self.data.state(STATE).into_vec()
    }

    fn load(&mut self, saved: &[f64]) -> Result<(), PhysicsError> {
        PhysicsError::check("state", saved.len(), self.data.model().state_size(STATE))?;
        self.data.set_state(saved, STATE).map_err(|error| PhysicsError::Model(error.to_string()))
    }

    fn poses(&mut self) -> Vec<Pose> {
        self.data.kinematics();
        let bodies = self.data.xpos().iter().zip(self.data.xmat());
        bodies.map(|(&position, &rotation)| Pose { position, rotation }).collect()
    }
}
