//! Input of the walker.

/// Numbers that the walker sees.
pub const SENSES: usize = 29;

use super::model::{QPOS, QVEL};

/// Input of the walker for a state and a direction to walk in (a unit vector of the world): height, the world's up,
/// the eight joints, linear and angular velocity, the joints' velocities, the direction. Vectors are in the body's
/// frame, so that no heading is special.
///
/// `qpos` has [`QPOS`] numbers and `qvel` [`QVEL`].
#[must_use]
pub fn senses(qpos: &[f64; QPOS], qvel: &[f64; QVEL], [dx, dy]: [f64; 2]) -> [f32; SENSES] {
    let axes = axes([qpos[3], qpos[4], qpos[5], qpos[6]]);
    let mut seen = [0.0; SENSES];
    seen[0] = qpos[2];
    for (k, [x, y, z]) in axes.into_iter().enumerate() {
        seen[1 + k] = z;
        seen[12 + k] = x * qvel[0] + y * qvel[1] + z * qvel[2];
        seen[26 + k] = x * dx + y * dy;
    }
    seen[4..12].copy_from_slice(&qpos[7..]);
    seen[15..26].copy_from_slice(&qvel[3..]);
    seen.map(|number| number as f32)
}

/// The body's axes in the world, by its unit quaternion (w, x, y, z).
fn axes([w, x, y, z]: [f64; 4]) -> [[f64; 3]; 3] {
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)],
        [2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)],
        [2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same body seen after a turn of the world about the vertical axis, the direction turned with it.
    #[test]
    fn the_heading_is_not_seen() {
        let mut qpos: [f64; QPOS] = core::array::from_fn(|k| 0.1 * k as f64 - 0.5);
        let mut qvel: [f64; QVEL] = core::array::from_fn(|k| 0.7 - 0.1 * k as f64);
        let norm = qpos[3..7].iter().map(|q| q * q).sum::<f64>().sqrt();
        qpos[3..7].iter_mut().for_each(|q| *q /= norm);
        let first = senses(&qpos, &qvel, [0.6, 0.8]);

        let (sin, cos) = 0.9_f64.sin_cos();
        let (half_sin, half_cos) = 0.45_f64.sin_cos();
        let [w, x, y, z] = [qpos[3], qpos[4], qpos[5], qpos[6]];
        let turned = [
            half_cos * w - half_sin * z,
            half_cos * x - half_sin * y,
            half_cos * y + half_sin * x,
            half_cos * z + half_sin * w,
        ];
        qpos[3..7].copy_from_slice(&turned);
        let turn = |[x, y]: [f64; 2]| [cos * x - sin * y, sin * x + cos * y];
        let [vx, vy] = turn([qvel[0], qvel[1]]);
        qvel[..2].copy_from_slice(&[vx, vy]);
        let second = senses(&qpos, &qvel, turn([0.6, 0.8]));
        for (one, other) in first.iter().zip(second) {
            assert!((one - other).abs() < 1e-6, "{first:?} {second:?}");
        }
    }
}
