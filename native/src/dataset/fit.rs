//! Comparison of a data set with the tasks that it could have been recorded in.

use std::fmt;

use diar_core::benchmark::{Benchmark, Family};
use diar_core::data::Transitions;
use diar_core::env::antmaze;
use diar_core::maze::{CELL_LOW, GOAL_RADIUS, MazeId};
use serde::Serialize;

/// Share of positions that must lie in a task's maze.
const INSIDE: f64 = 0.999;
/// Agreement of rewards that is enough. Rewards given for the next state differ in two rows of a visit to the goal.
const AGREEMENT: f64 = 0.8;

/// Comparison of a data set with a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// D4RL's environment id.
    pub task: &'static str,
    /// True if dimensions, positions and rewards are the task's.
    pub fits: bool,
    /// Share of positions in the free cells of its maze; none when the dimensions differ.
    pub inside: Option<f64>,
    /// Of the rows that are rewarded or lie at the goal, the share that is both; none without such rows.
    pub rewards: Option<f64>,
    /// The same, with each reward held against the state of the next row.
    pub next_rewards: Option<f64>,
    /// The task's simulator.
    #[serde(skip)]
    pub(super) family: Family,
}

impl Fit {
    /// Comparison of a data set with each task.
    pub(super) fn all(data: &Transitions) -> Vec<Self> {
        Benchmark::all().map(|task| Self::of(data, task)).collect()
    }

    fn of(data: &Transitions, task: &'static Benchmark) -> Self {
        let family = task.family;
        let mut fit =
            Self { task: task.id(), fits: false, inside: None, rewards: None, next_rewards: None, family };
        if (data.state_dim, data.action_dim) != (task.spec.state_dim(), task.spec.action_dim()) {
            return fit;
        }
        let place = |row: usize| [f64::from(data.state(row)[0]), f64::from(data.state(row)[1])];
        let inside = (0..data.len()).filter(|&row| is_inside(family, place(row))).count();
        let at_goal = |row: usize| may_pay(family, place(row));
        // AntMaze draws its goal, so that a place where it may be need not pay.
        let told = |(rewarded, _): &(bool, bool)| *rewarded || matches!(family, Family::Maze2d(_));
        let own = (0..data.len()).map(|row| (data.rewards[row] > 0.0, at_goal(row)));
        let next = (1..data.len()).filter(|&row| !data.timeouts[row - 1] && !data.breaks_after(row - 1));
        let next = next.map(|row| (data.rewards[row - 1] > 0.0, at_goal(row)));
        fit.inside = Some(inside as f64 / data.len().max(1) as f64);
        fit.rewards = agreement(own.filter(told));
        fit.next_rewards = agreement(next.filter(told));
        fit.fits = fit.lies_inside() && fit.agrees();
        fit
    }

    /// True if the positions are those of the task's maze.
    pub(super) fn lies_inside(&self) -> bool {
        self.inside.is_some_and(|share| share >= INSIDE)
    }

    /// True if the rewards are those of the task's goal, or too few to tell.
    fn agrees(&self) -> bool {
        self.rewards.is_none_or(|share| share.max(self.next_rewards.unwrap_or_default()) >= AGREEMENT)
    }
}

/// True if the middle of the body lies in a free cell. Walls are soft, but never let that much of it in.
fn is_inside(family: Family, place: [f64; 2]) -> bool {
    match family {
        Family::Maze2d(maze) => {
            let [i, j] = place.map(|at| (at - CELL_LOW).floor() as isize);
            !maze.layout().is_wall(i, j)
        }
        Family::AntMaze(maze, _) => antmaze::is_free(maze.layout(), place),
    }
}

/// True if a place is within reach of the goal, or of where a goal may be.
fn may_pay(family: Family, place: [f64; 2]) -> bool {
    match family {
        Family::Maze2d(maze) => maze.layout().reaches_goal(place),
        Family::AntMaze(maze, _) => lies_by_goals(maze, place),
    }
}

/// True if a place is within reach of the square that AntMaze draws goals in.
fn lies_by_goals(maze: MazeId, place: [f64; 2]) -> bool {
    let [[left, top], [right, bottom]] = antmaze::goals(maze);
    let apart = |along: f64, low: f64, high: f64| along - along.clamp(low, high);
    let [x, y] = [apart(place[0], left, right), apart(place[1], top, bottom)];
    (x * x + y * y).sqrt() <= GOAL_RADIUS
}

/// Of the pairs that hold anything, the share that holds both.
fn agreement(pairs: impl Iterator<Item = (bool, bool)>) -> Option<f64> {
    let (mut either, mut both) = (0_usize, 0_usize);
    for (rewarded, expected) in pairs {
        either += usize::from(rewarded || expected);
        both += usize::from(rewarded && expected);
    }
    (either > 0).then(|| both as f64 / either as f64)
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.fits { "fits" } else { "does not fit" };
        write!(f, "{:<18} {verdict}", self.task)?;
        let Some(inside) = self.inside else { return write!(f, ": other dimensions") };
        write!(f, ": {:.2} % of positions in its maze", 100.0 * inside)?;
        match self.rewards {
            Some(rewards) => write!(f, ", {:.1} % of rewards at its goal", 100.0 * rewards),
            None => write!(f, ", no reward and nobody at its goal"),
        }
    }
}
