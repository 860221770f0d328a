//! Causal self-attention of short sequences: scores, softmax and the mean of values of a sequence while they are in cache, and
//! the gradients.

use core::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::matmul::{Matrix, Onto, matmul, matmul_within};
use super::parallel::{cut, ranges, run};
use super::rows;
use super::simd::exp;

/// Queries, keys and values of some sequences, in which a token sees itself and earlier ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention<'a> {
    /// Side by side, `[batch, tokens, 3 * width]`; each head has a part of each.
    pub parts: &'a [f32],
    /// Tokens of a sequence.
    pub tokens: usize,
    /// Numbers of a token.
    pub width: usize,
    /// Heads, which divide the width.
    pub heads: usize,
    /// A mask of the weights, `[batch, heads, tokens, tokens]`.
    pub kept: Option<&'a [f32]>,
}

impl Attention<'_> {
    fn batch(&self) -> usize {
        self.parts.len() / (3 * self.width * self.tokens).max(1)
    }

    /// Numbers of each head.
    fn each(&self) -> usize {
        self.width / self.heads
    }

    /// Numbers of a sequence's weights.
    fn square(&self) -> usize {
        self.heads * self.tokens * self.tokens
    }

    /// Sequences for each thread.
    fn ranges(&self, passes: usize) -> Vec<Range<usize>> {
        let batch = self.batch();
        let parts =
            ranges(batch * self.tokens, 4 * passes * self.tokens * self.width).len().min(batch.max(1));
        (0..parts).map(|i| i * batch / parts..(i + 1) * batch / parts).collect()
    }

    /// Queries, keys or values of a head in a sequence.
    fn part(&self, sequence: usize, head: usize, which: usize) -> Matrix<'_> {
        let stride = 3 * self.width;
        let begin = sequence * self.tokens * stride + which * self.width + head * self.each();
        Matrix::within(&self.parts[begin..], self.tokens, self.each(), stride)
    }

    /// Mean values by their weights, `[batch, tokens, width]`, and the weights before the mask, `[batch, heads, tokens, tokens]`.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    pub(crate) fn forward(&self) -> (Vec<f32>, Vec<f32>) {
        let (tokens, width, square) = (self.tokens, self.width, self.square());
        let mut values = vec![0.0; self.batch() * tokens * width];
        let mut weights = vec![0.0; self.batch() * square];
        let ranges = self.ranges(1);
        let parts =
            cut(&mut values, tokens * width, &ranges).into_iter().zip(cut(&mut weights, square, &ranges));
        let jobs = ranges.iter().cloned().zip(parts).collect();
        let arch = Arch::new();
        run(jobs, |(range, (values, weights)): (Range<usize>, (&mut [f32], &mut [f32]))| {
            let mut seen = vec![0.0; tokens * tokens];
            for (i, sequence) in range.enumerate() {
                for head in 0..self.heads {
                    let at = i * square + head * tokens * tokens;
                    let weights = &mut weights[at..at + tokens * tokens];
                    let [queries, keys, own] = [0, 1, 2].map(|which| self.part(sequence, head, which));
                    matmul(queries, keys.transposed(), weights, Onto::Nothing);
                    arch.dispatch(Softmax { weights, tokens, scale: self.scale() });
                    let weights = self.masked(arch, (sequence, head), weights, &mut seen);
                    let out = &mut values[i * tokens * width + head * self.each()..];
                    matmul_within(Matrix::new(weights, tokens, tokens), own, out, width, Onto::Nothing);
                }
            }
        });
        (values, weights)
    }

    /// The gradient of queries, keys and values, from the weights that [`forward`](Self::forward) gave and the gradient of its
    /// values.
    ///
    /// # Panics
    /// When a slice has the wrong length.
    #[cfg(feature = "train")]
    pub(crate) fn backward(&self, weights: &[f32], gradient: &[f32]) -> Vec<f32> {
        let (tokens, width, square) = (self.tokens, self.width, self.square());
        let stride = 3 * width;
        let mut found = vec![0.0; self.parts.len()];
        let ranges = self.ranges(2);
        let jobs = ranges.iter().cloned().zip(cut(&mut found, tokens * stride, &ranges)).collect();
        let arch = Arch::new();
        run(jobs, |(range, found): (Range<usize>, &mut [f32])| {
            let (mut seen, mut scores) = (vec![0.0; tokens * tokens], vec![0.0; tokens * tokens]);
            for (i, sequence) in range.enumerate() {
                for head in 0..self.heads {
                    let at = sequence * square + head * tokens * tokens;
                    let weights = &weights[at..at + tokens * tokens];
                    let [queries, keys, own] = [0, 1, 2].map(|which| self.part(sequence, head, which));
                    let begin = sequence * tokens * width + head * self.each();
                    let arriving = Matrix::within(&gradient[begin..], tokens, self.each(), width);
                    let mut put = |left: Matrix, right: Matrix, which: usize| {
                        let out = &mut found[i * tokens * stride + which * width + head * self.each()..];
                        matmul_within(left, right, out, stride, Onto::Nothing);
                    };
                    let masked = self.masked(arch, (sequence, head), weights, &mut seen);
                    put(Matrix::new(masked, tokens, tokens).transposed(), arriving, 2);
                    matmul(arriving, own.transposed(), &mut scores, Onto::Nothing);
                    let kept = self.kept.map(|kept| &kept[at..at + tokens * tokens]);
                    arch.dispatch(Unwind { scores: &mut scores, weights, kept, tokens, scale: self.scale() });
                    let scores = Matrix::new(&scores, tokens, tokens);
                    put(scores, keys, 0);
                    put(scores.transposed(), queries, 1);
                }
            }
        });
        found
    }

    fn scale(&self) -> f32 {
        1.0 / (self.each() as f32).sqrt()
    }

    /// The weights of a head in a sequence with the mask on them, in `seen` if there is one.
    fn masked<'b>(
        &self,
        arch: Arch,
        (sequence, head): (usize, usize),
        weights: &'b [f32],
        seen: &'b mut [f32],
    ) -> &'b [f32] {
        let Some(kept) = self.kept else { return weights };
        let at = (sequence * self.heads + head) * weights.len();
        seen.copy_from_slice(weights);
        arch.dispatch(Times { row: &mut *seen, other: &kept[at..at + weights.len()] });
        seen
    }
}

struct Times<'a> {
    row: &'a mut [f32],
    other: &'a [f32],
}

impl WithSimd for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        rows::times(s, self.row, self.other);
    }
}

/// Scores to weights, row by row: those of later tokens are 0.
struct Softmax<'a> {
    weights: &'a mut [f32],
    tokens: usize,
    scale: f32,
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        for (i, row) in self.weights.chunks_exact_mut(self.tokens).enumerate() {
            let (row, later) = row.split_at_mut(i + 1);
            later.fill(0.0);
            let (body, rest) = S::as_mut_simd_f32s(row);
            let mut most = s.splat_f32s(f32::NEG_INFINITY);
            for &x in &*body {
                most = s.max_f32s(most, x);
            }
            let mut largest = s.reduce_max_f32s(most);
            for &x in &*rest {
                largest = largest.max(x);
            }
            let (scale, shift) = (s.splat_f32s(self.scale), s.splat_f32s(-largest * self.scale));
            let mut sum = s.splat_f32s(0.0);
            for x in &mut *body {
                *x = exp(s, s.mul_add_e_f32s(*x, scale, shift));
                sum = s.add_f32s(sum, *x);
            }
            let mut total = s.reduce_sum_f32s(sum);
            for x in &mut *rest {
                *x = exp(pulp::Scalar, (*x - largest) * self.scale);
                total += *x;
            }
            let share = 1.0 / total;
            let shares = s.splat_f32s(share);
            for x in body {
                *x = s.mul_f32s(*x, shares);
            }
            for x in rest {
                *x *= share;
            }
        }
    }
}

/// The gradient of masked weights to that of scores.
#[cfg(feature = "train")]
struct Unwind<'a> {
    scores: &'a mut [f32],
    weights: &'a [f32],
    kept: Option<&'a [f32]>,
    tokens: usize,
    scale: f32,
}

#[cfg(feature = "train")]
impl WithSimd for Unwind<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { scores, weights, kept, tokens, scale } = self;
        if let Some(kept) = kept {
            rows::times(s, scores, kept);
        }
        for (row, weights) in scores.chunks_exact_mut(tokens).zip(weights.chunks_exact(tokens)) {
            let ((body, rest), (own, own_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(weights));
            let mut sum = s.splat_f32s(0.0);
            for (&x, &weight) in body.iter().zip(own) {
                sum = s.mul_add_e_f32s(x, weight, sum);
            }
            let mut along = s.reduce_sum_f32s(sum);
            for (&x, &weight) in rest.iter().zip(own_rest) {
                along += x * weight;
            }
            let (along_all, scales) = (s.splat_f32s(along), s.splat_f32s(scale));
            for (x, &weight) in body.iter_mut().zip(own) {
                *x = s.mul_f32s(s.mul_f32s(weight, scales), s.sub_f32s(*x, along_all));
            }
            for (x, &weight) in rest.iter_mut().zip(own_rest) {
                *x = weight * scale * (*x - along);
            }
        }
    }
}
