//! V over the maze.

use diar_core::agent::{Agent, AgentError};
use diar_core::maze::{CELL_LOW, Layout};

use crate::messages::ValueField;

/// Samples per metre along each axis.
const DENSITY: usize = 10;

/// V of a particle at rest, all over the free cells.
pub async fn compute(agent: &Agent, layout: &Layout) -> Result<ValueField, AgentError> {
    let spacing = 1.0 / DENSITY as f64;
    let (x0, y0) = (CELL_LOW + spacing / 2.0, CELL_LOW + spacing / 2.0);
    let (rows, columns) = (layout.rows * DENSITY, layout.cols * DENSITY);
    let free: Vec<(usize, usize)> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .filter(|&(row, column)| !layout.is_wall((row / DENSITY) as isize, (column / DENSITY) as isize))
        .collect();
    let states: Vec<Vec<f32>> = free
        .iter()
        .map(|&(row, column)| {
            vec![(x0 + row as f64 * spacing) as f32, (y0 + column as f64 * spacing) as f32, 0.0, 0.0]
        })
        .collect();
    let mut values = vec![f32::NAN; rows * columns];
    for ((row, column), value) in free.into_iter().zip(agent.values(&states).await?) {
        values[row * columns + column] = value;
    }
    Ok(ValueField { spacing, x0, y0, rows, columns, values })
}
