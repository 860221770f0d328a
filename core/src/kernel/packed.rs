//! Layers whose weights are laid out for products with a few rows at a time.

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

use super::layer::Activation;
use super::panels::{Panels, Rows};
use super::parallel::run;
use super::rows::{self, Affine};

/// Rows that go through layers together. Twice this many rows of a wide layer still fit into the first-level cache;
/// fewer would read the weights more often.
pub(crate) const TILE: usize = 24;

/// A linear layer and what follows it, for repeated use without gradients.
#[derive(Clone, Debug)]
pub(crate) struct PackedLayer {
    weight: Panels,
    bias: Option<Vec<f32>>,
    norm: Option<[Vec<f32>; 2]>,
    activation: Activation,
}

/// What else a block of rows goes through after its product.
#[derive(Clone, Copy, Default)]
pub(crate) struct Context<'a> {
    /// Added after the product, `[output]`.
    pub share: Option<&'a [f32]>,
    /// Scale, less one, and shift after the norm, `[2 * output]`.
    pub modulation: Option<&'a [f32]>,
    /// Added at the end, `[rows, output]`.
    pub skip: Option<&'a [f32]>,
}

impl PackedLayer {
    /// Lays out a weight, `[input, output]`.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn new(
        weight: &[f32],
        output: usize,
        bias: Option<Vec<f32>>,
        norm: Option<[Vec<f32>; 2]>,
        activation: Activation,
    ) -> Self {
        let input = weight.len() / output;
        assert_eq!(weight.len(), input * output, "a weight of {input} by {output}");
        let weight = Panels::new(weight.chunks_exact(output), output);
        Self { weight, bias, norm, activation }
    }

    /// Numbers in a row of the input.
    pub(crate) fn input(&self) -> usize {
        self.weight.input()
    }

    /// Numbers in a row of the output.
    pub(crate) fn output(&self) -> usize {
        self.weight.output()
    }

    /// The layer for a block of rows, `[rows, input]` to `[rows, output]`.
    ///
    /// A call that is not inlined: its code would otherwise stand in every place that runs a layer.
    pub(crate) fn forward<S: Simd>(&self, s: S, x: &[f32], out: &mut [f32], context: Context) {
        s.vectorize(Forward { s, layer: self, x, out, context });
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, out: &mut [f32], context: Context) {
        let width = self.output();
        let modulation = context.modulation.map(|both| {
            let (scale, shift) = both.split_at(width);
            [scale, shift]
        });
        for (i, row) in out.chunks_exact_mut(width).enumerate() {
            if let Some(bias) = &self.bias {
                rows::add(s, row, bias);
            }
            if let Some(share) = context.share {
                rows::add(s, row, share);
            }
            if let Some([gain, bias]) = &self.norm {
                let moments = rows::moments(s, row);
                rows::norm(s, row, Affine { gain, bias, modulation }, moments, self.activation);
            } else if self.activation != Activation::Identity {
                rows::activate_row(s, row, self.activation);
            }
            if let Some(skip) = context.skip {
                rows::add(s, row, &skip[i * width..(i + 1) * width]);
            }
        }
    }
}

/// A layer on its way through a block of rows.
struct Forward<'a, S> {
    s: S,
    layer: &'a PackedLayer,
    x: &'a [f32],
    out: &'a mut [f32],
    context: Context<'a>,
}

impl<S: Simd> NullaryFnOnce for Forward<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { s, layer, x, out, context } = self;
        let (input, output) = (layer.input(), layer.output());
        let rows = Rows { count: x.len() / input.max(1), step: input, out_step: output };
        layer.weight.product(s, x, out, rows);
        layer.finish(s, out, context);
    }
}

/// `[rows, input]` through layers one after the other.
pub(crate) fn forward(layers: &[PackedLayer], x: &[f32]) -> Vec<f32> {
    let (Some(first), Some(last)) = (layers.first(), layers.last()) else { return x.to_vec() };
    let mut out = vec![0.0; x.len() / first.input() * last.output()];
    let jobs = x.chunks(TILE * first.input()).zip(out.chunks_mut(TILE * last.output())).collect();
    let arch = Arch::new();
    run(jobs, |(x, out): (&[f32], &mut [f32])| {
        out.copy_from_slice(&arch.dispatch(Run { layers, x, share: None }));
    });
    out
}

/// Layers one after the other for one tile; one of them may have a share from elsewhere.
pub(crate) struct Run<'a> {
    /// In order.
    pub layers: &'a [PackedLayer],
    /// `[rows, input]`.
    pub x: &'a [f32],
    /// For which layer, and what, `[output]`.
    pub share: Option<(usize, &'a [f32])>,
}

impl WithSimd for Run<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Vec<f32> {
        let rows = self.layers.first().map_or(0, |layer| self.x.len() / layer.input());
        let mut x = self.x.to_vec();
        for (number, layer) in self.layers.iter().enumerate() {
            let mut out = vec![0.0; rows * layer.output()];
            let share = self.share.filter(|(joint, _)| *joint == number).map(|(_, share)| share);
            layer.forward(s, &x, &mut out, Context { share, ..Context::default() });
            x = out;
        }
        x
    }
}
