//! A maze changed by hand: walls put up or taken down, the goal moved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::layout::{Layout, MazeId};

/// What is changed about a task's own maze; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Cells (i, j) changed between wall and free, sorted, each once.
    pub toggled: Vec<(u8, u8)>,
    /// Where the goal is instead, m; it need not be the middle of a cell, nor within the ball's reach.
    pub goal: Option<[f64; 2]>,
}

/// Why a changed maze cannot be played in.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum WorldError {
    /// The border keeps the ball in.
    #[error("cell ({i}, {j}) cannot be changed: only those from (1, 1) to ({last_i}, {last_j}) can")]
    Border {
        /// Row of the cell.
        i: u8,
        /// Its column.
        j: u8,
        /// The last row inside the border.
        last_i: usize,
        /// The last column inside it.
        last_j: usize,
    },
    /// There is one way to write a world.
    #[error("cell ({0}, {1}) is out of turn: changed cells are sorted by row and column, each named once")]
    Order(u8, u8),
    /// The goal is in or at a wall, or outside.
    #[error("the ball does not fit at the goal ({0}, {1}): move the goal, or free the cells around it")]
    Goal(f64, f64),
    /// No place to come from.
    #[error("no cell is free but the goal's: free another one")]
    NoStart,
}

impl World {
    /// Whether it is the task's own maze.
    #[must_use]
    pub fn is_original(&self) -> bool {
        self.toggled.is_empty() && self.goal.is_none()
    }

    /// Changes a cell between wall and free, or back.
    pub fn toggle(&mut self, cell: (u8, u8)) {
        match self.toggled.binary_search(&cell) {
            Ok(at) => {
                self.toggled.remove(at);
            }
            Err(at) => self.toggled.insert(at, cell),
        }
    }

    /// The maze with the changes made.
    ///
    /// # Errors
    /// When a cell of the border or outside is to be changed, cells are not in order, the ball does not fit at the
    /// goal, or no cell but the goal's is free.
    pub fn layout(&self, maze: MazeId) -> Result<Arc<Layout>, WorldError> {
        let original = maze.layout();
        if self.is_original() {
            return Ok(Arc::clone(original));
        }
        let [last_i, last_j] = [original.rows - 2, original.cols - 2];
        for &(i, j) in &self.toggled {
            let inside = (1..=last_i).contains(&i.into()) && (1..=last_j).contains(&j.into());
            if !inside {
                return Err(WorldError::Border { i, j, last_i, last_j });
            }
        }
        if let Some(pair) = self.toggled.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(WorldError::Order(pair[1].0, pair[1].1));
        }
        let toggled = self.toggled.iter().map(|&(i, j)| (i.into(), j.into()));
        let layout = original.changed(toggled, self.goal);
        let [x, y] = layout.goal_position();
        if !layout.contains_free(x, y) {
            return Err(WorldError::Goal(x, y));
        }
        if layout.free_cells().len() < 2 {
            return Err(WorldError::NoStart);
        }
        Ok(Arc::new(layout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_change_and_change_back() {
        let own = MazeId::Umaze.layout();
        let mut world = World::default();
        for cell in [(2, 2), (1, 2), (2, 1)] {
            world.toggle(cell);
        }
        assert_eq!(world.toggled, [(1, 2), (2, 1), (2, 2)]);
        let layout = world.layout(MazeId::Umaze).unwrap();
        for i in 0..own.rows {
            for j in 0..own.cols {
                let changed = world.toggled.contains(&(i as u8, j as u8));
                let [i, j] = [i as isize, j as isize];
                assert_eq!(layout.is_wall(i, j), own.is_wall(i, j) != changed, "({i}, {j})");
            }
        }
        assert_eq!(layout.free_cells().len(), own.free_cells().len() + 1);
        for cell in [(2, 2), (1, 2), (2, 1)] {
            world.toggle(cell);
        }
        assert!(world.is_original());
    }

    #[test]
    fn the_goal_lies_between_cells_and_pays_there() {
        let world = World { toggled: Vec::new(), goal: Some([2.9, 2.55]) };
        let layout = world.layout(MazeId::Umaze).unwrap();
        assert_eq!((layout.goal_position(), layout.goal()), ([2.9, 2.55], (3, 3)));
        let paid = [[2.9, 2.1], [2.9, 2.0], [1.0, 1.0]].map(|position| layout.reaches_goal(position));
        assert_eq!(paid, [true, false, false]);
    }

    /// A wall across the U cuts the goal off; the layout tells.
    #[test]
    fn a_goal_out_of_reach_is_allowed() {
        let layout = World { toggled: vec![(2, 3)], goal: None }.layout(MazeId::Umaze).unwrap();
        let distances = layout.distances(layout.goal());
        assert_eq!(distances[layout.index((1, 3))], Some(2));
        assert_eq!(distances[layout.index((3, 1))], None);
    }

    #[test]
    fn worlds_that_cannot_be_played_in_are_refused() {
        let refuse = |toggled: &[(u8, u8)], goal| {
            World { toggled: toggled.to_vec(), goal }.layout(MazeId::Umaze).unwrap_err()
        };
        for (i, j) in [(0, 1), (4, 2), (1, 0), (1, 4), (5, 1), (255, 255)] {
            assert_eq!(refuse(&[(i, j)], None), WorldError::Border { i, j, last_i: 3, last_j: 3 });
        }
        assert_eq!(refuse(&[(2, 2), (2, 1)], None), WorldError::Order(2, 1));
        assert_eq!(refuse(&[(2, 2), (2, 2)], None), WorldError::Order(2, 2));
        for goal in [[2.0, 1.0], [1.0, 0.3], [9.0, 9.0], [-1.0, 1.0]] {
            assert_eq!(refuse(&[], Some(goal)), WorldError::Goal(goal[0], goal[1]));
        }
        assert!(matches!(refuse(&[], Some([f64::NAN, 1.0])), WorldError::Goal(..)));
        assert_eq!(refuse(&[(1, 1)], None), WorldError::Goal(1.0, 1.0));
        let others = [(1, 2), (1, 3), (2, 3), (3, 1), (3, 2), (3, 3)];
        assert_eq!(refuse(&others, None), WorldError::NoStart);
    }
}
