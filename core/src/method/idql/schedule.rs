//! The variance-preserving schedule of few steps.

/// `β_t = 1 - exp(-0.1 / T - 9.9 (2t - 1) / (2 T²))` for t = 1..=T.
#[derive(Clone, Debug, PartialEq)]
pub struct Preserving {
    beta: Vec<f64>,
    alpha_bar: Vec<f64>,
}

impl Preserving {
    /// The schedule of T steps.
    #[must_use]
    pub fn new(steps: usize) -> Self {
        let whole = steps as f64;
        let beta = |t: usize| {
            let slope = 9.9 * (2 * t - 1) as f64 / (2.0 * whole * whole);
            1.0 - libm::exp(-0.1 / whole - slope)
        };
        let beta: Vec<f64> = (1..=steps).map(beta).collect();
        let alpha_bar = beta.iter().scan(1.0, |product, beta| {
            *product *= 1.0 - beta;
            Some(*product)
        });
        Self { alpha_bar: alpha_bar.collect(), beta }
    }

    /// T.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.beta.len()
    }

    /// `√ᾱ_t` and `√(1 - ᾱ_t)`: shares of the action and of the noise at step t, from 1.
    #[must_use]
    pub fn shares(&self, t: usize) -> [f64; 2] {
        let kept = self.alpha_bar[t - 1];
        [kept.sqrt(), (1.0 - kept).sqrt()]
    }

    /// Factors of an update at step t, from 1: `x ← a x - b ε̂ + c z`.
    #[must_use]
    pub fn update(&self, t: usize) -> [f64; 3] {
        let (beta, kept) = (self.beta[t - 1], self.alpha_bar[t - 1]);
        let a = 1.0 / (1.0 - beta).sqrt();
        [a, a * beta / (1.0 - kept).sqrt(), if t > 1 { beta.sqrt() } else { 0.0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_of_five_steps() {
        let schedule = Preserving::new(5);
        for (t, beta, alpha_bar) in [
            (1, 0.195_875, 0.804_125),
            (2, 0.458_818, 0.435_178),
            (3, 0.635_781, 0.158_500),
            (4, 0.754_878, 0.038_852),
            (5, 0.835_031, 0.006_409),
        ] {
            let found = (schedule.beta[t - 1], schedule.alpha_bar[t - 1]);
            assert!((found.0 - beta).abs() < 1e-6 && (found.1 - alpha_bar).abs() < 1e-6, "{t}: {found:?}");
        }
        for steps in [1, 10, 100] {
            let last = Preserving::new(steps).alpha_bar[steps - 1];
            assert!((last - (-5.05_f64).exp()).abs() < 1e-12, "{steps}: {last}");
        }
    }

    /// With the best denoiser for actions of deviation s, samples have these deviations.
    #[test]
    fn a_perfect_denoiser_gives_the_known_deviations() {
        for (steps, expected) in [
            (5, [0.031_523, 0.222_112, 0.443_478, 0.896_730]),
            (10, [0.060_958, 0.300_681, 0.508_908, 0.970_688]),
        ] {
            let schedule = Preserving::new(steps);
            for (s, expected) in [0.1, 0.3, 0.5, 1.0_f64].into_iter().zip(expected) {
                let mut variance = 1.0;
                for t in (1..=steps).rev() {
                    let ([_, noise], [a, b, c]) = (schedule.shares(t), schedule.update(t));
                    let kept = 1.0 - noise * noise;
                    let guess = noise / (kept * s * s + noise * noise);
                    variance = (a - b * guess).powi(2) * variance + c * c;
                }
                let found = variance.sqrt();
                assert!((found - expected).abs() < 2e-6, "T {steps}, s {s}: {found}, expected {expected}");
            }
        }
    }
}
