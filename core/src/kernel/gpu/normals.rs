//! Standard normal numbers drawn on the device: `rng::normal` once more, number for number, up to rounding.

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor, TensorData};
use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::count_launch;
use super::launch::{Kernels, Normals};
use crate::rng::{Key, MULTIPLIERS, ROUNDS, WEYL};

/// Numbers of a block of the generator.
pub(super) const BLOCK: usize = 4;

/// Three quarters of a turn on: the cosine there is the sine here.
const THREE_QUARTERS: u32 = 3 << 30;
/// The bits of √½: mantissas are taken from there to √2.
const ROOT_HALF: u32 = 0x3f35_04f3;
/// The width of one of the 2²³ parts that a word chooses from.
const PART: f32 = 1.0 / (1 << 23) as f32;

/// Numbers `[numbers, states, candidates, latent]` from a key for each state of each number, beside a tensor of the same
/// device.
pub(crate) fn draw(like: Tensor<1>, keys: &[Key], shape: [usize; 4]) -> Tensor<4> {
    // The bits are what counts; integers on a device have a sign.
    let words: Vec<i32> = keys.iter().flat_map(|key| key.words()).map(u32::cast_signed).collect();
    let keys: Tensor<1, Int> = Tensor::from_data(TensorData::new(words, [2 * keys.len()]), &like.device());
    count_launch();
    Tensor::from_dispatch(Dispatch::normals(like.into_dispatch(), keys.into_dispatch(), Normals { shape }))
}

/// One block for each thread: four numbers of a stream of `count`, which takes `blocks` blocks.
#[cube(launch_unchecked)]
pub(super) fn normals(keys: &[i32], out: &mut [f32], count: u32, blocks: u32, total: u32) {
    let index = ABSOLUTE_POS as u32;
    if index < total {
        let (stream, block) = (index / blocks, index % blocks);
        let mut first = u32::reinterpret(keys[2 * stream as usize]);
        let mut second = u32::reinterpret(keys[2 * stream as usize + 1]);
        let (mut a, mut b, mut c, mut d) = (block, 0u32, 0u32, 0u32);
        #[unroll]
        for round in 0..ROUNDS {
            if comptime!(round > 0) {
                first += comptime!(WEYL[0]);
                second += comptime!(WEYL[1]);
            }
            let one = comptime!(MULTIPLIERS[0]);
            let other = comptime!(MULTIPLIERS[1]);
            let (high_one, low_one) = (a.mul_hi(one), a * one);
            let (high_other, low_other) = (c.mul_hi(other), c * other);
            a = high_other ^ b ^ first;
            b = low_other;
            c = high_one ^ d ^ second;
            d = low_one;
        }
        let at = (stream * count + block * comptime!(BLOCK as u32)) as usize;
        let left = (count - block * comptime!(BLOCK as u32)) as usize;
        let (length, angle) = (radius(a), b);
        out[at] = length * cosine(angle);
        if left > 1 {
            out[at + 1] = length * cosine(angle + comptime!(THREE_QUARTERS));
        }
        let (length, angle) = (radius(c), d);
        if left > 2 {
            out[at + 2] = length * cosine(angle);
        }
        if left > 3 {
            out[at + 3] = length * cosine(angle + comptime!(THREE_QUARTERS));
        }
    }
}

/// `√(-2 ln u)` of the middle u of the part of (0, 1) that a word chooses.
///
/// A device's own logarithm is not exact enough where u is near 1.
#[cube]
fn radius(word: u32) -> f32 {
    let x = (f32::cast_from(word >> 9u32) + 0.5f32) * PART;
    let shifted = u32::reinterpret(x) - ROOT_HALF;
    let biased = shifted >> 23u32;
    let exponent = f32::cast_from(biased) - select(biased >= 256u32, 512.0f32, 0.0f32);
    let mantissa = f32::reinterpret((shifted & 0x007f_ffffu32) + ROOT_HALF);
    // ln m = 2 artanh s, an odd series in s.
    let s = (mantissa - 1.0f32) / (mantissa + 1.0f32);
    let square = s * s;
    let series = square
        * (0.333_333_34f32 + square * (0.2f32 + square * (0.142_857_15f32 + square * 0.111_111_11f32)));
    let ln = exponent * core::f32::consts::LN_2 + (2.0f32 * s + 2.0f32 * s * series);
    (-2.0f32 * ln).sqrt()
}

/// Cosine of a random angle: two bits choose the quarter turn, the others the angle around it.
#[cube]
fn cosine(word: u32) -> f32 {
    let part = (f32::cast_from((word << 2u32) >> 9u32) + 0.5f32) * PART - 0.5f32;
    let x = part * core::f32::consts::FRAC_PI_2;
    let square = x * x;
    let sin = x
        * (1.0f32
            + square
                * (-0.166_666_67f32
                    + square
                        * (0.008_333_334f32 + square * (-0.000_198_412_7f32 + square * 2.755_731_9e-6f32))));
    let cos = 1.0f32
        + square
            * (-0.5f32
                + square
                    * (0.041_666_668f32
                        + square
                            * (-0.001_388_888_9f32
                                + square * (2.480_158_8e-5f32 - square * 2.755_732e-7f32))));
    let quarter = word >> 30u32;
    let along = select(quarter % 2u32 == 1u32, sin, cos);
    select(quarter == 1u32 || quarter == 2u32, -along, along)
}
