//! A gated recurrence over all steps in one go, and its gradients.
//!
//! `r, u = σ(g + h U + c)`, `n = tanh(g_n + r·(h U_n + c_n))`, `h' = n + u·(h - n)`, from h = 0. Threads share the batch:
//! each runs all steps for its rows, without waiting for another.

use core::ops::Range;

use pulp::{Arch, Scalar, Simd, WithSimd};

use super::matmul::{Matrix, Onto, matmul};
use super::parallel::{cut, ranges, run};
use super::rows;
use super::simd::{sigmoid, tanh};

/// Operations of a step for each hidden number, besides the product, about.
const PER_NUMBER: usize = 150;

/// The recurrence: its weights and its direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recurrence<'a> {
    /// `[hidden, 3 * hidden]`, in the order reset, update, new.
    pub weight: &'a [f32],
    /// `[3 * hidden]`.
    pub bias: &'a [f32],
    /// Numbers of a state.
    pub hidden: usize,
    /// From the last step to the first.
    pub reversed: bool,
    /// Only the state after all steps is given, `[batch, hidden]`; otherwise that after each, `[steps, batch, hidden]`.
    pub last: bool,
}

/// What the backward pass needs of the forward pass, one part per range of rows.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Vec<Part>);

#[derive(Clone, Debug)]
struct Part {
    range: Range<usize>,
    /// In order of computation, from the zero state on, `[steps + 1, rows, hidden]`.
    states: Vec<f32>,
    /// Reset, update, new, and what reset multiplies, `[steps, rows, 4 * hidden]`.
    gates: Vec<f32>,
}

/// Gradients of a recurrence's inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecurrenceGradients {
    /// `[steps, batch, 3 * hidden]`.
    pub gates: Vec<f32>,
    /// `[hidden, 3 * hidden]`.
    pub weight: Vec<f32>,
    /// `[3 * hidden]`.
    pub bias: Vec<f32>,
}

impl Recurrence<'_> {
    fn ranges(&self, steps: usize, batch: usize, passes: usize) -> Vec<Range<usize>> {
        ranges(batch, passes * steps * self.hidden * (6 * self.hidden + PER_NUMBER))
    }

    /// The step computed `i`-th.
    fn step(&self, i: usize, steps: usize) -> usize {
        if self.reversed { steps - 1 - i } else { i }
    }

    /// The states for the input's share of the gates, `[steps, batch, 3 * hidden]`.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn forward(&self, gates: &[f32], steps: usize, batch: usize) -> (Vec<f32>, Kept) {
        let hidden = self.hidden;
        assert_eq!(gates.len(), steps * batch * 3 * hidden, "gates of {steps} steps and {batch} rows");
        let ranges = self.ranges(steps, batch, 1);
        let mut out = vec![0.0; if self.last { 1 } else { steps } * batch * hidden];
        let outs = cut_steps(&mut out, batch, hidden, &ranges);
        let jobs = ranges.into_iter().zip(outs).collect();
        let arch = Arch::new();
        let parts = run(jobs, |(range, mut out): (Range<usize>, Vec<&mut [f32]>)| {
            let rows = range.len();
            let mut part = Part {
                range,
                states: vec![0.0; (steps + 1) * rows * hidden],
                gates: vec![0.0; steps * rows * 4 * hidden],
            };
            let mut share = vec![0.0; rows * 3 * hidden];
            for i in 0..steps {
                let step = self.step(i, steps);
                let (before, after) = part.states.split_at_mut((i + 1) * rows * hidden);
                let before = &before[i * rows * hidden..];
                if i > 0 {
                    let state = Matrix::new(before, rows, hidden);
                    matmul(state, Matrix::new(self.weight, hidden, 3 * hidden), &mut share, Onto::Nothing);
                }
                let first = (step * batch + part.range.start) * 3 * hidden;
                arch.dispatch(Cell {
                    hidden,
                    bias: self.bias,
                    gates: &gates[first..first + rows * 3 * hidden],
                    share: &share,
                    before,
                    after: &mut after[..rows * hidden],
                    kept: &mut part.gates[i * rows * 4 * hidden..(i + 1) * rows * 4 * hidden],
                });
                if !self.last {
                    out[step].copy_from_slice(&after[..rows * hidden]);
                }
            }
            if self.last {
                out[0].copy_from_slice(&part.states[steps * rows * hidden..]);
            }
            part
        });
        (out, Kept(parts))
    }

    /// Gradients from that of the states given by [`forward`](Self::forward).
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn backward(
        &self,
        steps: usize,
        batch: usize,
        kept: &Kept,
        gradient: &[f32],
    ) -> RecurrenceGradients {
        let hidden = self.hidden;
        assert_eq!(
            gradient.len(),
            if self.last { 1 } else { steps } * batch * hidden,
            "gradient of the states"
        );
        let ranges: Vec<Range<usize>> = kept.0.iter().map(|part| part.range.clone()).collect();
        let mut gates = vec![0.0; steps * batch * 3 * hidden];
        let jobs = kept.0.iter().zip(cut_steps(&mut gates, batch, 3 * hidden, &ranges)).collect();
        let arch = Arch::new();
        let parts = run(jobs, |(part, mut gates): (&Part, Vec<&mut [f32]>)| {
            let rows = part.range.len();
            let of_step = |step: usize| {
                let first = (step * batch + part.range.start) * hidden;
                &gradient[first..first + rows * hidden]
            };
            let mut state = if self.last { of_step(0).to_vec() } else { vec![0.0; rows * hidden] };
            let mut share = vec![0.0; steps * rows * 3 * hidden];
            for i in (0..steps).rev() {
                let step = self.step(i, steps);
                let share = &mut share[i * rows * 3 * hidden..(i + 1) * rows * 3 * hidden];
                arch.dispatch(CellBackward {
                    hidden,
                    arriving: if self.last { None } else { Some(of_step(step)) },
                    kept: &part.gates[i * rows * 4 * hidden..(i + 1) * rows * 4 * hidden],
                    before: &part.states[i * rows * hidden..(i + 1) * rows * hidden],
                    state: &mut state,
                    gates: &mut *gates[step],
                    share,
                });
                if i > 0 {
                    let weight = Matrix::new(self.weight, hidden, 3 * hidden).transposed();
                    matmul(Matrix::new(share, rows, 3 * hidden), weight, &mut state, Onto::Sum);
                }
            }
            let states = Matrix::new(&part.states[..steps * rows * hidden], steps * rows, hidden);
            let mut weight = vec![0.0; hidden * 3 * hidden];
            let all = Matrix::new(&share, steps * rows, 3 * hidden);
            matmul(states.transposed(), all, &mut weight, Onto::Nothing);
            let mut bias = vec![0.0; 3 * hidden];
            arch.dispatch(SumRows { rows: &share, sum: &mut bias });
            (weight, bias)
        });
        let mut sums = RecurrenceGradients {
            gates,
            weight: vec![0.0; hidden * 3 * hidden],
            bias: vec![0.0; 3 * hidden],
        };
        for (weight, bias) in parts {
            for (sum, part) in sums.weight.iter_mut().chain(&mut sums.bias).zip(weight.iter().chain(&bias)) {
                *sum += part;
            }
        }
        sums
    }
}

/// For each range of rows, its part of every step.
fn cut_steps<'a>(
    values: &'a mut [f32],
    batch: usize,
    width: usize,
    ranges: &[Range<usize>],
) -> Vec<Vec<&'a mut [f32]>> {
    let mut parts: Vec<Vec<&mut [f32]>> = ranges.iter().map(|_| Vec::new()).collect();
    for step in values.chunks_exact_mut(batch * width) {
        for (part, rows) in parts.iter_mut().zip(cut(step, width, ranges)) {
            part.push(rows);
        }
    }
    parts
}

struct SumRows<'a> {
    rows: &'a [f32],
    sum: &'a mut [f32],
}

impl WithSimd for SumRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        for row in self.rows.chunks_exact(self.sum.len()) {
            rows::add(s, self.sum, row);
        }
    }
}

/// One step, everything after the product, for a few rows.
struct Cell<'a> {
    hidden: usize,
    bias: &'a [f32],
    gates: &'a [f32],
    share: &'a [f32],
    before: &'a [f32],
    after: &'a mut [f32],
    kept: &'a mut [f32],
}

impl WithSimd for Cell<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let hidden = self.hidden;
        let gates = self.gates.chunks_exact(3 * hidden).zip(self.share.chunks_exact(3 * hidden));
        let states = self.before.chunks_exact(hidden).zip(self.after.chunks_exact_mut(hidden));
        for (((gates, share), (before, after)), kept) in
            gates.zip(states).zip(self.kept.chunks_exact_mut(4 * hidden))
        {
            cell(s, thirds(gates), thirds(share), thirds(self.bias), before, after, quarters(kept));
        }
    }
}

fn thirds(values: &[f32]) -> [&[f32]; 3] {
    let width = values.len() / 3;
    [&values[..width], &values[width..2 * width], &values[2 * width..]]
}

fn thirds_mut(values: &mut [f32]) -> [&mut [f32]; 3] {
    let width = values.len() / 3;
    let (a, rest) = values.split_at_mut(width);
    let (b, c) = rest.split_at_mut(width);
    [a, b, c]
}

fn quarters(values: &mut [f32]) -> [&mut [f32]; 4] {
    let (left, right) = values.split_at_mut(values.len() / 2);
    let width = left.len() / 2;
    let ((a, b), (c, d)) = (left.split_at_mut(width), right.split_at_mut(width));
    [a, b, c, d]
}

/// The vectors of each, and what is left.
#[inline(always)]
fn vectors<S: Simd>(values: [&[f32]; 3]) -> ([&[S::f32s]; 3], [&[f32]; 3]) {
    let [(a, a_rest), (b, b_rest), (c, c_rest)] = values.map(S::as_simd_f32s);
    ([a, b, c], [a_rest, b_rest, c_rest])
}

#[inline(always)]
fn cell<S: Simd>(
    s: S,
    gates: [&[f32]; 3],
    share: [&[f32]; 3],
    bias: [&[f32]; 3],
    before: &[f32],
    after: &mut [f32],
    kept: [&mut [f32]; 4],
) {
    let ((gates, gates_rest), (share, share_rest), (bias, bias_rest)) =
        (vectors::<S>(gates), vectors::<S>(share), vectors::<S>(bias));
    let ((before, before_rest), (after, after_rest)) = (S::as_simd_f32s(before), S::as_mut_simd_f32s(after));
    let [(kr, krr), (ku, kur), (kn, knr), (km, kmr)] = kept.map(S::as_mut_simd_f32s);
    for i in 0..before.len() {
        let reset = sigmoid(s, s.add_f32s(gates[0][i], s.add_f32s(share[0][i], bias[0][i])));
        let update = sigmoid(s, s.add_f32s(gates[1][i], s.add_f32s(share[1][i], bias[1][i])));
        let recalled = s.add_f32s(share[2][i], bias[2][i]);
        let new = tanh(s, s.mul_add_e_f32s(reset, recalled, gates[2][i]));
        after[i] = s.mul_add_e_f32s(update, s.sub_f32s(before[i], new), new);
        kr[i] = reset;
        ku[i] = update;
        kn[i] = new;
        km[i] = recalled;
    }
    if !before_rest.is_empty() {
        cell(Scalar, gates_rest, share_rest, bias_rest, before_rest, after_rest, [krr, kur, knr, kmr]);
    }
}

/// One step backwards, everything before the product, for a few rows.
struct CellBackward<'a> {
    hidden: usize,
    /// The gradient that this step's state gets from outside.
    arriving: Option<&'a [f32]>,
    kept: &'a [f32],
    before: &'a [f32],
    /// The gradient of the state after the step; becomes the direct part of that before it.
    state: &'a mut [f32],
    gates: &'a mut [f32],
    share: &'a mut [f32],
}

impl WithSimd for CellBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let hidden = self.hidden;
        if let Some(arriving) = self.arriving {
            rows::add(s, self.state, arriving);
        }
        let kept = self.kept.chunks_exact(4 * hidden).zip(self.before.chunks_exact(hidden));
        let gradients = self.gates.chunks_exact_mut(3 * hidden).zip(self.share.chunks_exact_mut(3 * hidden));
        for (((kept, before), (gates, share)), state) in
            kept.zip(gradients).zip(self.state.chunks_exact_mut(hidden))
        {
            let [reset, update, rest] = [&kept[..hidden], &kept[hidden..2 * hidden], &kept[2 * hidden..]];
            let (new, recalled) = rest.split_at(hidden);
            let kept = [reset, update, new, recalled];
            cell_backward(s, kept, before, state, thirds_mut(gates), thirds_mut(share));
        }
    }
}

#[inline(always)]
fn cell_backward<S: Simd>(
    s: S,
    kept: [&[f32]; 4],
    before: &[f32],
    state: &mut [f32],
    gates: [&mut [f32]; 3],
    share: [&mut [f32]; 3],
) {
    let [(reset, r_rest), (update, u_rest), (new, n_rest), (recalled, m_rest)] = kept.map(S::as_simd_f32s);
    let ((before, before_rest), (state, state_rest)) = (S::as_simd_f32s(before), S::as_mut_simd_f32s(state));
    let [(g0, g0_rest), (g1, g1_rest), (g2, g2_rest)] = gates.map(S::as_mut_simd_f32s);
    let [(s0, s0_rest), (s1, s1_rest), (s2, s2_rest)] = share.map(S::as_mut_simd_f32s);
    let one = s.splat_f32s(1.0);
    for i in 0..before.len() {
        let (r, u, n) = (reset[i], update[i], new[i]);
        let d_update = s.mul_f32s(state[i], s.sub_f32s(before[i], n));
        let d_new = s.mul_f32s(state[i], s.sub_f32s(one, u));
        let d_inner = s.mul_f32s(d_new, s.negate_mul_add_e_f32s(n, n, one));
        let d_reset = s.mul_f32s(d_inner, recalled[i]);
        let d0 = s.mul_f32s(d_reset, s.mul_f32s(r, s.sub_f32s(one, r)));
        let d1 = s.mul_f32s(d_update, s.mul_f32s(u, s.sub_f32s(one, u)));
        g0[i] = d0;
        g1[i] = d1;
        g2[i] = d_inner;
        s0[i] = d0;
        s1[i] = d1;
        s2[i] = s.mul_f32s(d_inner, r);
        state[i] = s.mul_f32s(state[i], u);
    }
    if !before_rest.is_empty() {
        let kept = [r_rest, u_rest, n_rest, m_rest];
        cell_backward(
            Scalar,
            kept,
            before_rest,
            state_rest,
            [g0_rest, g1_rest, g2_rest],
            [s0_rest, s1_rest, s2_rest],
        );
    }
}
