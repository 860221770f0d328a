//! From the rows of a plan to actions: splines between rows, and the follower of them.

/// States at every step, `[(rows - 1) · stride + 1][state]`, from those at every `stride`-th, `[rows][state]`, whose first half
/// is positions and whose second half is velocities: cubic Hermite splines. `time_step` is the length of a step, s.
pub(super) fn dense(rows: &[f32], width: usize, stride: usize, time_step: f64) -> Vec<f64> {
    let half = width / 2;
    let single = |row: &[f32]| row.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let mut states = Vec::new();
    for pair in rows.windows(2 * width).step_by(width) {
        let (from, to) = (single(&pair[..width]), single(&pair[width..]));
        // Slopes count in the distance between the two rows, which is one.
        let length = stride as f64 * time_step;
        for step in 0..stride {
            if step == 0 {
                states.extend_from_slice(&from);
                continue;
            }
            let u = step as f64 / stride as f64;
            let bases = hermite(u);
            let along = |bases: [f64; 4], k: usize| {
                bases[0] * from[k]
                    + bases[1] * length * from[half + k]
                    + bases[2] * to[k]
                    + bases[3] * length * to[half + k]
            };
            states.extend((0..half).map(|k| along(bases[0], k)));
            states.extend((0..half).map(|k| along(bases[1], k) / length));
        }
    }
    let last = &rows[rows.len().saturating_sub(width)..];
    states.extend(single(last));
    states
}

/// Bases of start, its slope, end and its slope at `u` in [0, 1], and their derivatives.
fn hermite(u: f64) -> [[f64; 4]; 2] {
    let (u2, u3) = (u * u, u * u * u);
    [
        [2.0 * u3 - 3.0 * u2 + 1.0, u3 - 2.0 * u2 + u, -2.0 * u3 + 3.0 * u2, u3 - u2],
        [6.0 * u2 - 6.0 * u, 3.0 * u2 - 4.0 * u + 1.0, -6.0 * u2 + 6.0 * u, 3.0 * u2 - 2.0 * u],
    ]
}

/// Actions towards a planned state, by gains on position and velocity; neither state is clipped.
pub(super) fn towards(planned: &[f64], state: &[f64], [position, velocity]: [f64; 2]) -> Vec<f32> {
    let half = state.len() / 2;
    let push =
        |k: usize| position * (planned[k] - state[k]) + velocity * (planned[half + k] - state[half + k]);
    (0..half).map(|k| push(k) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::{MazeId, PointMass, TIME_STEP};

    /// A cubic is its own spline, in position and in velocity.
    #[test]
    fn splines_are_exact_for_cubics() {
        let (stride, step) = (4, 0.01);
        let at = |t: f64| 0.3 + 2.0 * t - 40.0 * t * t + 300.0 * t * t * t;
        let slope = |t: f64| 2.0 - 80.0 * t + 900.0 * t * t;
        let state = |i: usize| {
            [at(i as f64 * step), -at(i as f64 * step), slope(i as f64 * step), -slope(i as f64 * step)]
        };
        let rows: Vec<f32> = (0..4).flat_map(|row| state(row * stride)).map(|x| x as f32).collect();
        let found = dense(&rows, 4, stride, step);
        assert_eq!(found.len(), 13 * 4);
        for (i, found) in found.chunks_exact(4).enumerate() {
            for (found, expected) in found.iter().zip(state(i)) {
                assert!((found - expected).abs() < 1e-5, "step {i}: {found}, expected {expected}");
            }
        }
        assert_eq!(dense(&rows, 4, 1, step), rows.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    }

    /// From rest 1 m away from a fixed place, the ball comes nearer by 1 / e each 0.97 s: the slow pole of
    /// s² + 24.11 s + 23.87, by the mass, the damping and the gear of the ball.
    #[test]
    fn published_gains_are_as_slow_as_their_pole() {
        let layout = MazeId::Large.layout();
        // Along a corridor, away from its walls.
        let free =
            (1..layout.rows as isize - 1).find(|&i| !layout.is_wall(i, 1) && !layout.is_wall(i + 1, 1));
        let (x, y) = (free.unwrap() as f64 - 0.2, 0.8);
        let (mut ball, goal) = (PointMass::from_state([x, y, 0.0, 0.0]), [x + 1.0, y, 0.0, 0.0]);
        let left = |ball: &PointMass| goal[0] - ball.position[0];
        let mut at = Vec::new();
        for _ in 0..300 {
            at.push(left(&ball));
            let action = towards(&goal, &ball.state(), [1.0, 1.0]);
            ball.step(layout, [f64::from(action[0]), f64::from(action[1])]);
        }
        // Between 1 s and 2 s the fast pole has died out.
        let constant = 100.0 * TIME_STEP / (at[100] / at[200]).ln();
        assert!((constant - 0.97).abs() < 0.02, "{constant} s");
    }
}
