//! Episodes run for their results.

use std::sync::Arc;

use super::model::{Agent, AgentError};
use super::rollout::{Episode, Rollout, RolloutOptions};
use crate::score::EpisodeResult;
use crate::settings::PlanSettings;

/// Runs episodes in lockstep, to the time limit.
///
/// With `stop_at_goal`, each episode ends at its first contact with the goal. `first_contact` is unchanged and the run
/// is much cheaper, since most plans are made at the goal; `native` then counts that one step only.
///
/// # Errors
/// When a setting cannot be used, the device fails, or a network gives a number that is not finite.
pub async fn evaluate(
    agent: &Arc<Agent>,
    settings: PlanSettings,
    episodes: Vec<Episode>,
    stop_at_goal: bool,
) -> Result<Vec<EpisodeResult>, AgentError> {
    let options = RolloutOptions { record: false, stop_at_goal, shareable: false };
    let mut rollout = Rollout::new(Arc::clone(agent), settings, episodes, options)?;
    while !rollout.finished() {
        rollout.advance().await?;
    }
    let results = rollout.envs().iter().enumerate().map(|(lane, env)| EpisodeResult {
        first_contact: env.first_contact(),
        native: env.native_return(),
        decisions: rollout.decisions(lane),
        revaluations: rollout.revaluations(lane),
        steps: env.steps(),
    });
    Ok(results.collect())
}
