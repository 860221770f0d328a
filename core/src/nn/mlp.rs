//! Plain networks: linear layers with a ReLU between them.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::{Layer, linear};
use crate::rng::Key;

/// Linear layers with a ReLU after each but the last.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// A network from `input` to `output` numbers over hidden layers of these widths, with `PyTorch`'s initial values.
    pub fn new(key: Key, input: usize, hidden: &[usize], output: usize, device: &Device) -> Self {
        let widths: Vec<usize> = [input].into_iter().chain(hidden.iter().copied()).chain([output]).collect();
        let layer = |(i, pair): (usize, &[usize])| linear(key.fold(i as u64), pair[0], pair[1], device);
        Self { layers: widths.windows(2).enumerate().map(layer).collect() }
    }

    /// `[rows, input]` to `[rows, output]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len().saturating_sub(1);
        self.layers.iter().enumerate().fold(x, |x, (i, linear)| {
            let layer = Layer::of(linear);
            if i < last { layer.relu().forward(x) } else { layer.forward(x) }
        })
    }
}
