//! Linear layers and layer norms with PyTorch's initial values, drawn from our generator.
//!
//! Values are drawn when they are first used: a network that is filled with trained weights never draws any.

use burn::module::{Param, ParamId};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Shape, Tensor};

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
    Linear {
        weight: uniform(key.fold(0), [input, output], bound, device),
        bias: Some(uniform(key.fold(1), [output], bound, device)),
    }
}

/// A layer norm over the last dimension, gain 1 and bias 0.
pub fn layer_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).init(device)
}

/// A parameter of zeros, `[width]`.
pub fn zeros(width: usize, device: &Device) -> Param<Tensor<1>> {
    let draw = move |device: &Device, trained: bool| {
        let values = Tensor::zeros([width], device);
        if trained { values.require_grad() } else { values }
    };
    Param::uninitialized(ParamId::new(), draw, device.clone(), true, Shape::from([width]))
}

/// A parameter of ones, `[width]`.
pub(super) fn ones(width: usize, device: &Device) -> Param<Tensor<1>> {
    let draw = move |device: &Device, trained: bool| {
        let values = Tensor::ones([width], device);
        if trained { values.require_grad() } else { values }
    };
    Param::uninitialized(ParamId::new(), draw, device.clone(), true, Shape::from([width]))
}

/// A parameter of normal numbers with this deviation, `[width]`.
pub fn normals(key: Key, width: usize, deviation: f32, device: &Device) -> Param<Tensor<1>> {
    normal(key, [width], deviation, device)
}

/// The same of any shape.
pub fn normal<const D: usize>(
    key: Key,
    shape: [usize; D],
    deviation: f32,
    device: &Device,
) -> Param<Tensor<D>> {
    let draw = move |device: &Device, trained: bool| {
        let values = key.normals(shape.iter().product());
        let values = values.into_iter().map(|number| deviation * number).collect();
        let values = tensor(values, shape, device);
        if trained { values.require_grad() } else { values }
    };
    Param::uninitialized(ParamId::new(), draw, device.clone(), true, Shape::from(shape))
}

/// A linear layer with this weight, `[input, output]`, and a bias of zeros.
pub fn linear_of(weight: Param<Tensor<2>>, output: usize, device: &Device) -> Linear {
    Linear { weight, bias: Some(zeros(output, device)) }
}

/// A linear layer, weights uniform in ±√(6 / (input + output)) (Glorot and Bengio, 2010), and a bias of zeros.
pub fn xavier(key: Key, input: usize, output: usize, device: &Device) -> Linear {
    let bound = (6.0 / (input + output) as f64).sqrt();
    linear_of(uniform(key, [input, output], bound, device), output, device)
}

/// A parameter uniform in ±bound.
pub(super) fn uniform<const D: usize>(
    key: Key,
    shape: [usize; D],
    bound: f64,
    device: &Device,
) -> Param<Tensor<D>> {
    let draw = move |device: &Device, trained: bool| {
        let mut stream = key.stream();
        let values = (0..shape.iter().product()).map(|_| stream.range(-bound, bound) as f32).collect();
        let values = tensor(values, shape, device);
        if trained { values.require_grad() } else { values }
    };
    Param::uninitialized(ParamId::new(), draw, device.clone(), true, Shape::from(shape))
}
