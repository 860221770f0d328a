//! Functions on vectors of single-precision numbers, for whatever width the machine has.

use pulp::Simd;

/// Beyond, Φ is 0 or 1 in single precision.
pub(crate) const NORMAL_END: f32 = 5.5;
/// (Φ(x) - 1/2) / x = P(x²) / Q(x²), fitted for the least largest error, which is 7e-9.
pub(crate) const NORMAL_P: [f32; 6] =
    [0.398_942_23, 0.033_850_826, 0.004_677_126, 1.688_039e-4, 6.351_684e-6, 2.274_908_7e-8];
/// The other half of it.
pub(crate) const NORMAL_Q: [f32; 6] =
    [1.0, 0.251_517_36, 0.028_644_769, 0.001_884_323_4, 7.363_901e-5, 1.197_463_5e-6];

/// eˣ, relative error 1e-7; x is clamped to ±87, where single precision ends.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    const LOG2_E: f32 = core::f32::consts::LOG2_E;
    /// ln 2 in two parts: the first has few bits, so that its multiples are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// Added and subtracted, it rounds to an integer, which its lowest bits then hold.
    const ROUND: f32 = 12_582_912.0;
    /// (eʳ - 1 - r) / r² on ±ln 2 / 2, fitted for the least largest error, which is 3e-9.
    const SERIES: [f32; 5] = [0.5, 0.166_665_18, 0.041_666_202, 0.008_369_025, 0.001_395_072];
    let x = s.min_f32s(s.max_f32s(x, s.splat_f32s(-87.0)), s.splat_f32s(87.0));
    let shifted = s.mul_add_e_f32s(x, s.splat_f32s(LOG2_E), s.splat_f32s(ROUND));
    let n = s.sub_f32s(shifted, s.splat_f32s(ROUND));
    let r = s.mul_add_e_f32s(n, s.splat_f32s(-LN_2[0]), x);
    let r = s.mul_add_e_f32s(n, s.splat_f32s(-LN_2[1]), r);
    let series = polynomial(s, r, SERIES);
    let fraction = s.mul_add_e_f32s(s.mul_f32s(r, r), series, s.add_f32s(r, s.splat_f32s(1.0)));
    let power = s.wrapping_dyn_shl_u32s(s.transmute_u32s_f32s(shifted), s.splat_u32s(23));
    let power = s.add_u32s(power, s.splat_u32s(127 << 23));
    s.mul_f32s(fraction, s.transmute_f32s_u32s(power))
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let one = s.splat_f32s(1.0);
    s.div_f32s(one, s.add_f32s(one, exp(s, s.neg_f32s(x))))
}

/// The hyperbolic tangent, absolute error 1e-7.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let one = s.splat_f32s(1.0);
    let two = s.splat_f32s(2.0);
    s.sub_f32s(one, s.div_f32s(two, s.add_f32s(one, exp(s, s.add_f32s(x, x)))))
}

/// The normal distribution function Φ, absolute error 2e-7.
#[inline(always)]
pub(crate) fn normal_cdf<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let x = s.min_f32s(s.max_f32s(x, s.splat_f32s(-NORMAL_END)), s.splat_f32s(NORMAL_END));
    let square = s.mul_f32s(x, x);
    let ratio = s.div_f32s(polynomial(s, square, NORMAL_P), polynomial(s, square, NORMAL_Q));
    s.mul_add_e_f32s(x, ratio, s.splat_f32s(0.5))
}

/// `x · Φ(x)`: the exact GELU.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    s.mul_f32s(x, normal_cdf(s, x))
}

/// The derivative of the exact GELU, `Φ(x) + x φ(x)`.
#[inline(always)]
pub(crate) fn gelu_slope<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    /// 1 / √(2π)
    const DENSITY: f32 = 0.398_942_3;
    let half_square = s.mul_f32s(s.mul_f32s(x, x), s.splat_f32s(-0.5));
    let density = s.mul_f32s(s.splat_f32s(DENSITY), exp(s, half_square));
    s.mul_add_e_f32s(x, density, normal_cdf(s, x))
}

/// `c₀ + c₁ x + …`, by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut sum = s.splat_f32s(coefficients[N - 1]);
    // A count instead of an iterator's adapters: those are functions that may be left out of line, compiled for no
    // instruction set in particular.
    let mut left = N - 1;
    while left > 0 {
        left -= 1;
        sum = s.mul_add_e_f32s(sum, x, s.splat_f32s(coefficients[left]));
    }
    sum
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Apply<'a>(&'a mut [f32], Function);

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Sigmoid,
        Tanh,
        Gelu,
        Slope,
    }

    impl WithSimd for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, s: S) {
            let (body, tail) = S::as_mut_simd_f32s(self.0);
            assert!(tail.is_empty());
            for x in body {
                *x = match self.1 {
                    Function::Exp => exp(s, *x),
                    Function::Sigmoid => sigmoid(s, *x),
                    Function::Tanh => tanh(s, *x),
                    Function::Gelu => gelu(s, *x),
                    Function::Slope => gelu_slope(s, *x),
                };
            }
        }
    }

    /// Largest error over ±range, relative where the function is larger than 1.
    fn largest_error(range: f64, function: Function, exact: impl Fn(f64) -> f64) -> f64 {
        let count = 1 << 16;
        let xs: Vec<f32> =
            (0..count).map(|i| (range * (2.0 * f64::from(i) / f64::from(count) - 1.0)) as f32).collect();
        let mut values = xs.clone();
        Arch::new().dispatch(Apply(&mut values, function));
        let error = |(&x, &y): (&f32, &f32)| {
            let exact = exact(f64::from(x));
            (f64::from(y) - exact).abs() / exact.abs().max(1.0)
        };
        xs.iter().zip(&values).map(error).fold(0.0, f64::max)
    }

    fn cdf(x: f64) -> f64 {
        0.5 * libm::erfc(-x / core::f64::consts::SQRT_2)
    }

    #[test]
    fn every_function_is_right_to_single_precision() {
        assert!(largest_error(80.0, Function::Exp, f64::exp) < 3e-7);
        assert!(largest_error(40.0, Function::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())) < 2e-7);
        assert!(largest_error(20.0, Function::Tanh, f64::tanh) < 3e-7);
        assert!(largest_error(4.0, Function::Gelu, |x| x * cdf(x)) < 1e-6);
        assert!(largest_error(40.0, Function::Gelu, |x| x * cdf(x)) < 6e-6);
        let density = |x: f64| (-0.5 * x * x).exp() / core::f64::consts::TAU.sqrt();
        assert!(largest_error(12.0, Function::Slope, |x| cdf(x) + x * density(x)) < 1e-6);
    }
}
