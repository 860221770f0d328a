//! Convolutions over time, `[batch, time, channels]`, and their gradients.
//!
//! Rows that follow each other in time are side by side in memory, so all that an output row sees of a padded input is
//! one run of numbers, and a convolution is a product of such runs, which overlap, with the taps' weights one below the
//! other. The gradient of the input is the adjoint convolution: that of halving is doubling, and the other way round.

use core::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::panels::{Panels, Rows, store};
use super::parallel::{cut, pieces, run};
use super::rows;

/// Inputs of the gradient of a weight that are worked on together.
const BLOCK: usize = 24;

/// Change of a convolution's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// As many rows as before: an odd number of taps, centred.
    Same,
    /// Every second row: three or four taps, one row of padding.
    Halved,
    /// Twice as many rows: the transposed convolution of three or four taps.
    Doubled,
}

/// Places that a tap joins: output rows `into, into + by, …` see input rows `from, from + step, …`.
#[derive(Clone, Copy, Debug)]
struct Place {
    tap: usize,
    from: isize,
    step: usize,
    into: usize,
    by: usize,
}

impl Time {
    /// Rows of the output for so many of the input.
    pub(crate) fn rows(self, rows: usize) -> usize {
        match self {
            Self::Same => rows,
            Self::Halved => rows.div_ceil(2),
            Self::Doubled => 2 * rows,
        }
    }

    fn place(self, tap: usize, taps: usize) -> Place {
        let t = tap as isize;
        match self {
            Self::Same => Place { tap, from: t - (taps / 2) as isize, step: 1, into: 0, by: 1 },
            Self::Halved => Place { tap, from: t - 1, step: 2, into: 0, by: 1 },
            Self::Doubled => {
                // Row m of the input meets row 2 m - 1 + tap of the output.
                let into = (tap + 1) % 2;
                Place { tap, from: (into as isize + 1 - t) / 2, step: 1, into, by: 2 }
            }
        }
    }

    /// The place of a tap in the gradient of the input.
    fn adjoint(self, tap: usize, taps: usize) -> Place {
        match self {
            Self::Same => Place { tap, ..Self::Same.place(taps - 1 - tap, taps) },
            Self::Halved => Self::Doubled.place(tap, taps),
            Self::Doubled => Self::Halved.place(tap, taps),
        }
    }
}

/// Taps that see neighbouring rows for the same output rows: one product.
#[derive(Clone, Debug)]
struct Part {
    /// In the order of the rows they see.
    taps: Vec<usize>,
    place: Place,
}

/// Products of a convolution, and the padding that they take.
#[derive(Clone, Debug)]
struct Plan {
    parts: Vec<Part>,
    /// Rows of zeros before and after each input.
    padding: [usize; 2],
    /// Rows of input and output.
    rows: [usize; 2],
}

impl Plan {
    fn new(places: Vec<Place>, rows: [usize; 2]) -> Self {
        let by = places.first().map_or(1, |place| place.by);
        let mut parts = Vec::new();
        let mut padding = [0, 0];
        for into in 0..by {
            let mut own: Vec<Place> = places.iter().copied().filter(|place| place.into == into).collect();
            own.sort_by_key(|place| place.from);
            let Some(&place) = own.first() else { continue };
            let count = outputs(place, rows[1]);
            let end = place.from + ((count.max(1) - 1) * place.step + own.len()) as isize;
            padding[0] = padding[0].max((-place.from).max(0).unsigned_abs());
            padding[1] = padding[1].max((end - rows[0] as isize).max(0).unsigned_abs());
            parts.push(Part { taps: own.into_iter().map(|place| place.tap).collect(), place });
        }
        Self { parts, padding, rows }
    }

    /// Rows of a padded input.
    fn padded(&self) -> usize {
        self.padding[0] + self.rows[0] + self.padding[1]
    }

    fn is_padded(&self) -> bool {
        self.padding != [0, 0]
    }

    /// First row of a padded input that a place sees.
    fn first(&self, place: Place) -> usize {
        self.padding[0].saturating_add_signed(place.from)
    }
}

/// Output rows at a place.
fn outputs(place: Place, rows: usize) -> usize {
    rows.saturating_sub(place.into).div_ceil(place.by)
}

/// A convolution's weight and form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution<'a> {
    /// `[taps, input, output]`.
    pub weight: &'a [f32],
    /// Its shape.
    pub shape: [usize; 3],
    /// Change of the time.
    pub time: Time,
}

/// Gradients of a convolution's inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConvolutionGradients {
    /// `[batch, rows, input]`; empty unless wanted.
    pub input: Vec<f32>,
    /// `[taps, input, output]`.
    pub weight: Vec<f32>,
    /// `[output]`.
    pub bias: Vec<f32>,
}

impl<'a> Convolution<'a> {
    fn plan(&self, rows: usize) -> Plan {
        let [taps, _, _] = self.shape;
        let places = (0..taps).map(|tap| self.time.place(tap, taps)).collect();
        Plan::new(places, [rows, self.time.rows(rows)])
    }

    fn tap(&self, tap: usize) -> &'a [f32] {
        let [_, input, output] = self.shape;
        &self.weight[tap * input * output..(tap + 1) * input * output]
    }

    /// The output for `[batch, rows, input]`, `[batch, rows', output]`, and the padded input, empty where none is padded.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn forward(&self, x: &[f32], bias: &[f32], batch: usize) -> [Vec<f32>; 2] {
        let [_, input, output] = self.shape;
        let rows = x.len() / (batch * input).max(1);
        assert_eq!(x.len(), batch * rows * input, "input of {batch} times {rows} rows");
        let plan = self.plan(rows);
        let panels = |part: &Part| {
            let weights: Vec<&[f32]> =
                part.taps.iter().flat_map(|&tap| self.tap(tap).chunks_exact(output)).collect();
            Panels::new(weights.into_iter(), output)
        };
        let panels: Vec<Panels> = plan.parts.iter().map(panels).collect();
        multiply(&plan, &panels, x, batch, Some(bias))
    }

    /// The gradients of input, weight and bias from that of the output; `padded` is what the forward pass gave, or the
    /// input where it gave none.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn backward(
        &self,
        padded: &[f32],
        rows: usize,
        gradient: &[f32],
        batch: usize,
        want_input: bool,
    ) -> ConvolutionGradients {
        let [taps, input, output] = self.shape;
        let plan = self.plan(rows);
        assert_eq!(padded.len(), batch * plan.padded() * input, "input of {batch} times {rows} rows");
        assert_eq!(gradient.len(), batch * plan.rows[1] * output, "gradient of {batch} times {rows} rows");
        let input_gradient = if want_input {
            let places = (0..taps).map(|tap| self.time.adjoint(tap, taps)).collect();
            let back = Plan::new(places, [plan.rows[1], rows]);
            let panels = |part: &Part| {
                let weights: Vec<&[f32]> = part.taps.iter().map(|&tap| self.tap(tap)).collect();
                Panels::transposed(&weights, input)
            };
            let panels: Vec<Panels> = back.parts.iter().map(panels).collect();
            let [values, _] = multiply(&back, &panels, gradient, batch, None);
            values
        } else {
            Vec::new()
        };
        ConvolutionGradients {
            input: input_gradient,
            weight: self.weight_gradient(&plan, padded, gradient, batch),
            bias: column_sums(gradient, output),
        }
    }

    /// Each number is one sum over all rows of the batch in their order, however the work is shared out.
    fn weight_gradient(&self, plan: &Plan, padded: &[f32], gradient: &[f32], batch: usize) -> Vec<f32> {
        let [taps, input, output] = self.shape;
        let mut weight = vec![0.0; taps * input * output];
        let tasks: Vec<(usize, usize, &mut [f32])> = weight
            .chunks_mut(input * output)
            .enumerate()
            .flat_map(|(tap, weight)| {
                weight
                    .chunks_mut(BLOCK * output)
                    .zip((0..).step_by(BLOCK))
                    .map(move |(out, first)| (tap, first, out))
            })
            .collect();
        let count = pieces(tasks.len(), 2 * BLOCK * output * batch * plan.rows[1]).len();
        let mut tasks = tasks.into_iter();
        let each = tasks.len().div_ceil(count);
        let jobs: Vec<Vec<_>> = (0..count).map(|_| tasks.by_ref().take(each).collect()).collect();
        let arch = Arch::new();
        run(jobs, |tasks| {
            for (tap, first, out) in tasks {
                let place = self.time.place(tap, taps);
                arch.dispatch(Outer { plan, place, padded, input, first, gradient, output, out });
            }
        });
        weight
    }
}

/// Sums over all rows, `[rows, width]` to `[width]`.
fn column_sums(values: &[f32], width: usize) -> Vec<f32> {
    struct Sum<'a>(&'a mut [f32], &'a [f32]);
    impl WithSimd for Sum<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, s: S) {
            let Self(sum, values) = self;
            for row in values.chunks_exact(sum.len()) {
                rows::add(s, sum, row);
            }
        }
    }
    let mut sum = vec![0.0; width];
    Arch::new().dispatch(Sum(&mut sum, values));
    sum
}

/// All products of a plan: the output, and the padded input, empty where none is padded.
fn multiply(plan: &Plan, panels: &[Panels], x: &[f32], batch: usize, bias: Option<&[f32]>) -> [Vec<f32>; 2] {
    let output = panels.first().map_or(0, Panels::output);
    let input = x.len() / (batch * plan.rows[0]).max(1);
    let work: usize = panels.iter().map(|panels| 2 * panels.input() * output * plan.rows[1]).sum();
    let ranges = pieces(batch, work / plan.parts.len().max(1));
    let (taken, given) = (plan.rows[0] * input, plan.rows[1] * output);
    let padded_width = if plan.is_padded() { plan.padded() * input } else { 0 };
    let mut out = vec![0.0; batch * given];
    let mut padded = vec![0.0; batch * padded_width];
    let parts = cut(&mut out, given, &ranges).into_iter().zip(cut(&mut padded, padded_width, &ranges));
    let jobs = ranges.iter().cloned().zip(parts).collect();
    let arch = Arch::new();
    run(jobs, |(range, (out, padded)): (Range<usize>, (&mut [f32], &mut [f32]))| {
        let samples = range.len();
        let mut x = &x[range.start * taken..range.end * taken];
        if plan.is_padded() {
            let before = plan.padding[0] * input;
            for (padded, x) in padded.chunks_exact_mut(padded_width).zip(x.chunks_exact(taken)) {
                padded[before..before + taken].copy_from_slice(x);
            }
            x = padded;
        }
        arch.dispatch(Multiply { plan, panels, x, samples, out, bias });
    });
    [out, padded]
}

/// The products of some samples.
struct Multiply<'a> {
    plan: &'a Plan,
    panels: &'a [Panels],
    x: &'a [f32],
    samples: usize,
    out: &'a mut [f32],
    bias: Option<&'a [f32]>,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { plan, panels, x, samples, out, bias } = self;
        for (part, panels) in plan.parts.iter().zip(panels) {
            let Place { step, into, by, .. } = part.place;
            let output = panels.output();
            let width = panels.input() / part.taps.len();
            let mut rows =
                Rows { count: outputs(part.place, plan.rows[1]), step: step * width, out_step: by * output };
            let (mut each, mut out_each) = (plan.padded() * width, plan.rows[1] * output);
            if step == 1 && by == 1 && !plan.is_padded() {
                // Rows of all samples follow each other.
                rows.count *= samples;
                (each, out_each) = (each * samples, out_each * samples);
            }
            if rows.count == 0 {
                continue;
            }
            let first = plan.first(part.place) * width;
            for (x, out) in x.chunks_exact(each).zip(out.chunks_exact_mut(out_each)) {
                let x = x.get(first..).unwrap_or_default();
                s.vectorize(Product { panels, x, out: &mut out[into * output..], rows });
            }
        }
        if let Some(bias) = bias {
            for row in out.chunks_exact_mut(bias.len()) {
                rows::add(s, row, bias);
            }
        }
    }
}

/// A product as a function of its own, so that its code stands in one place.
struct Product<'a> {
    panels: &'a Panels,
    x: &'a [f32],
    out: &'a mut [f32],
    rows: Rows,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        self.panels.product(s, self.x, self.out, self.rows);
    }
}

/// Sums over all rows of products of some inputs of a tap with all outputs.
struct Outer<'a> {
    plan: &'a Plan,
    place: Place,
    padded: &'a [f32],
    /// Numbers in a row of the input, and the first of those that are meant.
    input: usize,
    first: usize,
    gradient: &'a [f32],
    output: usize,
    /// `[inputs, output]`.
    out: &'a mut [f32],
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        let inputs = self.out.len() / self.output.max(1);
        for column in (0..self.output).step_by(2 * S::F32_LANES) {
            let mut at = 0;
            macro_rules! blocks_of {
                ($count:literal) => {
                    while inputs - at >= $count {
                        self.block::<S, $count>(s, at, column);
                        at += $count;
                    }
                };
            }
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

impl Outer<'_> {
    /// Sums for `INPUTS` inputs from `at` and two vectors of outputs from `column`.
    #[inline(always)]
    fn block<S: Simd, const INPUTS: usize>(&mut self, s: S, at: usize, column: usize) {
        let Place { step, into, by, .. } = self.place;
        let [rows, out_rows] = [self.plan.padded(), self.plan.rows[1]];
        let count = outputs(self.place, out_rows);
        let begin = self.plan.first(self.place) * self.input + self.first + at;
        let mut sums = [[s.splat_f32s(0.0); 2]; INPUTS];
        let samples = self.padded.chunks_exact(rows * self.input);
        for (x, gradient) in samples.zip(self.gradient.chunks_exact(out_rows * self.output)) {
            let x = x[begin..].chunks(step * self.input);
            let gradient = gradient[into * self.output + column..].chunks(by * self.output);
            for (x, gradient) in x.zip(gradient).take(count) {
                // The chunk of the last row may be short, that of another row goes on beyond it.
                let gradient = &gradient[..gradient.len().min(self.output - column)];
                let gradient = load_two(s, gradient);
                for (sums, &x) in sums.iter_mut().zip(&x[..INPUTS]) {
                    let x = s.splat_f32s(x);
                    sums[0] = s.mul_add_e_f32s(x, gradient[0], sums[0]);
                    sums[1] = s.mul_add_e_f32s(x, gradient[1], sums[1]);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let row = (at + row) * self.output;
            store(s, sums, &mut self.out[row + column..row + self.output]);
        }
    }
}

/// Two vectors from the beginning of a row, filled up with zeros where it is shorter.
#[inline(always)]
fn load_two<S: Simd>(s: S, row: &[f32]) -> [S::f32s; 2] {
    match S::as_simd_f32s(row) {
        ([first, second, ..], _) => [*first, *second],
        ([first], rest) => [*first, s.partial_load_f32s(rest)],
        ([], rest) => [s.partial_load_f32s(rest), s.splat_f32s(0.0)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    /// A convolution by its definition, tap by tap, with the time's places written out.
    fn plain(convolution: &Convolution, x: &[f32], batch: usize) -> Vec<f64> {
        let [taps, input, output] = convolution.shape;
        let rows = x.len() / batch / input;
        let out_rows = convolution.time.rows(rows);
        let mut y = vec![0.0; batch * out_rows * output];
        for sample in 0..batch {
            for (row, tap) in (0..rows).flat_map(|row| (0..taps).map(move |tap| (row, tap))) {
                // Rows of the output that row meets through this tap.
                let met = match convolution.time {
                    Time::Same => (row + taps / 2).checked_sub(tap),
                    Time::Halved => (row + 1).checked_sub(tap).filter(|at| at % 2 == 0).map(|at| at / 2),
                    Time::Doubled => (2 * row + tap).checked_sub(1),
                };
                let Some(at) = met.filter(|at| *at < out_rows) else { continue };
                for i in 0..input {
                    let x = f64::from(x[(sample * rows + row) * input + i]);
                    for o in 0..output {
                        let weight = f64::from(convolution.weight[(tap * input + i) * output + o]);
                        y[(sample * out_rows + at) * output + o] += x * weight;
                    }
                }
            }
        }
        y
    }

    fn assert_near(what: &str, found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let scale = expected.iter().fold(1.0_f64, |scale, x| scale.max(x.abs()));
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5 * scale,
                "{what} {i}: {found}, expected {expected}"
            );
        }
    }

    /// At odd sizes, of a single row, and of more than two vectors of channels.
    #[test]
    fn values_and_gradients_are_sums_by_definition() {
        for (batch, rows, shape, time) in [
            (1, 1, [5, 1, 1], Time::Same),
            (1, 7, [5, 3, 2], Time::Same),
            (3, 32, [5, 6, 32], Time::Same),
            (2, 9, [5, 40, 50], Time::Same),
            (5, 11, [1, 37, 6], Time::Same),
            (2, 3, [3, 70, 17], Time::Same),
            (1, 1, [3, 2, 3], Time::Halved),
            (2, 8, [3, 24, 24], Time::Halved),
            (3, 13, [3, 5, 33], Time::Halved),
            (1, 1, [4, 2, 3], Time::Doubled),
            (2, 8, [4, 32, 64], Time::Doubled),
            (3, 13, [4, 13, 5], Time::Doubled),
        ] {
            let what = format!("{batch} times {rows} rows, {shape:?}, {time:?}");
            let [taps, input, output] = shape;
            let key = Key::new(8).fold((rows * taps * input) as u64);
            let weight = key.fold(0).normals(taps * input * output);
            let convolution = Convolution { weight: &weight, shape, time };
            let x = key.fold(1).normals(batch * rows * input);
            let bias = key.fold(2).normals(output);
            let mut expected = plain(&convolution, &x, batch);
            let [y, padded] = convolution.forward(&x, &bias, batch);
            for row in expected.chunks_exact_mut(output) {
                row.iter_mut().zip(&bias).for_each(|(y, bias)| *y += f64::from(*bias));
            }
            assert_near(&what, &y, &expected);

            let arriving = key.fold(3).normals(y.len());
            let padded = if padded.is_empty() { &x } else { &padded };
            let found = convolution.backward(padded, rows, &arriving, batch, true);
            // The convolution is linear in its input and in its weight: a gradient is what a unit in its place gives.
            let along = |y: Vec<f64>| y.iter().zip(&arriving).map(|(y, a)| y * f64::from(*a)).sum::<f64>();
            let unit = |count: usize, at: usize| {
                let mut unit = vec![0.0; count];
                unit[at] = 1.0;
                unit
            };
            for at in (0..x.len()).step_by(1 + x.len() / 40) {
                let expected = along(plain(&convolution, &unit(x.len(), at), batch));
                assert!((f64::from(found.input[at]) - expected).abs() < 1e-4, "{what}: input {at}");
            }
            for at in (0..weight.len()).step_by(1 + weight.len() / 40) {
                let weight = unit(weight.len(), at);
                let expected = along(plain(&Convolution { weight: &weight, ..convolution }, &x, batch));
                assert!((f64::from(found.weight[at]) - expected).abs() < 1e-3, "{what}: weight {at}");
            }
            for (o, found) in found.bias.iter().enumerate() {
                let expected: f64 = arriving.iter().skip(o).step_by(output).map(|x| f64::from(*x)).sum();
                assert!((f64::from(*found) - expected).abs() < 1e-4, "{what}: bias {o}");
            }
        }
    }

    /// A sample's numbers are the same bits alone and in a batch.
    #[test]
    fn samples_do_not_depend_on_each_other() {
        for (shape, time) in [([5, 33, 40], Time::Same), ([3, 8, 8], Time::Halved), ([1, 32, 6], Time::Same)]
        {
            let [taps, input, output] = shape;
            let weight = Key::new(1).normals(taps * input * output);
            let convolution = Convolution { weight: &weight, shape, time };
            let (batch, rows) = (64, 12);
            let x = Key::new(2).normals(batch * rows * input);
            let bias = Key::new(3).normals(output);
            let [all, _] = convolution.forward(&x, &bias, batch);
            let each = all.len() / batch;
            for sample in 0..batch {
                let x = &x[sample * rows * input..(sample + 1) * rows * input];
                let [alone, _] = convolution.forward(x, &bias, 1);
                assert_eq!(alone, all[sample * each..(sample + 1) * each], "{sample}");
            }
        }
    }
}
