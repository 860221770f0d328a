//! Which cells of a maze are walls, and how far a point is from them.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::physics::{BALL_RADIUS, WORLD_OFFSET};

/// The reward is 1 within this distance of the goal, m.
pub const GOAL_RADIUS: f64 = 0.5;

/// Where a cell begins, relative to its index: cell i starts at i - 0.7 m.
pub const CELL_LOW: f64 = 0.5 - WORLD_OFFSET;
/// Where a cell ends, relative to its index: cell i ends at i + 0.3 m.
pub const CELL_HIGH: f64 = 1.5 - WORLD_OFFSET;

/// One of D4RL's three mazes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MazeId {
    /// 5 x 5 cells, 7 of them free.
    Umaze,
    /// 8 x 8 cells, 26 of them free.
    Medium,
    /// 9 x 12 cells, 46 of them free.
    Large,
}

impl MazeId {
    /// All three, in order of size.
    pub const ALL: [Self; 3] = [Self::Umaze, Self::Medium, Self::Large];

    /// The cells of this maze as D4RL has them.
    pub fn layout(self) -> &'static Arc<Layout> {
        static LAYOUTS: LazyLock<[Arc<Layout>; 3]> =
            LazyLock::new(|| [&UMAZE[..], &MEDIUM, &LARGE].map(|map| Arc::new(Layout::new(map))));
        &LAYOUTS[self as usize]
    }
}

// `#` wall, `O` free, `G` the goal, free as well.
const UMAZE: [&[u8]; 5] = [
    b"#####", //
    b"#GOO#", b"###O#", b"#OOO#", b"#####",
];

const MEDIUM: [&[u8]; 8] = [
    b"########", //
    b"#OO##OO#",
    b"#OO#OOO#",
    b"##OOO###",
    b"#OO#OOO#",
    b"#O#OO#O#",
    b"#OOO#OG#",
    b"########",
];

const LARGE: [&[u8]; 9] = [
    b"############", //
    b"#OOOO#OOOOO#",
    b"#O##O#O#O#O#",
    b"#OOOOOO#OOO#",
    b"#O####O###O#",
    b"#OO#O#OOOOO#",
    b"##O#O#O#O###",
    b"#OO#OOO#OGO#",
    b"############",
];

/// Returns `true` if a position (m) lies within [`GOAL_RADIUS`] of a goal (m): D4RL's sparse reward.
#[must_use]
pub fn reaches(goal: [f64; 2], position: [f64; 2]) -> bool {
    let [x, y] = [position[0] - goal[0], position[1] - goal[1]];
    (x * x + y * y).sqrt() <= GOAL_RADIUS
}

/// The cells of a maze. Index i counts rows and belongs to the first coordinate, j counts columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Which cells are walls, row by row.
    walls: Vec<bool>,
    free: Vec<(usize, usize)>,
    goal: [f64; 2],
}

/// A wall's boundary as a point sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// How far away it is; negative inside the wall.
    pub distance: f64,
    /// The unit vector that leads out of the wall.
    pub normal: [f64; 2],
}

impl Surface {
    /// The boundary of a unit square, seen from `local`, a point relative to the square's centre.
    fn of_square(local: [f64; 2]) -> Self {
        let [x, y] = local.map(|c| c - c.clamp(-0.5, 0.5));
        let distance = (x * x + y * y).sqrt();
        if distance > 0.0 {
            return Self { distance, normal: [x / distance, y / distance] };
        }
        // No motion leads here: a hit at top speed sinks in by 6 cm, less than the ball's radius. A state that starts
        // inside a wall is pushed out through the nearest face.
        let depth = local.map(|c| 0.5 - c.abs());
        let towards = |c: f64| if c > 0.0 { 1.0 } else { -1.0 };
        if depth[0] <= depth[1] {
            Self { distance: -depth[0], normal: [towards(local[0]), 0.0] }
        } else {
            Self { distance: -depth[1], normal: [0.0, towards(local[1])] }
        }
    }
}

impl Layout {
    fn new(map: &[&[u8]]) -> Self {
        let cols = map[0].len();
        let cells = map.concat();
        let goal = cells.iter().position(|&c| c == b'G').unwrap_or(0);
        let walls = cells.iter().map(|&c| c == b'#').collect();
        Self::of(map.len(), cols, walls, [goal / cols, goal % cols].map(|k| k as f64))
    }

    /// Returns `true` if a position (m) earns the reward.
    #[must_use]
    pub fn reaches_goal(&self, position: [f64; 2]) -> bool {
        reaches(self.goal, position)
    }

    /// Walls, row by row, and the goal's position.
    fn of(rows: usize, cols: usize, walls: Vec<bool>, goal: [f64; 2]) -> Self {
        let free = walls.iter().enumerate().filter(|&(_, &wall)| !wall);
        Self { rows, cols, free: free.map(|(k, _)| (k / cols, k % cols)).collect(), walls, goal }
    }

    /// The same maze with some cells changed between wall and free, and the goal elsewhere.
    pub(super) fn changed(
        &self,
        toggled: impl IntoIterator<Item = (usize, usize)>,
        goal: Option<[f64; 2]>,
    ) -> Self {
        let mut walls = self.walls.clone();
        for cell in toggled {
            let wall = &mut walls[self.index(cell)];
            *wall = !*wall;
        }
        Self::of(self.rows, self.cols, walls, goal.unwrap_or(self.goal))
    }

    /// Whether cell (i, j) is a wall. Everything outside the maze is.
    pub fn is_wall(&self, i: isize, j: isize) -> bool {
        match (usize::try_from(i), usize::try_from(j)) {
            (Ok(i), Ok(j)) if i < self.rows && j < self.cols => self.walls[self.index((i, j))],
            _ => true,
        }
    }

    /// The cell that the goal lies in.
    pub fn goal(&self) -> (usize, usize) {
        let [i, j] = self.goal.map(|q| (q - CELL_LOW) as usize);
        (i, j)
    }

    /// The goal's position, m. In D4RL's mazes its numbers are the indices of its cell.
    pub fn goal_position(&self) -> [f64; 2] {
        self.goal
    }

    /// The free cells, the goal among them, row by row.
    pub fn free_cells(&self) -> &[(usize, usize)] {
        &self.free
    }

    /// Whether the ball, with its centre at (x, y), lies in the free part of the maze and overlaps no wall.
    ///
    /// Walls are soft: a ball that hits one at full speed sinks in by up to 6 cm for a few steps. Such a position is
    /// real, but no place to start from.
    pub fn contains_free(&self, x: f64, y: f64) -> bool {
        x.is_finite() && y.is_finite() && self.walls_near([x, y]).all(|wall| wall.distance >= BALL_RADIUS)
    }

    /// Steps of the shortest way from each cell to `target`, row by row over all cells; none for walls.
    ///
    /// # Panics
    /// When `target` lies outside the maze.
    pub fn distances(&self, target: (usize, usize)) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.rows * self.cols];
        distances[self.index(target)] = Some(0);
        let mut ring = vec![target];
        for distance in 1.. {
            let mut next = Vec::new();
            for cell in ring {
                for neighbour in self.neighbours(cell) {
                    let known = &mut distances[self.index(neighbour)];
                    if known.is_none() {
                        *known = Some(distance);
                        next.push(neighbour);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            ring = next;
        }
        distances
    }

    /// The free neighbours of a cell, in the order of D4RL's moves: column down and up, row down and up.
    pub(super) fn neighbours(&self, (i, j): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        [(0, -1), (0, 1), (-1, 0), (1, 0)].into_iter().filter_map(move |(di, dj)| {
            let (i, j) = (i.checked_add_signed(di)?, j.checked_add_signed(dj)?);
            (!self.is_wall(i as isize, j as isize)).then_some((i, j))
        })
    }

    /// Where a cell stands in a list of all cells, row by row.
    pub fn index(&self, (i, j): (usize, usize)) -> usize {
        i * self.cols + j
    }

    /// The surfaces of the walls around the grid vertex nearest to `position`, four at most. Every other wall is at
    /// least 0.5 m away, out of the ball's reach.
    pub(super) fn walls_near(&self, position: [f64; 2]) -> impl Iterator<Item = Surface> {
        // In world coordinates cell i covers [i + 0.5, i + 1.5]. Far off there is only wall, so the clamp, which keeps
        // the indices small, changes nothing.
        let world = position.map(|q| (q + WORLD_OFFSET).clamp(-1e6, 1e6));
        let [i, j] = world.map(|c| c.floor() as isize);
        [(i - 1, j - 1), (i - 1, j), (i, j - 1), (i, j)]
            .into_iter()
            .filter(|&(i, j)| self.is_wall(i, j))
            .map(move |(i, j)| Surface::of_square([world[0] - (i + 1) as f64, world[1] - (j + 1) as f64]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surfaces_of_a_square() {
        let face = Surface::of_square([0.7, 0.3]);
        assert!((face.distance - 0.2).abs() < 1e-15 && face.normal == [1.0, 0.0]);
        let corner = Surface::of_square([-0.8, 0.9]);
        assert!((corner.distance - 0.5).abs() < 1e-15);
        assert!((corner.normal[0] + 0.6).abs() < 1e-15 && (corner.normal[1] - 0.8).abs() < 1e-15);
        let inside = Surface::of_square([0.1, -0.4]);
        assert!((inside.distance + 0.1).abs() < 1e-15 && inside.normal == [0.0, -1.0]);
    }

    #[test]
    fn the_ball_fits_only_where_it_overlaps_no_wall() {
        let layout = MazeId::Umaze.layout();
        // Above the goal cell of the U-maze there is wall on both sides: x in [0.4, 1.2].
        assert!(layout.contains_free(0.401, 1.0) && layout.contains_free(1.199, 1.0));
        assert!(!layout.contains_free(0.399, 1.0) && !layout.contains_free(1.201, 1.0));
        assert!(!layout.contains_free(2.0, 1.0) && !layout.contains_free(-40.0, 1e300));
        assert!(!layout.contains_free(f64::NAN, 1.0) && !layout.contains_free(1.0, f64::INFINITY));
    }
}
