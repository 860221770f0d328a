//! D4RL's Maze2D data, made anew: one endless noisy walk from random goal to random goal.

use super::{random_position, random_start};
use crate::benchmark::MAZE2D;
use crate::data::Transitions;
use crate::maze::{Controller, MazeId, PointMass};
use crate::rng::Key;

/// Standard deviation of the noise on the controller's actions: what made the published -v1 files.
const ACTION_NOISE: f64 = 0.5;

/// Records `rows` steps of the noisy controller, as D4RL's generator does, with its quirks:
///
/// - The walk is never reset and has no terminals. `timeouts` marks the rows at which the random goal was reached.
/// - After such a row the next one repeats its observation, though the ball has moved on by one step.
/// - A new goal in the cell of the old one is reached at once: a segment of one row.
/// - Rewards were written afterwards: the reward of a row is that of its own observation, against the maze's goal.
pub fn generate(maze: MazeId, rows: usize, seed: u64) -> Transitions {
    let stream = &mut Key::new(seed).named("data").stream();
    let layout = maze.layout();
    let max_steps = MAZE2D[maze as usize].spec.max_steps;
    let mut controller = Controller::new(layout);
    let mut goal = random_position(layout, stream);
    let mut observation = random_start(layout, stream);
    let mut ball = PointMass::from_state(observation);
    let mut segment = 0;

    let mut data = Transitions {
        state_dim: 4,
        action_dim: 2,
        states: Vec::with_capacity(rows * 4),
        actions: Vec::with_capacity(rows * 2),
        rewards: Vec::with_capacity(rows),
        terminals: vec![false; rows],
        timeouts: Vec::with_capacity(rows),
        continuous: true,
        past_terminals: false,
        goals: Vec::with_capacity(rows * 2),
    };
    for _ in 0..rows {
        let command = controller.act(observation, goal, stream);
        let action = command.action.map(|a| (a + ACTION_NOISE * stream.normal()).clamp(-1.0, 1.0));
        let done = command.arrived || segment >= max_steps;

        let recorded = observation.map(|x| x as f32);
        let position = [f64::from(recorded[0]), f64::from(recorded[1])];
        data.states.extend(recorded);
        data.actions.extend(action.map(|a| a as f32));
        data.rewards.push(if layout.reaches_goal(position) { 1.0 } else { 0.0 });
        data.timeouts.push(done);
        data.goals.extend(goal.map(|x| x as f32));

        ball.step(layout, action);
        if done {
            goal = random_position(layout, stream);
            segment = 0;
        } else {
            observation = ball.state();
            segment += 1;
        }
    }
    data
}
