//! Uniformly random actions.

use crate::agent::{Actor, AgentError, Episode};
use crate::rng::Stream;

/// Actions drawn uniformly from the action space, each episode from numbers of its own.
#[derive(Debug)]
pub struct Random {
    streams: Vec<Stream>,
    width: usize,
}

impl Random {
    /// Random actions of `width` numbers in some episodes.
    #[must_use]
    pub fn new(episodes: &[Episode], width: usize) -> Self {
        Self { streams: streams(episodes), width }
    }
}

impl Actor for Random {
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let mut actions = Vec::with_capacity(lanes.len() * self.width);
        for &(lane, _) in lanes {
            let stream = &mut self.streams[lane];
            actions.extend((0..self.width).map(|_| stream.range(-1.0, 1.0) as f32));
        }
        Ok(actions)
    }
}

/// The random numbers of each episode's baseline.
pub(super) fn streams(episodes: &[Episode]) -> Vec<Stream> {
    episodes.iter().map(|episode| episode.key().named("baseline").stream()).collect()
}
