//! Everything that determines an episode, beside the weights and the device.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rollout::Episode;
use super::scenario::Scenario;
use crate::bundle::Method;
use crate::settings::PlanSettings;

/// Settings of acting, of any method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ActingSettings {
    /// DIAR's and LDCQ's: plans of latents.
    Plan(PlanSettings),
    /// Those of a method without latents.
    Own(OwnSettings),
}

/// Settings of acting of a method without latents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnSettings {
    /// The method.
    pub method: Method,
    /// Its group of settings `act`; null where it has none. The bundle's method knows what may be in it.
    pub act: Value,
}

impl ActingSettings {
    /// Those of plans, where they are.
    #[must_use]
    pub fn plan(&self) -> Option<&PlanSettings> {
        match self {
            Self::Plan(plan) => Some(plan),
            Self::Own(_) => None,
        }
    }
}

impl ActingSettings {
    /// Those of plans, to be changed.
    pub fn plan_mut(&mut self) -> Option<&mut PlanSettings> {
        match self {
            Self::Plan(plan) => Some(plan),
            Self::Own(_) => None,
        }
    }

    /// Returns `true` if both are of the same method, DIAR and LDCQ being one.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plan(_), Self::Plan(_)) => true,
            (Self::Own(one), Self::Own(other)) => one.method == other.method,
            _ => false,
        }
    }
}

impl From<PlanSettings> for ActingSettings {
    fn from(settings: PlanSettings) -> Self {
        Self::Plan(settings)
    }
}

impl From<OwnSettings> for ActingSettings {
    fn from(settings: OwnSettings) -> Self {
        Self::Own(settings)
    }
}

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
    pub settings: ActingSettings,
    /// Changes to the world, and decisions that somebody takes instead of the agent.
    pub scenario: Scenario,
}

impl RunSpec {
    /// A run from a drawn start, with nothing changed.
    #[must_use]
    pub fn new(seed: u64, episode: u64, settings: impl Into<ActingSettings>) -> Self {
        Self { seed, episode, start: None, settings: settings.into(), scenario: Scenario::default() }
    }

    /// Its episode.
    #[must_use]
    pub fn episode(&self) -> Episode {
        Episode::chosen(self.seed, self.episode, self.start.as_deref())
    }
}
