//! The one form of scores in JSON, for every task and method.

use std::collections::BTreeMap;

use diar_core::score::Estimate;
use serde::Serialize;

use super::Method;

/// Scores of one policy on one task: what `eval --json` and `score --json` print for every task and method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the task.
    pub task: String,
    /// Method that acted.
    pub method: Method,
    /// The bundle's file; `None` for a baseline.
    pub bundle: Option<String>,
    /// Episodes played.
    pub episodes: usize,
    /// Seed of the episodes.
    pub seed: u64,
    /// Adaptive Revaluation on or off.
    pub revalue: bool,
    /// Each score of the task by its name, in points.
    #[serde(flatten)]
    pub scores: BTreeMap<&'static str, Estimate>,
    /// Share of episodes that reached the goal.
    pub success_rate: f64,
    /// Mean step of first contact, over the episodes that had one.
    pub mean_first_contact_step: Option<f64>,
    /// Plans sampled in an episode.
    pub decisions_per_episode: f64,
    /// Plans dropped by revaluation in an episode.
    pub revaluations_per_episode: f64,
    /// Environment steps per second of all episodes together, where they were timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_steps_per_second: Option<f64>,
}
