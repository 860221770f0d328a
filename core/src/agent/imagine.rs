//! Where latents would lead: decoded step by step, through the physics of the maze.

use super::model::{Agent, AgentError, read};
use crate::maze::{Layout, PointMass};

impl Agent {
    /// The paths of latents `[n][latent]` from the raw state `[state]`, `[n][steps + 1]` positions (m), the state's own
    /// first: the policy decoder's mean action at each step, as an agent that follows the latent and never replans
    /// would act with it.
    ///
    /// # Errors
    /// When the state or a latent is not one of this agent's, the device fails, or a network gives a number that is not
    /// finite.
    pub async fn imagine(
        &self,
        state: &[f64],
        latents: &[Vec<f32>],
        layout: &Layout,
        steps: usize,
    ) -> Result<Vec<Vec<[f64; 2]>>, AgentError> {
        let begin = self.observation(state)?;
        if let Some(other) = latents.iter().find(|latent| latent.len() != self.latent()) {
            return Err(AgentError::Width { what: "a latent", found: other.len(), expected: self.latent() });
        }
        if latents.is_empty() {
            return Ok(Vec::new());
        }
        let start = PointMass::from_state([state[0], state[1], state[2], state[3]]);
        let mut balls = vec![start; latents.len()];
        let mut paths = vec![vec![start.position]; latents.len()];
        let latents = self.latents(latents.concat());
        let mut seen: Vec<f32> = begin.repeat(balls.len());
        for _ in 0..steps {
            self.normalise(&mut seen);
            let actions = read("an action", self.act(self.states(seen), latents.clone(), None)).await?;
            for ((ball, path), action) in balls.iter_mut().zip(&mut paths).zip(actions.chunks_exact(2)) {
                ball.step(layout, [action[0], action[1]].map(f64::from));
                path.push(ball.position);
            }
            seen = balls.iter().flat_map(|ball| ball.state().map(|x| x as f32)).collect();
        }
        Ok(paths)
    }

    /// A raw state as the environment shows it, in single precision.
    pub(super) fn observation(&self, state: &[f64]) -> Result<[f32; 4], AgentError> {
        <[f64; 4]>::try_from(state).map(|state| state.map(|x| x as f32)).map_err(|_| AgentError::Width {
            what: "a state",
            found: state.len(),
            expected: self.task().state_dim,
        })
    }
}
