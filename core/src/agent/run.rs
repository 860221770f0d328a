//! Everything that determines an episode, beside the weights and the device.

use serde::{Deserialize, Serialize};

use super::rollout::Episode;
use super::scenario::Scenario;
use crate::settings::PlanSettings;

/// A run: an episode as it is asked for. The same weights on the same device make the same of it each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Seed of all noise.
    pub seed: u64,
    /// Number of the episode under that seed.
    pub episode: u64,
    /// Observation that it begins in, `[state]`; drawn from the seed when `None`.
    pub start: Option<Vec<f64>>,
    /// How decisions are made.
    pub settings: PlanSettings,
    /// Changes to the world, and decisions that somebody takes instead of the agent.
    pub scenario: Scenario,
}

impl RunSpec {
    /// A run from a drawn start, with nothing changed.
    #[must_use]
    pub fn new(seed: u64, episode: u64, settings: PlanSettings) -> Self {
        Self { seed, episode, start: None, settings, scenario: Scenario::default() }
    }

    /// Its episode.
    #[must_use]
    pub fn episode(&self) -> Episode {
        Episode::chosen(self.seed, self.episode, self.start.as_deref())
    }
}
