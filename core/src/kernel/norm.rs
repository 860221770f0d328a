//! Layer norm of rows, where it comes before a layer, and its gradients.

use pulp::{Arch, Simd, WithSimd};

use super::layer::Activation;
use super::parallel::{cut, ranges, run};
use super::rows::{self, Affine, AffineSums};

/// Operations that a number takes, about.
const PER_NUMBER: usize = 10;

/// Rows with mean 0 and variance 1, times the gain and with the bias, `[width]` each.
pub(crate) fn forward(x: &[f32], gain: &[f32], bias: &[f32]) -> Vec<f32> {
    let width = gain.len();
    let mut values = x.to_vec();
    let ranges = ranges(x.len() / width, PER_NUMBER * width);
    let arch = Arch::new();
    run(cut(&mut values, width, &ranges), |values| arch.dispatch(Forward { values, gain, bias }));
    values
}

/// Gradients of rows, gain and bias, from that of what [`forward`] gives.
#[cfg(feature = "train")]
pub(crate) fn backward(x: &[f32], gain: &[f32], bias: &[f32], gradient: &[f32]) -> [Vec<f32>; 3] {
    let width = gain.len();
    let mut values = gradient.to_vec();
    let ranges = ranges(x.len() / width, 2 * PER_NUMBER * width);
    let jobs = ranges.iter().cloned().zip(cut(&mut values, width, &ranges)).collect();
    let arch = Arch::new();
    let sums = run(jobs, |(range, values): (core::ops::Range<usize>, &mut [f32])| {
        let x = &x[range.start * width..range.end * width];
        let mut sums = [vec![0.0; width], vec![0.0; width]];
        arch.dispatch(Backward { values, x, gain, bias, sums: &mut sums });
        sums
    });
    let mut whole = [vec![0.0; width], vec![0.0; width]];
    for part in sums {
        for (whole, part) in whole.iter_mut().zip(part) {
            for (sum, number) in whole.iter_mut().zip(part) {
                *sum += number;
            }
        }
    }
    let [gain, bias] = whole;
    [values, gain, bias]
}

struct Forward<'a> {
    values: &'a mut [f32],
    gain: &'a [f32],
    bias: &'a [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { values, gain, bias } = self;
        for row in values.chunks_exact_mut(gain.len()) {
            let moments = rows::moments(s, row);
            rows::norm(s, row, Affine { gain, bias, modulation: None }, moments, Activation::Identity);
        }
    }
}

struct Backward<'a> {
    values: &'a mut [f32],
    x: &'a [f32],
    gain: &'a [f32],
    bias: &'a [f32],
    sums: &'a mut [Vec<f32>; 2],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { values, x, gain, bias, sums: [gain_sum, bias_sum] } = self;
        let width = gain.len();
        for (row, x) in values.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let sums = AffineSums { gain: gain_sum, bias: bias_sum, modulation: None };
            let affine = Affine { gain, bias, modulation: None };
            rows::norm_backward(s, row, x, affine, Activation::Identity, sums);
        }
    }
}
