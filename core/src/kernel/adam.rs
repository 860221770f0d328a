//! One step of Adam for one parameter, in one pass.

use pulp::{Arch, Scalar, Simd, WithSimd};

use super::parallel::{cut, ranges, run};
use super::rows::splat;

/// Operations for each number, about: they wait for memory.
const PER_NUMBER: usize = 30;

/// What a step of Adam is made of, besides parameter and gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    /// Factor of the gradient, from a bound on its norm.
    pub factor: f32,
    /// The learning rate over the first moment's bias correction.
    pub rate: f32,
    /// 1 over the root of the second moment's bias correction.
    pub correction: f32,
    /// Shares of the moments that are kept, β₁ and β₂.
    pub keep: [f32; 2],
    /// ε, added to the root of the second moment.
    pub epsilon: f32,
}

impl AdamStep {
    /// Updates moments and parameter in place.
    pub(crate) fn apply(self, parameter: &mut [f32], gradient: &[f32], moments: [&mut [f32]; 2]) {
        let ranges = ranges(parameter.len(), PER_NUMBER);
        let [first, second] = moments.map(|moment| cut(moment, 1, &ranges));
        let parts = cut(parameter, 1, &ranges).into_iter().zip(first.into_iter().zip(second));
        let jobs = ranges.iter().cloned().zip(parts).collect();
        let arch = Arch::new();
        run(jobs, |(range, (parameter, (first, second))): (core::ops::Range<usize>, _)| {
            arch.dispatch(Apply {
                step: self,
                parameter,
                gradient: &gradient[range],
                moments: [first, second],
            });
        });
    }
}

struct Apply<'a> {
    step: AdamStep,
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    moments: [&'a mut [f32]; 2],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Self { step, parameter, gradient, moments: [first, second] } = self;
        let (parameter, parameter_rest) = S::as_mut_simd_f32s(parameter);
        let (gradient, gradient_rest) = S::as_simd_f32s(gradient);
        let (first, first_rest) = S::as_mut_simd_f32s(first);
        let (second, second_rest) = S::as_mut_simd_f32s(second);
        update(s, step, parameter, gradient, first, second);
        update(Scalar, step, parameter_rest, gradient_rest, first_rest, second_rest);
    }
}

#[inline(always)]
fn update<S: Simd>(
    s: S,
    step: AdamStep,
    parameter: &mut [S::f32s],
    gradient: &[S::f32s],
    first: &mut [S::f32s],
    second: &mut [S::f32s],
) {
    let factor = s.splat_f32s(step.factor);
    let [keep_first, keep_second] = splat(s, step.keep);
    let [take_first, take_second] = splat(s, [1.0 - step.keep[0], 1.0 - step.keep[1]]);
    let (correction, epsilon) = (s.splat_f32s(step.correction), s.splat_f32s(step.epsilon));
    let rate = s.splat_f32s(step.rate);
    for (((p, &g), m), v) in parameter.iter_mut().zip(gradient).zip(first).zip(second) {
        let g = s.mul_f32s(g, factor);
        *m = s.mul_add_e_f32s(keep_first, *m, s.mul_f32s(take_first, g));
        *v = s.mul_add_e_f32s(keep_second, *v, s.mul_f32s(take_second, s.mul_f32s(g, g)));
        let spread = s.mul_add_e_f32s(s.sqrt_f32s(*v), correction, epsilon);
        *p = s.negate_mul_add_e_f32s(rate, s.div_f32s(*m, spread), *p);
    }
}

/// `target ← (1 - rate)·target + rate·online`.
pub(crate) fn mix(target: &mut [f32], online: &[f32], rate: f32) {
    struct Mix<'a>(&'a mut [f32], &'a [f32], f32);
    impl WithSimd for Mix<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, s: S) {
            let Self(target, online, rate) = self;
            let ((target, target_rest), (online, online_rest)) =
                (S::as_mut_simd_f32s(target), S::as_simd_f32s(online));
            let vector = s.splat_f32s(rate);
            for (a, &b) in target.iter_mut().zip(online) {
                *a = s.mul_add_e_f32s(vector, s.sub_f32s(b, *a), *a);
            }
            for (a, b) in target_rest.iter_mut().zip(online_rest) {
                *a += rate * (b - *a);
            }
        }
    }
    Arch::new().dispatch(Mix(target, online, rate));
}

/// The sum of squares, in double precision.
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    // Sums of a few hundred numbers lose nothing in single precision that matters to a bound on a norm.
    values.chunks(256).map(|part| f64::from(part.iter().map(|x| x * x).sum::<f32>())).sum()
}
