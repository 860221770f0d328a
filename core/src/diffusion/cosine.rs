//! The cosine schedule, and the samplers that it gives.

use super::sampler::{Update, deterministic, stochastic};
use crate::settings::{Sampler, SamplerSettings};

/// `β_i = min(1 - f(i+1) / f(i), 0.999)` with `f(i) = cos²((i/T + s) / (1 + s) · π/2)`, s = 0.008, for i = 0..T (Nichol and
/// Dhariwal, 2021, arXiv 2102.09672). Diffusion over trajectories counts its steps from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct CosineSchedule {
    beta: Vec<f64>,
    alpha_bar: Vec<f64>,
}

impl CosineSchedule {
    const OFFSET: f64 = 0.008;
    const MOST: f64 = 0.999;

    /// The schedule of T steps.
    pub fn new(steps: usize) -> Self {
        let share = |i: usize| {
            let done = (i as f64 / steps as f64 + Self::OFFSET) / (1.0 + Self::OFFSET);
            libm::cos(done * core::f64::consts::FRAC_PI_2).powi(2)
        };
        let beta: Vec<f64> = (0..steps).map(|i| (1.0 - share(i + 1) / share(i)).min(Self::MOST)).collect();
        let alpha_bar = beta.iter().scan(1.0, |product, beta| {
            *product *= 1.0 - beta;
            Some(*product)
        });
        Self { alpha_bar: alpha_bar.collect(), beta }
    }

    /// T.
    pub fn steps(&self) -> usize {
        self.beta.len()
    }

    /// `√ᾱ_t` and `√(1 - ᾱ_t)`: shares of trajectory and noise at step t, from 0.
    pub fn shares(&self, t: usize) -> [f64; 2] {
        let kept = self.alpha_bar[t];
        [kept.sqrt(), (1.0 - kept).sqrt()]
    }

    /// The updates of a sampler, first to last; fewer steps than T are spread evenly.
    pub fn updates(&self, sampler: SamplerSettings) -> Vec<Update> {
        match sampler.kind {
            Sampler::Ddpm => {
                let down = (0..self.steps()).rev();
                down.chain(core::iter::repeat_n(0, sampler.extra_steps)).map(|t| self.posterior(t)).collect()
            }
            Sampler::Ddim => self.jumps(sampler.steps, deterministic),
            Sampler::Sde => self.jumps(sampler.steps, stochastic),
        }
    }

    /// A sample of `q(x_{t-1} | x_t, x̂)`, with its own variance `β_t (1 - ᾱ_{t-1}) / (1 - ᾱ_t)`; the last is x̂ itself.
    fn posterior(&self, t: usize) -> Update {
        if t == 0 {
            return Update { t, keep: 0.0, clean: 1.0, noise: 0.0 };
        }
        let (beta, kept, next) = (self.beta[t], self.alpha_bar[t], self.alpha_bar[t - 1]);
        Update {
            t,
            keep: (1.0 - next) * (1.0 - beta).sqrt() / (1.0 - kept),
            clean: beta * next.sqrt() / (1.0 - kept),
            noise: (beta * (1.0 - next) / (1.0 - kept)).sqrt(),
        }
    }

    fn jumps(&self, steps: usize, jump: fn(f64, f64) -> (f64, f64, f64)) -> Vec<Update> {
        let at = |i: usize| (steps - i) * self.steps() / steps - 1;
        let update = |i: usize| {
            let t = at(i);
            if i + 1 == steps {
                return Update { t, keep: 0.0, clean: 1.0, noise: 0.0 };
            }
            let (keep, clean, noise) = jump(self.alpha_bar[t], self.alpha_bar[at(i + 1)]);
            Update { t, keep, clean, noise }
        };
        (0..steps).map(update).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ddpm(steps: usize) -> SamplerSettings {
        SamplerSettings { kind: Sampler::Ddpm, steps, extra_steps: 0 }
    }

    #[test]
    fn anchors_of_the_cosine_schedule() {
        for (steps, first) in [
            (20, 7.992_721e-3),
            (64, 1.199_549e-3),
            (100, 6.312_816e-4),
            (200, 2.549_726e-4),
            (256, 1.888_267e-4),
        ] {
            let CosineSchedule { beta, alpha_bar } = CosineSchedule::new(steps);
            assert!((beta[0] / first - 1.0).abs() < 1e-6, "T {steps}: {}", beta[0]);
            assert_eq!(beta[steps - 1], 0.999);
            assert!((alpha_bar[steps / 2 - 1] - 0.493_844).abs() < 1e-6, "T {steps}: {alpha_bar:?}");
        }
        let CosineSchedule { beta, alpha_bar } = CosineSchedule::new(64);
        assert!((beta[62] - 0.749_852).abs() < 1e-6 && (alpha_bar[62] - 5.928e-4).abs() < 1e-7);
    }

    /// Deviation of samples when the guess is the best for trajectories of deviation s, and noise is scaled.
    fn deviation(steps: usize, sampler: SamplerSettings, s: f64, temperature: f64) -> f64 {
        let schedule = CosineSchedule::new(steps);
        let mut variance = temperature.powi(2);
        for Update { t, keep, clean, noise } in schedule.updates(sampler) {
            let kept = schedule.alpha_bar[t];
            let guess = kept.sqrt() * s * s / (kept * s * s + 1.0 - kept);
            variance = (keep + clean * guess).powi(2) * variance + (temperature * noise).powi(2);
        }
        variance.sqrt()
    }

    #[test]
    fn a_perfect_guess_gives_the_known_deviations() {
        let half = 0.5_f64;
        for (steps, temperature, expected) in [
            (20, 1.0, [Some(0.06436), Some(0.24496), Some(0.43230), Some(0.90100)]),
            (64, 1.0, [Some(0.08252), Some(0.27712), Some(0.47392), Some(0.96510)]),
            (256, 1.0, [Some(0.09378), Some(0.29314), Some(0.49262), Some(0.99069)]),
            (100, half, [Some(0.04360), None, Some(0.24122), Some(0.48852)]),
            (100, half.sqrt(), [Some(0.06166), None, Some(0.34113), Some(0.69087)]),
        ] {
            for (s, expected) in [0.1, 0.3, 0.5, 1.0].into_iter().zip(expected) {
                let Some(expected) = expected else { continue };
                let found = deviation(steps, ddpm(steps), s, temperature);
                assert!((found - expected).abs() < 1.5e-5, "T {steps}, s {s}: {found}, expected {expected}");
            }
        }
    }

    /// Of a deterministic sampler with the exact noise, every step is on the straight way: the deviation is kept.
    #[test]
    fn jumps_are_strictly_downward_and_end_at_the_guess() {
        for steps in [1, 3, 10, 64] {
            for kind in [Sampler::Ddim, Sampler::Sde] {
                let settings = SamplerSettings { kind, steps, extra_steps: 0 };
                let updates = CosineSchedule::new(64).updates(settings);
                assert!(updates.windows(2).all(|pair| pair[0].t > pair[1].t), "{updates:?}");
                assert_eq!((updates.len(), updates[0].t), (steps, 63));
                let last = updates[steps - 1];
                assert_eq!((last.keep, last.clean, last.noise), (0.0, 1.0, 0.0));
            }
        }
        let many = SamplerSettings { kind: Sampler::Ddim, steps: 64, extra_steps: 0 };
        assert!((deviation(64, many, 0.5, 1.0) - 0.5).abs() < 0.03);
    }
}
