//! Numbers with mean 0 and deviation 1, and back.

use serde::{Deserialize, Serialize};

/// Mean and deviation per number. The identity has mean 0 and deviation 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normaliser {
    /// Mean of each number.
    pub mean: Vec<f32>,
    /// Standard deviation of each number, never below [`Normaliser::SMALLEST`].
    pub deviation: Vec<f32>,
}

impl Normaliser {
    /// Deviations below this are taken for constants and left alone.
    pub const SMALLEST: f32 = 1e-4;

    /// Changes nothing.
    pub fn identity(width: usize) -> Self {
        Self { mean: vec![0.0; width], deviation: vec![1.0; width] }
    }

    /// Mean and deviation of rows of `width` numbers.
    pub fn fit(values: &[f32], width: usize) -> Self {
        let rows = (values.len() / width.max(1)).max(1) as f64;
        let mut sums = vec![(0.0_f64, 0.0_f64); width];
        for row in values.chunks_exact(width) {
            for ((sum, squares), &x) in sums.iter_mut().zip(row) {
                *sum += f64::from(x);
                *squares += f64::from(x) * f64::from(x);
            }
        }
        let moments = sums.iter().map(|(sum, squares)| {
            let mean = sum / rows;
            let deviation = (squares / rows - mean * mean).max(0.0).sqrt() as f32;
            (mean as f32, if deviation < Self::SMALLEST { 1.0 } else { deviation })
        });
        let (mean, deviation) = moments.unzip();
        Self { mean, deviation }
    }

    /// The scaling of rows of `width` numbers to [-1, 1] by their least and largest.
    pub fn to_limits(values: &[f32], width: usize) -> Self {
        let mut limits = vec![[f32::INFINITY, f32::NEG_INFINITY]; width];
        for row in values.chunks_exact(width) {
            for (limits, &x) in limits.iter_mut().zip(row) {
                *limits = [limits[0].min(x), limits[1].max(x)];
            }
        }
        let scale = |[low, high]: [f32; 2]| {
            let (middle, half) = (0.5 * low + 0.5 * high, 0.5 * high - 0.5 * low);
            // A constant column keeps its scale; one without rows is left alone.
            let half = if half < Self::SMALLEST { 1.0 } else { half };
            if middle.is_finite() { (middle, half) } else { (0.0, 1.0) }
        };
        let (mean, deviation) = limits.into_iter().map(scale).unzip();
        Self { mean, deviation }
    }

    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// `(x - mean) / deviation`, in place, row by row.
    pub fn apply(&self, values: &mut [f32]) {
        for row in values.chunks_exact_mut(self.width()) {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = (*x - mean) / deviation;
            }
        }
    }

    /// `x · deviation + mean`, in place, row by row.
    pub fn invert(&self, values: &mut [f32]) {
        for row in values.chunks_exact_mut(self.width()) {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = *x * deviation + mean;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_one() {
        let original = vec![1.0, 5.0, 3.0, 5.0, 2.5, 5.0];
        let normaliser = Normaliser::to_limits(&original, 2);
        let mut values = original.clone();
        normaliser.apply(&mut values);
        assert_eq!(values, [-1.0, 0.0, 1.0, 0.0, 0.5, 0.0]);
        normaliser.invert(&mut values);
        assert_eq!(values, original);
        assert_eq!(Normaliser::to_limits(&[], 3), Normaliser::identity(3));
    }

    #[test]
    fn fit_apply_invert() {
        let original = vec![1.0, 5.0, 3.0, 5.0, 5.0, 5.0, 7.0, 5.0];
        let normaliser = Normaliser::fit(&original, 2);
        assert_eq!(normaliser.mean, [4.0, 5.0]);
        assert!((normaliser.deviation[0] - 5.0_f32.sqrt()).abs() < 1e-6);
        assert_eq!(normaliser.deviation[1], 1.0, "a constant column keeps its scale");
        let mut values = original.clone();
        normaliser.apply(&mut values);
        assert!(values.iter().step_by(2).sum::<f32>().abs() < 1e-6);
        normaliser.invert(&mut values);
        for (a, b) in values.iter().zip(&original) {
            assert!((a - b).abs() < 1e-5);
        }
    }
}
