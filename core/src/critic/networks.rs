//! Q(s, z) and V(s) (A.3).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use crate::nn::{NormGelu, linear};
use crate::rng::Key;
use crate::settings::CriticSettings;

fn tower(key: Key, input: usize, width: usize, device: &Device) -> Vec<NormGelu> {
    vec![NormGelu::new(key.fold(0), input, width, device), NormGelu::new(key.fold(1), width, width, device)]
}

fn climb<const D: usize>(tower: &[NormGelu], x: Tensor<D>) -> Tensor<D> {
    tower.iter().fold(x, |x, layer| layer.forward(x))
}

/// One Q network: a tower for the state, a tower for the latent, and joint layers.
#[derive(Module, Debug)]
pub struct QNetwork {
    state: Vec<NormGelu>,
    latent: Vec<NormGelu>,
    joint: NormGelu,
    last: NormGelu,
    output: Linear,
}

impl QNetwork {
    /// A network over `state` and `latent` numbers, newly drawn.
    pub fn new(key: Key, settings: &CriticSettings, state: usize, latent: usize, device: &Device) -> Self {
        let (wide, narrow) = (settings.state_hidden, settings.latent_hidden);
        Self {
            state: tower(key.named("state"), state, wide, device),
            latent: tower(key.named("latent"), latent, narrow, device),
            joint: NormGelu::new(key.named("joint"), wide + narrow, narrow, device),
            last: NormGelu::new(key.named("last"), narrow, settings.last_hidden, device),
            output: linear(key.named("output"), settings.last_hidden, 1, device),
        }
    }

    /// Q of `[states, state]` with `[states, candidates, latent]` each, `[states, candidates]`.
    ///
    /// The state tower and its half of the joint layer are computed once per state.
    pub fn forward(&self, states: Tensor<2>, latents: Tensor<3>) -> Tensor<2> {
        let state = climb(&self.state, states);
        let latent = climb(&self.latent, latents);
        let ([_, wide], [_, _, narrow]) = (state.dims(), latent.dims());
        let mut share = self.joint.partial(state, 0..wide);
        if let Some(bias) = self.joint.bias() {
            share = share + bias.unsqueeze();
        }
        let joint = self.joint.partial(latent, wide..wide + narrow) + share.unsqueeze_dim::<3>(1);
        let last = self.last.forward(self.joint.activate(joint));
        self.output.forward(last).squeeze_dim(2)
    }
}

/// Two independent Q networks (clipped double Q-learning).
#[derive(Module, Debug)]
pub struct TwinQ {
    /// The first.
    pub q0: QNetwork,
    /// The second.
    pub q1: QNetwork,
}

impl TwinQ {
    /// Two networks, newly drawn.
    pub fn new(key: Key, settings: &CriticSettings, state: usize, latent: usize, device: &Device) -> Self {
        Self {
            q0: QNetwork::new(key.fold(0), settings, state, latent, device),
            q1: QNetwork::new(key.fold(1), settings, state, latent, device),
        }
    }

    /// The smaller of the two, `[states, candidates]`.
    pub fn min(&self, states: Tensor<2>, latents: Tensor<3>) -> Tensor<2> {
        self.q0.forward(states.clone(), latents.clone()).min_pair(self.q1.forward(states, latents))
    }
}

/// The value network: the state tower of Q, then two narrower layers.
#[derive(Module, Debug)]
pub struct VNetwork {
    state: Vec<NormGelu>,
    joint: NormGelu,
    last: NormGelu,
    output: Linear,
}

impl VNetwork {
    /// A network over `state` numbers, newly drawn.
    pub fn new(key: Key, settings: &CriticSettings, state: usize, device: &Device) -> Self {
        let (wide, narrow) = (settings.state_hidden, settings.latent_hidden);
        Self {
            state: tower(key.named("state"), state, wide, device),
            joint: NormGelu::new(key.named("joint"), wide, narrow, device),
            last: NormGelu::new(key.named("last"), narrow, settings.last_hidden, device),
            output: linear(key.named("output"), settings.last_hidden, 1, device),
        }
    }

    /// V of `[states, state]`, `[states]`.
    pub fn forward(&self, states: Tensor<2>) -> Tensor<1> {
        let x = self.joint.forward(climb(&self.state, states));
        self.output.forward(self.last.forward(x)).squeeze_dim(1)
    }
}
