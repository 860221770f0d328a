//! A decision's latents at every step of the denoising, and what the agent would make of them.

use std::ops::Range;
use std::slice;

use burn::tensor::Tensor;

use super::model::{Agent, AgentError, read};
use super::planner::noise_key;
use crate::diffusion::SamplerNoise;
use crate::rng::Key;
use crate::settings::PlanSettings;

/// The candidates of one decision on their way from noise to latents.
///
/// Entry 0 is the noise, entry `updates` the latents that were ranked. Networks have only seen the last: where half
/// denoised latents would end, and what Q makes of them, shows how they take shape and means no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// `[updates + 1][candidates][latent]`, as the diffusion model has them.
    pub latents: Vec<Vec<Vec<f32>>>,
    /// Where the state decoder sees each end, `[updates + 1][candidates][state]`, raw.
    pub ends: Vec<Vec<Vec<f32>>>,
    /// `min(Q0, Q1)(s, z)`, `[updates + 1][candidates]`.
    pub q: Vec<Vec<f32>>,
}

impl Agent {
    /// The denoising of decision number `decision` (from 0) of an episode, made in the raw state `[state]`. With the
    /// episode's plan key the noise is the planner's, so the last latents are the ones that it ranked.
    ///
    /// # Errors
    /// When the state is not one of the task's, a setting cannot be used, the device fails, or a network gives a number
    /// that is not finite.
    pub async fn trail(
        &self,
        state: &[f64],
        key: Key,
        decision: usize,
        settings: &PlanSettings,
    ) -> Result<Trail, AgentError> {
        self.trail_of(0..settings.candidates, state, key, decision, settings).await
    }

    /// The same for some of the candidates, by number.
    ///
    /// # Errors
    /// As [`Agent::trail`].
    pub async fn trail_of(
        &self,
        candidates: Range<usize>,
        state: &[f64],
        key: Key,
        decision: usize,
        settings: &PlanSettings,
    ) -> Result<Trail, AgentError> {
        settings.check(self.schedule().steps())?;
        let (n, latent) = (candidates.len(), self.latent());
        let state = self.seen(state)?;
        let dim = state.len();
        let key = noise_key(key, decision);
        let sampler = self.sampler(settings.sampler);
        let noise = SamplerNoise::DrawnAfter(slice::from_ref(&key), candidates.start * latent);
        let trail = sampler.trail(self.states(state.clone()), n, noise);

        let count = trail.len();
        let latents = Tensor::cat(trail, 0);
        let q = self.q(self.states(state.repeat(count)), latents.clone());
        let rows = self.states(state.repeat(count * n));
        let ends = self.end(rows, latents.clone().reshape([count * n, latent]));
        let latents = read("a latent", latents).await?;
        let mut ends = read("a predicted state", ends).await?;
        let q = read("Q", q).await?;
        self.denormalise(&mut ends);
        let split = |values: &[f32], width: usize| -> Vec<Vec<Vec<f32>>> {
            let steps = values.chunks_exact(n * width);
            steps.map(|step| step.chunks_exact(width).map(<[f32]>::to_vec).collect()).collect()
        };
        Ok(Trail {
            latents: split(&latents, latent),
            ends: split(&ends, dim),
            q: q.chunks_exact(n).map(<[f32]>::to_vec).collect(),
        })
    }
}
