//! Cells of a maze, and positions in metres.

use crate::maze::Layout;

/// Width of a cell, m.
pub const CELL: f64 = 4.0;

/// The middle of a cell (row, column) as [x, y], m.
#[must_use]
pub fn place((row, column): (usize, usize)) -> [f64; 2] {
    [column, row].map(|index| (index as f64 - 1.0) * CELL)
}

/// The cell (row, column) that D4RL counts a position [x, y] (m) to: on each axis, that of the last middle passed. A
/// cell's lower half counts to the cell before, but for the first one's.
#[must_use]
pub fn cell_of([x, y]: [f64; 2]) -> (usize, usize) {
    // Casts saturate, so that no position is outside the numbers.
    let index = |along: f64| (1.0 + along.max(1e-4) / CELL) as usize;
    (index(y), index(x))
}

/// Returns `true` if a position [x, y] (m) lies in a free cell.
#[must_use]
pub fn is_free(layout: &Layout, position: [f64; 2]) -> bool {
    let [column, row] = position.map(|along| (1.0 + along / CELL).round() as isize);
    position.iter().all(|along| along.is_finite()) && !layout.is_wall(row, column)
}

/// Returns `true` if a disc around a position [x, y] (m) lies in the free part of a maze.
#[must_use]
pub(super) fn fits(layout: &Layout, position: [f64; 2], radius: f64) -> bool {
    let [x, y] = position;
    let near = |along: f64| (1.0 + along / CELL).round() as isize;
    let (row, column) = (near(y), near(x));
    // Far outside, cells are wider apart than numbers.
    if !is_free(layout, position) {
        return false;
    }
    let apart = |along: f64, cell: isize| ((along - (cell as f64 - 1.0) * CELL).abs() - CELL / 2.0).max(0.0);
    let mut walls = (row - 1..=row + 1)
        .flat_map(|i| (column - 1..=column + 1).map(move |j| (i, j)))
        .filter(|&(i, j)| layout.is_wall(i, j));
    walls.all(|(i, j)| {
        let [x, y] = [apart(x, j), apart(y, i)];
        (x * x + y * y).sqrt() >= radius
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::MazeId;

    #[test]
    fn a_disc_fits_where_no_wall_is_near() {
        let layout = MazeId::Umaze.layout();
        // The free cells (1, 1) to (1, 3) are one corridor, two metres to either side of its middle.
        for (position, fit) in [
            ([0.0, 0.0], true),
            ([8.0, 1.7], true),
            ([4.0, 1.8], false),
            ([-1.7, -1.7], true),
            ([-1.8, 0.0], false),
            ([0.0, 4.0], false),
            ([6.1, 1.7], true),
            ([5.9, 2.1], false),
            ([8.0, 4.0], true),
            ([-400.0, 1e300], false),
            ([f64::NAN, 0.0], false),
            ([0.0, f64::INFINITY], false),
        ] {
            assert_eq!(fits(layout, position, 0.25), fit, "{position:?}");
        }
    }

    #[test]
    fn a_position_belongs_to_the_last_middle_passed() {
        assert_eq!(place((1, 1)), [0.0, 0.0]);
        assert_eq!(place((7, 9)), [32.0, 24.0]);
        for (position, cell) in
            [([0.0, 0.0], (1, 1)), ([-1.9, 3.9], (1, 1)), ([4.1, 3.9], (1, 2)), ([33.0, 24.5], (7, 9))]
        {
            assert_eq!(cell_of(position), cell, "{position:?}");
        }
        assert_eq!(cell_of([f64::NAN, f64::NEG_INFINITY]), (1, 1));
        assert_eq!(cell_of([f64::INFINITY, 0.0]), (1, usize::MAX));
    }
}
