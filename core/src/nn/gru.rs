//! Gated recurrent units, in both directions.
//!
//! The equations are `PyTorch`'s `nn.GRU`: `r, u = σ(..)`, `n = tanh(x W_n + b + r·(h U_n + c))`,
//! `h' = n + u·(h - n)`. The input's share is one product for all steps; a step is one product with `U`.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::linear::linear_within;
use crate::rng::Key;

/// One direction. Gate order along the width: reset, update, new.
#[derive(Module, Debug)]
struct Gru {
    input: Linear,
    hidden: Linear,
}

impl Gru {
    fn new(key: Key, input: usize, hidden: usize, device: &Device) -> Self {
        // PyTorch draws every weight of a GRU from ±1/√hidden, whatever the input size.
        let bound = 1.0 / (hidden as f64).sqrt();
        Self {
            input: linear_within(key.fold(0), input, 3 * hidden, bound, device),
            hidden: linear_within(key.fold(1), hidden, 3 * hidden, bound, device),
        }
    }

    /// The state after one more step; `gates` is the input's share, `[batch, 3 * hidden]`.
    fn step(&self, gates: Tensor<2>, state: Option<Tensor<2>>) -> Tensor<2> {
        let [batch, width] = gates.dims();
        let hidden = width / 3;
        let share = match &state {
            Some(state) => self.hidden.forward(state.clone()),
            // The first state is zero, so only the bias is left.
            None => match &self.hidden.bias {
                Some(bias) => bias.val().unsqueeze::<2>().expand([batch, width]),
                None => gates.zeros_like(),
            },
        };
        let both = sigmoid(gates.clone().narrow(1, 0, 2 * hidden) + share.clone().narrow(1, 0, 2 * hidden));
        let reset = both.clone().narrow(1, 0, hidden);
        let update = both.narrow(1, hidden, hidden);
        let new = (gates.narrow(1, 2 * hidden, hidden) + reset * share.narrow(1, 2 * hidden, hidden)).tanh();
        match state {
            Some(state) => new.clone() + update * (state - new),
            None => new.clone() - update * new,
        }
    }

    /// All states in the order of the steps, `[steps, batch, input]` to `steps` times `[batch, hidden]`.
    fn run(&self, x: Tensor<3>, order: impl Iterator<Item = usize>) -> Vec<Tensor<2>> {
        let gates = self.input.forward(x);
        let mut states: Vec<Tensor<2>> = Vec::new();
        for step in order {
            let gate = gates.clone().narrow(0, step, 1).squeeze_dim(0);
            states.push(self.step(gate, states.last().cloned()));
        }
        states
    }
}

/// Stacked bidirectional layers (A.1).
#[derive(Module, Debug)]
pub struct BiGru {
    forward: Vec<Gru>,
    backward: Vec<Gru>,
}

impl BiGru {
    /// `layers` layers from `input` numbers per step to twice `hidden`.
    pub fn new(key: Key, input: usize, hidden: usize, layers: usize, device: &Device) -> Self {
        let stack = |direction: &str| {
            (0..layers)
                .map(|layer| {
                    let input = if layer == 0 { input } else { 2 * hidden };
                    Gru::new(key.named(direction).fold(layer as u64), input, hidden, device)
                })
                .collect()
        };
        Self { forward: stack("forward"), backward: stack("backward") }
    }

    /// The output at the last step, `[steps, batch, input]` to `[batch, 2 * hidden]`: the forward state after all
    /// steps, and the backward state that has seen only the last one.
    ///
    /// The last layer's backward direction therefore takes a single step, which saves a quarter of two layers' work.
    pub fn last(&self, x: Tensor<3>) -> Tensor<2> {
        let [steps, batch, _] = x.dims();
        let mut x = x;
        let last = self.forward.len().saturating_sub(1);
        for (forward, backward) in self.forward.iter().zip(&self.backward).take(last) {
            let ahead = forward.run(x.clone(), 0..steps);
            let mut behind = backward.run(x, (0..steps).rev());
            behind.reverse();
            let hidden = ahead[0].dims()[1];
            x = Tensor::cat(
                vec![
                    Tensor::cat(ahead, 0).reshape([steps, batch, hidden]),
                    Tensor::cat(behind, 0).reshape([steps, batch, hidden]),
                ],
                2,
            );
        }
        let end = x.clone().narrow(0, steps - 1, 1);
        let ahead = self.forward[last].run(x, 0..steps);
        let behind = self.backward[last].run(end, 0..1);
        Tensor::cat(ahead.into_iter().rev().take(1).chain(behind).collect(), 1)
    }
}
