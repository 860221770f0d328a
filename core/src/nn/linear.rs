//! Linear layers and layer norms with PyTorch's initial values, drawn from our generator.

use burn::module::Param;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::Device;

use super::tensor;
use crate::rng::Key;

/// A linear layer, weights `[input, output]` and bias uniform in ±1/√input.
pub fn linear(key: Key, input: usize, output: usize, device: &Device) -> Linear {
    linear_within(key, input, output, 1.0 / (input as f64).sqrt(), device)
}

/// A linear layer without bias.
pub fn linear_without_bias(key: Key, input: usize, output: usize, device: &Device) -> Linear {
    Linear { bias: None, ..linear(key, input, output, device) }
}

/// A linear layer, weights and bias uniform in ±bound.
pub(super) fn linear_within(key: Key, input: usize, output: usize, bound: f64, device: &Device) -> Linear {
    let weight = uniform(key.fold(0), input * output, bound);
    let bias = uniform(key.fold(1), output, bound);
    Linear {
        weight: Param::from_tensor(tensor(weight, [input, output], device)),
        bias: Some(Param::from_tensor(tensor(bias, [output], device))),
    }
}

/// A layer norm over the last dimension, gain 1 and bias 0.
pub fn layer_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).init(device)
}

/// `n` numbers uniform in ±bound.
fn uniform(key: Key, n: usize, bound: f64) -> Vec<f32> {
    let mut stream = key.stream();
    (0..n).map(|_| stream.range(-bound, bound) as f32).collect()
}
