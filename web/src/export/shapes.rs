//! The maze and what happens in it as SVG path data.

use std::fmt::Write;

use diar_core::agent::{Decision, Outcome, Trace};
use diar_core::maze::{CELL_LOW, Layout};

use crate::geometry::{Frame, faces};

/// The walls: a rectangle for every run of wall cells in a row.
pub(crate) fn walls(layout: &Layout, frame: Frame) -> String {
    let mut path = String::new();
    let is_wall = |i: usize, j: usize| layout.is_wall(i as isize, j as isize);
    for i in 0..layout.rows {
        let mut j = 0;
        while j < layout.cols {
            let run = (j..layout.cols).take_while(|&j| is_wall(i, j)).count();
            if run > 0 {
                let [x, y] = frame.pixel([i as f64 + CELL_LOW, j as f64 + CELL_LOW]);
                let (width, height) = (run as f64 * frame.scale(), frame.scale());
                // Writing to a string cannot fail.
                let _ = write!(path, "M{x:.1} {y:.1}h{width:.1}v{height:.1}h{:.1}z", -width);
            }
            j += run + 1;
        }
    }
    path
}

/// Where floor meets wall.
pub(crate) fn edges(layout: &Layout, frame: Frame) -> String {
    faces(layout).map(|face| polyline(frame, face)).collect()
}

/// A line through positions.
pub(crate) fn polyline(frame: Frame, places: impl IntoIterator<Item = [f64; 2]>) -> String {
    let mut path = String::new();
    for place in places {
        let [x, y] = frame.pixel(place);
        let command = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{command}{x:.1} {y:.1}");
    }
    path
}

/// A diamond around a position, `size` metres from its middle to its corners.
pub(crate) fn diamond(frame: Frame, [x, y]: [f64; 2], size: f64) -> String {
    polyline(frame, [[x - size, y], [x, y + size], [x + size, y], [x, y - size]]) + "z"
}

/// Where a state is, m.
pub(crate) fn plane<T: Copy + Into<f64>>(state: &[T]) -> Option<[f64; 2]> {
    Some([(*state.first()?).into(), (*state.get(1)?).into()])
}

/// The positions of a trace after each environment step, with the start.
pub(crate) fn places(trace: &Trace) -> impl Iterator<Item = [f64; 2]> {
    let steps = trace.decisions.iter().flat_map(|decision| &decision.steps);
    std::iter::once(trace.start.as_slice()).chain(steps.map(|step| step.state.as_slice())).filter_map(plane)
}

/// Where Adaptive Revaluation dropped the plan of a decision, if it did.
pub(crate) fn dropped_at(decision: &Decision) -> Option<[f64; 2]> {
    matches!(decision.outcome, Some(Outcome::Revalued { .. }))
        .then(|| plane(decision.steps.last().map_or(&decision.state, |step| &step.state)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use diar_core::maze::MazeId;

    /// Area of a path of axis-parallel rectangles.
    fn area(path: &str) -> f64 {
        let number = |text: &str| text.parse::<f64>().unwrap();
        path.split('M')
            .skip(1)
            .map(|rectangle| {
                let (_, size) = rectangle.split_once('h').unwrap();
                let (width, rest) = size.split_once('v').unwrap();
                number(width) * number(rest.split_once('h').unwrap().0)
            })
            .sum()
    }

    #[test]
    fn walls_cover_what_is_not_free() {
        for maze in [MazeId::Umaze, MazeId::Medium, MazeId::Large] {
            let layout = maze.layout();
            let frame = Frame::new(layout, 100.0 * crate::geometry::extent(layout)[0]);
            let walled = layout.rows * layout.cols - layout.free_cells().len();
            assert!((area(&walls(layout, frame)) / 1e4 - walled as f64).abs() < 1e-6);
        }
    }

    #[test]
    fn a_line_begins_once() {
        let frame = Frame::new(MazeId::Umaze.layout(), 360.0);
        assert_eq!(
            polyline(frame, [[0.3, 0.3], [0.3, 1.3], [1.3, 1.3]]),
            "M30.0 30.0L130.0 30.0L130.0 130.0"
        );
        assert_eq!(diamond(frame, [0.3, 0.3], 0.1), "M30.0 20.0L40.0 30.0L30.0 40.0L20.0 30.0z");
    }
}
