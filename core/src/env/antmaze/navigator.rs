//! D4RL's waypoints: which cell to walk to next.

use super::grid::{cell_of, place};
use crate::maze::Layout;
use crate::rng::Stream;

/// A waypoint lies this far from the middle of its cell, at most, along each axis, m.
const NOISE: f64 = 1.0;

/// The way to a target, from cell to cell, by breadth-first search.
#[derive(Clone, Debug)]
pub struct Navigator {
    target: [f64; 2],
    goal: (usize, usize),
    columns: usize,
    /// The order in which the search from the target finds the cells, row by row.
    found: Vec<Option<usize>>,
}

impl Navigator {
    /// The ways to a target [x, y], m.
    #[must_use]
    pub fn new(layout: &Layout, target: [f64; 2]) -> Self {
        let goal = cell_of(target);
        let mut found = vec![None; layout.rows * layout.cols];
        let mut queue = Vec::new();
        if let Some(first) = index(layout.cols, goal).and_then(|at| found.get_mut(at)) {
            *first = Some(0);
            queue.push(goal);
        }
        let mut next = 0;
        while let Some(&cell) = queue.get(next) {
            next += 1;
            for beside in neighbours(cell) {
                if layout.is_wall(beside.0 as isize, beside.1 as isize) {
                    continue;
                }
                let known = &mut found[layout.index(beside)];
                if known.is_none() {
                    *known = Some(queue.len());
                    queue.push(beside);
                }
            }
        }
        Self { target, goal, columns: layout.cols, found }
    }

    /// The cell to walk to from a position [x, y] (m): a neighbour of the position's cell, or the target's cell itself.
    /// None where no way is known.
    #[must_use]
    pub fn next(&self, position: [f64; 2]) -> Option<(usize, usize)> {
        let here = cell_of(position);
        if here == self.goal {
            return Some(here);
        }
        let order = |cell| index(self.columns, cell).and_then(|at| *self.found.get(at)?);
        neighbours(here).into_iter().filter_map(|cell| Some((order(cell)?, cell))).min().map(|(_, cell)| cell)
    }

    /// Where to walk from a position, m: the target itself, once its cell is the next; otherwise somewhere in the next
    /// cell, drawn anew at every call, as D4RL does.
    pub fn waypoint(&self, position: [f64; 2], stream: &mut Stream) -> [f64; 2] {
        match self.next(position) {
            Some(cell) if cell != self.goal => place(cell).map(|middle| middle + NOISE * stream.uniform()),
            _ => self.target,
        }
    }

    /// The unit vector from a position to its waypoint.
    pub fn direction(&self, position: [f64; 2], stream: &mut Stream) -> [f64; 2] {
        let waypoint = self.waypoint(position, stream);
        let [x, y] = [waypoint[0] - position[0], waypoint[1] - position[1]];
        // On the waypoint itself every direction is as good.
        let length = (x * x + y * y).sqrt() + 1e-6;
        [x / length, y / length]
    }
}

/// The four cells beside one, in the order of D4RL's search. One outside the maze has an index that is out of range.
fn neighbours((i, j): (usize, usize)) -> [(usize, usize); 4] {
    [(i, j.wrapping_sub(1)), (i, j.saturating_add(1)), (i.saturating_add(1), j), (i.wrapping_sub(1), j)]
}

/// The number of a cell, row by row, of a maze so many columns wide.
fn index(columns: usize, (i, j): (usize, usize)) -> Option<usize> {
    (j < columns).then(|| i.checked_mul(columns)?.checked_add(j)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::{MazeId, World};
    use crate::rng::Key;

    #[test]
    fn following_the_cells_is_a_shortest_way() {
        for maze in [MazeId::Umaze, MazeId::Medium, MazeId::Large] {
            let layout = maze.layout();
            for &goal in layout.free_cells() {
                let distances = layout.distances(goal);
                let target = place(goal).map(|middle| middle + 0.7);
                let navigator = Navigator::new(layout, target);
                for &start in layout.free_cells() {
                    let mut here = start;
                    for _ in 0..distances[layout.index(start)].unwrap() {
                        here = navigator.next(place(here)).unwrap();
                        assert!(!layout.is_wall(here.0 as isize, here.1 as isize));
                    }
                    assert_eq!(here, goal, "{maze:?} from {start:?}");
                }
            }
        }
    }

    #[test]
    fn waypoints_lie_in_the_next_cell_and_end_at_the_target() {
        let navigator = Navigator::new(MazeId::Umaze.layout(), [0.5, 8.5]);
        let stream = &mut Key::new(1).stream();
        for _ in 0..100 {
            let [x, y] = navigator.waypoint([0.1, 0.1], stream);
            assert!((4.0..5.0).contains(&x) && (0.0..1.0).contains(&y), "{x} {y}");
        }
        assert_eq!(navigator.waypoint([4.5, 8.1], stream), [0.5, 8.5]);
        let [x, y] = navigator.direction([3.5, 4.5], stream);
        assert!((x + 0.6).abs() < 1e-6 && (y - 0.8).abs() < 1e-6, "{x} {y}: from the goal's own cell");
    }

    #[test]
    fn places_without_a_way_lead_straight_on() {
        let layout = World { toggled: vec![(2, 3)], goal: None }.layout(MazeId::Umaze).unwrap();
        let stream = &mut Key::new(1).stream();
        for target in [[0.5, 8.5], [-1e300, 1e300], [f64::NAN, f64::INFINITY]] {
            let navigator = Navigator::new(&layout, target);
            for position in [[0.1, 0.1], [1e300, -1e300], [f64::INFINITY, f64::NAN]] {
                let waypoint = navigator.waypoint(position, stream);
                assert!(
                    waypoint[0].to_bits() == target[0].to_bits()
                        && waypoint[1].to_bits() == target[1].to_bits()
                );
            }
        }
    }
}
