//! Acting by the mean of the policy.

use std::sync::Arc;

use super::Settings;
use crate::agent::{self, AgentError};
use crate::method::{Loaded, numbers};

/// A trained policy, in any number of episodes.
#[derive(Debug)]
pub struct Actor {
    agent: Arc<Loaded<Settings>>,
}

impl Actor {
    /// The policy.
    #[must_use]
    pub fn new(agent: Arc<Loaded<Settings>>) -> Self {
        Self { agent }
    }
}

impl agent::Actor for Actor {
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        numbers(self.agent.network.mean(self.agent.states(lanes)))
    }
}
