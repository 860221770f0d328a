//! Mish on tensors.

use burn::tensor::{Tensor, activation};

use crate::kernel::tensors;

/// `x · tanh(log(1 + eˣ))`, number by number: one operation where the device has a fused kernel.
pub fn mish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if tensors::serves(&x.device()) { tensors::mish(x) } else { activation::mish(x) }
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::kernel::reference;
    use crate::nn::tensor;
    use crate::rng::Key;

    /// Values and gradients are those of the plain twin, at a size that several threads share.
    #[test]
    fn the_kernel_equals_its_plain_twin() {
        let device = Device::flex().autodiff();
        let pass = || {
            let values = Key::new(3).normals(300_007).into_iter().map(|x| 4.0 * x).collect();
            let x: Tensor<1> = tensor(values, [300_007], &device).require_grad();
            let weights: Tensor<1> = tensor(Key::new(4).normals(300_007), [300_007], &device);
            let y = mish(x.clone());
            let gradients = (y.clone() * weights).sum().backward();
            [y.inner(), x.grad(&gradients).unwrap()].map(|found| found.try_into_vec_as::<f32>().unwrap())
        };
        let (fused, plain) = (pass(), reference(pass));
        for (what, (fused, plain)) in ["value", "gradient"].into_iter().zip(fused.iter().zip(&plain)) {
            for (i, (found, expected)) in fused.iter().zip(plain).enumerate() {
                let near = (found - expected).abs() <= 3e-6 * expected.abs().max(1.0);
                assert!(near, "{what} {i}: {found}, expected {expected}");
            }
        }
    }
}
