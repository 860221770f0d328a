//! How far two samples of latents lie apart, as distributions.
//!
//! A sample is `[rows, width]`, side by side in a slice. Both measures need no density, only the samples themselves.

use crate::rng::Key;

/// Median Euclidean distance between two different rows of a sample: a kernel's usual bandwidth.
pub fn median_distance(sample: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = sample.chunks_exact(width).collect();
    let mut squares: Vec<f64> =
        rows.iter().enumerate().flat_map(|(i, a)| rows[..i].iter().map(|b| square_distance(a, b))).collect();
    if squares.is_empty() {
        return 0.0;
    }
    let middle = squares.len() / 2;
    squares.select_nth_unstable_by(middle, f64::total_cmp).1.sqrt()
}

/// Squared maximum mean discrepancy with the kernel `exp(-|a - b|² / 2h²)`, unbiased: its mean is 0 when both samples
/// come from one distribution, so it may be negative (Gretton et al., *A Kernel Two-Sample Test*, JMLR 2012, Lemma 6).
///
/// Samples of fewer than two rows give 0.
pub fn mmd2(a: &[f32], b: &[f32], width: usize, bandwidth: f64) -> f64 {
    // Rows that are all the same have no distance to scale with: then the kernel asks whether rows are equal.
    let scale = -0.5 / (bandwidth * bandwidth).max(f64::MIN_POSITIVE);
    let [a, b] = [a, b].map(|sample| sample.chunks_exact(width).collect::<Vec<_>>());
    if a.len() < 2 || b.len() < 2 {
        return 0.0;
    }
    let kernel = |x: &[f32], y: &[f32]| libm::exp(scale * square_distance(x, y));
    let within = |rows: &[&[f32]]| {
        let pairs = rows.iter().enumerate().flat_map(|(i, x)| rows[..i].iter().map(|y| kernel(x, y)));
        2.0 * pairs.sum::<f64>() / (rows.len() * (rows.len() - 1)) as f64
    };
    let across = a.iter().flat_map(|x| b.iter().map(|y| kernel(x, y))).sum::<f64>();
    within(&a) + within(&b) - 2.0 * across / (a.len() * b.len()) as f64
}

/// `count` directions, uniform on the unit sphere, `[count, width]`.
pub fn directions(key: Key, count: usize, width: usize) -> Vec<f32> {
    let mut directions = key.normals(count * width);
    for direction in directions.chunks_exact_mut(width) {
        let length = direction.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        for x in direction {
            *x /= length;
        }
    }
    directions
}

/// Sliced Wasserstein-1 distance of two samples of as many rows: the mean over `directions`, `[count, width]`, of the
/// distance between what the samples project to. In the samples' own unit.
pub fn sliced_wasserstein(a: &[f32], b: &[f32], width: usize, directions: &[f32]) -> f64 {
    debug_assert_eq!(a.len(), b.len(), "sorted rows are compared one by one");
    let count = (directions.len() / width).max(1) as f64;
    let along = |direction: &[f32]| {
        let [a, b] = [a, b].map(|sample| projected(sample, direction));
        let gaps = a.iter().zip(&b).map(|(x, y)| f64::from((x - y).abs()));
        gaps.sum::<f64>() / a.len().max(1) as f64
    };
    directions.chunks_exact(width).map(along).sum::<f64>() / count
}

/// Unbiased variance of each number of a row, `[width]`; 0 for fewer than two rows.
pub fn variances(sample: &[f32], width: usize) -> Vec<f64> {
    let rows = sample.len() / width;
    (0..width)
        .map(|number| {
            let column = || sample.iter().skip(number).step_by(width).map(|&x| f64::from(x));
            let mean = column().sum::<f64>() / rows.max(1) as f64;
            column().map(|x| (x - mean).powi(2)).sum::<f64>() / rows.saturating_sub(1).max(1) as f64
        })
        .collect()
}

fn square_distance(a: &[f32], b: &[f32]) -> f64 {
    f64::from(a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f32>())
}

/// Each row's share along a direction, in ascending order.
fn projected(sample: &[f32], direction: &[f32]) -> Vec<f32> {
    let rows = sample.chunks_exact(direction.len());
    let mut shares: Vec<f32> = rows.map(|row| row.iter().zip(direction).map(|(x, d)| x * d).sum()).collect();
    shares.sort_unstable_by(f32::total_cmp);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rows` draws of N(mean, deviation²) in each of `mean.len()` numbers.
    fn gaussian(key: u64, rows: usize, mean: &[f32], deviation: f32) -> Vec<f32> {
        let noise = Key::new(key).normals(rows * mean.len());
        noise.iter().zip(mean.iter().cycle()).map(|(x, m)| m + deviation * x).collect()
    }

    #[test]
    fn the_median_distance_of_a_gaussian() {
        // The difference of two draws is N(0, 2), whose absolute value has the median 0.6745·√2.
        let median = median_distance(&gaussian(1, 2_000, &[0.0], 1.0), 1);
        assert!((median - 0.6745 * 2_f64.sqrt()).abs() < 0.04, "{median}");
        assert_eq!(median_distance(&[3.0, 3.0, 3.0], 1), 0.0);
        assert_eq!(median_distance(&[3.0], 1), 0.0);
        // Between 0, 3 and 4 there are the distances 3, 4 and 1.
        assert_eq!(median_distance(&[0.0, 3.0, 4.0], 1), 3.0);
    }

    /// The kernel's mean over two Gaussians is again a Gaussian: `MMD² = 2c (1 - exp(-|δ|² / 2(h² + 2s²)))` for a shift
    /// δ of N(0, s²), with `c = (h² / (h² + 2s²))^{d/2}`.
    #[test]
    fn mmd_of_two_gaussians_is_the_closed_form() {
        let (rows, s, h) = (1_500, 0.7_f64, 1.1_f64);
        for shift in [[0.3, 0.0, -0.4], [0.9, -1.0, 0.4]] {
            let a = gaussian(1, rows, &[0.0; 3], s as f32);
            let b = gaussian(2, rows, &shift, s as f32);
            let spread = h * h + 2.0 * s * s;
            let square: f64 = shift.iter().map(|&x| f64::from(x).powi(2)).sum();
            let expected = 2.0 * (h * h / spread).powf(1.5) * (1.0 - (-square / (2.0 * spread)).exp());
            let found = mmd2(&a, &b, 3, h);
            assert!((found - expected).abs() < 0.08 * expected + 0.003, "{found}, expected {expected}");
        }
    }

    /// Of one distribution it averages to 0; the biased statistic, which counts each row against itself, would give
    /// about 2(1 - c)/rows = 0.02 here.
    #[test]
    fn mmd_of_equal_distributions_averages_to_zero() {
        let values: Vec<f64> = (0..200)
            .map(|i| {
                mmd2(&gaussian(2 * i, 40, &[0.0; 2], 1.0), &gaussian(2 * i + 1, 40, &[0.0; 2], 1.0), 2, 1.5)
            })
            .collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n / n).sqrt();
        assert!(mean.abs() < 4.0 * error && error < 0.002, "{mean} ± {error}");
        assert!(values.iter().any(|&x| x < 0.0), "unbiased means that it may be negative");
    }

    #[test]
    fn mmd_without_a_distance_to_scale_with() {
        assert_eq!(mmd2(&[1.0; 4], &[1.0; 4], 1, 0.0), 0.0);
        assert_eq!(mmd2(&[1.0; 4], &[2.0; 4], 1, 0.0), 2.0);
        assert_eq!(mmd2(&[1.0], &[2.0], 1, 1.0), 0.0);
    }

    /// A shift moves every projection by its own: the distance is the mean of `|direction · shift|`.
    #[test]
    fn sliced_wasserstein_of_a_shift_is_its_mean_projection() {
        let shift = [0.5, -1.0, 0.25, 2.0];
        let a = gaussian(3, 300, &[0.0; 4], 1.0);
        let b: Vec<f32> = a.iter().zip(shift.iter().cycle()).map(|(x, d)| x + d).collect();
        let directions = directions(Key::new(4), 64, 4);
        let lengths = directions.chunks_exact(4).map(|d| d.iter().map(|x| x * x).sum::<f32>());
        assert!(lengths.into_iter().all(|square| (square - 1.0).abs() < 1e-5));
        let project = |d: &[f32]| f64::from(d.iter().zip(shift).map(|(x, y)| x * y).sum::<f32>().abs());
        let expected = directions.chunks_exact(4).map(project).sum::<f64>() / 64.0;
        let found = sliced_wasserstein(&a, &b, 4, &directions);
        assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        assert_eq!(sliced_wasserstein(&a, &a, 4, &directions), 0.0);
    }

    /// N(0, 1) against N(0, s²): `|1 - s| √(2/π)` in every direction.
    #[test]
    fn sliced_wasserstein_of_a_narrowed_gaussian() {
        let a = gaussian(5, 20_000, &[0.0; 2], 1.0);
        let b = gaussian(6, 20_000, &[0.0; 2], 0.4);
        let found = sliced_wasserstein(&a, &b, 2, &directions(Key::new(7), 16, 2));
        let expected = 0.6 * (2.0 / core::f64::consts::PI).sqrt();
        assert!((found - expected).abs() < 0.01, "{found}, expected {expected}");
    }

    #[test]
    fn variances_of_known_columns() {
        assert_eq!(variances(&[1.0, 5.0, 3.0, 5.0, 5.0, 8.0], 2), [4.0, 3.0]);
        assert_eq!(variances(&[1.0, 5.0], 2), [0.0, 0.0]);
    }
}
