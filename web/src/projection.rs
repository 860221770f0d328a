//! Latents on a plane: their two directions of largest variance.

/// A plane through a cloud of points: its middle and two directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    middle: Vec<f64>,
    axes: [Vec<f64>; 2],
}

/// Rounds of power iteration: enough for the eye.
const ROUNDS: usize = 60;

impl Plane {
    /// The plane of a cloud, `[points][numbers]`; none of an empty one.
    pub fn of(points: &[Vec<f32>]) -> Option<Self> {
        let width = points.first()?.len();
        let count = points.len() as f64;
        let mut middle = vec![0.0; width];
        for point in points {
            for (sum, &x) in middle.iter_mut().zip(point) {
                *sum += f64::from(x) / count;
            }
        }
        let centred: Vec<Vec<f64>> = points
            .iter()
            .map(|point| point.iter().zip(&middle).map(|(&x, mean)| f64::from(x) - mean).collect())
            .collect();
        let first = leading(&centred, width, None);
        let second = leading(&centred, width, Some(&first));
        Some(Self { middle, axes: [first, second] })
    }

    /// Where a point is on the plane.
    pub fn place(&self, point: &[f32]) -> [f64; 2] {
        self.axes.each_ref().map(|axis| {
            point.iter().zip(&self.middle).zip(axis).map(|((&x, mean), a)| (f64::from(x) - mean) * a).sum()
        })
    }
}

/// The direction of largest variance, at right angles to another.
fn leading(points: &[Vec<f64>], width: usize, besides: Option<&Vec<f64>>) -> Vec<f64> {
    // Any start will do that is not at right angles to what is sought; a slope never is, in practice.
    let mut axis: Vec<f64> = (0..width).map(|i| 1.0 + 0.37 * i as f64).collect();
    for _ in 0..ROUNDS {
        let mut next = vec![0.0; width];
        for point in points {
            let along = dot(point, &axis);
            for (sum, x) in next.iter_mut().zip(point) {
                *sum += along * x;
            }
        }
        if let Some(other) = besides {
            let along = dot(&next, other);
            for (x, o) in next.iter_mut().zip(other) {
                *x -= along * o;
            }
        }
        let length = dot(&next, &next).sqrt();
        if length < 1e-12 {
            // No spread is left: any direction is as good.
            return (0..width).map(|i| f64::from(u8::from(i == usize::from(besides.is_some())))).collect();
        }
        axis = next.into_iter().map(|x| x / length).collect();
    }
    axis
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_directions_are_found() {
        // A cloud that is 5 long along (3, 4, 0) / 5, 2 along z and flat otherwise.
        let points: Vec<Vec<f32>> = (0..40)
            .map(|i| {
                let (t, u) = (f64::from(i) * 0.7, f64::from(i) * 1.9);
                let (along, up) = (5.0 * t.sin(), 2.0 * u.cos());
                vec![(1.0 + 0.6 * along) as f32, (2.0 + 0.8 * along) as f32, up as f32]
            })
            .collect();
        let plane = Plane::of(&points).unwrap();
        let [first, second] =
            plane.axes.each_ref().map(|axis| axis.iter().map(|x| x.abs()).collect::<Vec<_>>());
        for (found, expected) in [(first, [0.6, 0.8, 0.0]), (second, [0.0, 0.0, 1.0])] {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.05), "{found:?}");
        }
        assert!(dot(&plane.axes[0], &plane.axes[1]).abs() < 1e-9);
    }

    #[test]
    fn a_single_point_lies_in_the_middle() {
        assert_eq!(Plane::of(&[vec![3.0, 4.0]]).unwrap().place(&[3.0, 4.0]), [0.0, 0.0]);
        assert_eq!(Plane::of(&[]), None);
    }
}
