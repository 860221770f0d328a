//! A matrix laid out for products with a few rows at a time from the left.

use pulp::{Arch, Simd, WithSimd};

/// A matrix, `[input, output]`, cut into panels two vectors wide, each row by row, so that a product reads it from front
/// to back. The last panel is filled up with zeros.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    input: usize,
    output: usize,
    lines: Vec<Line>,
}

/// As many numbers as the widest vector has, at an address that is a multiple of their size.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read and written as part of a slice of numbers")] [f32; LINE]);

const LINE: usize = 16;

/// Rows of numbers in a slice, each so many after the one before; they may overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Number of rows.
    pub count: usize,
    /// Numbers from the beginning of a row of the input to that of the next.
    pub step: usize,
    /// The same for the output.
    pub out_step: usize,
}

impl Panels {
    /// Lays out a matrix given by its rows, which are `output` numbers long.
    pub(crate) fn new<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, output: usize) -> Self {
        let input = rows.len();
        let mut panels = Self::zeros(input, output);
        let width = panel_width();
        let numbers = numbers_of_mut(&mut panels.lines);
        for (number, row) in rows.enumerate() {
            for (part, first) in row.chunks(width).zip((number * width..).step_by(input * width)) {
                numbers[first..first + part.len()].copy_from_slice(part);
            }
        }
        panels
    }

    /// Lays out the transposes of matrices of `rows` rows, one below the other.
    pub(crate) fn transposed(matrices: &[&[f32]], rows: usize) -> Self {
        let columns = matrices.first().map_or(0, |matrix| matrix.len() / rows);
        let mut panels = Self::zeros(matrices.len() * columns, rows);
        let width = panel_width();
        let numbers = numbers_of_mut(&mut panels.lines);
        for (panel, first) in numbers.chunks_exact_mut(panels.input * width).zip((0..rows).step_by(width)) {
            for (block, matrix) in panel.chunks_exact_mut(columns * width).zip(matrices) {
                let matrix = &matrix[first * columns..(first + width).min(rows) * columns];
                for (place, row) in matrix.chunks_exact(columns).enumerate() {
                    for (line, &number) in block.chunks_exact_mut(width).zip(row) {
                        line[place] = number;
                    }
                }
            }
        }
        panels
    }

    fn zeros(input: usize, output: usize) -> Self {
        let width = panel_width();
        let lines = (output.div_ceil(width) * input * width).div_ceil(LINE);
        Self { input, output, lines: vec![Line([0.0; LINE]); lines] }
    }

    /// Numbers in a row of the input.
    pub(crate) fn input(&self) -> usize {
        self.input
    }

    /// Numbers in a row of the output.
    pub(crate) fn output(&self) -> usize {
        self.output
    }

    /// Rows times the matrix. A row's numbers do not depend on the other rows: each is one sum, from front to back.
    #[inline(always)]
    pub(crate) fn product<S: Simd>(&self, s: S, x: &[f32], out: &mut [f32], rows: Rows) {
        let (input, output) = (self.input, self.output);
        let Rows { count, step, out_step } = rows;
        let numbers: &[f32] = numbers_of(&self.lines);
        let (vectors, _) = S::as_simd_f32s(numbers);
        let panels = vectors.chunks_exact(2 * input.max(1));
        for (panel, number) in panels.take(output.div_ceil(2 * S::F32_LANES)).zip(0..) {
            let column = number * 2 * S::F32_LANES;
            let mut rows = count;
            let (mut x, mut first) = (x, 0);
            // Sums of as many rows as there are registers for, then of what is left.
            macro_rules! blocks_of {
                ($count:literal) => {
                    while rows >= $count {
                        let sums = sums::<S, $count>(s, x, step, input, panel);
                        for (row, sums) in sums.into_iter().enumerate() {
                            let row = (first + row) * out_step;
                            store(s, sums, &mut out[row + column..row + output]);
                        }
                        first += $count;
                        rows -= $count;
                        x = x.get($count * step..).unwrap_or_default();
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

fn panel_width() -> usize {
    Arch::new().dispatch(PanelWidth)
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
    step: usize,
    input: usize,
    panel: &[S::f32s],
) -> [[S::f32s; 2]; ROWS] {
    let rows: [&[f32]; ROWS] = core::array::from_fn(|row| &x[row * step..row * step + input]);
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
pub(super) fn store<S: Simd>(s: S, sums: [S::f32s; 2], row: &mut [f32]) {
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
