//! An episode of Maze2D: start, reward, time limit, and both scores.

use std::sync::Arc;

use crate::maze::{Layout, PointMass};
use crate::rng::Stream;
use crate::task::Task;

/// Half the width of the noise on drawn positions (starts and goals), m.
const POSITION_NOISE: f64 = 0.1;
/// Standard deviation of a start's velocity, m/s.
const VELOCITY_NOISE: f64 = 0.1;

/// A running episode. It never ends by itself: at the time limit [`MazeEnv::over`] turns true.
#[derive(Clone, Debug)]
pub struct MazeEnv {
    task: &'static Task,
    layout: Arc<Layout>,
    ball: PointMass,
    steps: usize,
    first_contact: Option<usize>,
    native_return: f64,
}

impl MazeEnv {
    /// A new episode from a random start: any free cell, the goal's too, with a little noise and drift.
    pub fn reset(task: &'static Task, stream: &mut Stream) -> Self {
        Self::at(task, random_start(task.maze.layout(), stream))
    }

    /// A new episode in a changed maze. It begins where [`MazeEnv::reset`] begins, so that a change elsewhere moves no
    /// start; where that is a wall now, in a random free cell.
    pub fn reset_in(layout: &Arc<Layout>, task: &'static Task, stream: &mut Stream) -> Self {
        let start = random_start(task.maze.layout(), stream);
        let start =
            if layout.contains_free(start[0], start[1]) { start } else { random_start(layout, stream) };
        Self::at_in(layout, task, start)
    }

    /// The start of an episode that is number `index` of many: the free cells one after the other, so that each is
    /// begun in equally often, with the noise and drift of [`MazeEnv::reset`].
    pub fn stratified_start(task: &'static Task, index: u64, stream: &mut Stream) -> [f64; 4] {
        let cells = task.maze.layout().free_cells();
        start_in(cells[(index % cells.len() as u64) as usize], stream)
    }

    /// A new episode from a given state [x, y, vx, vy].
    pub fn at(task: &'static Task, state: [f64; 4]) -> Self {
        Self::at_in(task.maze.layout(), task, state)
    }

    /// A new episode in a changed maze from a given state [x, y, vx, vy].
    pub fn at_in(layout: &Arc<Layout>, task: &'static Task, state: [f64; 4]) -> Self {
        Self {
            task,
            layout: Arc::clone(layout),
            ball: PointMass::from_state(state),
            steps: 0,
            first_contact: None,
            native_return: 0.0,
        }
    }

    /// Takes one step and gives its reward: 1 if the goal is within reach after the step, otherwise 0.
    pub fn step(&mut self, action: [f32; 2]) -> f32 {
        self.ball.step(&self.layout, action.map(f64::from));
        self.steps += 1;
        if !self.layout.reaches_goal(self.ball.position) {
            return 0.0;
        }
        self.first_contact.get_or_insert(self.steps);
        self.native_return += 1.0;
        1.0
    }

    /// What is played.
    pub fn task(&self) -> &'static Task {
        self.task
    }

    /// [x, y, vx, vy].
    pub fn state(&self) -> [f64; 4] {
        self.ball.state()
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The first step (the first step of an episode is 1) that earned a reward.
    pub fn first_contact(&self) -> Option<usize> {
        self.first_contact
    }

    /// The sum of the rewards so far.
    pub fn native_return(&self) -> f64 {
        self.native_return
    }

    /// Whether the time limit is reached.
    pub fn over(&self) -> bool {
        self.steps >= self.task.max_steps
    }
}

/// A start in any free cell: [x, y, vx, vy].
fn random_start(layout: &Layout, stream: &mut Stream) -> [f64; 4] {
    start_in(layout.free_cells()[stream.below(layout.free_cells().len())], stream)
}

/// A start in a cell: [x, y, vx, vy].
fn start_in(cell: (usize, usize), stream: &mut Stream) -> [f64; 4] {
    let [x, y] = near(cell, stream);
    let [vx, vy] = [(); 2].map(|()| VELOCITY_NOISE * stream.normal());
    [x, y, vx, vy]
}

/// A random free cell, the goal's too, with noise: how the data's goals are drawn.
pub(super) fn random_position(layout: &Layout, stream: &mut Stream) -> [f64; 2] {
    near(layout.free_cells()[stream.below(layout.free_cells().len())], stream)
}

fn near((i, j): (usize, usize), stream: &mut Stream) -> [f64; 2] {
    [i, j].map(|k| k as f64 + stream.range(-POSITION_NOISE, POSITION_NOISE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::{MazeId, World};
    use crate::rng::Key;
    use crate::task::TASKS;

    #[test]
    fn nothing_changed_is_the_tasks_own_maze() {
        for task in &TASKS {
            let layout = World::default().layout(task.maze).unwrap();
            assert!(Arc::ptr_eq(&layout, task.maze.layout()));
            for index in 0..50 {
                let stream = || Key::new(index).stream();
                let reset = MazeEnv::reset_in(&layout, task, &mut stream());
                assert_eq!(reset.state(), MazeEnv::reset(task, &mut stream()).state());
            }
        }
    }

    #[test]
    fn a_start_in_a_new_wall_moves_and_no_other() {
        let task = &TASKS[0];
        let layout = World { toggled: vec![(3, 1)], goal: None }.layout(task.maze).unwrap();
        let mut moved = 0;
        for index in 0..100 {
            let stream = || Key::new(index).stream();
            let [own, changed] = [
                MazeEnv::reset(task, &mut stream()).state(),
                MazeEnv::reset_in(&layout, task, &mut stream()).state(),
            ];
            assert!(layout.contains_free(changed[0], changed[1]));
            let walled = !layout.contains_free(own[0], own[1]);
            assert_eq!(walled, own != changed);
            moved += usize::from(walled);
        }
        assert!(moved > 0);
    }

    #[test]
    fn a_moved_goal_pays_where_it_lies() {
        let layout = World { toggled: Vec::new(), goal: Some([2.9, 2.55]) }.layout(MazeId::Umaze).unwrap();
        let stepped = |[x, y]: [f64; 2]| MazeEnv::at_in(&layout, &TASKS[0], [x, y, 0.0, 0.0]).step([0.0; 2]);
        assert_eq!([stepped([2.9, 2.1]), stepped([2.9, 2.0]), stepped([1.0, 1.0])], [1.0, 0.0, 0.0]);
    }
}
