//! Group norm over time, and Mish.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::super::linear::{ones, zeros};
use super::settings::GROUPS;
use crate::kernel::{temporal, tensors};
use crate::nn::mish;

/// Number that the norm adds to the variance, as in `PyTorch`.
const EPSILON: f64 = 1e-5;

/// Group norm (Wu and He, 2018): channels in eight groups, each standardised over all of time, then gain and bias.
#[derive(Module, Debug)]
pub(super) struct GroupNorm {
    /// `[channels]`.
    gamma: Param<Tensor<1>>,
    /// `[channels]`.
    beta: Param<Tensor<1>>,
}

impl GroupNorm {
    /// A norm with gain 1 and bias 0 over so many channels, a multiple of 8.
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        Self { gamma: ones(channels, device), beta: zeros(channels, device) }
    }

    /// `mish(norm(x)) + rest`.
    ///
    /// # Shapes
    /// `x` and the result are `[batch, time, channels]`; `rest` is that or `[batch, 1, channels]`.
    pub(super) fn mish(&self, x: Tensor<3>, rest: Option<Tensor<3>>) -> Tensor<3> {
        if tensors::serves(&x.device()) {
            return temporal::norm_mish(x, [self.gamma.val(), self.beta.val()], GROUPS, rest);
        }
        let y = mish(standard(x, GROUPS) * self.gamma.val().unsqueeze() + self.beta.val().unsqueeze());
        match rest {
            Some(rest) => y + rest,
            None => y,
        }
    }
}

/// Numbers of mean 0 and variance 1 in each of so many groups of channels, `[batch, time, channels]`.
pub(super) fn standard(x: Tensor<3>, groups: usize) -> Tensor<3> {
    let [batch, time, channels] = x.dims();
    let x = x.reshape([batch, time, groups, channels / groups]);
    let centred = x.clone() - x.mean_dim(1).mean_dim(3);
    let variance = centred.clone().square().mean_dim(1).mean_dim(3);
    (centred / variance.add_scalar(EPSILON).sqrt()).reshape([batch, time, channels])
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use burn::tensor::Tolerance;

    use super::*;
    use crate::kernel::reference;
    use crate::nn::tensor;
    use crate::rng::Key;

    /// One group over two channels and four rows; mean 3.75, variance 4.6875.
    #[test]
    fn anchors() {
        let x = vec![1.0, 2.0, 2.0, 4.0, 3.0, 6.0, 4.0, 8.0];
        let found = standard(tensor(x, [1, 4, 2], &Device::flex()), 1).try_into_vec_as::<f32>().unwrap();
        let first = [-1.270_169, -0.808_290, -0.346_410, 0.115_470];
        let second = [-0.808_290, 0.115_470, 1.039_229, 1.962_989];
        for (i, (a, b)) in first.into_iter().zip(second).enumerate() {
            for (found, expected) in found[2 * i..].iter().zip([a, b]) {
                assert!((found - expected).abs() < 2e-6, "row {i}: {found}, expected {expected}");
            }
        }
    }

    /// Each group has mean 0 and variance 1, and neither offset nor positive factor of the input is seen.
    #[test]
    fn groups_are_standard_and_invariant() {
        let (rows, channels) = (7, 24);
        let values = Key::new(2).normals(rows * channels);
        let x: Tensor<3> = tensor(values, [1, rows, channels], &Device::flex());
        let found = standard(x.clone(), GROUPS);
        let moved = standard(x.mul_scalar(30.0).add_scalar(5.0), GROUPS);
        moved.into_data().assert_approx_eq::<f32>(&found.to_data(), Tolerance::absolute(1e-4));
        let groups = found.reshape([rows, GROUPS, channels / GROUPS]);
        for group in 0..GROUPS {
            let numbers = groups.clone().narrow(1, group, 1).try_into_vec_as::<f32>().unwrap();
            let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
            let variance = numbers.iter().map(|x| x * x).sum::<f32>() / numbers.len() as f32;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-4, "{group}: {mean}, {variance}");
        }
    }

    /// Values and gradients of all inputs are those of the plain twin, at sizes that are no multiple of any vector, for a
    /// single row, and with either form of what is added.
    #[test]
    fn the_kernel_equals_its_plain_twin() {
        for (batch, rows, channels, added) in [
            (1, 1, 8, None),
            (2, 7, 24, Some(1)),
            (3, 5, 40, Some(5)),
            (33, 32, 32, Some(32)),
            (1, 9, 136, Some(1)),
        ] {
            let device = Device::flex().autodiff();
            let key = Key::new(12).fold(channels as u64);
            let random = |place: u64, shape: [usize; 3]| -> Tensor<3> {
                let values = key.fold(place).normals(shape.iter().product());
                tensor(values, shape, &device).require_grad()
            };
            let pass = || {
                let mut norm = GroupNorm::new(channels, &device);
                let affine = |place| tensor(key.fold(place).normals(channels), [channels], &device);
                (norm.gamma, norm.beta) = (Param::from_tensor(affine(0)), Param::from_tensor(affine(1)));
                let x = key.fold(2).normals(batch * rows * channels).into_iter().map(|x| 3.0 * x + 2.0);
                let x: Tensor<3> = tensor(x.collect(), [batch, rows, channels], &device).require_grad();
                let rest = added.map(|added| random(3, [batch, added, channels]));
                let y = norm.mish(x.clone(), rest.clone());
                let gradients = (y.clone() * random(4, [batch, rows, channels]).detach()).sum().backward();
                let mut found = vec![y.inner(), x.grad(&gradients).unwrap()];
                found.extend(rest.map(|rest| rest.grad(&gradients).unwrap()));
                for parameter in [&norm.gamma, &norm.beta] {
                    found.push(parameter.val().grad(&gradients).unwrap().reshape([1, 1, channels]));
                }
                found
            };
            let (fused, plain) = (pass(), reference(pass));
            assert_eq!(fused.len(), plain.len());
            for (part, (fused, plain)) in fused.into_iter().zip(plain).enumerate() {
                let [fused, plain] = [fused, plain].map(|part| part.try_into_vec_as::<f32>().unwrap());
                assert_eq!(fused.len(), plain.len());
                let scale = plain.iter().fold(1.0_f32, |scale, x| scale.max(x.abs()));
                for (a, b) in fused.iter().zip(&plain) {
                    let case = (batch, rows, channels, part);
                    assert!((a - b).abs() <= 5e-6 * scale, "part {part} of {case:?}: {a}, expected {b}");
                }
            }
        }
    }
}
