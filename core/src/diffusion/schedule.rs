//! How much noise there is at each diffusion step.

/// The linear schedule of the paper's ancestor: β from 1e-4 to 0.02 over steps 1..=T.
///
/// A further step 0 with β = 1e-4 is part of the cumulative product: `ᾱ_t = Π_{i=0..=t} (1 - β_i)`. Sampling at step 1
/// therefore halves the distance to the predicted latent instead of closing it, which is why DIAR takes extra steps.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSchedule {
    /// `β_t` for t = 0..=T.
    beta: Vec<f64>,
    /// `ᾱ_t` for t = 0..=T.
    alpha_bar: Vec<f64>,
}

impl NoiseSchedule {
    const FIRST: f64 = 1e-4;
    const LAST: f64 = 0.02;

    /// The schedule of T steps.
    pub fn new(steps: usize) -> Self {
        let slope = (Self::LAST - Self::FIRST) / (steps.max(2) - 1) as f64;
        let beta: Vec<f64> = (0..=steps).map(|t| Self::FIRST + slope * t.saturating_sub(1) as f64).collect();
        let alpha_bar = beta
            .iter()
            .scan(1.0, |product, beta| {
                *product *= 1.0 - beta;
                Some(*product)
            })
            .collect();
        Self { beta, alpha_bar }
    }

    /// T.
    pub fn steps(&self) -> usize {
        self.beta.len() - 1
    }

    /// `β_t`, the variance added at step t.
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// `ᾱ_t`, the share of the signal's variance that is left at step t.
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t]
    }

    /// Signal-to-noise ratio at step t, `ᾱ / (1 - ᾱ)`.
    pub fn snr(&self, t: usize) -> f64 {
        self.alpha_bar[t] / (1.0 - self.alpha_bar[t])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_of_the_linear_schedule() {
        for (steps, t, expected, tolerance) in [
            (500, 1, 0.999_800, 1e-6),
            (500, 500, 0.006_35, 5e-6),
            (200, 200, 0.132, 5e-4),
            (100, 100, 0.364, 5e-4),
        ] {
            let found = NoiseSchedule::new(steps).alpha_bar(t);
            assert!((found - expected).abs() < tolerance, "T {steps}, t {t}: {found}");
        }
        let schedule = NoiseSchedule::new(500);
        assert!((schedule.beta(1) - 1e-4).abs() < 1e-15 && (schedule.beta(500) - 0.02).abs() < 1e-15);
        assert!((schedule.snr(1) - 4999.0).abs() < 1.0);
        assert_eq!((1..=500).filter(|&t| schedule.snr(t) > 5.0).count(), 93);
        let mean = (1..=500).map(|t| schedule.snr(t).min(5.0)).sum::<f64>() / 500.0;
        assert!((mean - 1.493).abs() < 1e-3, "{mean}");
    }
}
