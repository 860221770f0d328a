//! Mish, `x · tanh(log(1 + eˣ))` (Misra, 2019), number by number, and its slope.

use pulp::{Arch, Simd, WithSimd};

use super::parallel::{cut, ranges, run};
use super::simd::exp;

/// Operations that a number takes, about.
const PER_NUMBER: usize = 40;
/// Beyond, the tangent is 1 in single precision, and eˣ would not stay finite when it is squared.
const END: f32 = 20.0;

/// Mish of every number.
pub(crate) fn forward(x: &[f32]) -> Vec<f32> {
    let mut values = x.to_vec();
    each(&mut values, x, Pass::Value);
    values
}

/// The gradient of every number, from that of its Mish.
#[cfg(feature = "train")]
pub(crate) fn backward(x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let mut values = gradient.to_vec();
    each(&mut values, x, Pass::Gradient);
    values
}

#[derive(Clone, Copy)]
enum Pass {
    Value,
    Gradient,
}

fn each(values: &mut [f32], x: &[f32], pass: Pass) {
    let ranges = ranges(values.len(), PER_NUMBER);
    let jobs = ranges.iter().cloned().zip(cut(values, 1, &ranges)).collect();
    let arch = Arch::new();
    run(jobs, |(range, values): (core::ops::Range<usize>, &mut [f32])| {
        arch.dispatch(Rows { values, x: &x[range], pass });
    });
}

struct Rows<'a> {
    values: &'a mut [f32],
    x: &'a [f32],
    pass: Pass,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let ((values, values_rest), (x, x_rest)) =
            (S::as_mut_simd_f32s(self.values), S::as_simd_f32s(self.x));
        for (value, &x) in values.iter_mut().zip(x) {
            *value = number(s, *value, x, self.pass);
        }
        // The rest goes through the same instructions: a number's bits do not depend on where it stands.
        if !x_rest.is_empty() {
            let [value, x] = [&*values_rest, x_rest].map(|rest| s.partial_load_f32s(rest));
            s.partial_store_f32s(values_rest, number(s, value, x, self.pass));
        }
    }
}

#[inline(always)]
fn number<S: Simd>(s: S, value: S::f32s, x: S::f32s, pass: Pass) -> S::f32s {
    match pass {
        Pass::Value => mish(s, x),
        Pass::Gradient => s.mul_f32s(value, slope(s, x)),
    }
}

/// eˣ, and tanh(log(1 + eˣ)).
#[inline(always)]
fn parts<S: Simd>(s: S, x: S::f32s) -> [S::f32s; 2] {
    // tanh(log(1 + w)) = n / (n + 2) with w = eˣ and n = w (w + 2).
    let two = s.splat_f32s(2.0);
    let w = exp(s, s.min_f32s(x, s.splat_f32s(END)));
    let n = s.mul_f32s(w, s.add_f32s(w, two));
    [w, s.div_f32s(n, s.add_f32s(n, two))]
}

/// Mish of a vector.
#[inline(always)]
pub(crate) fn mish<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let [_, tangent] = parts(s, x);
    s.mul_f32s(x, tangent)
}

/// The slope of Mish.
#[inline(always)]
pub(crate) fn slope<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let one = s.splat_f32s(1.0);
    let [w, tangent] = parts(s, x);
    let sigmoid = s.div_f32s(w, s.add_f32s(w, one));
    let bend = s.mul_f32s(sigmoid, s.sub_f32s(one, s.mul_f32s(tangent, tangent)));
    s.mul_add_e_f32s(x, bend, tangent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values and slopes that were computed elsewhere, and the place of the least value.
    #[test]
    fn anchors() {
        let found = forward(&[-3.0, -1.0, 0.5, 1.0, 3.0, -1.1924, 60.0, -90.0]);
        let expected =
            [-0.145_647_5, -0.303_401_5, 0.375_245_2, 0.865_098_4, 2.986_535, -0.308_843, 60.0, 0.0];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        #[cfg(feature = "train")]
        for (x, expected) in
            [(0.0, 0.6), (1.0, 1.049_036_2), (-1.0, 0.059_216_8), (60.0, 1.0), (-1.1924, 0.0)]
        {
            let found = backward(&[x], &[2.0])[0] / 2.0;
            assert!((found - expected).abs() < 2e-5, "slope at {x}: {found}, expected {expected}");
        }
    }
}
