//! One-dimensional convolutions over time.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::module::{conv_transpose1d, conv1d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor};

use super::super::linear::uniform;
use crate::kernel::convolution::Time;
use crate::kernel::{temporal, tensors};
use crate::nn::Layer;
use crate::rng::Key;

/// A convolution over time with bias.
#[derive(Module, Debug)]
pub(super) struct Convolution {
    /// `[taps, input, output]`. The transposed convolution's taps are those of its adjoint.
    weight: Param<Tensor<3>>,
    /// `[output]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    time: Time,
}

impl Convolution {
    /// A convolution of an odd number of taps that keeps the time.
    pub(super) fn same(key: Key, taps: usize, [input, output]: [usize; 2], device: &Device) -> Self {
        Self::new(key, [taps, input, output], Time::Same, device)
    }

    /// The convolution that halves the time.
    pub(super) fn halving(key: Key, width: usize, device: &Device) -> Self {
        Self::new(key, [3, width, width], Time::Halved, device)
    }

    /// The convolution that doubles the time.
    pub(super) fn doubling(key: Key, width: usize, device: &Device) -> Self {
        Self::new(key, [4, width, width], Time::Doubled, device)
    }

    /// Weights and bias uniform in ±1/√(taps · fan), as `PyTorch` draws them.
    fn new(key: Key, shape: [usize; 3], time: Time, device: &Device) -> Self {
        let [taps, input, output] = shape;
        // PyTorch counts the outputs of a transposed convolution as its inputs.
        let fan = if time == Time::Doubled { output } else { input };
        let bound = 1.0 / ((taps * fan) as f64).sqrt();
        Self {
            weight: uniform(key.fold(0), shape, bound, device),
            bias: uniform(key.fold(1), [output], bound, device),
            time,
        }
    }

    /// # Shapes
    /// `[batch, time, input]` to `[batch, time', output]`.
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        if tensors::serves(&x.device()) {
            return temporal::convolution(x, weight, bias, self.time);
        }
        let [taps, _, _] = weight.dims();
        let (x, bias) = (x.swap_dims(1, 2), Some(bias));
        let y = match self.time {
            Time::Same => {
                let options = ConvOptions::new([1], [taps / 2], [1], 1);
                conv1d(x, weight.permute([2, 1, 0]), bias, options)
            }
            Time::Halved => {
                let options = ConvOptions::new([2], [taps / 2], [1], 1);
                conv1d(x, weight.permute([2, 1, 0]), bias, options)
            }
            Time::Doubled => {
                let options = ConvTransposeOptions::new([2], [1], [0], [1], 1);
                conv_transpose1d(x, weight.permute([1, 2, 0]), bias, options)
            }
        };
        y.swap_dims(1, 2)
    }
}

/// A linear layer for each row, as a convolution of one tap: unlike that of [`Layer`], its result for a row does not depend
/// on how many rows there are.
///
/// # Shapes
/// `[batch, time, input]` to `[batch, time, output]`.
pub(super) fn pointwise(linear: &Linear, x: Tensor<3>) -> Tensor<3> {
    if let Some(bias) = &linear.bias
        && tensors::serves(&x.device())
    {
        return temporal::convolution(x, linear.weight.val(), bias.val(), Time::Same);
    }
    Layer::of(linear).forward(x)
}

#[cfg(test)]
#[cfg(feature = "train")]
mod tests {
    use super::*;
    use crate::kernel::reference;
    use crate::nn::{mish, tensor};

    fn numbers(tensor: Tensor<3>) -> Vec<f32> {
        tensor.try_into_vec_as::<f32>().unwrap()
    }

    /// A convolution from one channel to one with weights 1, 2, 3, … and no bias.
    fn counting(taps: usize, time: Time) -> Convolution {
        let device = Device::flex();
        let weight = (1..=taps).map(|tap| tap as f32).collect();
        Convolution {
            weight: Param::from_tensor(tensor(weight, [taps, 1, 1], &device)),
            bias: Param::from_tensor(Tensor::zeros([1], &device)),
            time,
        }
    }

    /// Convolutions of 1, 2, 3, … that were computed by hand.
    #[test]
    fn anchors() {
        for (taps, time, rows, expected) in [
            (5, Time::Same, 8, [26.0, 40.0, 55.0, 70.0, 85.0, 100.0, 70.0, 44.0].as_slice()),
            (3, Time::Halved, 8, &[8.0, 20.0, 32.0, 44.0]),
            (4, Time::Doubled, 4, &[2.0, 5.0, 8.0, 9.0, 14.0, 13.0, 20.0, 12.0]),
        ] {
            let run = || {
                let x = tensor((1..=rows).map(|x| x as f32).collect(), [1, rows, 1], &Device::flex());
                numbers(counting(taps, time).forward(x))
            };
            assert_eq!(run(), expected, "{time:?}");
            assert_eq!(reference(run), expected, "{time:?}, plain");
        }
    }

    /// Doubling the time is the adjoint of halving it with the same four weights: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩.
    #[test]
    fn doubling_is_an_adjoint() {
        let device = Device::flex();
        let (time, [inner, outer]) = (10, [3, 5]);
        let key = Key::new(4);
        let weight = key.fold(0).normals(4 * inner * outer);
        // From `inner` channels of half the time to `outer` of all of it.
        let doubling = Convolution {
            weight: Param::from_tensor(tensor(weight.clone(), [4, inner, outer], &device)),
            bias: Param::from_tensor(Tensor::zeros([outer], &device)),
            time: Time::Doubled,
        };
        let x = key.fold(1).normals(time * outer);
        let y = key.fold(2).normals(time / 2 * inner);
        let back = numbers(doubling.forward(tensor(y.clone(), [1, time / 2, inner], &device)));
        // The convolution with stride 2 and padding 1, sum by sum.
        let mut there = 0.0;
        for (row, y) in y.chunks_exact(inner).enumerate() {
            for (tap, weight) in weight.chunks_exact(inner * outer).enumerate() {
                let Some(at) = (2 * row + tap).checked_sub(1).filter(|at| *at < time) else { continue };
                for (i, y) in y.iter().enumerate() {
                    let x = &x[at * outer..][..outer];
                    let weight = &weight[i * outer..][..outer];
                    there += f64::from(*y) * x.iter().zip(weight).map(|(x, w)| f64::from(x * w)).sum::<f64>();
                }
            }
        }
        let back: f64 = back.iter().zip(&x).map(|(a, b)| f64::from(a * b)).sum();
        assert!((there - back).abs() < 1e-4, "{there} and {back}");
    }

    /// A shift of the input by four rows shifts the output by four rows, away from the borders.
    #[test]
    fn a_shift_goes_through_two_halvings_and_two_doublings() {
        let device = Device::flex();
        let (rows, width, key) = (64, 8, Key::new(6));
        let chain = [
            Convolution::same(key.fold(0), 5, [width, width], &device),
            Convolution::halving(key.fold(1), width, &device),
            Convolution::same(key.fold(2), 5, [width, width], &device),
            Convolution::halving(key.fold(3), width, &device),
            Convolution::doubling(key.fold(4), width, &device),
            Convolution::doubling(key.fold(5), width, &device),
        ];
        let values = key.fold(6).normals((rows + 4) * width);
        let run = |from: usize| {
            let x = tensor(values[from * width..][..rows * width].to_vec(), [1, rows, width], &device);
            numbers(chain.iter().fold(x, |x, layer| mish(layer.forward(x))))
        };
        let (first, moved) = (run(0), run(4));
        let (first, moved) = (&first[28 * width..40 * width], &moved[24 * width..36 * width]);
        for (a, b) in first.iter().zip(moved) {
            assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
        assert!(first.iter().any(|x| x.abs() > 1e-3), "nothing comes through");
    }
}
