//! Starts and goals, drawn as D4RL does.

use super::cells::goal_cell;
use super::grid::place;
use super::model::{QPOS, QVEL};
use crate::maze::MazeId;
use crate::rng::Stream;

/// Height at which the torso starts, m.
const HEIGHT: f64 = 0.75;
/// Half the width of the noise on a start's positions: m, rad and parts of a quaternion alike.
const POSITION_NOISE: f64 = 0.1;
/// Standard deviation of a start's velocities: m/s and rad/s.
const VELOCITY_NOISE: f64 = 0.1;
/// Starts and goals lie up to this far from the middle of their cell, along each axis, m.
const CELL_NOISE: f64 = 1.0;
/// Goals up to this much farther, m.
const GOAL_NOISE: f64 = 0.5;

/// A start: positions and velocities. It is that of an evaluation, at the origin, or lies in a cell.
///
/// The quaternion is noisy as well. MuJoCo takes it for the unit quaternion along it.
pub fn start(cell: Option<(usize, usize)>, stream: &mut Stream) -> ([f64; QPOS], [f64; QVEL]) {
    let mut qpos = [0.0; QPOS];
    (qpos[2], qpos[3]) = (HEIGHT, 1.0);
    for q in &mut qpos {
        *q += stream.range(-POSITION_NOISE, POSITION_NOISE);
    }
    let qvel = [(); QVEL].map(|()| VELOCITY_NOISE * stream.normal());
    if let Some(cell) = cell {
        qpos[..2].copy_from_slice(&place(cell).map(|middle| middle + CELL_NOISE * stream.uniform()));
    }
    (qpos, qvel)
}

/// A goal in a cell, [x, y], m.
pub fn goal(cell: (usize, usize), stream: &mut Stream) -> [f64; 2] {
    let near = place(cell).map(|middle| middle + CELL_NOISE * stream.uniform());
    near.map(|position| position + GOAL_NOISE * stream.uniform())
}

/// The square that the goals of evaluations are drawn in: its lowest and its highest corner [x, y], m.
#[must_use]
pub fn goals(maze: MazeId) -> [[f64; 2]; 2] {
    let low = place(goal_cell(maze));
    [low, low.map(|along| along + CELL_NOISE + GOAL_NOISE)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    #[test]
    fn draws_fill_their_ranges() {
        let stream = &mut Key::new(1).stream();
        let (mut low, mut high) = ([f64::MAX; QPOS], [f64::MIN; QPOS]);
        let mut squares = 0.0;
        for _ in 0..2_000 {
            let (qpos, qvel) = start(None, stream);
            for k in 0..QPOS {
                (low[k], high[k]) = (low[k].min(qpos[k]), high[k].max(qpos[k]));
            }
            squares += qvel.iter().map(|v| v * v).sum::<f64>();
        }
        for k in 0..QPOS {
            let middle = [0.0, 0.0, 0.75, 1.0].get(k).copied().unwrap_or(0.0);
            assert!((middle - 0.1..middle - 0.099).contains(&low[k]), "{k}: {}", low[k]);
            assert!((middle + 0.099..middle + 0.1).contains(&high[k]), "{k}: {}", high[k]);
        }
        assert!((squares / 28_000.0 - 0.01).abs() < 3e-4);

        let ([mut least, mut most], mut mean) = ([f64::MAX, f64::MIN], 0.0);
        for _ in 0..2_000 {
            let (qpos, _) = start(Some((3, 2)), stream);
            assert!((4.0..5.0).contains(&qpos[0]) && (8.0..9.0).contains(&qpos[1]));
            let [x, y] = goal((3, 2), stream);
            assert!((8.0..9.5).contains(&y));
            (least, most, mean) = (least.min(x), most.max(x), mean + x / 2_000.0);
        }
        assert!((4.0..4.1).contains(&least) && (5.4..5.5).contains(&most) && (mean - 4.75).abs() < 0.03);
    }
}
