//! A linear layer and all that follows it, up to the next one.

use core::ops::Range;

use burn::module::Param;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, relu};
use burn::tensor::module::linear;

#[cfg(feature = "gpu")]
use crate::kernel::gpu::{Builder, Placed};
use crate::kernel::layer::Activation;
use crate::kernel::packed::PackedLayer;
use crate::kernel::tensors::{self, LayerTensors};

/// `activation(modulation(norm(x W + b + share))) + skip`, of which everything but the product may be left out.
///
/// One call is one operation where the device has a fused kernel, and a handful of tensor operations elsewhere.
#[derive(Debug)]
#[must_use]
pub(crate) struct Layer<'a, const D: usize> {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    share: Option<Tensor<D>>,
    norm: Option<&'a LayerNorm>,
    modulation: Option<Tensor<D>>,
    activation: Activation,
    skip: Option<Tensor<D>>,
}

impl<'a, const D: usize> Layer<'a, D> {
    /// The linear layer alone.
    pub(crate) fn of(linear: &Linear) -> Self {
        Self {
            weight: linear.weight.val(),
            bias: linear.bias.as_ref().map(Param::val),
            share: None,
            norm: None,
            modulation: None,
            activation: Activation::Identity,
            skip: None,
        }
    }

    /// Only these rows of the weight: the share of some input numbers.
    ///
    /// A layer over `[a ‖ b]` is that of `a` plus that of `b` plus the bias, so the share of what does not change is
    /// computed once.
    pub(crate) fn rows(self, rows: Range<usize>) -> Self {
        Self { weight: self.weight.narrow(0, rows.start, rows.len()), ..self }
    }

    /// Without the bias.
    pub(crate) fn unbiased(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Of the input of `linear`, which gives this layer's: two products without anything between them are one.
    pub(crate) fn after(self, linear: &Linear) -> Self {
        let through = linear.bias.as_ref().map(|bias| {
            let bias: Tensor<2> = bias.val().unsqueeze();
            bias.matmul(self.weight.clone()).squeeze_dim(0)
        });
        let bias = match (through, self.bias) {
            (Some(through), Some(bias)) => Some(through + bias),
            (through, bias) => through.or(bias),
        };
        Self { weight: linear.weight.val().matmul(self.weight), bias, ..self }
    }

    /// Adds this after the product: the bias, for groups of rows. `[groups, .., 1, output]`.
    pub(crate) fn share(self, share: Tensor<D>) -> Self {
        Self { share: Some(share), ..self }
    }

    /// A layer norm.
    pub(crate) fn norm(self, norm: &'a LayerNorm) -> Self {
        Self { norm: Some(norm), ..self }
    }

    /// `y + y·scale + shift` after the norm, with scale and shift side by side, `[groups, .., 1, 2 * output]`.
    pub(crate) fn modulation(self, modulation: Tensor<D>) -> Self {
        Self { modulation: Some(modulation), ..self }
    }

    /// ReLU.
    pub(crate) fn relu(self) -> Self {
        Self { activation: Activation::Relu, ..self }
    }

    /// The exact GELU.
    pub(crate) fn gelu(self) -> Self {
        Self { activation: Activation::Gelu, ..self }
    }

    /// Adds this at the end, `[.., output]`; with a norm.
    pub(crate) fn skip(self, skip: Tensor<D>) -> Self {
        Self { skip: Some(skip), ..self }
    }

    /// The weights of a layer on the CPU device, laid out for repeated use; shares, modulation and skip come with each
    /// use.
    pub(crate) fn pack(self) -> PackedLayer {
        let [_, output] = self.weight.dims();
        let norm = self.norm.map(|norm| {
            let bias =
                norm.beta.as_ref().map_or_else(|| vec![0.0; output], |beta| tensors::copied(beta.val()));
            [tensors::copied(norm.gamma.val()), bias]
        });
        let bias = self.bias.map(tensors::copied);
        PackedLayer::new(&tensors::copied(self.weight), output, bias, norm, self.activation)
    }

    /// The layer in a table of layers for the GPU's kernels; shares, modulation and skip are told to what it gives.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(self, builder: &mut Builder) -> Placed {
        let norm = self.norm.map(|norm| {
            let gain = norm.gamma.val();
            let bias = norm.beta.as_ref().map_or_else(|| gain.zeros_like(), Param::val);
            [gain, bias]
        });
        builder.place(self.weight, self.bias, norm, self.activation)
    }

    /// `[.., input]` to `[.., output]`.
    pub(crate) fn forward(self, x: Tensor<D>) -> Tensor<D> {
        let fits = self.norm.as_ref().is_none_or(|norm| norm.beta.is_some());
        if fits && tensors::serves(&x.device()) {
            let norm = self.norm.and_then(|norm| Some([norm.gamma.val(), norm.beta.as_ref()?.val()]));
            let Self { weight, bias, share, modulation, activation, skip, .. } = self;
            return tensors::layer(
                x,
                LayerTensors { weight, bias, share, norm, modulation, activation, skip },
            );
        }
        let mut y = linear(x, self.weight, self.bias);
        if let Some(share) = self.share {
            y = y + share;
        }
        if let Some(norm) = self.norm {
            y = norm.forward(y);
        }
        if let Some(modulation) = self.modulation {
            let width = y.dims()[D - 1];
            let scale = modulation.clone().narrow(D - 1, 0, width).add_scalar(1.0);
            y = y * scale + modulation.narrow(D - 1, width, width);
        }
        y = match self.activation {
            Activation::Identity => y,
            Activation::Relu => relu(y),
            Activation::Gelu => gelu(y),
        };
        match self.skip {
            Some(skip) => y + skip,
            None => y,
        }
    }
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::kernel::reference;
    use crate::nn::{layer_norm, linear, tensor};
    use crate::rng::Key;

    fn random<const D: usize>(key: Key, shape: [usize; D], device: &Device) -> Tensor<D> {
        let values = key.normals(shape.iter().product());
        tensor(values, shape, device).require_grad()
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.try_into_vec_as::<f32>().unwrap()
    }

    fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let scale = expected.iter().fold(1.0_f32, |scale, x| scale.max(x.abs()));
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() <= 3e-6 * scale, "{what}[{i}]: {a}, expected {b} (largest {scale})");
        }
    }

    /// Output and gradients of everything that goes into a layer.
    struct Pass(Vec<(&'static str, Vec<f32>)>);

    #[allow(clippy::struct_excessive_bools, reason = "a layer's parts are there or not")]
    #[derive(Clone, Copy, Debug)]
    struct Case {
        states: usize,
        candidates: usize,
        input: usize,
        output: usize,
        bias: bool,
        share: bool,
        norm: bool,
        modulated: Option<usize>,
        activation: Activation,
        skip: bool,
    }

    fn pass(case: Case) -> Pass {
        let device = Device::flex().autodiff();
        let key = Key::new(17);
        let Case { states, candidates, input, output, .. } = case;
        let whole = linear(key.fold(0), input + 3, output, &device);
        let mut norm = layer_norm(output, &device);
        norm.gamma = Param::from_tensor(random(key.fold(1), [output], &device).detach());
        norm.beta = Some(Param::from_tensor(random(key.fold(2), [output], &device).detach()));
        let x = random(key.fold(3), [states, candidates, input], &device);
        let share = random(key.fold(4), [states, 1, output], &device);
        let modulation = random(key.fold(5), [case.modulated.unwrap_or(1), 1, 2 * output], &device);
        let skip = random(key.fold(6), [states, candidates, output], &device);

        let mut layer = Layer::of(&whole).rows(3..input + 3);
        layer.activation = case.activation;
        if !case.bias {
            layer = layer.unbiased();
        }
        if case.share {
            layer = layer.share(share.clone());
        }
        if case.norm {
            layer = layer.norm(&norm);
        }
        if case.modulated.is_some() {
            layer = layer.modulation(modulation.clone());
        }
        if case.skip {
            layer = layer.skip(skip.clone());
        }
        let y = layer.forward(x.clone());
        let weights = random(key.fold(7), [states, candidates, output], &device).detach();
        let gradients = (y.clone() * weights).sum().backward();
        let mut found = vec![("output", numbers(y.inner()))];
        let mut add = |name, gradient: Option<Vec<f32>>| found.extend(gradient.map(|values| (name, values)));
        add("x", x.grad(&gradients).map(numbers));
        add("weight", whole.weight.val().grad(&gradients).map(numbers));
        add("bias", whole.bias.as_ref().and_then(|bias| bias.val().grad(&gradients)).map(numbers));
        add("gain", norm.gamma.val().grad(&gradients).map(numbers));
        add("norm bias", norm.beta.as_ref().and_then(|beta| beta.val().grad(&gradients)).map(numbers));
        add("share", share.grad(&gradients).map(numbers));
        add("modulation", modulation.grad(&gradients).map(numbers));
        add("skip", skip.grad(&gradients).map(numbers));
        Pass(found)
    }

    /// The kernel gives what tensor operations give, forwards and backwards, at sizes that are no multiple of any
    /// vector and at sizes that several threads share.
    #[test]
    fn the_kernel_equals_its_plain_twin() {
        let sizes = [(1, 1, 1, 1), (3, 5, 7, 19), (2, 1, 16, 64), (70, 9, 33, 48), (1, 2000, 64, 70)];
        for (states, candidates, input, output) in sizes {
            for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
                for variant in 0..8 {
                    let norm = variant % 3 == 0;
                    let case = Case {
                        states,
                        candidates,
                        input,
                        output,
                        bias: variant % 2 == 0,
                        share: variant & 2 != 0,
                        norm,
                        modulated: (norm && variant & 4 != 0).then_some(if variant == 4 {
                            1
                        } else {
                            states
                        }),
                        activation,
                        skip: norm && variant % 2 == 1 && activation != Activation::Relu,
                    };
                    let (fused, plain) = (pass(case), reference(|| pass(case)));
                    let names = |pass: &Pass| pass.0.iter().map(|(name, _)| *name).collect::<Vec<_>>();
                    assert_eq!(names(&fused), names(&plain), "{case:?}");
                    for ((name, found), (_, expected)) in fused.0.iter().zip(&plain.0) {
                        assert_near(&format!("{name} of {case:?}"), found, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn without_gradients_it_gives_the_same() {
        let device = Device::flex();
        let whole = linear(Key::new(3), 20, 30, &device.clone().autodiff());
        let norm = layer_norm(30, &device);
        let x: Tensor<2> = tensor(Key::new(4).normals(120), [6, 20], &device);
        let plain = Layer::of(&whole.valid()).norm(&norm).gelu().forward(x.clone());
        let expected = reference(|| Layer::of(&whole.valid()).norm(&norm).gelu().forward(x));
        assert_near("output", &numbers(plain), &numbers(expected));
    }

    #[test]
    fn a_layer_after_another_is_both() {
        let device = Device::flex();
        let mut entry = linear(Key::new(5), 7, 20, &device);
        let mut whole = linear(Key::new(6), 20, 30, &device);
        for (layer, width) in [(&mut entry, 20), (&mut whole, 30)] {
            layer.bias = Some(Param::from_tensor(tensor(Key::new(7).normals(width), [width], &device)));
        }
        let x: Tensor<2> = tensor(Key::new(8).normals(42), [6, 7], &device);
        let through = Layer::of(&entry).forward(x.clone());
        for biased in [true, false] {
            let layer = || if biased { Layer::of(&whole) } else { Layer::of(&whole).unbiased() };
            let expected = numbers(layer().forward(through.clone()));
            assert_near("output", &numbers(layer().after(&entry).forward(x.clone())), &expected);
        }
    }
}
