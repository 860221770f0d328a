//! Episodes run for their results.

use std::sync::Arc;

use super::model::{Agent, AgentError};
use super::rollout::{Episode, Rollout, RolloutOptions};
use crate::env::Envs;
use crate::score::EpisodeResult;
use crate::settings::PlanSettings;

/// Runs episodes in lockstep, to their ends.
///
/// With `stop_at_goal`, each episode ends at its first contact with the goal. `first_contact` is unchanged and the run
/// is much cheaper, since most plans are made at the goal; `native` then counts that one step only.
///
/// # Errors
/// When a setting cannot be used, the device or the simulator fails, or a network gives a number that is not finite.
pub async fn evaluate(
    agent: &Arc<Agent>,
    envs: Box<dyn Envs>,
    settings: PlanSettings,
    episodes: &[Episode],
    stop_at_goal: bool,
) -> Result<Vec<EpisodeResult>, AgentError> {
    let options = RolloutOptions { record: false, stop_at_goal, shareable: false };
    Rollout::new(Arc::clone(agent), envs, settings, episodes, options)?.finish().await
}
