//! Intervals without assuming a distribution.

use diar_core::rng::Key;
use diar_core::score::Estimate;
use serde::{Deserialize, Serialize};

/// Resamples of an interval.
const RESAMPLES: usize = 2000;

/// A mean and the ends of its 95 % interval (percentile bootstrap, always with the same draws).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

impl Interval {
    /// The interval of the mean of numbers that were drawn stratum by stratum; without any, zero.
    ///
    /// Where an episode starts decides most of its score, and how often it starts there is fixed, not drawn: so each
    /// stratum is resampled by itself. Strata with one number add nothing to the width.
    #[must_use]
    pub fn of(strata: &[Vec<f64>]) -> Self {
        let count: usize = strata.iter().map(Vec::len).sum();
        if count == 0 {
            return Self { mean: 0.0, low: 0.0, high: 0.0 };
        }
        let mut stream = Key::new(0).named("bootstrap").stream();
        let mut resample = || -> f64 {
            let drawn = strata.iter().flat_map(|stratum| stratum.iter().map(move |_| stratum));
            drawn.map(|stratum| stratum[stream.below(stratum.len())]).sum::<f64>() / count as f64
        };
        let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
        means.sort_by(f64::total_cmp);
        Self {
            mean: strata.iter().flatten().sum::<f64>() / count as f64,
            low: means[RESAMPLES / 40],
            high: means[RESAMPLES - 1 - RESAMPLES / 40],
        }
    }
}

impl From<Interval> for Estimate {
    fn from(Interval { mean, low, high }: Interval) -> Self {
        Self { mean, ci95: (high - low) / 2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(seed: u64, count: usize, mean: f64, sd: f64) -> Vec<f64> {
        Key::new(seed).normals(count).into_iter().map(|x| mean + sd * f64::from(x)).collect()
    }

    /// For many numbers the bootstrap agrees with the normal approximation, whatever the strata's means are.
    #[test]
    fn the_interval_of_many_normals_is_the_usual_one() {
        let strata = [normals(7, 3000, 10.0, 3.0), normals(8, 1000, 500.0, 5.0)];
        let mut variance = 0.0;
        for stratum in &strata {
            let (count, mean) = (stratum.len() as f64, stratum.iter().sum::<f64>() / stratum.len() as f64);
            variance += stratum.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0) * count;
        }
        let half = 1.96 * variance.sqrt() / 4000.0;
        let found = Interval::of(&strata);
        let mean = strata.iter().flatten().sum::<f64>() / 4000.0;
        assert!((found.mean - mean).abs() < 1e-9);
        assert!((found.low - (mean - half)).abs() < 0.15 * half, "{found:?}");
        assert!((found.high - (mean + half)).abs() < 0.15 * half, "{found:?}");
    }

    #[test]
    fn few_numbers_are_no_trouble() {
        assert_eq!(Interval::of(&[]), Interval { mean: 0.0, low: 0.0, high: 0.0 });
        assert_eq!(Interval::of(&[vec![3.0], vec![]]), Interval { mean: 3.0, low: 3.0, high: 3.0 });
    }
}
