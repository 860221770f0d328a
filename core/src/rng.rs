//! The only source of randomness: a counter-based generator, split by key.
//!
//! Philox4x32-10 (Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011) maps a 64-bit key and a
//! 128-bit counter to 128 random bits. There is no state to carry along: the noise of step 7 of a training run, or of
//! decision 3 of episode 12, is a pure function of the seed and of those numbers. Runs resume exactly, and evaluation
//! does not depend on how episodes are batched.
//!
//! Uniform and normal deviates use `libm` or operations that are rounded in one way only, so all builds draw the same
//! bits.

mod normal;

use serde::{Deserialize, Serialize};

pub(crate) const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
pub(crate) const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
pub(crate) const ROUNDS: usize = 10;

/// The Philox4x32-10 block function.
#[must_use]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let first = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let second = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter =
            [high(second) ^ counter[1] ^ key[0], low(second), high(first) ^ counter[3] ^ key[1], low(first)];
    }
    counter
}

fn high(x: u64) -> u32 {
    (x >> 32) as u32
}

fn low(x: u64) -> u32 {
    (x & 0xFFFF_FFFF) as u32
}

/// A point in the tree of random streams. Keys are values: splitting one never changes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key(u64);

impl Key {
    /// The root key of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed).fold(0x44_49_41_52)
    }

    /// The child key number `n`.
    #[must_use]
    pub fn fold(self, n: u64) -> Self {
        // The last counter word separates child keys (1) from the words of a stream (0).
        let block = philox([low(n), high(n), 0, 1], self.words());
        Self(u64::from(block[0]) | u64::from(block[1]) << 32)
    }

    /// The child key of a name, by FNV-1a.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        self.fold(hash)
    }

    /// The stream of random words of this key, from its start.
    #[must_use]
    pub fn stream(self) -> Stream {
        Stream { key: self, block: 0, words: [0; 4], left: 0, spare: None }
    }

    /// `n` standard normal deviates in single precision.
    #[must_use]
    pub fn normals(self, n: usize) -> Vec<f32> {
        let mut values = vec![0.0; n];
        self.fill_normals(0, &mut values);
        values
    }

    /// The numbers of [`normals`](Self::normals) from number `start` on.
    pub fn fill_normals(self, start: usize, values: &mut [f32]) {
        let (block, skip) = (start / normal::BLOCK, start % normal::BLOCK);
        let (head, rest) = values.split_at_mut(values.len().min((normal::BLOCK - skip) % normal::BLOCK));
        let mut whole = [0.0; normal::BLOCK];
        if !head.is_empty() {
            normal::fill(self.words(), block as u64, &mut whole);
            head.copy_from_slice(&whole[skip..skip + head.len()]);
        }
        normal::fill(self.words(), start.div_ceil(normal::BLOCK) as u64, rest);
    }

    pub(crate) fn words(self) -> [u32; 2] {
        [low(self.0), high(self.0)]
    }
}

/// Random words of one key, in order.
#[derive(Clone, Debug)]
pub struct Stream {
    key: Key,
    block: u64,
    words: [u32; 4],
    left: usize,
    spare: Option<f64>,
}

impl Stream {
    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.left == 0 {
            self.words = philox([low(self.block), high(self.block), 0, 0], self.key.words());
            self.block += 1;
            self.left = 4;
        }
        self.left -= 1;
        self.words[3 - self.left]
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in 0..n, without modulo bias to 2⁻⁶⁴ (multiply and shift).
    ///
    /// # Panics
    /// When `n` is zero: there is nothing to choose from.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "cannot choose from an empty range");
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// A standard normal deviate (Box-Muller, both values used).
    pub fn normal(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        let (sin, cos) = libm::sincos(core::f64::consts::TAU * self.uniform());
        self.spare = Some(radius * sin);
        radius * cos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 distribution (`kat_vectors`, `philox4x32 10`).
    #[test]
    fn philox_matches_random123() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn keys_split_into_distinct_streams() {
        let root = Key::new(7);
        let mut first = root.fold(1).stream();
        let mut second = root.fold(2).stream();
        let mut named = root.named("1").stream();
        let draws: Vec<u64> =
            [&mut first, &mut second, &mut named].into_iter().map(Stream::next_u64).collect();
        assert!(draws[0] != draws[1] && draws[0] != draws[2] && draws[1] != draws[2]);
        assert_eq!(root.fold(1).stream().next_u64(), draws[0]);
    }

    #[test]
    fn moments_of_uniform_and_normal() {
        let n = 200_000;
        let mut stream = Key::new(3).stream();
        let uniform: f64 = (0..n).map(|_| stream.uniform()).sum::<f64>() / f64::from(n);
        assert!((uniform - 0.5).abs() < 4.0 * (1.0 / 12.0_f64).sqrt() / f64::from(n).sqrt());

        let values = Key::new(4).normals(n as usize);
        let count = f64::from(n);
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let second = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / count;
        let fourth = values.iter().map(|&x| f64::from(x).powi(4)).sum::<f64>() / count;
        assert!(mean.abs() < 4.0 / count.sqrt(), "mean {mean}");
        assert!((second - 1.0).abs() < 4.0 * (2.0 / count).sqrt(), "variance {second}");
        assert!((fourth - 3.0).abs() < 4.0 * (96.0 / count).sqrt(), "fourth moment {fourth}");
    }

    #[test]
    fn normals_do_not_depend_on_where_a_part_begins() {
        let whole = Key::new(9).normals(200);
        for (start, count) in [(0, 200), (1, 2), (3, 70), (4, 64), (5, 0), (130, 70), (199, 1)] {
            let mut part = vec![f32::NAN; count];
            Key::new(9).fill_normals(start, &mut part);
            assert_eq!(part, whole[start..start + count], "{count} from {start}");
        }
    }

    #[test]
    fn below_covers_its_range() {
        let mut stream = Key::new(5).stream();
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
        }
        assert!(counts.iter().all(|&c| (9_600..10_400).contains(&c)), "{counts:?}");
    }
}
