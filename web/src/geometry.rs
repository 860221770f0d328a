//! Where things are on the picture of a maze.
//!
//! The picture shows the maze as its text does: rows run down, columns to the right. The first coordinate of a state
//! (x) belongs to rows, so x grows downwards and y to the right. Walls stand where they are for D4RL's physics: cell
//! i covers i - 0.7 … i + 0.3, so the integer goal is not in the middle of its cell.

use std::sync::Arc;

use diar_core::benchmark::Benchmark;
use diar_core::maze::{BALL_RADIUS, CELL_HIGH, CELL_LOW, Layout, World};
use diar_core::spec::TaskSpec;

/// Metres of the outer walls that are in the picture.
const MARGIN: f64 = 0.3;
/// The position at the left, and at the top, of the picture.
const ORIGIN: f64 = CELL_LOW + 1.0 - MARGIN;

/// The maze of a task with changes made to it.
///
/// # Errors
/// When the task has no maze, or the changed one cannot be played in.
pub fn layout(task: &TaskSpec, world: &World) -> Result<Arc<Layout>, String> {
    let task = Benchmark::find(&task.id).map_err(|error| error.to_string())?;
    world.layout(task.maze()).map_err(|error| error.to_string())
}

/// Metres across and down the picture. A maze is walled all around, and only a part of that ring is in the picture.
pub fn extent(layout: &Layout) -> [f64; 2] {
    [layout.cols, layout.rows].map(|cells| cells as f64 - 2.0 + 2.0 * MARGIN)
}

/// Maps positions to pixels of a picture of given size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    scale: f64,
}

impl Frame {
    /// A picture of a maze, so many pixels wide.
    pub fn new(layout: &Layout, width: f64) -> Self {
        Self { scale: width / extent(layout)[0] }
    }

    /// Pixels per metre.
    pub fn scale(self) -> f64 {
        self.scale
    }

    /// Pixels from the left and from the top.
    pub fn pixel(self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(y - ORIGIN) * self.scale, (x - ORIGIN) * self.scale]
    }
}

/// A position as percentages of the picture, from the left and from the top.
pub fn percent(layout: &Layout, position: [f64; 2]) -> [f64; 2] {
    let [left, top] = Frame::new(layout, 100.0).pixel(position);
    let [across, down] = extent(layout);
    [left, top * across / down]
}

/// The position at a fraction of the picture's width and height.
pub fn position(layout: &Layout, left: f64, top: f64) -> [f64; 2] {
    let [across, down] = extent(layout);
    [top * down + ORIGIN, left * across + ORIGIN]
}

/// The position nearest to a wish at which the ball touches no wall, in whole centimetres.
pub fn nearest_free(layout: &Layout, wish: [f64; 2]) -> [f64; 2] {
    let round = |value: f64| (value * 100.0).round() / 100.0;
    let wish = wish.map(|value| round(value.clamp(-1.0, layout.cols.max(layout.rows) as f64)));
    if layout.contains_free(wish[0], wish[1]) {
        return wish;
    }
    let clearance = BALL_RADIUS + 0.01;
    let candidates = layout.free_cells().iter().flat_map(|&(i, j)| {
        // Towards a free neighbour the ball may reach up to the border of the cell, except around a corner.
        let inside = |clearances: [f64; 4]| {
            let x = wish[0].clamp(i as f64 + CELL_LOW + clearances[0], i as f64 + CELL_HIGH - clearances[1]);
            let y = wish[1].clamp(j as f64 + CELL_LOW + clearances[2], j as f64 + CELL_HIGH - clearances[3]);
            [round(x), round(y)]
        };
        let gap = |di: isize, dj: isize| {
            if layout.is_wall(i as isize + di, j as isize + dj) { clearance } else { 0.0 }
        };
        [inside([gap(-1, 0), gap(1, 0), gap(0, -1), gap(0, 1)]), inside([clearance; 4])]
    });
    let distance = |[x, y]: [f64; 2]| (x - wish[0]).hypot(y - wish[1]);
    candidates
        .filter(|&[x, y]| layout.contains_free(x, y))
        .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
        .unwrap_or_else(|| layout.goal_position())
}

/// The faces of walls that floor lies at: both ends of each.
pub fn faces(layout: &Layout) -> impl Iterator<Item = [[f64; 2]; 2]> {
    layout.free_cells().iter().flat_map(move |&(i, j)| {
        let (low, high) = ([i, j].map(|c| c as f64 + CELL_LOW), [i, j].map(|c| c as f64 + CELL_HIGH));
        let sides = [
            (-1, 0, [[low[0], low[1]], [low[0], high[1]]]),
            (1, 0, [[high[0], low[1]], [high[0], high[1]]]),
            (0, -1, [[low[0], low[1]], [high[0], low[1]]]),
            (0, 1, [[low[0], high[1]], [high[0], high[1]]]),
        ];
        let wall = move |di: isize, dj: isize| layout.is_wall(i as isize + di, j as isize + dj);
        sides.into_iter().filter(move |&(di, dj, _)| wall(di, dj)).map(|(_, _, face)| face)
    })
}

/// The plan nearest to a place, along its way where that is known and at its predicted end where not; none farther away
/// than `reach`.
pub fn nearest_plan(
    ends: &[Vec<f32>],
    ways: Option<&[Vec<[f64; 2]>]>,
    at: [f64; 2],
    reach: f64,
) -> Option<usize> {
    let far = |[x, y]: [f64; 2]| (x - at[0]).hypot(y - at[1]);
    let distance = |index: usize, end: &Vec<f32>| {
        let end = match end.as_slice() {
            [x, y, ..] => far([f64::from(*x), f64::from(*y)]),
            _ => f64::INFINITY,
        };
        // The first half of a way is where all ways are; what tells them apart comes later.
        let way = ways.and_then(|ways| ways.get(index)).map(Vec::as_slice).unwrap_or_default();
        way[way.len() / 2..].iter().map(|&point| far(point)).fold(end, f64::min)
    };
    let all = ends.iter().enumerate().map(|(index, end)| (index, distance(index, end)));
    all.filter(|&(_, distance)| distance <= reach).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// The cell at a place.
pub fn cell_of(place: [f64; 2]) -> Option<(usize, usize)> {
    let [i, j] = place.map(|x| (x - CELL_LOW).floor());
    (i >= 0.0 && j >= 0.0).then_some((i as usize, j as usize))
}

/// The inner cell next to another, so many rows down and columns to the right.
pub fn neighbour(layout: &Layout, (i, j): (usize, usize), [down, right]: [isize; 2]) -> (usize, usize) {
    let inside = |at: usize, by: isize, size: usize| {
        at.saturating_add_signed(by).clamp(1, size.saturating_sub(2).max(1))
    };
    (inside(i, down, layout.rows), inside(j, right, layout.cols))
}

/// Where a cell lies on the picture, as CSS.
pub fn cell_style(layout: &Layout, (i, j): (usize, usize)) -> String {
    let [left, top] = percent(layout, [i as f64 + CELL_LOW, j as f64 + CELL_LOW]);
    let [across, down] = extent(layout);
    format!("left: {left:.3}%; top: {top:.3}%; width: {:.3}%; height: {:.3}%", 100.0 / across, 100.0 / down)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diar_core::maze::MazeId;

    #[test]
    fn walls_end_where_the_physics_ends_them() {
        let layout = MazeId::Umaze.layout();
        let frame = Frame::new(layout, 360.0);
        assert!((frame.scale() - 100.0).abs() < 1e-9);
        // The outer wall ends at 0.3 on both axes, and 0.3 m of it are shown.
        let [left, top] = frame.pixel([0.3, 1.3]);
        assert!((left - 130.0).abs() < 1e-9 && (top - 30.0).abs() < 1e-9, "{left} {top}");
        let [left, top] = percent(layout, [1.8, 0.0]);
        assert!(left.abs() < 1e-9 && (top - 50.0).abs() < 1e-9, "{left} {top}");
    }

    #[test]
    fn positions_survive_the_way_there_and_back() {
        for maze in [MazeId::Umaze, MazeId::Medium, MazeId::Large] {
            let layout = maze.layout();
            let [left, top] = percent(layout, [2.25, 3.5]);
            let [x, y] = position(layout, left / 100.0, top / 100.0);
            assert!((x - 2.25).abs() < 1e-9 && (y - 3.5).abs() < 1e-9, "{x} {y}");
        }
    }

    #[test]
    fn the_nearest_plan_is_found_along_its_way() {
        let ends = vec![vec![1.0, 1.0, 0.0, 0.0], vec![1.0, 3.0, 0.0, 0.0]];
        assert_eq!(nearest_plan(&ends, None, [1.05, 2.9], 0.2), Some(1));
        assert_eq!(nearest_plan(&ends, None, [1.0, 2.0], 0.2), None);
        let ways = vec![vec![[2.0, 2.0], [1.5, 1.5], [1.0, 1.0]], vec![[2.0, 2.0], [1.0, 2.1], [1.0, 3.0]]];
        assert_eq!(nearest_plan(&ends, Some(&ways), [1.0, 2.0], 0.2), Some(1));
        // Where all ways begin, none is meant.
        assert_eq!(nearest_plan(&ends, Some(&ways), [2.0, 2.0], 0.2), None);
    }

    #[test]
    fn every_face_has_floor_on_one_side_and_wall_on_the_other() {
        let layout = MazeId::Large.layout();
        let mut count = 0;
        for [from, to] in faces(layout) {
            let middle = [0, 1].map(|axis| f64::midpoint(from[axis], to[axis]));
            let aside = if from[0] == to[0] { [0.01, 0.0] } else { [0.0, 0.01] };
            let is_wall = |sign: f64| {
                let (i, j) = cell_of([middle[0] + sign * aside[0], middle[1] + sign * aside[1]]).unwrap();
                layout.is_wall(i as isize, j as isize)
            };
            assert_ne!(is_wall(1.0), is_wall(-1.0), "{from:?} {to:?}");
            count += 1;
        }
        assert!(count > layout.free_cells().len(), "{count} faces");
    }

    #[test]
    fn cells_are_where_the_walls_are_drawn() {
        let layout = MazeId::Umaze.layout();
        for &(i, j) in layout.free_cells() {
            assert_eq!(cell_of([i as f64, j as f64]), Some((i, j)));
            assert_eq!(cell_of([i as f64 + CELL_HIGH - 0.01, j as f64 + CELL_LOW + 0.01]), Some((i, j)));
        }
        assert_eq!(neighbour(layout, (1, 1), [-1, 0]), (1, 1), "the border stays");
        assert_eq!(neighbour(layout, (1, 1), [1, 1]), (2, 2));
        assert_eq!(neighbour(layout, (3, 3), [1, 1]), (3, 3));
        assert!(cell_style(layout, (1, 1)).contains("left: 8.333%"), "{}", cell_style(layout, (1, 1)));
    }

    #[test]
    fn a_start_lands_where_the_ball_fits() {
        for maze in [MazeId::Umaze, MazeId::Medium, MazeId::Large] {
            let layout = maze.layout();
            for i in (-20..140).step_by(3) {
                for j in (-20..140).step_by(3) {
                    let wish = [0.1 * f64::from(i), 0.1 * f64::from(j)];
                    let [x, y] = nearest_free(layout, wish);
                    assert!(layout.contains_free(x, y), "{wish:?} became {x} {y}");
                    if layout.contains_free(wish[0], wish[1]) {
                        assert!((x - wish[0]).hypot(y - wish[1]) < 0.02);
                    }
                }
            }
        }
        let [x, y] = nearest_free(MazeId::Umaze.layout(), [2.0, 1.1]);
        assert!((y - 1.1).abs() < 1e-9 && (x - 2.0).abs() < 0.9, "{x} {y}");
    }
}
