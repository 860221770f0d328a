//! Layer norm on tensors, where it comes before a layer.

use burn::nn::LayerNorm;
use burn::tensor::Tensor;

use crate::kernel::tensors;

/// A layer norm over the last dimension: one operation where the device has a fused kernel.
pub fn norm<const D: usize>(norm: &LayerNorm, x: Tensor<D>) -> Tensor<D> {
    match &norm.beta {
        Some(bias) if tensors::serves(&x.device()) => tensors::norm(x, norm.gamma.val(), bias.val()),
        _ => norm.forward(x),
    }
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use burn::module::Param;
    use burn::tensor::Device;

    use super::*;
    use crate::kernel::reference;
    use crate::nn::{layer_norm, tensor};
    use crate::rng::Key;

    /// Values and gradients are those of the plain twin, at a size that several threads share.
    #[test]
    fn the_kernel_equals_its_plain_twin() {
        let device = Device::flex().autodiff();
        for [rows, width] in [[3, 5], [2_000, 67]] {
            let drawn = |key: u64, count: usize| Key::new(key).normals(count);
            let pass = || {
                let mut layer = layer_norm(width, &device);
                layer.gamma = Param::from_tensor(tensor(drawn(1, width), [width], &device));
                layer.beta = Some(Param::from_tensor(tensor(drawn(2, width), [width], &device)));
                let x: Tensor<2> = tensor(drawn(3, rows * width), [rows, width], &device).require_grad();
                let weights: Tensor<2> = tensor(drawn(4, rows * width), [rows, width], &device);
                let y = norm(&layer, x.clone());
                let gradients = (y.clone() * weights).sum().backward();
                let numbers = |found: Tensor<1>| found.try_into_vec_as::<f32>().unwrap();
                let flat = |found: Tensor<2>| numbers(found.reshape([rows * width]));
                [
                    flat(y.inner()),
                    flat(x.grad(&gradients).unwrap()),
                    numbers(layer.gamma.val().grad(&gradients).unwrap()),
                    numbers(layer.beta.unwrap().val().grad(&gradients).unwrap()),
                ]
            };
            let (fused, plain) = (pass(), reference(pass));
            for (what, (fused, plain)) in ["value", "x", "gain", "bias"].iter().zip(fused.iter().zip(&plain))
            {
                let scale = plain.iter().fold(1.0_f32, |scale, x| scale.max(x.abs()));
                for (i, (found, expected)) in fused.iter().zip(plain).enumerate() {
                    let near = (found - expected).abs() <= 3e-6 * scale;
                    assert!(near, "{what} {i}: {found}, expected {expected} (largest {scale})");
                }
            }
        }
    }
}
