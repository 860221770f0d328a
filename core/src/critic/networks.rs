//! Q(s, z) and V(s) (A.3).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

#[cfg(feature = "gpu")]
use crate::kernel::gpu::{Builder, PlacedQ, SideBySide};
use crate::kernel::packed::PackedLayer;
use crate::kernel::rank::{PackedQ, smallest_q};
use crate::kernel::tensors;
use crate::nn::{Layer, NormGelu, linear, tensor};
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
        let joint = self.joint.forward_joint(climb(&self.state, states), climb(&self.latent, latents));
        Layer::of(&self.output).forward(self.last.forward(joint)).squeeze_dim(2)
    }
}

impl QNetwork {
    /// The network, laid out for repeated use on the CPU device.
    pub(crate) fn pack(&self) -> PackedQ {
        let mut state: Vec<_> = self.state.iter().map(NormGelu::pack).collect();
        let mut latent: Vec<_> = self.latent.iter().map(NormGelu::pack).collect();
        let joint = latent.len();
        let (head, tail) = self.joint.pack_joint(state.last().map_or(0, PackedLayer::output));
        state.push(head);
        latent.extend([tail, self.last.pack(), Layer::<2>::of(&self.output).pack()]);
        PackedQ { state, latent, joint }
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
        let ([count, candidates, _], device) = (latents.dims(), latents.device());
        if tensors::serves(&device) && !device.is_autodiff() {
            let values =
                smallest_q(&self.pack(), &tensors::copied(states), &tensors::copied(latents), candidates);
            return tensor(values, [count, candidates], &device);
        }
        self.q0.forward(states.clone(), latents.clone()).min_pair(self.q1.forward(states, latents))
    }
}

impl TwinQ {
    /// Both networks, laid out for repeated use on the CPU device.
    pub(crate) fn pack(&self) -> [PackedQ; 2] {
        [self.q0.pack(), self.q1.pack()]
    }

    /// Both networks as two launches on a GPU that holds them.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(&self, device: &Device) -> Option<PlacedQ> {
        let (mut states, mut latents) = (Builder::default(), Builder::default());
        let (mut heads, mut tails, mut share) = (Vec::new(), Vec::new(), 0);
        for q in [&self.q0, &self.q1] {
            let mut head: Vec<_> = q.state.iter().map(|layer| layer.place(&mut states)).collect();
            let width = head.last().map_or(0, |layer| layer.output());
            head.push(q.joint.place_head(width, &mut states));
            let mut tail: Vec<_> = q.latent.iter().map(|layer| layer.place(&mut latents)).collect();
            let joint = q.joint.place_tail(width, &mut latents).share(share);
            share += joint.output();
            tail.extend([joint, q.last.place(&mut latents), Layer::<2>::of(&q.output).place(&mut latents)]);
            heads.push(head);
            tails.push(tail);
        }
        PlacedQ::new(SideBySide::new(states, heads, device)?, latents, tails, device)
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

    /// The network, laid out for repeated use on the CPU device.
    pub(crate) fn pack(&self) -> Vec<PackedLayer> {
        let layers = self.state.iter().chain([&self.joint, &self.last]).map(NormGelu::pack);
        layers.chain([Layer::<2>::of(&self.output).pack()]).collect()
    }

    /// The network as one launch on a GPU that holds it.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(&self, device: &Device) -> Option<SideBySide> {
        let mut builder = Builder::default();
        let layers = self.state.iter().chain([&self.joint, &self.last]);
        let mut layers: Vec<_> = layers.map(|layer| layer.place(&mut builder)).collect();
        layers.push(Layer::<2>::of(&self.output).place(&mut builder));
        SideBySide::new(builder, vec![layers], device)
    }

    /// V of `[states, state]`, `[states]`.
    pub fn forward(&self, states: Tensor<2>) -> Tensor<1> {
        let x = self.joint.forward(climb(&self.state, states));
        Layer::of(&self.output).forward(self.last.forward(x)).squeeze_dim(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::kernel::rank::smallest_q;
    use crate::nn::tensor;
    use crate::settings::{Preset, Settings};

    #[test]
    fn packed_networks_give_the_same_q() {
        let device = Device::flex();
        for preset in [Preset::Quick, Preset::Paper] {
            let settings = Settings::preset(preset, &MAZE2D[0].basis()).critic;
            let q = TwinQ::new(Key::new(1), &settings, 4, 16, &device);
            let (states, latents) = (Key::new(2).normals(3 * 4), Key::new(3).normals(3 * 31 * 16));
            let found = smallest_q(&q.pack(), &states, &latents, 31);
            let expected = crate::kernel::reference(|| {
                q.min(tensor(states.clone(), [3, 4], &device), tensor(latents.clone(), [3, 31, 16], &device))
            });
            let expected = expected.try_into_vec_as::<f32>().unwrap();
            assert_eq!(found.len(), expected.len());
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-5, "{a}, expected {b}");
            }
        }
    }
}
