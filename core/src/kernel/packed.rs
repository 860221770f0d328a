//! Layers whose weights are laid out for products with a few rows at a time.

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

use super::layer::Activation;
use super::parallel::run;
use super::rows::{self, Affine};

/// Rows that go through layers together. Twice this many rows of a wide layer still fit into the first-level cache;
/// fewer would read the weights more often.
pub(crate) const TILE: usize = 24;

/// A linear layer and what follows it, for repeated use without gradients.
///
/// The weight is cut into panels two vectors wide, input by input, so that a product reads it from front to back.
#[derive(Clone, Debug)]
pub(crate) struct PackedLayer {
    input: usize,
    output: usize,
    panels: Vec<Line>,
    bias: Option<Vec<f32>>,
    norm: Option<[Vec<f32>; 2]>,
    activation: Activation,
}

/// As many numbers as the widest vector has, at an address that is a multiple of their size.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read and written as part of a slice of numbers")] [f32; LINE]);

const LINE: usize = 16;

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
        let panel = Arch::new().dispatch(PanelWidth);
        let count = output.div_ceil(panel);
        let mut panels = vec![Line([0.0; LINE]); (count * input * panel).div_ceil(LINE)];
        let numbers = numbers_of_mut(&mut panels);
        for (number, row) in weight.chunks_exact(output).enumerate() {
            for (part, first) in row.chunks(panel).zip((number * panel..).step_by(input * panel)) {
                numbers[first..first + part.len()].copy_from_slice(part);
            }
        }
        Self { input, output, panels, bias, norm, activation }
    }

    /// Numbers in a row of the input.
    pub(crate) fn input(&self) -> usize {
        self.input
    }

    /// Numbers in a row of the output.
    pub(crate) fn output(&self) -> usize {
        self.output
    }

    /// The layer for a block of rows, `[rows, input]` to `[rows, output]`.
    ///
    /// A call that is not inlined: its code would otherwise stand in every place that runs a layer.
    pub(crate) fn forward<S: Simd>(&self, s: S, x: &[f32], out: &mut [f32], context: Context) {
        s.vectorize(Forward { s, layer: self, x, out, context });
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, out: &mut [f32], context: Context) {
        let width = self.output;
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

    #[inline(always)]
    fn product<S: Simd>(&self, s: S, x: &[f32], out: &mut [f32]) {
        let (input, output) = (self.input, self.output);
        let numbers: &[f32] = numbers_of(&self.panels);
        let (vectors, _) = S::as_simd_f32s(numbers);
        let panels = vectors.chunks_exact(2 * input.max(1));
        for (panel, number) in panels.take(output.div_ceil(2 * S::F32_LANES)).zip(0..) {
            let column = number * 2 * S::F32_LANES;
            let mut rows = x.len() / input.max(1);
            let (mut x, mut first) = (x, 0);
            // Sums of as many rows as there are registers for, then of what is left.
            macro_rules! blocks_of {
                ($count:literal) => {
                    while rows >= $count {
                        let sums = sums::<S, $count>(s, x, input, panel);
                        for (row, sums) in sums.into_iter().enumerate() {
                            store(
                                s,
                                sums,
                                &mut out[(first + row) * output + column..(first + row + 1) * output],
                            );
                        }
                        x = &x[$count * input..];
                        first += $count;
                        rows -= $count;
                    }
                };
            }
            // WebAssembly promises registers without end, but most machines that run it have sixteen.
            if S::REGISTER_COUNT >= 32 && !cfg!(target_arch = "wasm32") {
                blocks_of!(12);
                blocks_of!(8);
            }
            blocks_of!(6);
            blocks_of!(4);
            blocks_of!(2);
            blocks_of!(1);
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
        layer.product(s, x, out);
        layer.finish(s, out, context);
    }
}

/// `[rows, input]` through layers one after the other.
pub(crate) fn forward(layers: &[PackedLayer], x: &[f32]) -> Vec<f32> {
    let (Some(first), Some(last)) = (layers.first(), layers.last()) else { return x.to_vec() };
    let mut out = vec![0.0; x.len() / first.input * last.output];
    let jobs = x.chunks(TILE * first.input).zip(out.chunks_mut(TILE * last.output)).collect();
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

fn numbers_of_mut(lines: &mut [Line]) -> &mut [f32] {
    // SAFETY: as in `numbers_of`; the lines are borrowed for writing.
    unsafe { core::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}

fn numbers_of(lines: &[Line]) -> &[f32] {
    // SAFETY: a line is sixteen numbers and nothing else (its size is its alignment), so lines side by side are
    // numbers side by side.
    unsafe { core::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
}

/// Sums of products for `ROWS` rows and one panel.
#[inline(always)]
fn sums<S: Simd, const ROWS: usize>(
    s: S,
    x: &[f32],
    input: usize,
    panel: &[S::f32s],
) -> [[S::f32s; 2]; ROWS] {
    let rows: [&[f32]; ROWS] = core::array::from_fn(|row| &x[row * input..(row + 1) * input]);
    let mut sums = [[s.splat_f32s(0.0); 2]; ROWS];
    let (pairs, _) = panel.as_chunks::<2>();
    for (k, weights) in pairs.iter().enumerate().take(input) {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let factor = s.splat_f32s(row[k]);
            sums[0] = s.mul_add_e_f32s(factor, weights[0], sums[0]);
            sums[1] = s.mul_add_e_f32s(factor, weights[1], sums[1]);
        }
    }
    sums
}

/// Two vectors into the beginning of a row, which may be shorter.
#[inline(always)]
fn store<S: Simd>(s: S, sums: [S::f32s; 2], row: &mut [f32]) {
    let (vectors, rest) = S::as_mut_simd_f32s(row);
    match vectors {
        [first, second, ..] => [*first, *second] = sums,
        [first] => {
            *first = sums[0];
            s.partial_store_f32s(rest, sums[1]);
        }
        [] => s.partial_store_f32s(rest, sums[0]),
    }
}

struct PanelWidth;

impl WithSimd for PanelWidth {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        2 * S::F32_LANES
    }
}
