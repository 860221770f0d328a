//! Messages of the worker that trains.

use diar_core::maze::World;
use serde::{Deserialize, Serialize};

use super::ValueField;

/// From the page to the worker that trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToTrainer {
    /// Address of the bundle whose critic is to be trained anew.
    pub bundle: String,
    /// Hash of that bundle, as the page has it.
    pub from: String,
    /// Address of its windows.
    pub windows: String,
    /// Goal and settings of the new critic.
    pub settings: RetrainingSettings,
    /// The maze over which values are shown meanwhile.
    pub world: World,
}

/// From the worker that trains to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromTrainer {
    /// How it comes on.
    Learning {
        /// Steps taken, and in all.
        step: usize,
        total: usize,
        /// The losses of V and Q, when there are new ones.
        losses: Option<[f64; 2]>,
    },
    /// V over the maze, as far as it has been learned.
    Field {
        /// Its values.
        field: ValueField,
    },
    /// All is learned.
    Learned {
        /// Hash of the bundle that it was trained from.
        from: String,
        /// The bundle with the new critic.
        #[serde(with = "serde_bytes")]
        bundle: Vec<u8>,
        /// Seconds it took.
        seconds: f64,
    },
    /// It cannot go on.
    Failed {
        /// Why, in words.
        message: String,
    },
}

/// How the critic is trained anew in the page.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrainingSettings {
    /// Where the goal is.
    pub goal: [f64; 2],
    /// τ of the expectile loss.
    pub expectile: f64,
    /// γ per environment step.
    pub discount: f64,
    /// LDCQ's target instead of DIAR's.
    pub ldcq: bool,
}
