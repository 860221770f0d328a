//! The controller that collected Maze2D's data, without its noise.

use super::random::streams;
use crate::agent::{Actor, AgentError, Episode};
use crate::maze::{Controller, Layout};
use crate::rng::Stream;

/// Waypoint controllers of some episodes; each plans anew for its own.
#[derive(Debug)]
pub struct MazeController {
    layout: &'static Layout,
    lanes: Vec<(Controller, Stream)>,
}

impl MazeController {
    /// Controllers of episodes in a maze.
    #[must_use]
    pub fn new(episodes: &[Episode], layout: &'static Layout) -> Self {
        let lanes = streams(episodes).into_iter().map(|stream| (Controller::new(layout), stream));
        Self { layout, lanes: lanes.collect() }
    }
}

impl Actor for MazeController {
    fn act(&mut self, lanes: &[(usize, &[f64])]) -> Result<Vec<f32>, AgentError> {
        let mut actions = Vec::with_capacity(2 * lanes.len());
        for &(lane, state) in lanes {
            let found = state.len();
            let state = <[f64; 4]>::try_from(state);
            let state = state.map_err(|_| AgentError::Width { what: "a state", found, expected: 4 })?;
            let (controller, stream) = &mut self.lanes[lane];
            let command = controller.act(state, self.layout.goal_position(), stream);
            actions.extend(command.action.map(|number| number as f32));
        }
        Ok(actions)
    }
}
