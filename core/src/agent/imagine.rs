//! Where latents would lead: decoded step by step, through the simulator.

use super::model::{Agent, AgentError, read};
use crate::env::{Envs, Start};
use crate::maze::World;

impl Agent {
    /// The paths of latents `[n][latent]` from the raw state `[state]`, `[n][steps + 1][state]`, the state's own first: the
    /// policy decoder's mean action at each step, as an agent that follows the latent and never replans would act with it.
    /// An episode that ends on the way ends its path. `envs` has lanes of its own for this, one for each latent.
    ///
    /// # Errors
    /// When the state or a latent is not one of this agent's, the device or the simulator fails, or a network gives a
    /// number that is not finite.
    pub async fn imagine(
        &self,
        envs: &mut dyn Envs,
        state: &[f64],
        latents: &[Vec<f32>],
        world: &World,
        steps: usize,
    ) -> Result<Vec<Vec<Vec<f64>>>, AgentError> {
        self.seen(state)?;
        if let Some(other) = latents.iter().find(|latent| latent.len() != self.latent()) {
            return Err(AgentError::Width { what: "a latent", found: other.len(), expected: self.latent() });
        }
        let starts: Vec<_> = (0..latents.len()).map(|lane| (lane, Start::At(state.to_vec()))).collect();
        let mut paths: Vec<Vec<Vec<f64>>> =
            envs.reset(&starts, world)?.into_iter().map(|frame| vec![frame.observation]).collect();
        let mut alive: Vec<usize> = (0..latents.len()).collect();
        let mut stepped = Vec::new();
        for _ in 0..steps {
            if alive.is_empty() {
                break;
            }
            let mut seen = Vec::new();
            for &lane in &alive {
                seen.extend(self.seen(&paths[lane][paths[lane].len() - 1])?);
            }
            let followed = alive.iter().flat_map(|&lane| &latents[lane]).copied().collect();
            let actions = self.act(self.states(seen), self.latents(followed), None);
            let mut actions = read("an action", actions).await?;
            // As the motors do.
            for a in &mut actions {
                *a = a.clamp(-1.0, 1.0);
            }
            envs.spec().action.expand(&mut actions);
            envs.step(&alive, &actions, &mut stepped)?;
            let lanes = std::mem::take(&mut alive);
            for (lane, step) in lanes.into_iter().zip(&stepped) {
                paths[lane].push(step.observation.clone());
                if step.end.is_none() {
                    alive.push(lane);
                }
            }
        }
        Ok(paths)
    }
}
