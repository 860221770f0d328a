//! Looking at a sampler from outside an episode: what it draws in given states, and what the agent would choose of it.

use std::sync::Arc;

use super::model::{Agent, AgentError, read};
use super::planner::argmax;
use super::rollout::{Episode, Rollout, RolloutOptions};
use crate::diffusion::{LatentSampler, SamplerNoise};
use crate::env::Envs;
use crate::rng::Key;
use crate::settings::PlanSettings;

/// States that decisions are made in, raw, `count` times `[state]`: by turns where an episode starts, and where one
/// that is played as `settings` say stands before it touches the goal.
///
/// # Errors
/// When a setting cannot be used, the device fails, or a network gives a number that is not finite.
pub async fn probe_states(
    agent: &Arc<Agent>,
    envs: Box<dyn Envs>,
    settings: PlanSettings,
    seed: u64,
    count: usize,
) -> Result<Vec<Vec<f32>>, AgentError> {
    let episodes: Vec<_> = (0..count as u64).map(|index| Episode::random(seed, index)).collect();
    let options = RolloutOptions { record: false, stop_at_goal: true, shareable: false };
    let mut rollout = Rollout::new(Arc::clone(agent), envs, settings, &episodes, options)?;
    let mut paths: Vec<Vec<Vec<f64>>> = rollout.lanes().iter().map(|lane| vec![lane.state.clone()]).collect();
    while !rollout.finished() {
        rollout.advance().await?;
        for (path, lane) in paths.iter_mut().zip(rollout.lanes()) {
            if lane.steps == path.len() {
                path.push(lane.state.clone());
            }
        }
    }
    let key = Key::new(seed).named("probe");
    let states = paths.iter().enumerate().map(|(i, path)| {
        // Nothing is decided in the state that an episode ends in.
        let decided = path.len().saturating_sub(1).max(1);
        let step = if i % 2 == 0 { 0 } else { key.fold(i as u64).stream().below(decided) };
        path[step].iter().map(|&x| x as f32).collect()
    });
    Ok(states.collect())
}

/// How much is drawn in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// Decisions, each with candidates of its own.
    pub decisions: usize,
    /// Latents sampled per decision.
    pub candidates: usize,
}

/// What a sampler gave in one state.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Every latent, `[decisions · candidates, latent]`, as the diffusion model has them.
    pub latents: Vec<f32>,
    /// The largest Q of each decision, `[decisions]`.
    pub best_q: Vec<f32>,
    /// The first action of each decision's best latent, the decoder's mean, `[decisions, action]`.
    pub actions: Vec<f32>,
}

/// Draws in a raw state and chooses by Q, decision by decision, as the planner does.
///
/// # Errors
/// When the device fails or a network gives a number that is not finite.
pub async fn draw(
    agent: &Agent,
    sampler: &LatentSampler,
    state: &[f32],
    key: Key,
    draws: Draws,
) -> Result<Drawn, AgentError> {
    let Draws { decisions, candidates } = draws;
    let latent = agent.latent();
    let mut state = state.to_vec();
    agent.normalise(&mut state);
    let one = agent.states(state.clone());
    let latents = sampler.sample(one.clone(), decisions * candidates, SamplerNoise::Drawn(&[key]));
    let q = read("Q", agent.q(one, latents.clone())).await?;
    let latents = read("a latent", latents).await?;

    let (mut best_q, mut best): (Vec<f32>, Vec<f32>) = Default::default();
    for (q, latents) in q.chunks_exact(candidates).zip(latents.chunks_exact(candidates * latent)) {
        let chosen = argmax(q);
        best_q.push(q[chosen]);
        best.extend(&latents[chosen * latent..(chosen + 1) * latent]);
    }
    let states = agent.states(state.repeat(decisions));
    let actions = read("an action", agent.act(states, agent.latents(best), None)).await?;
    Ok(Drawn { latents, best_q, actions })
}
