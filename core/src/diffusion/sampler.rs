//! From noise to latents.
//!
//! Every sampler here is a list of linear updates `y ← keep·y + clean·ẑ + noise·ξ`, where ẑ is the denoiser's guess of
//! the clean latent at step `t` and ξ is fresh noise. One loop runs them all: of tensor operations on any device, and
//! fused into one kernel on the CPU and on a GPU.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::denoiser::TimeCode;
use super::{Denoiser, NoiseSchedule};
use crate::kernel::denoise::{PackedDenoiser, Step};
#[cfg(feature = "gpu")]
use crate::kernel::gpu::{self, PlacedDenoiser, Steps};
use crate::kernel::tensors::{copied, serves};
use crate::nn::tensor;
use crate::rng::Key;
use crate::settings::{Sampler, SamplerSettings};

/// One step of a sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Diffusion step the network is told: 1..=T of a [`NoiseSchedule`], 0..T of a cosine schedule.
    pub t: usize,
    /// Factor of the noisy latent.
    pub keep: f64,
    /// Factor of the predicted clean latent.
    pub clean: f64,
    /// Factor of fresh noise; 0 means that none is drawn.
    pub noise: f64,
}

/// The updates of a sampler, first to last.
pub fn updates(schedule: &NoiseSchedule, sampler: SamplerSettings) -> Vec<Update> {
    match sampler.kind {
        Sampler::Ddpm => {
            let down = (1..=schedule.steps()).rev();
            down.chain(core::iter::repeat_n(1, sampler.extra_steps)).map(|t| ancestral(schedule, t)).collect()
        }
        Sampler::Ddim => jumps(schedule, sampler.steps, deterministic),
        Sampler::Sde => jumps(schedule, sampler.steps, stochastic),
    }
}

/// DDPM, `y ← A y + B ẑ + √β ξ` with the ancestor's index-0 schedule; no noise at step 1.
fn ancestral(schedule: &NoiseSchedule, t: usize) -> Update {
    let (beta, alpha_bar) = (schedule.beta(t), schedule.alpha_bar(t));
    let root = (1.0 - beta).sqrt();
    Update {
        t,
        keep: (1.0 - beta / (1.0 - alpha_bar)) / root,
        clean: beta * alpha_bar.sqrt() / ((1.0 - alpha_bar) * root),
        noise: if t > 1 { beta.sqrt() } else { 0.0 },
    }
}

/// Jumps from step T down to the clean latent. Steps are spaced quadratically, denser where there is little noise left:
/// at 10 steps a Gaussian of deviation 0.1 keeps 66 % of its width with the SDE sampler, against 37 % at even spacing.
fn jumps(schedule: &NoiseSchedule, steps: usize, jump: fn(f64, f64) -> (f64, f64, f64)) -> Vec<Update> {
    let at = |i: usize| {
        let left = (steps - i) as f64 / steps as f64;
        // Never fewer diffusion steps than jumps to come, so that no step is taken twice.
        ((schedule.steps() as f64 * left * left).round() as usize).max(steps - i)
    };
    (0..steps)
        .map(|i| {
            let t = at(i);
            if i + 1 == steps {
                return Update { t, keep: 0.0, clean: 1.0, noise: 0.0 };
            }
            let (keep, clean, noise) = jump(schedule.alpha_bar(t), schedule.alpha_bar(at(i + 1)));
            Update { t, keep, clean, noise }
        })
        .collect()
}

/// DDIM with η = 0: keeps the implied noise, `y' = √ᾱ' ẑ + √(1 - ᾱ') (y - √ᾱ ẑ) / √(1 - ᾱ)`.
pub(super) fn deterministic(from: f64, to: f64) -> (f64, f64, f64) {
    let keep = ((1.0 - to) / (1.0 - from)).sqrt();
    (keep, to.sqrt() - from.sqrt() * keep, 0.0)
}

/// SDE-DPM-Solver++(1): with `λ = ln(√ᾱ / √(1 - ᾱ))` and `h = λ' - λ`,
/// `y' = (σ'/σ) e^{-h} y + √ᾱ' (1 - e^{-2h}) ẑ + σ' √(1 - e^{-2h}) ξ`.
pub(super) fn stochastic(from: f64, to: f64) -> (f64, f64, f64) {
    let shrink = ((1.0 - to) / (1.0 - from)).sqrt();
    // e^{-2h} is the ratio of the signal-to-noise ratios.
    let decay = (from / (1.0 - from)) / (to / (1.0 - to));
    let fresh = 1.0 - decay;
    (shrink * decay.sqrt(), to.sqrt() * fresh, ((1.0 - to) * fresh).sqrt())
}

/// Where a sampler's standard normal numbers come from. Number 0 is the start, number k the noise of update k - 1.
#[derive(Clone, Copy, Debug)]
pub enum SamplerNoise<'a> {
    /// From a key per state: a state's latents do not depend on the others.
    Drawn(&'a [Key]),
    /// The same for later candidates: so many numbers of each key belong to those before.
    DrawnAfter(&'a [Key], usize),
    /// Given, `[states, candidates, latent]` for each update that uses noise, the start first.
    Given(&'a [Vec<f32>]),
}

impl SamplerNoise<'_> {
    /// The numbers of one state from number `from` on; each state has `count`.
    fn fill(self, state: usize, number: usize, count: usize, from: usize, values: &mut [f32]) {
        match self {
            Self::Drawn(keys) => keys[state].fold(number as u64).fill_normals(from, values),
            Self::DrawnAfter(keys, skipped) => {
                keys[state].fold(number as u64).fill_normals(skipped + from, values);
            }
            Self::Given(numbers) => {
                let first = state * count + from;
                values.copy_from_slice(&numbers[number][first..first + values.len()]);
            }
        }
    }

    /// All numbers of that number, `[states, candidates, latent]`.
    fn draw(self, number: usize, [states, candidates, latent]: [usize; 3]) -> Vec<f32> {
        let count = candidates * latent;
        let mut values = vec![0.0; states * count];
        for (state, values) in values.chunks_mut(count.max(1)).enumerate() {
            self.fill(state, number, count, 0, values);
        }
        values
    }
}

/// A sampler of latents: the denoiser, and what does not depend on the state computed in advance.
#[derive(Clone, Debug)]
pub struct LatentSampler {
    denoiser: Denoiser,
    updates: Vec<Update>,
    path: Path,
}

#[derive(Clone, Debug)]
enum Path {
    /// Tensor operations: what each update's diffusion step contributes.
    Plain(Vec<TimeCode>),
    /// The CPU's kernel.
    Packed(Arc<PackedDenoiser>, Vec<Step>),
    /// The GPU's kernels.
    #[cfg(feature = "gpu")]
    Placed(Box<(PlacedDenoiser, Steps)>),
}

impl LatentSampler {
    /// A sampler of a denoiser without gradients.
    pub fn new(denoiser: &Denoiser, schedule: &NoiseSchedule, settings: SamplerSettings) -> Self {
        if serves(&denoiser.device()) {
            return Self::packed(denoiser, Arc::new(denoiser.pack()), schedule, settings);
        }
        #[cfg(feature = "gpu")]
        if gpu::serves(&denoiser.device())
            && let Some(placed) = denoiser.place()
        {
            return Self::placed(denoiser, placed, schedule, settings);
        }
        Self::plain(denoiser, schedule, settings)
    }

    /// A sampler of tensor operations.
    pub(crate) fn plain(denoiser: &Denoiser, schedule: &NoiseSchedule, settings: SamplerSettings) -> Self {
        let updates = updates(schedule, settings);
        let times = updates.iter().map(|update| denoiser.time(&[update.t])).collect();
        Self { denoiser: denoiser.clone(), updates, path: Path::Plain(times) }
    }

    /// A sampler on the CPU, of a denoiser that has been laid out before.
    pub(crate) fn packed(
        denoiser: &Denoiser,
        packed: Arc<PackedDenoiser>,
        schedule: &NoiseSchedule,
        settings: SamplerSettings,
    ) -> Self {
        let updates = updates(schedule, settings);
        let path = Path::Packed(packed, steps(denoiser, &updates));
        Self { denoiser: denoiser.clone(), updates, path }
    }

    /// A sampler on a GPU, of a denoiser that has been laid out before.
    #[cfg(feature = "gpu")]
    pub(crate) fn placed(
        denoiser: &Denoiser,
        placed: PlacedDenoiser,
        schedule: &NoiseSchedule,
        settings: SamplerSettings,
    ) -> Self {
        let updates = updates(schedule, settings);
        let factors: Vec<[f32; 3]> = updates
            .iter()
            .map(|update| [update.keep, update.clean, update.noise].map(|factor| factor as f32))
            .collect();
        let numbers: Vec<usize> = updates.iter().map(|update| update.t).collect();
        let modulations = denoiser.time(&numbers).0.into_iter().map(|time| time.squeeze_dim(1)).collect();
        let steps = Steps::new(&placed, &factors, modulations);
        Self { denoiser: denoiser.clone(), updates, path: Path::Placed(Box::new((placed, steps))) }
    }

    /// Updates that each latent goes through.
    pub fn updates(&self) -> usize {
        self.updates.len()
    }

    /// Latents for states `[states, state]`, `[states, candidates, latent]`.
    pub fn sample(&self, states: Tensor<2>, candidates: usize, noise: SamplerNoise) -> Tensor<3> {
        let device: Device = states.device();
        let latent = self.denoiser.latent();
        let shape = [states.dims()[0], candidates, latent];
        match &self.path {
            Path::Packed(packed, steps) => {
                let fill = |state: usize, number: usize, from: usize, values: &mut [f32]| {
                    noise.fill(state, number, candidates * latent, from, values);
                };
                tensor(packed.sample(steps, &copied(states), candidates, &fill), shape, &device)
            }
            #[cfg(feature = "gpu")]
            Path::Placed(placed) => {
                let (placed, steps) = &**placed;
                placed.sample(steps, states, |numbers| match noise {
                    SamplerNoise::Drawn(keys) => {
                        let shape = [numbers.len(), shape[0], candidates, latent];
                        let keys: Vec<Key> = numbers
                            .flat_map(|number| keys.iter().map(move |key| key.fold(number as u64)))
                            .collect();
                        gpu::draw(placed.like(), &keys, shape)
                    }
                    SamplerNoise::Given(_) | SamplerNoise::DrawnAfter(..) => {
                        let count = numbers.len();
                        let values = numbers.flat_map(|number| noise.draw(number, shape)).collect();
                        tensor(values, [count, shape[0], candidates, latent], &device)
                    }
                })
            }
            Path::Plain(times) => self.walk(times, states, candidates, noise, |_| {}),
        }
    }

    /// Every latent on the way from noise to result, `updates + 1` times `[states, candidates, latent]`: the start
    /// first, the result of [`LatentSampler::sample`] last. Tensor operations, whatever kernels there are.
    pub fn trail(&self, states: Tensor<2>, candidates: usize, noise: SamplerNoise) -> Vec<Tensor<3>> {
        let times: Vec<TimeCode> =
            self.updates.iter().map(|update| self.denoiser.time(&[update.t])).collect();
        let mut trail = Vec::with_capacity(times.len() + 1);
        self.walk(&times, states, candidates, noise, |latents| trail.push(latents.clone()));
        trail
    }

    /// The updates one after the other, as tensor operations; `visit` sees the start and what each update gives.
    fn walk(
        &self,
        times: &[TimeCode],
        states: Tensor<2>,
        candidates: usize,
        noise: SamplerNoise,
        mut visit: impl FnMut(&Tensor<3>),
    ) -> Tensor<3> {
        let device = states.device();
        let shape = [states.dims()[0], candidates, self.denoiser.latent()];
        let draw = |number: usize| tensor(noise.draw(number, shape), shape, &device);
        let condition = self.denoiser.condition(states, None);
        let mut y = draw(0);
        visit(&y);
        for (i, (update, time)) in self.updates.iter().zip(times).enumerate() {
            let guess = self.denoiser.forward(y.clone(), &condition, time);
            y = if update.keep == 0.0 {
                guess.mul_scalar(update.clean)
            } else {
                y.mul_scalar(update.keep) + guess.mul_scalar(update.clean)
            };
            if update.noise > 0.0 {
                y = y + draw(i + 1).mul_scalar(update.noise);
            }
            visit(&y);
        }
        y
    }
}

/// The updates as the kernel takes them; all diffusion steps go through the denoiser's time layers together.
fn steps(denoiser: &Denoiser, updates: &[Update]) -> Vec<Step> {
    let numbers: Vec<usize> = updates.iter().map(|update| update.t).collect();
    let times: Vec<(usize, Vec<f32>)> =
        denoiser.time(&numbers).0.into_iter().map(|time| (time.dims()[2], copied(time))).collect();
    updates
        .iter()
        .enumerate()
        .map(|(i, update)| Step {
            keep: update.keep as f32,
            clean: update.clean as f32,
            noise: update.noise as f32,
            time: times.iter().map(|(width, values)| values[i * width..(i + 1) * width].to_vec()).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    fn settings(kind: Sampler, steps: usize, extra_steps: usize) -> SamplerSettings {
        SamplerSettings { kind, steps, extra_steps }
    }

    /// The kernel gives what tensor operations give, whatever the sampler, the widths and the number of candidates.
    #[test]
    fn the_kernel_equals_its_plain_twin() {
        let device = Device::flex();
        let schedule = NoiseSchedule::new(500);
        for (widths, embedding, latent) in [(&[64, 32, 16][..], 64, 16), (&[24, 7], 9, 3), (&[10], 5, 2)] {
            let denoiser = Denoiser::new(Key::new(1), widths, embedding, 4, latent, &device);
            for (kind, steps, extra, states, candidates) in [
                (Sampler::Sde, 10, 0, 3, 50),
                (Sampler::Ddim, 3, 0, 1, 1),
                (Sampler::Sde, 1, 0, 2, 24),
                (Sampler::Ddpm, 500, 5, 1, 7),
            ] {
                let draw = || {
                    let sampler = LatentSampler::new(&denoiser, &schedule, settings(kind, steps, extra));
                    let at = tensor(Key::new(2).normals(states * 4), [states, 4], &device);
                    let keys: Vec<Key> = (0..states).map(|i| Key::new(3).fold(i as u64)).collect();
                    let drawn = sampler.sample(at, candidates, SamplerNoise::Drawn(&keys));
                    assert_eq!(drawn.dims(), [states, candidates, latent]);
                    drawn.try_into_vec_as::<f32>().unwrap()
                };
                let (fused, plain) = (draw(), crate::kernel::reference(draw));
                for (a, b) in fused.iter().zip(&plain) {
                    assert!((a - b).abs() < 2e-5, "{widths:?}, {kind:?}: {a}, expected {b}");
                }
            }
        }
    }

    /// The trail begins with the noise, has one entry per update, and ends where the kernel ends.
    #[test]
    fn a_trail_leads_from_the_noise_to_the_sample() {
        let device = Device::flex();
        let schedule = NoiseSchedule::new(60);
        let denoiser = Denoiser::new(Key::new(1), &[24, 12], 16, 4, 5, &device);
        for (kind, steps, extra) in
            [(Sampler::Sde, 10, 0), (Sampler::Ddim, 3, 0), (Sampler::Ddpm, 60, 0), (Sampler::Ddpm, 60, 5)]
        {
            let sampler = LatentSampler::new(&denoiser, &schedule, settings(kind, steps, extra));
            let keys: Vec<Key> = (0..2).map(|i| Key::new(3).fold(i)).collect();
            let states = || tensor(Key::new(2).normals(8), [2, 4], &device);
            let numbers = |latents: Tensor<3>| latents.try_into_vec_as::<f32>().unwrap();
            let trail = sampler.trail(states(), 7, SamplerNoise::Drawn(&keys));
            assert_eq!(trail.len(), steps + extra + 1);
            let noise: Vec<f32> = keys.iter().flat_map(|key| key.fold(0).normals(35)).collect();
            assert_eq!(numbers(trail[0].clone()), noise);
            let sampled = numbers(sampler.sample(states(), 7, SamplerNoise::Drawn(&keys)));
            for (a, b) in numbers(trail[steps + extra].clone()).iter().zip(&sampled) {
                assert!((a - b).abs() < 2e-5, "{kind:?}: {a}, expected {b}");
            }
        }
    }

    #[test]
    fn a_states_latents_do_not_depend_on_the_others() {
        let device = Device::flex();
        let denoiser = Denoiser::new(Key::new(1), &[16, 8], 8, 4, 4, &device);
        let sampler = LatentSampler::new(&denoiser, &NoiseSchedule::new(500), settings(Sampler::Sde, 4, 0));
        let keys: Vec<Key> = (0..3).map(|i| Key::new(8).fold(i)).collect();
        let states = Key::new(9).normals(12);
        let draw = |from: usize, to: usize| {
            let at = tensor(states[from * 4..to * 4].to_vec(), [to - from, 4], &device);
            sampler.sample(at, 5, SamplerNoise::Drawn(&keys[from..to])).try_into_vec_as::<f32>().unwrap()
        };
        let together = draw(0, 3);
        assert_eq!(together[20..40], draw(1, 2));
    }

    /// Candidates sampled in two parts are those sampled at once, by the kernel and by tensor operations.
    #[test]
    fn candidates_may_be_sampled_in_parts() {
        let device = Device::flex();
        let denoiser = Denoiser::new(Key::new(1), &[16, 8], 8, 4, 5, &device);
        let sampler = LatentSampler::new(&denoiser, &NoiseSchedule::new(60), settings(Sampler::Sde, 4, 0));
        let keys: Vec<Key> = (0..2).map(|i| Key::new(8).fold(i)).collect();
        let draw = |count: usize, noise| {
            let at = tensor(Key::new(9).normals(8), [2, 4], &device);
            sampler.sample(at, count, noise)
        };
        let compare = || {
            let whole = draw(30, SamplerNoise::Drawn(&keys));
            let parts = [(0, 7), (7, 22), (29, 1)]
                .map(|(from, count)| draw(count, SamplerNoise::DrawnAfter(&keys, from * 5)));
            let [whole, parts] = [whole, Tensor::cat(parts.into(), 1)]
                .map(|latents| latents.try_into_vec_as::<f32>().unwrap());
            assert_eq!(whole, parts);
        };
        compare();
        crate::kernel::reference(compare);
    }

    /// Mean and deviation that a sampler gives for N(m, s²) with the best possible denoiser, which is linear. The
    /// updates are linear too, so both are carried along exactly: no sampling error.
    fn moments(sampler: SamplerSettings, mean: f64, deviation: f64) -> (f64, f64) {
        let schedule = NoiseSchedule::new(500);
        updates(&schedule, sampler).iter().fold((0.0, 1.0), |(m, v), update| {
            let a = schedule.alpha_bar(update.t);
            let gain = deviation * deviation * a.sqrt() / (deviation * deviation * a + 1.0 - a);
            let factor = update.keep + update.clean * gain;
            let offset = update.clean * mean * (1.0 - gain * a.sqrt());
            (factor * m + offset, factor * factor * v + update.noise * update.noise)
        })
    }

    #[test]
    fn samplers_reproduce_a_gaussian() {
        // The start N(0, 1) lacks the 8 % of the mean that are left at step T; DDIM keeps a share of that.
        for (sampler, tolerance) in [
            (settings(Sampler::Ddpm, 500, 0), 0.002),
            (settings(Sampler::Sde, 500, 0), 0.006),
            (settings(Sampler::Ddim, 500, 0), 0.025),
        ] {
            let (mean, variance) = moments(sampler, 0.7, 0.4);
            assert!((mean - 0.7).abs() < tolerance, "{sampler:?}: mean {mean}");
            assert!((variance.sqrt() - 0.4).abs() < tolerance, "{sampler:?}: deviation {}", variance.sqrt());
        }
    }

    /// First-order solvers: halving the step halves the error, and few steps give too narrow a distribution.
    #[test]
    fn few_step_samplers_converge_at_first_order() {
        for kind in [Sampler::Sde, Sampler::Ddim] {
            let error = |steps| 0.4 - moments(settings(kind, steps, 0), 0.0, 0.4).1.sqrt();
            let (coarse, fine) = (error(20), error(40));
            assert!(coarse > 0.0 && (1.6..2.4).contains(&(coarse / fine)), "{kind:?}: {coarse} {fine}");
        }
        let narrow = moments(settings(Sampler::Sde, 10, 0), 0.0, 0.1).1.sqrt();
        assert!((narrow - 0.066).abs() < 0.002, "{narrow}");
    }

    /// The same by drawing: the closed form above and the sampled moments agree.
    #[test]
    fn drawn_samples_have_the_gaussians_moments() {
        let schedule = NoiseSchedule::new(500);
        let (mean, deviation, count) = (-0.3_f64, 0.8_f64, 4_000);
        let steps = updates(&schedule, settings(Sampler::Ddpm, 500, 5));
        let mut stream = Key::new(11).stream();
        let draws: Vec<f64> = (0..count)
            .map(|_| {
                let mut y = stream.normal();
                for update in &steps {
                    let a = schedule.alpha_bar(update.t);
                    let gain = deviation.powi(2) * a.sqrt() / (deviation.powi(2) * a + 1.0 - a);
                    let guess = mean + gain * (y - a.sqrt() * mean);
                    let fresh = if update.noise > 0.0 { stream.normal() } else { 0.0 };
                    y = update.keep * y + update.clean * guess + update.noise * fresh;
                }
                y
            })
            .collect();
        let n = f64::from(count);
        let m = draws.iter().sum::<f64>() / n;
        let v = draws.iter().map(|x| (x - m).powi(2)).sum::<f64>() / n;
        assert!((m - mean).abs() < 4.0 * deviation / n.sqrt(), "{m}");
        assert!((v.sqrt() / deviation - 1.0).abs() < 4.0 / (2.0 * n).sqrt() + 0.01, "{}", v.sqrt());
    }

    #[test]
    fn the_first_diffusion_step_halves_the_distance() {
        let schedule = NoiseSchedule::new(500);
        let steps = updates(&schedule, settings(Sampler::Ddpm, 500, 5));
        assert_eq!(steps.len(), 505);
        let last = steps[504];
        assert!((last.keep - 0.5).abs() < 1e-3 && (last.clean - 0.5).abs() < 1e-3, "{last:?}");
        let left: f64 = steps[499..].iter().map(|update| update.keep).product();
        assert!((left - 2_f64.powi(-6)).abs() < 1e-4, "{left}");
    }

    #[test]
    fn few_step_samplers_span_the_schedule() {
        let schedule = NoiseSchedule::new(500);
        for steps in [1, 3, 10, 300, 500] {
            let list = updates(&schedule, settings(Sampler::Sde, steps, 0));
            assert_eq!((list.len(), list[0].t), (steps, 500));
            assert!(list.windows(2).all(|pair| pair[0].t > pair[1].t));
            assert_eq!(list[steps - 1].clean, 1.0);
        }
    }
}
