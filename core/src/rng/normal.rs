//! Many normal deviates at once.
//!
//! Blocks of the generator are computed side by side in vectors as wide as the machine has. Every operation is one that
//! IEEE 754 rounds in one way only, and none is fused with another, so all machines draw the same bits.

// A vector instruction is only emitted inside the function that `pulp` compiles for its instruction set.
#![allow(
    clippy::inline_always,
    reason = "vector code must be inlined into the function compiled for its target"
)]

use pulp::{Arch, Simd, WithSimd};

use super::{MULTIPLIERS, ROUNDS, WEYL};

/// Blocks computed side by side.
const LANES: usize = 16;
/// Numbers of a block.
pub(crate) const BLOCK: usize = 4;

type Words = [u32; LANES];
type Numbers = [f32; LANES];

/// Fills with the normal deviates of a key's blocks from number `first` on: four to a block, by Box-Muller.
pub(crate) fn fill(key: [u32; 2], first: u64, values: &mut [f32]) {
    Arch::new().dispatch(Fill { key, first, values });
}

struct Fill<'a> {
    key: [u32; 2],
    first: u64,
    values: &'a mut [f32],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { key, mut first, values } = self;
        for part in values.chunks_mut(LANES * BLOCK) {
            let numbers = deviates(blocks(key, first));
            for (lane, block) in part.chunks_mut(BLOCK).enumerate() {
                for (value, numbers) in block.iter_mut().zip(&numbers) {
                    *value = numbers[lane];
                }
            }
            first = first.wrapping_add(LANES as u64);
        }
    }
}

/// `philox` of consecutive counters.
#[inline(always)]
fn blocks(mut key: [u32; 2], first: u64) -> [Words; BLOCK] {
    let counter = |lane: usize| first.wrapping_add(lane as u64);
    let mut words: [Words; BLOCK] = [
        core::array::from_fn(|lane| counter(lane) as u32),
        core::array::from_fn(|lane| (counter(lane) >> 32) as u32),
        [0; LANES],
        [0; LANES],
    ];
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let [a, b, c, d] = words;
        for lane in 0..LANES {
            let first = u64::from(MULTIPLIERS[0]) * u64::from(a[lane]);
            let second = u64::from(MULTIPLIERS[1]) * u64::from(c[lane]);
            words[0][lane] = (second >> 32) as u32 ^ b[lane] ^ key[0];
            words[1][lane] = second as u32;
            words[2][lane] = (first >> 32) as u32 ^ d[lane] ^ key[1];
            words[3][lane] = first as u32;
        }
    }
    words
}

/// Two deviates of the first two words, two of the others.
#[inline(always)]
fn deviates([a, b, c, d]: [Words; BLOCK]) -> [Numbers; BLOCK] {
    let ([first, second], [third, fourth]) = (box_muller(a, b), box_muller(c, d));
    [first, second, third, fourth]
}

#[inline(always)]
fn box_muller(radii: Words, angles: Words) -> [Numbers; 2] {
    let mut pair = [[0.0; LANES]; 2];
    for lane in 0..LANES {
        let radius = (-2.0 * ln(centred(radii[lane]))).sqrt();
        let [cos, sin] = turn(angles[lane]);
        pair[0][lane] = radius * cos;
        pair[1][lane] = radius * sin;
    }
    pair
}

/// The middle of one of 2²³ equal parts of (0, 1): never 0 or 1, and exact in single precision.
#[inline(always)]
fn centred(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) * (1.0 / (1 << 23) as f32)
}

/// The natural logarithm of a positive normal number, relative error 2e-7.
#[inline(always)]
fn ln(x: f32) -> f32 {
    /// The bits of √½: mantissas are taken from there to √2.
    const ROOT_HALF: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(ROOT_HALF);
    let exponent = (shifted as i32 >> 23) as f32;
    let mantissa = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(ROOT_HALF));
    // ln m = 2 artanh s, an odd series in s, |s| ≤ 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0 + square * (1.0 / 9.0))));
    exponent * core::f32::consts::LN_2 + (2.0 * s + 2.0 * s * series)
}

/// Cosine and sine of a random angle: two bits choose the quarter turn, the others the angle around it.
#[inline(always)]
fn turn(word: u32) -> [f32; 2] {
    let part = ((word << 2 >> 9) as f32 + 0.5) * (1.0 / (1 << 23) as f32) - 0.5;
    let x = part * core::f32::consts::FRAC_PI_2;
    let square = x * x;
    let sin = x
        * (1.0
            + square * (-1.0 / 6.0 + square * (1.0 / 120.0 + square * (-1.0 / 5040.0 + square / 362_880.0))));
    let cos = 1.0
        + square
            * (-1.0 / 2.0
                + square
                    * (1.0 / 24.0
                        + square * (-1.0 / 720.0 + square * (1.0 / 40_320.0 - square / 3_628_800.0))));
    let quarter = word >> 30;
    let odd = quarter & 1 == 1;
    let (along, across) = if odd { (sin, cos) } else { (cos, sin) };
    // Quarter turns 1 and 2 change the cosine's sign, 2 and 3 the sine's.
    let flip = |x: f32, negative: bool| f32::from_bits(x.to_bits() ^ u32::from(negative) << 31);
    [flip(along, quarter == 1 || quarter == 2), flip(across, quarter >= 2)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::philox;

    /// Box-Muller of the same words in double precision.
    fn expected(word: u32, angle: u32) -> [f64; 2] {
        let uniform = (f64::from(word >> 9) + 0.5) / f64::from(1 << 23);
        let quarter = f64::from(angle >> 30);
        let around = (f64::from(angle << 2 >> 9) + 0.5) / f64::from(1 << 23) - 0.5;
        let angle = (quarter + around) * core::f64::consts::FRAC_PI_2;
        let radius = (-2.0 * uniform.ln()).sqrt();
        [radius * angle.cos(), radius * angle.sin()]
    }

    #[test]
    fn deviates_are_those_of_the_generators_words() {
        let key = [0x1234_5678, 0x9abc_def0];
        let first = u64::from(u32::MAX) - 100;
        let mut values = vec![0.0; 40_003];
        fill(key, first, &mut values);
        for (number, block) in values.chunks(BLOCK).enumerate() {
            let counter = first + number as u64;
            let words = philox([counter as u32, (counter >> 32) as u32, 0, 0], key);
            let exact = [expected(words[0], words[1]), expected(words[2], words[3])].concat();
            for (value, exact) in block.iter().zip(exact) {
                assert!((f64::from(*value) - exact).abs() < 2e-6, "{value}, expected {exact}");
            }
        }
    }

    #[test]
    fn the_largest_and_smallest_words_are_finite() {
        for radius in [0, u32::MAX] {
            for angle in [0, 1 << 30, 2 << 30, 3 << 30, u32::MAX] {
                let pair = box_muller([radius; LANES], [angle; LANES]);
                let exact = expected(radius, angle);
                for (found, exact) in pair.iter().zip(exact) {
                    assert!((f64::from(found[0]) - exact).abs() < 2e-6, "{}, expected {exact}", found[0]);
                }
            }
        }
    }
}
