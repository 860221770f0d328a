//! Looking into a decision.

use diar_core::maze::World;
use diar_core::settings::PlanSettings;
use serde::{Deserialize, Serialize};

/// Candidates of a decision, to be looked into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidates {
    /// The state they were sampled in.
    pub state: Vec<f64>,
    /// `[candidates, latent]`.
    pub latents: Vec<Vec<f32>>,
    /// The maze it was.
    pub world: World,
}

/// A decision whose denoising is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Denoising {
    /// The state it was made in.
    pub state: Vec<f64>,
    /// Seed and number of its episode.
    pub seed: u64,
    pub episode: u64,
    /// Its number in the episode.
    pub decision: usize,
    /// How it was made.
    pub settings: PlanSettings,
}

/// The way of candidates from noise to latents; one entry per sampler step and one more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// `[steps + 1][candidates][latent]`.
    pub latents: Vec<Vec<Vec<f32>>>,
    /// Where each would end if it were used as it is, `[steps + 1][candidates][x, y]`.
    pub ends: Vec<Vec<[f32; 2]>>,
    /// Q of each, `[steps + 1][candidates]`.
    pub q: Vec<Vec<f32>>,
}
