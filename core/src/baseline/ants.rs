//! The controller that collected AntMaze's data, without its noise.

use super::random::streams;
use crate::agent::{Actor, AgentError, Episode};
use crate::env::antmaze::{Navigator, OBSERVATION, QPOS, Walker, drawn_goal, senses};
use crate::maze::MazeId;
use crate::rng::Stream;

/// Walkers led by waypoints in some episodes, each to its own goal.
#[derive(Debug)]
pub struct AntController {
    walker: Walker,
    lanes: Vec<(Navigator, Stream)>,
}

impl AntController {
    /// Controllers of episodes in a maze.
    #[must_use]
    pub fn new(episodes: &[Episode], maze: MazeId, walker: Walker) -> Self {
        let lead = |episode: &Episode| Navigator::new(maze.layout(), drawn_goal(maze, &episode.start()));
        Self { walker, lanes: episodes.iter().map(lead).zip(streams(episodes)).collect() }
    }
}

impl Actor for AntController {
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let mut actions = Vec::new();
        for &(lane, state) in lanes {
            let found = state.len();
            let wrong = AgentError::Width { what: "a state", found, expected: OBSERVATION };
            let Some((qpos, qvel)) = state.split_first_chunk::<QPOS>() else { return Err(wrong) };
            let Ok(qvel) = qvel.try_into() else { return Err(wrong) };
            let (navigator, stream) = &mut self.lanes[lane];
            let direction = navigator.direction([qpos[0], qpos[1]], stream);
            actions.extend(self.walker.act(&senses(qpos, qvel, direction)));
        }
        Ok(actions)
    }
}
