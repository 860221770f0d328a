//! The waypoint controller that collected D4RL's Maze2D data.

use super::layout::Layout;
use crate::rng::Stream;

/// Pull towards the waypoint per metre, and against the velocity per m/s.
const PULL: f64 = 10.0;
const BRAKE: f64 = 1.0;
/// A waypoint is reached when it and the previous position are both nearer than this, m.
const REACHED: f64 = 0.1;
/// Waypoints on the way are moved back by up to this much, m: towards the middle of their cells.
const WAYPOINT_NOISE: f64 = 0.2;

/// Drives the ball along the shortest way, from cell to cell.
///
/// D4RL finds the way by 50 sweeps of tabular Q-iteration (discount 0.99, reward for being in the target's cell, moves
/// in the order stay, column down, column up, row down, row up) and follows the first of the best moves. After 50
/// sweeps the value of a cell falls strictly with its distance to the target, below 50 steps, and is exactly equal at
/// equal distance. The first of the best moves is therefore the first neighbour, in that order, that is nearest to the
/// target. That is what this controller computes; a test compares the two for every pair of cells.
#[derive(Clone, Debug)]
pub struct Controller {
    layout: &'static Layout,
    /// The cell planned for, as a position.
    target: Option<[f64; 2]>,
    waypoints: Vec<[f64; 2]>,
    next: usize,
    previous: [f64; 2],
}

/// What the controller wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command {
    /// The action, in [-1, 1].
    pub action: [f64; 2],
    /// Whether the target's cell had been reached.
    pub arrived: bool,
}

impl Controller {
    /// A controller without a plan.
    pub fn new(layout: &'static Layout) -> Self {
        Self { layout, target: None, waypoints: Vec::new(), next: 0, previous: [0.0; 2] }
    }

    /// The action for a state [x, y, vx, vy]. A target in another cell than before makes a new plan; the stream
    /// places its waypoints.
    pub fn act(&mut self, [x, y, vx, vy]: [f64; 4], target: [f64; 2], stream: &mut Stream) -> Command {
        let position = [x, y];
        let target = round(target);
        if self.target != Some(target) {
            self.plan(round(position), target, stream);
        }

        let moved = distance(position, self.previous);
        let reached = |place: [f64; 2]| distance(position, place) < REACHED && moved < REACHED;
        let arrived = reached(target);
        let heading = if arrived { target } else { self.waypoints[self.next] };
        if !arrived && reached(heading) {
            // The last waypoint is the target: to reach it is to arrive.
            self.next += 1;
        }
        self.previous = position;

        let action = [
            (PULL * (heading[0] - x) - BRAKE * vx).clamp(-1.0, 1.0),
            (PULL * (heading[1] - y) - BRAKE * vy).clamp(-1.0, 1.0),
        ];
        Command { action, arrived }
    }

    fn plan(&mut self, start: [f64; 2], target: [f64; 2], stream: &mut Stream) {
        self.target = Some(target);
        self.previous = start;
        self.next = 0;
        self.waypoints.clear();
        for (i, j) in way(self.layout, cell(start), cell(target)) {
            let noise = [(); 2].map(|()| WAYPOINT_NOISE * stream.uniform());
            self.waypoints.push([i as f64 - noise[0], j as f64 - noise[1]]);
        }
        self.waypoints.push(target);
    }
}

/// The cells strictly between `start` and `target` on the shortest way. It is empty where there is no way.
fn way(layout: &Layout, start: (usize, usize), target: (usize, usize)) -> Vec<(usize, usize)> {
    let mut cells = Vec::new();
    if layout.is_wall(target.0 as isize, target.1 as isize) {
        return cells;
    }
    let distances = layout.distances(target);
    let left = |cell: (usize, usize)| distances[layout.index(cell)].unwrap_or(usize::MAX);
    let mut here = start;
    while here != target {
        // `min_by_key` gives the first of equals. A position just off a wall may round to the wall's cell; from
        // there, too, the way leads over the nearest free neighbour.
        match layout.neighbours(here).min_by_key(|&cell| left(cell)) {
            Some(next) if next != target => cells.push(next),
            _ => break,
        }
        here = cells[cells.len() - 1];
    }
    cells
}

/// The integer position of the cell that D4RL counts a position to.
fn round(position: [f64; 2]) -> [f64; 2] {
    position.map(f64::round_ties_even)
}

/// The cell of an integer position; negative and non-finite ones saturate.
fn cell(position: [f64; 2]) -> (usize, usize) {
    (position[0] as usize, position[1] as usize)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::MazeId;

    /// The best move by tabular Q-iteration, written as D4RL's recipe says.
    fn best_moves(layout: &Layout, target: (usize, usize)) -> Vec<(usize, usize)> {
        const MOVES: [(isize, isize); 5] = [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)];
        let after = |(i, j): (usize, usize), (di, dj): (isize, isize)| {
            let (ni, nj) = (i as isize + di, j as isize + dj);
            if layout.is_wall(ni, nj) { (i, j) } else { (ni as usize, nj as usize) }
        };
        let cells: Vec<(usize, usize)> =
            (0..layout.rows).flat_map(|i| (0..layout.cols).map(move |j| (i, j))).collect();
        let mut q = vec![[0.0_f64; 5]; cells.len()];
        for _ in 0..50 {
            let value: Vec<f64> = q.iter().map(|row| row.iter().copied().fold(f64::MIN, f64::max)).collect();
            for (row, &cell) in q.iter_mut().zip(&cells) {
                let reward = f64::from(u8::from(cell == target));
                *row = MOVES.map(|step| reward + 0.99 * value[layout.index(after(cell, step))]);
            }
        }
        let first_best = |row: &[f64; 5]| (0..5).fold(0, |best, k| if row[k] > row[best] { k } else { best });
        cells.iter().zip(&q).map(|(&cell, row)| after(cell, MOVES[first_best(row)])).collect()
    }

    #[test]
    fn the_way_is_that_of_tabular_q_iteration() {
        for maze in [MazeId::Umaze, MazeId::Medium, MazeId::Large] {
            let layout = maze.layout();
            let mut longest = 0;
            for &target in layout.free_cells() {
                let best = best_moves(layout, target);
                for &start in layout.free_cells() {
                    let mut expected = Vec::new();
                    let mut here = best[layout.index(start)];
                    while here != target {
                        expected.push(here);
                        here = best[layout.index(here)];
                    }
                    assert_eq!(way(layout, start, target), expected, "{maze:?} {start:?} to {target:?}");
                    longest = longest.max(expected.len() + 1);
                }
            }
            assert!(longest < 50, "{maze:?}: {longest} steps are more than 50 sweeps can see");
        }
    }

    #[test]
    fn places_without_a_way_are_harmless() {
        let layout = MazeId::Umaze.layout();
        assert!(way(layout, (0, 0), (1, 1)).is_empty());
        assert!(way(layout, (1, 1), (9, 9)).is_empty());
        assert!(way(layout, (usize::MAX, usize::MAX), (1, 1)).is_empty());
        // From inside the wall between the arms, over the nearest arm.
        assert_eq!(way(layout, (2, 1), (1, 2)), [(1, 1)]);
    }
}
