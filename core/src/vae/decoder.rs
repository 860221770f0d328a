//! `π(a | s, z)` and `f(s_end | s, z)` (A.1).

use burn::module::Module;
#[cfg(feature = "gpu")]
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};

#[cfg(feature = "gpu")]
use crate::kernel::gpu::{Builder, SideBySide};
use crate::kernel::packed::{PackedLayer, forward};
use crate::nn::GaussianNet;
use crate::rng::Key;
use crate::settings::{ActionLikelihood, VaeSettings};
use crate::spec::TaskSpec;

/// Bound of actions as the networks see them: scaled so that every task's lie in [-1, 1].
const ACTION_BOUND: f64 = 1.0;

/// One Gaussian network per action number; number `i` sees the state, the numbers before it, and z.
#[derive(Module, Debug)]
pub struct PolicyDecoder {
    numbers: Vec<GaussianNet>,
}

impl PolicyDecoder {
    fn new(key: Key, settings: &VaeSettings, spec: &TaskSpec, device: &Device) -> Self {
        let numbers = (0..spec.action_dim())
            .map(|i| {
                let input = spec.state_dim() + i + settings.latent;
                let key = key.fold(i as u64);
                GaussianNet::new(key, input, settings.hidden, 1, settings.sigma_floor, device)
            })
            .collect();
        Self { numbers }
    }

    /// `log π(a | s, z)` of recorded actions, `[rows]`, from `[rows, state]`, `[rows, action]` and `[rows, latent]`.
    pub fn log_density(
        &self,
        states: Tensor<2>,
        actions: Tensor<2>,
        latents: Tensor<2>,
        likelihood: ActionLikelihood,
    ) -> Tensor<1> {
        let [rows, _] = states.dims();
        let mut sum = Tensor::zeros([rows], &states.device());
        for (i, net) in self.numbers.iter().enumerate() {
            let before = actions.clone().narrow(1, 0, i.max(1));
            let gaussian = net.forward(input(&states, (i > 0).then_some(before), &latents));
            let number = actions.clone().narrow(1, i, 1);
            sum = sum
                + match likelihood {
                    ActionLikelihood::Gaussian => gaussian.log_density(number),
                    ActionLikelihood::Censored => gaussian.censored_log_density(number, ACTION_BOUND),
                };
        }
        sum
    }

    /// Actions `[rows, action]` from `[rows, state]` and `[rows, latent]`: the mean, or a sample when noise is given.
    pub fn act(&self, states: Tensor<2>, latents: Tensor<2>, noise: Option<Tensor<2>>) -> Tensor<2> {
        let mut actions: Option<Tensor<2>> = None;
        for (i, net) in self.numbers.iter().enumerate() {
            let x = input(&states, actions.clone(), &latents);
            let number = match &noise {
                Some(noise) => net.forward(x).sample(noise.clone().narrow(1, i, 1)),
                None => net.mean(x),
            };
            actions = Some(match actions {
                Some(before) => Tensor::cat(vec![before, number], 1),
                None => number,
            });
        }
        actions.unwrap_or_else(|| states.narrow(1, 0, 0))
    }
}

/// State, the action numbers known so far, latent.
fn input(states: &Tensor<2>, before: Option<Tensor<2>>, latents: &Tensor<2>) -> Tensor<2> {
    let parts = [Some(states.clone()), before, Some(latents.clone())];
    Tensor::cat(parts.into_iter().flatten().collect(), 1)
}

/// What a latent means: the actions it leads to, and the state it ends in.
#[derive(Module, Debug)]
pub struct Decoder {
    /// `π(a | s, z)`.
    pub policy: PolicyDecoder,
    /// `f(s_end | s, z)`: the state itself, not a difference.
    pub state: GaussianNet,
}

impl Decoder {
    /// The decoders of a task, newly drawn.
    pub fn new(key: Key, settings: &VaeSettings, spec: &TaskSpec, device: &Device) -> Self {
        Self {
            policy: PolicyDecoder::new(key.named("policy"), settings, spec, device),
            state: GaussianNet::new(
                key.named("state"),
                spec.state_dim() + settings.latent,
                settings.hidden,
                spec.state_dim(),
                settings.sigma_floor,
                device,
            ),
        }
    }

    /// Predicted end states, mean of `f`, `[rows, state]`, from `[rows, state]` and `[rows, latent]`.
    pub fn end(&self, states: Tensor<2>, latents: Tensor<2>) -> Tensor<2> {
        self.state.mean(Tensor::cat(vec![states, latents], 1))
    }
}

/// The decoders, laid out for repeated use on the CPU device; all rows side by side in slices.
#[derive(Clone, Debug)]
pub(crate) struct PackedDecoder {
    state: usize,
    latent: usize,
    numbers: Vec<PackedNumber>,
    end: Vec<PackedLayer>,
}

#[derive(Clone, Debug)]
struct PackedNumber {
    mean: Vec<PackedLayer>,
    deviation: Vec<PackedLayer>,
    floor: f64,
}

impl PackedDecoder {
    /// The decoders of states and latents of so many numbers.
    pub(crate) fn new(decoder: &Decoder, state: usize, latent: usize) -> Self {
        let numbers = decoder.policy.numbers.iter().map(|net| {
            let ([mean, deviation], floor) = net.pack();
            PackedNumber { mean, deviation, floor }
        });
        let ([end, _], _) = decoder.state.pack();
        Self { state, latent, numbers: numbers.collect(), end }
    }

    /// As [`PolicyDecoder::act`].
    pub(crate) fn act(&self, states: &[f32], latents: &[f32], noise: Option<&[f32]>) -> Vec<f32> {
        let width = self.numbers.len();
        let mut actions = vec![0.0; states.len() / self.state * width];
        for (i, net) in self.numbers.iter().enumerate() {
            let rows = states.chunks_exact(self.state).zip(latents.chunks_exact(self.latent));
            let mut x = Vec::new();
            for ((state, latent), known) in rows.zip(actions.chunks_exact(width)) {
                x.extend_from_slice(state);
                x.extend_from_slice(&known[..i]);
                x.extend_from_slice(latent);
            }
            let mut values = forward(&net.mean, &x);
            if let Some(noise) = noise {
                let deviations = forward(&net.deviation, &x);
                for (row, (value, deviation)) in values.iter_mut().zip(deviations).enumerate() {
                    let softplus =
                        if deviation > 20.0 { deviation } else { libm::log1pf(libm::expf(deviation)) };
                    *value += (softplus + net.floor as f32) * noise[row * width + i];
                }
            }
            for (row, value) in values.into_iter().enumerate() {
                actions[row * width + i] = value;
            }
        }
        actions
    }

    /// As [`Decoder::end`].
    pub(crate) fn end(&self, states: &[f32], latents: &[f32]) -> Vec<f32> {
        let rows = states.chunks_exact(self.state).zip(latents.chunks_exact(self.latent));
        let x: Vec<f32> = rows.flat_map(|(state, latent)| state.iter().chain(latent)).copied().collect();
        forward(&self.end, &x)
    }
}

/// The decoders as one launch for each action number, and one for the end state, on a GPU that holds them.
#[cfg(feature = "gpu")]
#[derive(Clone, Debug)]
pub(crate) struct PlacedDecoder {
    /// Mean, deviation before its softplus, and the deviation's floor.
    numbers: Vec<(SideBySide, f64)>,
    end: SideBySide,
}

#[cfg(feature = "gpu")]
impl PlacedDecoder {
    /// The decoders, laid out on their device; `None` when it does not hold them.
    pub(crate) fn new(decoder: &Decoder, device: &Device) -> Option<Self> {
        let numbers = decoder.policy.numbers.iter().map(|net| {
            let mut builder = Builder::default();
            let (networks, floor) = net.place(&mut builder);
            Some((SideBySide::new(builder, networks.into(), device)?, floor))
        });
        let mut builder = Builder::default();
        let ([mean, _], _) = decoder.state.place(&mut builder);
        Some(Self {
            numbers: numbers.collect::<Option<_>>()?,
            end: SideBySide::new(builder, vec![mean], device)?,
        })
    }

    /// As [`PolicyDecoder::act`].
    pub(crate) fn act(&self, states: Tensor<2>, latents: Tensor<2>, noise: Option<Tensor<2>>) -> Tensor<2> {
        let mut actions: Option<Tensor<2>> = None;
        for (i, (net, floor)) in self.numbers.iter().enumerate() {
            let gaussian = net.forward(input(&states, actions.clone(), &latents));
            let mean = gaussian.clone().narrow(1, 0, 1);
            let number = match &noise {
                Some(noise) => {
                    let deviation = softplus(gaussian.narrow(1, 1, 1), 1.0).add_scalar(*floor);
                    mean + deviation * noise.clone().narrow(1, i, 1)
                }
                None => mean,
            };
            actions = Some(match actions {
                Some(before) => Tensor::cat(vec![before, number], 1),
                None => number,
            });
        }
        actions.unwrap_or_else(|| states.narrow(1, 0, 0))
    }

    /// As [`Decoder::end`].
    pub(crate) fn end(&self, states: Tensor<2>, latents: Tensor<2>) -> Tensor<2> {
        self.end.forward(Tensor::cat(vec![states, latents], 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::kernel::reference;
    use crate::nn::tensor;
    use crate::settings::{Preset, Settings};

    #[test]
    fn packed_decoders_give_the_same_actions_and_ends() {
        let (device, task) = (Device::flex(), &MAZE2D[0]);
        let settings = Settings::preset(Preset::Quick, &task.basis()).vae;
        let decoder = Decoder::new(Key::new(1), &settings, &task.spec, &device);
        let packed = PackedDecoder::new(&decoder, 4, settings.latent);
        for rows in [1, 30] {
            let (states, latents) =
                (Key::new(2).normals(rows * 4), Key::new(3).normals(rows * settings.latent));
            let noise = Key::new(4).normals(rows * 2);
            let s = || tensor(states.clone(), [rows, 4], &device);
            let z = || tensor(latents.clone(), [rows, settings.latent], &device);
            let drawn = tensor(noise.clone(), [rows, 2], &device);
            let [mean, sample, end] = reference(|| {
                [
                    decoder.policy.act(s(), z(), None),
                    decoder.policy.act(s(), z(), Some(drawn)),
                    decoder.end(s(), z()),
                ]
            });
            for (found, expected) in [
                (packed.act(&states, &latents, None), mean),
                (packed.act(&states, &latents, Some(&noise)), sample),
                (packed.end(&states, &latents), end),
            ] {
                let expected = expected.try_into_vec_as::<f32>().unwrap();
                assert_eq!(found.len(), expected.len());
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() < 3e-6, "{a}, expected {b}");
                }
            }
        }
    }
}
