//! Group norm over time, then Mish, then a sum: `mish(norm(x)) + rest`, and its gradients.

use core::ops::Range;

use pulp::{Arch, Scalar, Simd, WithSimd};

use super::mish::{mish, slope};
use super::parallel::{cut, pieces, run};
use super::rows;

/// Operations that a number takes, about.
const PER_NUMBER: usize = 60;
/// Number that the norm adds to the variance, as in `PyTorch`.
const EPSILON: f32 = 1e-5;

/// Gain, bias and size of a group norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupNorm<'a> {
    /// `[channels]`.
    pub gain: &'a [f32],
    /// `[channels]`.
    pub bias: &'a [f32],
    /// Groups of channels.
    pub groups: usize,
}

/// Gradients of a group norm's inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupNormGradients {
    /// `[batch, rows, channels]`.
    pub input: Vec<f32>,
    /// `[channels]`.
    pub gain: Vec<f32>,
    /// `[channels]`.
    pub bias: Vec<f32>,
    /// Sums over time of the output's gradient, `[batch, channels]`.
    pub rest: Vec<f32>,
}

/// Four rows of numbers for each channel, that a sample's passes need: mean and 1 / √(variance + ε), then sums.
struct Channels {
    mean: Vec<f32>,
    scale: Vec<f32>,
    sums: [Vec<f32>; 2],
}

impl Channels {
    fn new(width: usize) -> Self {
        let zeros = || vec![0.0; width];
        Self { mean: zeros(), scale: zeros(), sums: [zeros(), zeros()] }
    }
}

impl GroupNorm<'_> {
    fn width(&self) -> usize {
        self.gain.len()
    }

    /// The output for `[batch, rows, channels]`; `rest` is of that shape or `[batch, channels]`.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn forward(&self, x: &[f32], batch: usize, rest: Option<&[f32]>) -> Vec<f32> {
        let each = x.len() / batch.max(1);
        assert_eq!(each % self.width(), 0, "rows of {} channels", self.width());
        let rest_each = rest.map_or(0, |rest| rest.len() / batch.max(1));
        assert!([0, each, self.width()].contains(&rest_each), "{rest_each} numbers to add to a sample");
        let mut out = vec![0.0; x.len()];
        let ranges = pieces(batch, each * PER_NUMBER);
        let jobs = ranges.iter().cloned().zip(cut(&mut out, each, &ranges)).collect();
        let arch = Arch::new();
        run(jobs, |(range, out): (Range<usize>, &mut [f32])| {
            let x = &x[range.start * each..range.end * each];
            let rest =
                rest.map_or(&[] as &[f32], |rest| &rest[range.start * rest_each..range.end * rest_each]);
            arch.dispatch(Forward { norm: self, x, rest, each, out });
        });
        out
    }

    /// The gradients of the inputs from that of the output.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn backward(&self, x: &[f32], batch: usize, gradient: &[f32]) -> GroupNormGradients {
        assert_eq!(x.len(), gradient.len(), "the gradient of a norm's output");
        let (width, each) = (self.width(), x.len() / batch.max(1));
        let mut input = vec![0.0; x.len()];
        // Sums of each sample alone, so that they do not depend on how samples are shared out.
        let mut sums = vec![0.0; batch * 3 * width];
        let ranges = pieces(batch, 2 * each * PER_NUMBER);
        let parts = cut(&mut input, each, &ranges).into_iter().zip(cut(&mut sums, 3 * width, &ranges));
        let jobs = ranges.iter().cloned().zip(parts).collect();
        let arch = Arch::new();
        run(jobs, |(range, (input, sums)): (Range<usize>, (&mut [f32], &mut [f32]))| {
            let place = range.start * each..range.end * each;
            let (x, gradient) = (&x[place.clone()], &gradient[place]);
            arch.dispatch(Backward { norm: self, x, gradient, each, input, sums });
        });
        let mut found = GroupNormGradients {
            input,
            gain: vec![0.0; width],
            bias: vec![0.0; width],
            rest: Vec::with_capacity(batch * width),
        };
        for sums in sums.chunks_exact(3 * width) {
            let (gain, others) = sums.split_at(width);
            let (bias, rest) = others.split_at(width);
            found.gain.iter_mut().zip(gain).for_each(|(sum, x)| *sum += x);
            found.bias.iter_mut().zip(bias).for_each(|(sum, x)| *sum += x);
            found.rest.extend_from_slice(rest);
        }
        found
    }

    /// Mean and scale of each channel's group in a sample.
    #[inline(always)]
    fn moments<S: Simd>(&self, s: S, x: &[f32], channels: &mut Channels) {
        let width = self.width();
        let count = (x.len() / self.groups) as f32;
        let Channels { mean, scale, .. } = channels;
        mean.fill(0.0);
        for row in x.chunks_exact(width) {
            rows::add(s, mean, row);
        }
        spread(mean, width / self.groups, |sum| sum / count);
        scale.fill(0.0);
        for row in x.chunks_exact(width) {
            add_squares(s, scale, row, mean);
        }
        spread(scale, width / self.groups, |sum| 1.0 / (sum / count + EPSILON).sqrt());
    }
}

/// Gives each channel of a group what is made of the group's sum.
#[inline(always)]
fn spread(channels: &mut [f32], group: usize, made: impl Fn(f32) -> f32) {
    for group in channels.chunks_exact_mut(group) {
        let value = made(group.iter().sum());
        group.fill(value);
    }
}

/// `sums += (row - mean)²`.
#[inline(always)]
fn add_squares<S: Simd>(s: S, sums: &mut [f32], row: &[f32], mean: &[f32]) {
    let ((sums, sums_rest), (row, row_rest)) = (S::as_mut_simd_f32s(sums), S::as_simd_f32s(row));
    let (mean, mean_rest) = S::as_simd_f32s(mean);
    for ((sum, &x), &mean) in sums.iter_mut().zip(row).zip(mean) {
        let x = s.sub_f32s(x, mean);
        *sum = s.mul_add_e_f32s(x, x, *sum);
    }
    if !sums_rest.is_empty() {
        add_squares(Scalar, sums_rest, row_rest, mean_rest);
    }
}

struct Forward<'a> {
    norm: &'a GroupNorm<'a>,
    x: &'a [f32],
    rest: &'a [f32],
    /// Numbers of a sample.
    each: usize,
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { norm, x, rest, each, out } = self;
        let width = norm.width();
        let mut channels = Channels::new(width);
        let samples = (x.len() / each.max(1)).max(1);
        let rest_each = rest.len() / samples;
        for (number, (x, out)) in x.chunks_exact(each).zip(out.chunks_exact_mut(each)).enumerate() {
            norm.moments(s, x, &mut channels);
            let rest = &rest[number * rest_each..(number + 1) * rest_each];
            let standard = [&channels.mean, &channels.scale].map(Vec::as_slice);
            for (place, (row, out)) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
                let rest = if rest.len() > width { &rest[place * width..(place + 1) * width] } else { rest };
                row_forward(s, row, standard, [norm.gain, norm.bias], rest, out);
            }
        }
    }
}

/// A row through norm, Mish and sum; `rest` may be empty.
#[inline(always)]
fn row_forward<S: Simd>(
    s: S,
    row: &[f32],
    standard: [&[f32]; 2],
    affine: [&[f32]; 2],
    rest: &[f32],
    out: &mut [f32],
) {
    let ((row, row_rest), (out, out_rest)) = (S::as_simd_f32s(row), S::as_mut_simd_f32s(out));
    let [(mean, mean_rest), (scale, scale_rest)] = standard.map(S::as_simd_f32s);
    let [(gain, gain_rest), (bias, bias_rest)] = affine.map(S::as_simd_f32s);
    let (rest, rest_rest) = S::as_simd_f32s(rest);
    let count = row.len();
    let (mean, scale, gain, bias) = (&mean[..count], &scale[..count], &gain[..count], &bias[..count]);
    for (i, (out, &x)) in out.iter_mut().zip(row).enumerate() {
        let standard = s.mul_f32s(s.sub_f32s(x, mean[i]), scale[i]);
        let y = mish(s, s.mul_add_e_f32s(standard, gain[i], bias[i]));
        *out = if rest.is_empty() { y } else { s.add_f32s(y, rest[i]) };
    }
    if !row_rest.is_empty() {
        let standard = [mean_rest, scale_rest];
        row_forward(Scalar, row_rest, standard, [gain_rest, bias_rest], rest_rest, out_rest);
    }
}

struct Backward<'a> {
    norm: &'a GroupNorm<'a>,
    x: &'a [f32],
    gradient: &'a [f32],
    each: usize,
    input: &'a mut [f32],
    /// Sums of gain, bias and rest for each sample, `[samples, 3 * channels]`.
    sums: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { norm, x, gradient, each, input, sums } = self;
        let width = norm.width();
        let (group, count) = (width / norm.groups, (each / norm.groups) as f32);
        let mut channels = Channels::new(width);
        let samples = x.chunks_exact(each).zip(gradient.chunks_exact(each));
        let found = input.chunks_exact_mut(each).zip(sums.chunks_exact_mut(3 * width));
        for ((x, gradient), (input, sums)) in samples.zip(found) {
            norm.moments(s, x, &mut channels);
            let standard = [&channels.mean, &channels.scale].map(Vec::as_slice);
            let (gain_sums, others) = sums.split_at_mut(width);
            let (bias_sums, rest_sums) = others.split_at_mut(width);
            let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width));
            for ((x, gradient), input) in rows.zip(input.chunks_exact_mut(width)) {
                rows::add(s, rest_sums, gradient);
                row_through(
                    s,
                    x,
                    gradient,
                    standard,
                    [norm.gain, norm.bias],
                    input,
                    [&mut *gain_sums, &mut *bias_sums],
                );
            }
            // Means over the group of the standardised input's gradient, alone and times that input.
            let [direct, along] = &mut channels.sums;
            for (means, sums) in [(&mut *direct, &*bias_sums), (&mut *along, &*gain_sums)] {
                for ((mean, sum), gain) in means.iter_mut().zip(sums).zip(norm.gain) {
                    *mean = sum * gain;
                }
                spread(means, group, |sum| sum / count);
            }
            let means = [&channels.sums[0], &channels.sums[1]].map(Vec::as_slice);
            for (x, input) in x.chunks_exact(width).zip(input.chunks_exact_mut(width)) {
                row_back(s, x, standard, norm.gain, means, input);
            }
        }
    }
}

/// The gradient of the norm's output from that of `mish(norm(x))`, and sums for gain and bias.
#[inline(always)]
fn row_through<S: Simd>(
    s: S,
    x: &[f32],
    gradient: &[f32],
    standard: [&[f32]; 2],
    affine: [&[f32]; 2],
    out: &mut [f32],
    sums: [&mut [f32]; 2],
) {
    let ((x, x_rest), (out, out_rest)) = (S::as_simd_f32s(x), S::as_mut_simd_f32s(out));
    let (gradient, gradient_rest) = S::as_simd_f32s(gradient);
    let [(mean, mean_rest), (scale, scale_rest)] = standard.map(S::as_simd_f32s);
    let [(gain, gain_rest), (bias, bias_rest)] = affine.map(S::as_simd_f32s);
    let [(gain_sum, gain_sum_rest), (bias_sum, bias_sum_rest)] = sums.map(S::as_mut_simd_f32s);
    let count = x.len();
    let (mean, scale, gain, bias) = (&mean[..count], &scale[..count], &gain[..count], &bias[..count]);
    let (gain_sum, bias_sum) = (&mut gain_sum[..count], &mut bias_sum[..count]);
    let gradient = &gradient[..count];
    for (i, (out, &x)) in out.iter_mut().zip(x).enumerate() {
        let standard = s.mul_f32s(s.sub_f32s(x, mean[i]), scale[i]);
        let y = s.mul_add_e_f32s(standard, gain[i], bias[i]);
        let through = s.mul_f32s(gradient[i], slope(s, y));
        gain_sum[i] = s.mul_add_e_f32s(through, standard, gain_sum[i]);
        bias_sum[i] = s.add_f32s(bias_sum[i], through);
        *out = through;
    }
    if !x_rest.is_empty() {
        let (standard, affine) = ([mean_rest, scale_rest], [gain_rest, bias_rest]);
        let sums = [gain_sum_rest, bias_sum_rest];
        row_through(Scalar, x_rest, gradient_rest, standard, affine, out_rest, sums);
    }
}

/// The gradient of the norm's input from that of its output, in place.
#[inline(always)]
fn row_back<S: Simd>(
    s: S,
    x: &[f32],
    standard: [&[f32]; 2],
    gain: &[f32],
    means: [&[f32]; 2],
    gradient: &mut [f32],
) {
    let ((x, x_rest), (gradient, gradient_rest)) = (S::as_simd_f32s(x), S::as_mut_simd_f32s(gradient));
    let [(mean, mean_rest), (scale, scale_rest)] = standard.map(S::as_simd_f32s);
    let (gain, gain_rest) = S::as_simd_f32s(gain);
    let [(direct, direct_rest), (along, along_rest)] = means.map(S::as_simd_f32s);
    let count = x.len();
    let (mean, scale, gain) = (&mean[..count], &scale[..count], &gain[..count]);
    let (direct, along) = (&direct[..count], &along[..count]);
    for (i, (gradient, &x)) in gradient.iter_mut().zip(x).enumerate() {
        let standard = s.mul_f32s(s.sub_f32s(x, mean[i]), scale[i]);
        let own = s.sub_f32s(s.mul_f32s(*gradient, gain[i]), direct[i]);
        *gradient = s.mul_f32s(scale[i], s.negate_mul_add_e_f32s(standard, along[i], own));
    }
    if !x_rest.is_empty() {
        let (standard, means) = ([mean_rest, scale_rest], [direct_rest, along_rest]);
        row_back(Scalar, x_rest, standard, gain_rest, means, gradient_rest);
    }
}
