//! A layer of a network in one go: `activation(modulation(norm(x W + b + share))) + skip`, and its gradients.
//!
//! Every layer of every network here is an instance of it; what an instance does not have is left out. Rows are
//! multiplied in blocks that stay in cache, and everything after the product is one pass over them.

use core::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::matmul::{Matrix, Onto, matmul};
use super::parallel::{cut, ranges, run};
use super::rows::{self, Affine, AffineSums};

/// Numbers of a block of rows that stay in the second-level cache.
const BLOCK: usize = 1 << 16;
/// Operations that all but the product take for each number, about.
const PER_NUMBER: usize = 40;

/// What a layer ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// Nothing.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// The exact GELU.
    Gelu,
}

/// A layer's parameters and all inputs but the first. What groups of rows share has one row per group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer<'a> {
    /// `[input, output]`.
    pub weight: &'a [f32],
    /// Numbers in a row of the output.
    pub output: usize,
    /// `[output]`.
    pub bias: Option<&'a [f32]>,
    /// Added before the norm, `[groups, output]`.
    pub share: Option<&'a [f32]>,
    /// Gain and bias of a layer norm, `[output]` each.
    pub norm: Option<[&'a [f32]; 2]>,
    /// Scale, less one, and shift after the norm, side by side, `[groups, 2 * output]`; only with a norm.
    pub modulation: Option<&'a [f32]>,
    /// What comes next.
    pub activation: Activation,
    /// Added at the end, `[rows, output]`; not after a ReLU.
    pub skip: Option<&'a [f32]>,
}

/// What a layer gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// `[rows, output]`.
    pub values: Vec<f32>,
    /// Input of the norm, or of a GELU without norm, `[rows, output]`, where there is one and it was asked for.
    pub before: Vec<f32>,
}

/// Gradients of a layer's inputs, empty where the layer lacks the input.
#[derive(Clone, Debug, Default)]
pub(crate) struct LayerGradients {
    /// `[rows, input]`; empty unless wanted.
    pub input: Vec<f32>,
    /// `[input, output]`.
    pub weight: Vec<f32>,
    /// `[output]`.
    pub bias: Vec<f32>,
    /// `[groups, output]`.
    pub share: Vec<f32>,
    /// `[output]` each.
    pub norm: [Vec<f32>; 2],
    /// `[groups, 2 * output]`.
    pub modulation: Vec<f32>,
}

impl Layer<'_> {
    fn input(&self) -> usize {
        self.weight.len() / self.output
    }

    /// True if the backward pass needs what goes into norm or activation instead of what comes out.
    pub(crate) fn keeps_input(&self) -> bool {
        self.norm.is_some() || self.activation == Activation::Gelu
    }

    fn ranges(&self, rows: usize, passes: usize) -> Vec<Range<usize>> {
        ranges(rows, passes * self.output * (2 * self.input() + PER_NUMBER))
    }

    /// The layer's output for `[rows, input]`.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn forward(&self, x: &[f32], rows: usize, keep: bool) -> Output {
        let (input, output) = (self.input(), self.output);
        assert_eq!(x.len(), rows * input, "input of {rows} rows");
        let mut values = vec![0.0; rows * output];
        let mut before = vec![0.0; if keep && self.keeps_input() { rows * output } else { 0 }];
        let ranges = self.ranges(rows, 1);
        let kept = if before.is_empty() { 0 } else { output };
        let jobs = cut(&mut values, output, &ranges).into_iter().zip(cut(&mut before, kept, &ranges));
        let jobs = ranges.iter().cloned().zip(jobs).collect();
        let arch = Arch::new();
        run(jobs, |(range, (values, before)): (Range<usize>, (&mut [f32], &mut [f32]))| {
            let block = (BLOCK / output.max(input)).max(1);
            let blocks = values.chunks_mut(block * output);
            for (i, values) in blocks.enumerate() {
                let first = range.start + i * block;
                let count = values.len() / output;
                let x = &x[first * input..(first + count) * input];
                matmul(
                    Matrix::new(x, count, input),
                    Matrix::new(self.weight, input, output),
                    values,
                    Onto::Nothing,
                );
                let from = (first - range.start) * kept;
                let before = &mut before[from..from + count * kept];
                arch.dispatch(Finish { layer: self, rows, first, values, before });
            }
        });
        Output { values, before }
    }

    /// The gradients of a layer's inputs from that of its output. `kept` is the input of norm or activation where it
    /// [is needed](Self::keeps_input), and otherwise the output. The gradient of `skip` is that of the output.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        rows: usize,
        kept: &[f32],
        gradient: &[f32],
        want_input: bool,
    ) -> LayerGradients {
        let (input, output) = (self.input(), self.output);
        assert_eq!(x.len(), rows * input, "input of {rows} rows");
        assert_eq!(gradient.len(), rows * output, "gradient of {rows} rows");
        let ranges = self.ranges(rows, 3);
        let mut dx = vec![0.0; if want_input { rows * input } else { 0 }];
        let jobs =
            ranges.iter().cloned().zip(cut(&mut dx, if want_input { input } else { 0 }, &ranges)).collect();
        let arch = Arch::new();
        let parts = run(jobs, |(range, dx): (Range<usize>, &mut [f32])| {
            let mut sums = self.zeros();
            let mut du = gradient[range.start * output..range.end * output].to_vec();
            let kept = if kept.is_empty() { kept } else { &kept[range.start * output..range.end * output] };
            arch.dispatch(Unwind {
                layer: self,
                rows,
                first: range.start,
                du: &mut du,
                kept,
                sums: &mut sums,
            });
            let x = Matrix::new(&x[range.start * input..range.end * input], range.len(), input);
            let du = Matrix::new(&du, range.len(), output);
            matmul(x.transposed(), du, &mut sums.weight, Onto::Nothing);
            if want_input {
                matmul(du, Matrix::new(self.weight, input, output).transposed(), dx, Onto::Nothing);
            }
            sums
        });
        let mut parts = parts.into_iter();
        let mut sums = parts.next().unwrap_or_default();
        for part in parts {
            sums.add(&part);
        }
        sums.input = dx;
        sums
    }

    fn zeros(&self) -> LayerGradients {
        let output = self.output;
        let zeros = |like: Option<&[f32]>| vec![0.0; like.map_or(0, <[f32]>::len)];
        LayerGradients {
            input: Vec::new(),
            weight: vec![0.0; self.input() * output],
            bias: zeros(self.bias),
            share: zeros(self.share),
            norm: [zeros(self.norm.map(|[gain, _]| gain)), zeros(self.norm.map(|[_, bias]| bias))],
            modulation: zeros(self.modulation),
        }
    }

    /// The parts of the modulation that belong to a row.
    fn modulation_of(&self, row: usize, rows: usize) -> Option<[&[f32]; 2]> {
        let both = &self.modulation?;
        let (scale, shift) = both[group(both.len(), 2 * self.output, row, rows)].split_at(self.output);
        Some([scale, shift])
    }
}

impl LayerGradients {
    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.weight, &other.weight),
            (&mut self.bias, &other.bias),
            (&mut self.share, &other.share),
            (&mut self.modulation, &other.modulation),
        ];
        for (sum, part) in pairs.into_iter().chain(self.norm.iter_mut().zip(&other.norm)) {
            for (a, b) in sum.iter_mut().zip(part) {
                *a += b;
            }
        }
    }
}

/// Where the numbers of a row's group are.
fn group(length: usize, width: usize, row: usize, rows: usize) -> Range<usize> {
    let groups = length / width;
    let start = row * groups / rows * width;
    start..start + width
}

/// Everything after the product, for a block of rows.
struct Finish<'a> {
    layer: &'a Layer<'a>,
    rows: usize,
    first: usize,
    values: &'a mut [f32],
    before: &'a mut [f32],
}

impl WithSimd for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { layer, rows, first, values, before } = self;
        let width = layer.output;
        for (i, row) in values.chunks_exact_mut(width).enumerate() {
            let number = first + i;
            if let Some(bias) = layer.bias {
                rows::add(s, row, bias);
            }
            if let Some(share) = layer.share {
                rows::add(s, row, &share[group(share.len(), width, number, rows)]);
            }
            if !before.is_empty() {
                before[i * width..(i + 1) * width].copy_from_slice(row);
            }
            if let Some([gain, bias]) = layer.norm {
                let modulation = layer.modulation_of(number, rows);
                let moments = rows::moments(s, row);
                rows::norm(s, row, Affine { gain, bias, modulation }, moments, layer.activation);
            } else if layer.activation != Activation::Identity {
                rows::activate_row(s, row, layer.activation);
            }
            if let Some(skip) = layer.skip {
                rows::add(s, row, &skip[number * width..(number + 1) * width]);
            }
        }
    }
}

/// Everything before the products of the backward pass, for a range of rows: turns the gradient of the output into that
/// of the product, and sums up gradients of what rows share.
struct Unwind<'a> {
    layer: &'a Layer<'a>,
    rows: usize,
    first: usize,
    du: &'a mut [f32],
    kept: &'a [f32],
    sums: &'a mut LayerGradients,
}

impl WithSimd for Unwind<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { layer, rows, first, du, kept, sums } = self;
        let width = layer.output;
        for (i, row) in du.chunks_exact_mut(width).enumerate() {
            let number = first + i;
            if let Some([gain, bias]) = layer.norm {
                let modulation = layer.modulation_of(number, rows);
                let [gain_sum, bias_sum] = &mut sums.norm;
                let modulation_sums = modulation.is_some().then(|| {
                    let place = group(sums.modulation.len(), 2 * width, number, rows);
                    let (scale, shift) = sums.modulation[place].split_at_mut(width);
                    [scale, shift]
                });
                let affine_sums = AffineSums { gain: gain_sum, bias: bias_sum, modulation: modulation_sums };
                let x = &kept[i * width..(i + 1) * width];
                rows::norm_backward(
                    s,
                    row,
                    x,
                    Affine { gain, bias, modulation },
                    layer.activation,
                    affine_sums,
                );
            } else if layer.activation != Activation::Identity {
                rows::times_slope(s, row, &kept[i * width..(i + 1) * width], layer.activation);
            }
            if layer.bias.is_some() {
                rows::add(s, &mut sums.bias, row);
            }
            if layer.share.is_some() {
                let place = group(sums.share.len(), width, number, rows);
                rows::add(s, &mut sums.share[place], row);
            }
        }
    }
}
