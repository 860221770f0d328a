//! `π(a | s, z)` and `f(s_end | s, z)` (A.1).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::nn::GaussianNet;
use crate::rng::Key;
use crate::settings::VaeSettings;
use crate::task::Task;

/// One Gaussian network per action number; number `i` sees the state, the numbers before it, and z.
#[derive(Module, Debug)]
pub struct PolicyDecoder {
    numbers: Vec<GaussianNet>,
}

impl PolicyDecoder {
    fn new(key: Key, settings: &VaeSettings, task: &Task, device: &Device) -> Self {
        let numbers = (0..task.action_dim)
            .map(|i| {
                let input = task.state_dim + i + settings.latent;
                let key = key.fold(i as u64);
                GaussianNet::new(key, input, settings.hidden, 1, settings.sigma_floor, device)
            })
            .collect();
        Self { numbers }
    }

    /// `log π(a | s, z)` of recorded actions, `[rows]`, from `[rows, state]`, `[rows, action]` and `[rows, latent]`.
    pub fn log_density(&self, states: Tensor<2>, actions: Tensor<2>, latents: Tensor<2>) -> Tensor<1> {
        let [rows, _] = states.dims();
        let mut sum = Tensor::zeros([rows], &states.device());
        for (i, net) in self.numbers.iter().enumerate() {
            let before = actions.clone().narrow(1, 0, i.max(1));
            let gaussian = net.forward(input(&states, (i > 0).then_some(before), &latents));
            sum = sum + gaussian.log_density(actions.clone().narrow(1, i, 1));
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
    pub fn new(key: Key, settings: &VaeSettings, task: &Task, device: &Device) -> Self {
        Self {
            policy: PolicyDecoder::new(key.named("policy"), settings, task, device),
            state: GaussianNet::new(
                key.named("state"),
                task.state_dim + settings.latent,
                settings.hidden,
                task.state_dim,
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
