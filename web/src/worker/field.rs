//! V over the maze.

use diar_core::maze::{CELL_LOW, Layout};

use crate::messages::ValueField;

/// Samples per metre along each axis.
const DENSITY: usize = 10;

/// Where V is sampled: all over the free cells.
pub(crate) struct Grid {
    rows: usize,
    columns: usize,
    free: Vec<(usize, usize)>,
}

impl Grid {
    pub(crate) fn of(layout: &Layout) -> Self {
        let (rows, columns) = (layout.rows * DENSITY, layout.cols * DENSITY);
        let is_wall =
            |row: usize, column: usize| layout.is_wall((row / DENSITY) as isize, (column / DENSITY) as isize);
        let free = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .filter(|&(row, column)| !is_wall(row, column))
            .collect();
        Self { rows, columns, free }
    }

    const SPACING: f64 = 1.0 / DENSITY as f64;
    const FIRST: f64 = CELL_LOW + Self::SPACING / 2.0;

    /// A ball at rest at every sample, `[samples][state]`.
    pub(crate) fn states(&self) -> Vec<Vec<f32>> {
        let place = |index: usize| (Self::FIRST + index as f64 * Self::SPACING) as f32;
        self.free.iter().map(|&(row, column)| vec![place(row), place(column), 0.0, 0.0]).collect()
    }

    /// The field of their values.
    pub(crate) fn field(&self, values: &[f32]) -> ValueField {
        let mut all = vec![f32::NAN; self.rows * self.columns];
        for (&(row, column), &value) in self.free.iter().zip(values) {
            all[row * self.columns + column] = value;
        }
        let Self { rows, columns, .. } = *self;
        ValueField { spacing: Self::SPACING, x0: Self::FIRST, y0: Self::FIRST, rows, columns, values: all }
    }
}
