//! Sampling of trajectories some of whose entries are given.

use burn::tensor::{Device, Tensor};

use super::sampler::Update;
use crate::nn::tensor;

/// Given entries of trajectories, `[batch, rows, channels]`; they are overwritten again and again.
#[derive(Clone, Debug)]
pub struct Known {
    /// 0 where entries are given and 1 elsewhere, `[1, rows, channels]`.
    free: Tensor<3>,
    /// Given entries, 0 elsewhere, `[batch, rows, channels]`.
    values: Tensor<3>,
}

impl Known {
    /// Entries of `values`, `[batch, rows, channels]`, where `given` says so, `[rows, channels]`; the same for all.
    pub fn new(
        mut values: Vec<f32>,
        given: &[bool],
        [batch, rows, channels]: [usize; 3],
        device: &Device,
    ) -> Self {
        for trajectory in values.chunks_exact_mut(given.len()) {
            for (value, given) in trajectory.iter_mut().zip(given) {
                *value = if *given { *value } else { 0.0 };
            }
        }
        let free = given.iter().map(|&given| if given { 0.0 } else { 1.0 }).collect();
        Self {
            free: tensor(free, [1, rows, channels], device),
            values: tensor(values, [batch, rows, channels], device),
        }
    }

    /// Trajectories with the given entries in them, to the bit; no gradient passes through those.
    pub fn hold(&self, x: Tensor<3>) -> Tensor<3> {
        self.clear(x) + self.values.clone()
    }

    /// Trajectories with 0 at the given entries.
    pub fn clear(&self, x: Tensor<3>) -> Tensor<3> {
        x * self.free.clone()
    }
}

/// Trajectories from noise. `noise(0)` is the start, `noise(k)` that of update k - 1, each `[batch, rows, channels]`; `guess` is
/// the clean trajectory that a network sees in a noisy one at a diffusion step. Given entries are overwritten at the start and
/// after every update.
pub fn sample(
    updates: &[Update],
    known: &Known,
    mut noise: impl FnMut(usize) -> Tensor<3>,
    guess: impl Fn(Tensor<3>, usize) -> Tensor<3>,
) -> Tensor<3> {
    let mut x = known.hold(noise(0));
    for (i, update) in updates.iter().enumerate() {
        let clean = guess(x.clone(), update.t);
        // With a factor of 0 the guess stands alone, whatever was before it.
        x = if update.keep == 0.0 {
            clean.mul_scalar(update.clean)
        } else {
            x.mul_scalar(update.keep) + clean.mul_scalar(update.clean)
        };
        if update.noise > 0.0 {
            x = x + noise(i + 1).mul_scalar(update.noise);
        }
        x = known.hold(x);
    }
    x
}

/// Classifier-free guidance, `ε_∅ + w (ε_y - ε_∅)` (Ho and Salimans, 2022).
pub fn guided(unconditioned: Tensor<3>, conditioned: Tensor<3>, weight: f64) -> Tensor<3> {
    unconditioned.clone() + (conditioned - unconditioned).mul_scalar(weight)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::diffusion::CosineSchedule;
    use crate::rng::Key;
    use crate::settings::{Sampler, SamplerSettings};

    const SHAPE: [usize; 3] = [2, 4, 3];

    fn drawn(key: u64) -> Vec<f32> {
        Key::new(key).normals(24)
    }

    fn numbers(x: Tensor<3>) -> Vec<f32> {
        x.try_into_vec_as::<f32>().unwrap()
    }

    /// Given entries are what they are to the bit, whenever the network looks and in the end.
    #[test]
    fn given_entries_hold_after_every_update() {
        let device = Device::flex();
        let given: Vec<bool> = (0..12).map(|i| i % 5 == 0 || i == 11).collect();
        let values = drawn(1);
        let known = Known::new(values.clone(), &given, SHAPE, &device);
        let holds = |x: &[f32]| {
            let mut places = x.iter().zip(&values).zip(given.iter().cycle());
            places.all(|((x, value), given)| !given || x.to_bits() == value.to_bits())
        };
        let settings = SamplerSettings { kind: Sampler::Ddpm, steps: 8, extra_steps: 0 };
        let seen = RefCell::new(0);
        let result = sample(
            &CosineSchedule::new(8).updates(settings),
            &known,
            |number| tensor(drawn(10 + number as u64), SHAPE, &device),
            |x, _| {
                assert!(holds(&numbers(x.clone())));
                *seen.borrow_mut() += 1;
                x.mul_scalar(0.7)
            },
        );
        assert!(holds(&numbers(result)));
        assert_eq!(seen.into_inner(), 8);
    }

    /// The last update gives the guess itself.
    #[test]
    fn the_last_guess_is_the_sample() {
        let device = Device::flex();
        let known = Known::new(vec![0.0; 24], &[false; 12], SHAPE, &device);
        let clean: Tensor<3> = tensor(drawn(3), SHAPE, &device);
        for kind in [Sampler::Ddpm, Sampler::Ddim, Sampler::Sde] {
            let settings = SamplerSettings { kind, steps: 5, extra_steps: 0 };
            let updates = CosineSchedule::new(5).updates(settings);
            let noise = |number| tensor(drawn(20 + number as u64), SHAPE, &device);
            let found = sample(&updates, &known, noise, |_, _| clean.clone());
            assert_eq!(numbers(found), drawn(3));
        }
    }

    #[cfg(feature = "train")]
    #[test]
    fn no_gradient_reaches_given_entries() {
        let device = Device::flex().autodiff();
        let given: Vec<bool> = (0..12).map(|i| i < 3).collect();
        let known = Known::new(drawn(1), &given, SHAPE, &device);
        let x: Tensor<3> = tensor(drawn(2), SHAPE, &device).require_grad();
        let gradients = known.hold(x.clone()).square().sum().backward();
        let gradient = numbers(x.grad(&gradients).unwrap());
        for (i, (gradient, value)) in gradient.iter().zip(drawn(2)).enumerate() {
            let expected = if i % 12 < 3 { 0.0 } else { 2.0 * value };
            assert_eq!(*gradient, expected, "{i}");
        }
    }

    /// The mixture of the noises of `N(m_∅, 1)` and `N(m_y, 1)` is that of `N(m_∅ + w (m_y - m_∅), 1)`.
    #[test]
    fn guidance_moves_the_mean_and_nothing_else() {
        let device = Device::flex();
        let x: Tensor<3> = tensor(drawn(4), SHAPE, &device);
        let kept = 0.3_f64;
        // ε of N(m, 1) at ᾱ: √(1 - ᾱ) (x - √ᾱ m).
        let noise = |mean: f64| x.clone().sub_scalar(kept.sqrt() * mean).mul_scalar((1.0 - kept).sqrt());
        let near = |found: Tensor<3>, expected: Tensor<3>| {
            let pairs = numbers(found).into_iter().zip(numbers(expected));
            assert!(pairs.into_iter().all(|(found, expected)| (found - expected).abs() < 1e-6));
        };
        for weight in [0.0, 0.5, 1.0, 1.2, 4.0] {
            near(guided(noise(-0.4), noise(0.8), weight), noise(-0.4 + weight * 1.2));
            assert_eq!(numbers(guided(noise(0.8), noise(0.8), weight)), numbers(noise(0.8)));
        }
    }
}
