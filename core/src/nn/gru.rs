//! Gated recurrent units, in both directions.
//!
//! The equations are `PyTorch`'s `nn.GRU`: `r, u = σ(..)`, `n = tanh(x W_n + b + r·(h U_n + c))`,
//! `h' = n + u·(h - n)`. The input's share is one product for all steps; a step is one product with `U`.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::Layer;
use super::linear::linear_within;
use crate::kernel::tensors;
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

    /// All states, `[steps, batch, input]` to `[steps, batch, hidden]`, or the last one computed, `[1, batch, hidden]`.
    fn run(&self, x: Tensor<3>, reversed: bool, last: bool) -> Tensor<3> {
        let [steps, _, _] = x.dims();
        let gates: Tensor<3> = Layer::of(&self.input).forward(x);
        if let Some(bias) = &self.hidden.bias
            && tensors::serves(&gates.device())
        {
            return tensors::recurrence(gates, self.hidden.weight.val(), bias.val(), reversed, last);
        }
        let mut states: Vec<Tensor<2>> = Vec::new();
        for i in 0..steps {
            let step = if reversed { steps - 1 - i } else { i };
            let gate = gates.clone().narrow(0, step, 1).squeeze_dim(0);
            states.push(self.step(gate, states.last().cloned()));
        }
        let given = states.split_off(if last { steps - 1 } else { 0 });
        let given = given.into_iter().map(|state| state.unsqueeze_dim(0));
        Tensor::cat(if reversed { given.rev().collect() } else { given.collect() }, 0)
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
        let [steps, _, _] = x.dims();
        let mut x = x;
        let last = self.forward.len().saturating_sub(1);
        for (forward, backward) in self.forward.iter().zip(&self.backward).take(last) {
            x = Tensor::cat(vec![forward.run(x.clone(), false, false), backward.run(x, true, false)], 2);
        }
        let end = x.clone().narrow(0, steps - 1, 1);
        let ahead = self.forward[last].run(x, false, true);
        let behind = self.backward[last].run(end, true, true);
        Tensor::cat(vec![ahead, behind], 2).squeeze_dim(0)
    }
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use super::*;
    use crate::kernel::reference;
    use crate::nn::{named_parameters, tensor};

    /// Output, gradient of the input, and gradients of all parameters.
    fn pass(layers: usize, hidden: usize, steps: usize, batch: usize) -> Vec<Vec<f32>> {
        let device = Device::flex().autodiff();
        let gru = BiGru::new(Key::new(5), 7, hidden, layers, &device);
        let x: Tensor<3> =
            tensor(Key::new(6).normals(steps * batch * 7), [steps, batch, 7], &device).require_grad();
        let y = gru.last(x.clone());
        let weights = tensor(Key::new(7).normals(batch * 2 * hidden), [batch, 2 * hidden], &device);
        let gradients = (y.clone() * weights).sum().backward();
        let mut found = vec![y.inner().try_into_vec_as::<f32>().unwrap()];
        found.push(x.grad(&gradients).unwrap().try_into_vec_as::<f32>().unwrap());
        for gru in gru.forward.iter().chain(&gru.backward) {
            for linear in [&gru.input, &gru.hidden] {
                // A direction that takes a single step multiplies no state: its weight may be left out.
                let (weight, bias) = (linear.weight.val(), linear.bias.as_ref().unwrap().val());
                let zeros = weight.clone().inner().zeros_like();
                for gradient in [
                    weight.grad(&gradients).unwrap_or(zeros).try_into_vec_as().unwrap(),
                    bias.grad(&gradients).unwrap().try_into_vec_as().unwrap(),
                ] {
                    found.push(gradient);
                }
            }
        }
        assert_eq!(named_parameters("gru", &gru).unwrap().len() + 2, found.len());
        found
    }

    #[test]
    fn the_kernel_equals_its_plain_twin() {
        for (layers, hidden, steps, batch) in [(1, 5, 4, 3), (2, 8, 6, 2), (1, 33, 1, 4), (2, 20, 9, 130)] {
            let (fused, plain) =
                (pass(layers, hidden, steps, batch), reference(|| pass(layers, hidden, steps, batch)));
            for (part, (found, expected)) in fused.iter().zip(&plain).enumerate() {
                assert_eq!(found.len(), expected.len());
                let scale = expected.iter().fold(1.0_f32, |scale, x| scale.max(x.abs()));
                for (a, b) in found.iter().zip(expected) {
                    let case = (layers, hidden, steps, batch);
                    assert!((a - b).abs() <= 5e-6 * scale, "part {part} of {case:?}: {a}, expected {b}");
                }
            }
        }
    }
}
