//! What happens to a row of numbers, vector by vector; what is left of a row goes number by number.

use pulp::{Scalar, Simd};

use super::layer::Activation;
use super::simd::{gelu, gelu_slope};

/// What layer norm adds to the variance, as in Burn and `PyTorch`.
const EPSILON: f32 = 1e-5;

/// `row += other`.
#[inline(always)]
pub(crate) fn add<S: Simd>(s: S, row: &mut [f32], other: &[f32]) {
    let ((row, row_rest), (other, other_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(other));
    for (a, &b) in row.iter_mut().zip(other) {
        *a = s.add_f32s(*a, b);
    }
    for (a, &b) in row_rest.iter_mut().zip(other_rest) {
        *a += b;
    }
}

/// `row ·= other`.
#[inline(always)]
pub(crate) fn times<S: Simd>(s: S, row: &mut [f32], other: &[f32]) {
    let ((row, row_rest), (other, other_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(other));
    for (a, &b) in row.iter_mut().zip(other) {
        *a = s.mul_f32s(*a, b);
    }
    for (a, &b) in row_rest.iter_mut().zip(other_rest) {
        *a *= b;
    }
}

/// Each number in all lanes of a vector.
#[inline(always)]
pub(crate) fn splat<S: Simd>(s: S, [first, second]: [f32; 2]) -> [S::f32s; 2] {
    [s.splat_f32s(first), s.splat_f32s(second)]
}

/// Mean and 1 / √(variance + ε) of a row.
#[inline(always)]
pub(crate) fn moments<S: Simd>(s: S, row: &[f32]) -> [f32; 2] {
    let (body, rest) = S::as_simd_f32s(row);
    // Loops, not closures: those are functions of their own, compiled for no instruction set in particular.
    let mut sum = s.splat_f32s(0.0);
    for &x in body {
        sum = s.add_f32s(sum, x);
    }
    let mean = (s.reduce_sum_f32s(sum) + rest.iter().sum::<f32>()) / row.len() as f32;
    let center = s.splat_f32s(mean);
    let mut squares = s.splat_f32s(0.0);
    for &x in body {
        let x = s.sub_f32s(x, center);
        squares = s.mul_add_e_f32s(x, x, squares);
    }
    let rest: f32 = rest.iter().map(|x| (x - mean) * (x - mean)).sum();
    let variance = (s.reduce_sum_f32s(squares) + rest) / row.len() as f32;
    [mean, 1.0 / (variance + EPSILON).sqrt()]
}

/// Gain and bias of a norm, and what a diffusion step makes of its output, if anything.
#[derive(Clone, Copy)]
pub(crate) struct Affine<'a> {
    pub gain: &'a [f32],
    pub bias: &'a [f32],
    /// Scale, less one, and shift.
    pub modulation: Option<[&'a [f32]; 2]>,
}

impl<'a> Affine<'a> {
    /// The parts of this for the vectors of a row, and for the rest of it.
    #[inline(always)]
    fn split<S: Simd>(self) -> (Vectors<'a, S>, Self) {
        let ((gain, gain_rest), (bias, bias_rest)) = (S::as_simd_f32s(self.gain), S::as_simd_f32s(self.bias));
        let (modulation, rest) = match self.modulation {
            Some([scale, shift]) => {
                let ((scale, scale_rest), (shift, shift_rest)) =
                    (S::as_simd_f32s(scale), S::as_simd_f32s(shift));
                (Some([scale, shift]), Some([scale_rest, shift_rest]))
            }
            None => (None, None),
        };
        (Vectors { gain, bias, modulation }, Self { gain: gain_rest, bias: bias_rest, modulation: rest })
    }
}

struct Vectors<'a, S: Simd> {
    gain: &'a [S::f32s],
    bias: &'a [S::f32s],
    modulation: Option<[&'a [S::f32s]; 2]>,
}

/// A row through norm, modulation and activation.
#[inline(always)]
pub(crate) fn norm<S: Simd>(
    s: S,
    row: &mut [f32],
    affine: Affine,
    moments: [f32; 2],
    activation: Activation,
) {
    let (body, rest) = S::as_mut_simd_f32s(row);
    let (vectors, affine_rest) = affine.split::<S>();
    let [mean, scale] = splat(s, moments);
    let (gain, bias) = (&vectors.gain[..body.len()], &vectors.bias[..body.len()]);
    for (i, x) in body.iter_mut().enumerate() {
        let standard = s.mul_f32s(s.sub_f32s(*x, mean), scale);
        let mut y = s.mul_add_e_f32s(standard, gain[i], bias[i]);
        if let Some([scale, shift]) = vectors.modulation {
            y = s.mul_add_e_f32s(y, scale[i], s.add_f32s(y, shift[i]));
        }
        *x = activate(s, y, activation);
    }
    if !rest.is_empty() {
        norm(Scalar, rest, affine_rest, moments, activation);
    }
}

#[inline(always)]
fn activate<S: Simd>(s: S, x: S::f32s, activation: Activation) -> S::f32s {
    match activation {
        Activation::Identity => x,
        Activation::Relu => s.max_f32s(x, s.splat_f32s(0.0)),
        Activation::Gelu => gelu(s, x),
    }
}

/// A row through an activation.
#[inline(always)]
pub(crate) fn activate_row<S: Simd>(s: S, row: &mut [f32], activation: Activation) {
    let (body, rest) = S::as_mut_simd_f32s(row);
    for x in body {
        *x = activate(s, *x, activation);
    }
    for x in rest {
        *x = activate(Scalar, *x, activation);
    }
}

/// The slope of an activation at `x`.
#[inline(always)]
fn slope<S: Simd>(s: S, x: S::f32s, activation: Activation) -> S::f32s {
    let one = s.splat_f32s(1.0);
    match activation {
        Activation::Identity => one,
        Activation::Relu => {
            let zero = s.splat_f32s(0.0);
            s.select_f32s(s.greater_than_f32s(x, zero), one, zero)
        }
        Activation::Gelu => gelu_slope(s, x),
    }
}

/// `row ·= slope at x`; where the activation is a ReLU, `x` may be its output as well as its input.
#[inline(always)]
pub(crate) fn times_slope<S: Simd>(s: S, row: &mut [f32], x: &[f32], activation: Activation) {
    let ((row, row_rest), (x, x_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(x));
    for (a, &x) in row.iter_mut().zip(x) {
        *a = s.mul_f32s(*a, slope(s, x, activation));
    }
    for (a, &x) in row_rest.iter_mut().zip(x_rest) {
        *a *= slope(Scalar, x, activation);
    }
}

/// Sums that a norm's backward pass adds to.
pub(crate) struct AffineSums<'a> {
    pub gain: &'a mut [f32],
    pub bias: &'a mut [f32],
    pub modulation: Option<[&'a mut [f32]; 2]>,
}

/// Turns the gradient of [`norm`]'s output into that of its input, given that input.
#[inline(always)]
pub(crate) fn norm_backward<S: Simd>(
    s: S,
    row: &mut [f32],
    x: &[f32],
    affine: Affine,
    activation: Activation,
    sums: AffineSums,
) {
    let width = row.len() as f32;
    let moments = moments(s, x);
    let [direct, along] = norm_gradient(s, &mut *row, x, affine, moments, activation, sums);
    let ((row, row_rest), (x, x_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(x));
    let [mean, scale] = splat(s, moments);
    let [direct_mean, along_mean] = splat(s, [direct / width, along / width]);
    for (a, &x) in row.iter_mut().zip(x) {
        let standard = s.mul_f32s(s.sub_f32s(x, mean), scale);
        let own = s.sub_f32s(*a, direct_mean);
        *a = s.mul_f32s(scale, s.negate_mul_add_e_f32s(standard, along_mean, own));
    }
    let [mean, scale] = moments;
    for (a, &x) in row_rest.iter_mut().zip(x_rest) {
        *a = scale * (*a - direct / width - (x - mean) * scale * along / width);
    }
}

/// Replaces the gradient of the output by that of the standardised input; gives its sum, and its product with that
/// input.
#[inline(always)]
fn norm_gradient<S: Simd>(
    s: S,
    row: &mut [f32],
    x: &[f32],
    affine: Affine,
    moments: [f32; 2],
    activation: Activation,
    sums: AffineSums,
) -> [f32; 2] {
    let ((body, rest), (x, x_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(x));
    let (vectors, affine_rest) = affine.split::<S>();
    let ((gain_sum, gain_rest), (bias_sum, bias_rest)) =
        (S::as_mut_simd_f32s(sums.gain), S::as_mut_simd_f32s(sums.bias));
    let (mut modulation, modulation_rest) = match sums.modulation {
        Some([scale, shift]) => {
            let ((scale, scale_rest), (shift, shift_rest)) =
                (S::as_mut_simd_f32s(scale), S::as_mut_simd_f32s(shift));
            (Some([scale, shift]), Some([scale_rest, shift_rest]))
        }
        None => (None, None),
    };
    let count = body.len();
    let (gain, bias, x) = (&vectors.gain[..count], &vectors.bias[..count], &x[..count]);
    let (gain_sum, bias_sum) = (&mut gain_sum[..count], &mut bias_sum[..count]);
    let [mean, deviation] = splat(s, moments);
    let (mut direct, mut along) = (s.splat_f32s(0.0), s.splat_f32s(0.0));
    for (i, a) in body.iter_mut().enumerate() {
        let standard = s.mul_f32s(s.sub_f32s(x[i], mean), deviation);
        let affine = s.mul_add_e_f32s(standard, gain[i], bias[i]);
        let mut gradient = *a;
        match (vectors.modulation, &mut modulation) {
            (Some([scale, shift]), Some([scale_sum, shift_sum])) => {
                let y = s.mul_add_e_f32s(affine, scale[i], s.add_f32s(affine, shift[i]));
                gradient = s.mul_f32s(gradient, slope(s, y, activation));
                scale_sum[i] = s.mul_add_e_f32s(gradient, affine, scale_sum[i]);
                shift_sum[i] = s.add_f32s(shift_sum[i], gradient);
                gradient = s.mul_add_e_f32s(gradient, scale[i], gradient);
            }
            _ => gradient = s.mul_f32s(gradient, slope(s, affine, activation)),
        }
        gain_sum[i] = s.mul_add_e_f32s(gradient, standard, gain_sum[i]);
        bias_sum[i] = s.add_f32s(bias_sum[i], gradient);
        gradient = s.mul_f32s(gradient, gain[i]);
        direct = s.add_f32s(direct, gradient);
        along = s.mul_add_e_f32s(gradient, standard, along);
        *a = gradient;
    }
    let mut totals = [s.reduce_sum_f32s(direct), s.reduce_sum_f32s(along)];
    if !rest.is_empty() {
        let sums = AffineSums { gain: gain_rest, bias: bias_rest, modulation: modulation_rest };
        let [direct, along] = norm_gradient(Scalar, rest, x_rest, affine_rest, moments, activation, sums);
        totals[0] += direct;
        totals[1] += along;
    }
    totals
}
