//! An adaptive binary range coder: bits that are easy to guess take little room.
//!
//! One description of a format serves both ways: a [`Coder`] is given every bit, an [`Encoder`] writes it and gives it
//! back, a [`Decoder`] takes no notice of it and gives the one it reads. All arithmetic is of integers, the same
//! everywhere.

/// How likely a bit is 0, learned from those before: quickly from the first few, slowly later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bit {
    /// Probability of a 0, times 2¹⁶.
    zero: u16,
    /// Bits seen, up to [`SEEN`].
    seen: u8,
}

/// A guess remembers about so many bits.
const SEEN: u8 = 30;
/// No bit is ever certain.
const LEAST: i32 = 32;

impl Default for Bit {
    fn default() -> Self {
        Self { zero: 1 << 15, seen: 0 }
    }
}

impl Bit {
    /// The part of a range that belongs to 0: at least 1, less than all.
    fn bound(self, range: u32) -> u32 {
        (range >> 12) * u32::from(self.zero >> 4)
    }

    fn learn(&mut self, bit: bool) {
        let target = if bit { 0 } else { 1 << 16 };
        self.seen = (self.seen + 1).min(SEEN);
        let zero = i32::from(self.zero);
        let moved = zero + (target - zero) * 2 / (2 * i32::from(self.seen) + 1);
        self.zero = moved.clamp(LEAST, (1 << 16) - LEAST) as u16;
    }
}

/// A whole number, small ones most likely: its length in bits, then the bits (an adaptive Elias gamma code).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    /// Whether there is one more bit, by how many there are.
    longer: [Bit; 64],
    /// The bit after the first, by their number.
    second: [Bit; 64],
}

impl Default for Number {
    fn default() -> Self {
        Self { longer: [Bit::default(); 64], second: [Bit::default(); 64] }
    }
}

/// A whole number of either sign, near 0 most likely.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signed {
    zero: Bit,
    negative: Bit,
    size: Number,
}

/// Goes through bits, one way or the other.
pub(crate) trait Coder {
    /// A bit that may be easy to guess.
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool;

    /// The lowest `count` bits of a number, 64 at most, as likely as any others.
    fn bits(&mut self, count: u32, value: u64) -> u64;

    /// A number below 2⁶⁴ - 1.
    fn number(&mut self, model: &mut Number, value: u64) -> u64 {
        let value = value.saturating_add(1);
        let mut length = 0;
        while length < 63 && self.bit(&mut model.longer[length], value >> (length + 1) > 0) {
            length += 1;
        }
        if length == 0 {
            return 0;
        }
        let low = length as u32 - 1;
        let second = self.bit(&mut model.second[length], value >> low & 1 == 1);
        let rest = self.bits(low, value & ((1 << low) - 1));
        (1 << length | u64::from(second) << low | rest) - 1
    }

    /// A number of either sign, far from the ends of its type.
    fn signed(&mut self, model: &mut Signed, value: i64) -> i64 {
        if self.bit(&mut model.zero, value == 0) {
            return 0;
        }
        let negative = self.bit(&mut model.negative, value < 0);
        let size = self.number(&mut model.size, value.unsigned_abs().saturating_sub(1)) as i64;
        if negative { -1 - size } else { size.saturating_add(1) }
    }
}

/// Writes.
#[derive(Debug)]
pub(crate) struct Encoder {
    low: u64,
    range: u32,
    bytes: Vec<u8>,
}

impl Encoder {
    /// An encoder that has written nothing.
    pub(crate) fn new() -> Self {
        Self { low: 0, range: u32::MAX, bytes: Vec::new() }
    }

    /// Adds 1 to the number that the bytes are.
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            let (sum, over) = byte.overflowing_add(1);
            *byte = sum;
            if !over {
                break;
            }
        }
    }

    /// Moves bytes out that are settled but for a carry.
    fn settle(&mut self) {
        if self.low >> 32 > 0 {
            self.carry();
            self.low &= 0xFFFF_FFFF;
        }
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.bytes.push((self.low >> 24) as u8);
            self.low = (self.low & 0x00FF_FFFF) << 8;
        }
    }

    /// The bytes; zeros at their end are left out.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        // Any number of the range does: the one with the most zeros at its end.
        let last = self.low + u64::from(self.range) - 1;
        let round = |zeros: u32| last >> zeros << zeros;
        let zeros = (0..32).rev().find(|&zeros| round(zeros) >= self.low).unwrap_or(0);
        self.low = round(zeros);
        if self.low >> 32 > 0 {
            self.carry();
        }
        self.bytes.extend((self.low as u32).to_be_bytes());
        let used = self.bytes.iter().rposition(|&byte| byte > 0).map_or(0, |last| last + 1);
        self.bytes.truncate(used);
        self.bytes
    }
}

impl Coder for Encoder {
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool {
        let bound = model.bound(self.range);
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.learn(bit);
        self.settle();
        bit
    }

    fn bits(&mut self, count: u32, value: u64) -> u64 {
        for place in (0..count).rev() {
            self.range >>= 1;
            self.low += u64::from(self.range) * (value >> place & 1);
            self.settle();
        }
        value
    }
}

/// Reads. Bytes behind the end are zeros, so there is always something to read.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    code: u32,
    range: u32,
    bytes: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the beginning of some bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { code: 0, range: u32::MAX, bytes };
        for _ in 0..4 {
            decoder.code = decoder.code << 8 | decoder.next();
        }
        decoder
    }

    fn next(&mut self) -> u32 {
        match self.bytes.split_first() {
            Some((&byte, rest)) => {
                self.bytes = rest;
                byte.into()
            }
            None => 0,
        }
    }

    fn refill(&mut self) {
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.code = self.code << 8 | self.next();
        }
    }
}

impl Coder for Decoder<'_> {
    fn bit(&mut self, model: &mut Bit, _: bool) -> bool {
        let bound = model.bound(self.range);
        let bit = self.code >= bound;
        if bit {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.learn(bit);
        self.refill();
        bit
    }

    fn bits(&mut self, count: u32, _: u64) -> u64 {
        let mut value = 0;
        for _ in 0..count {
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            value = value << 1 | u64::from(bit);
            self.refill();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    /// Everything there is, drawn at random and gone through by any coder.
    fn tour(coder: &mut impl Coder, seed: u64, length: usize) -> Vec<i64> {
        let mut stream = Key::new(seed).stream();
        let (mut bit, mut number, mut signed) = (Bit::default(), Number::default(), Signed::default());
        let rare = stream.uniform();
        let mut seen = Vec::new();
        for _ in 0..length {
            let value = (stream.below(1 << 16) as u64) << stream.below(46);
            seen.push(match stream.below(4) {
                0 => coder.bit(&mut bit, stream.uniform() < rare).into(),
                1 => coder.bits(17, value & 0x1_FFFF) as i64,
                2 => coder.number(&mut number, value) as i64,
                _ => coder.signed(&mut signed, value as i64 - (1 << 20)),
            });
        }
        seen
    }

    #[test]
    fn what_is_written_is_read() {
        for seed in 0..500 {
            let length = (seed % 50 * 20) as usize;
            let mut encoder = Encoder::new();
            let written = tour(&mut encoder, seed, length);
            let bytes = encoder.finish();
            assert_eq!(tour(&mut Decoder::new(&bytes), seed, length), written, "{seed}");
        }
    }

    /// Shannon's bound, and a little for learning the odds.
    #[test]
    fn rare_bits_cost_what_they_must() {
        let count = 20_000;
        for rare in [0.5, 0.1, 0.01] {
            let mut stream = Key::new(3).stream();
            let (mut encoder, mut model) = (Encoder::new(), Bit::default());
            for _ in 0..count {
                encoder.bit(&mut model, stream.uniform() < rare);
            }
            let bits = 8.0 * encoder.finish().len() as f64 / f64::from(count);
            let entropy = -(rare * f64::log2(rare) + (1.0 - rare) * f64::log2(1.0 - rare));
            assert!(bits > 0.9 * entropy && bits < 1.15 * entropy + 0.01, "{rare}: {bits} for {entropy}");
        }
    }

    #[test]
    fn carries_run_through_all_bytes() {
        // A stretch of the least likely bits keeps `low` near the top, then one more carries.
        for last in [false, true] {
            let mut encoder = Encoder::new();
            encoder.bits(64, u64::MAX >> 1);
            encoder.bits(64, u64::MAX);
            encoder.bit(&mut Bit::default(), last);
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            assert_eq!((decoder.bits(64, 0), decoder.bits(64, 0)), (u64::MAX >> 1, u64::MAX));
            assert_eq!(decoder.bit(&mut Bit::default(), false), last);
        }
    }

    #[test]
    fn the_ends_of_the_numbers() {
        for value in [0, 1, 2, 3, u64::MAX / 2, u64::MAX - 1] {
            let mut encoder = Encoder::new();
            encoder.number(&mut Number::default(), value);
            let bytes = encoder.finish();
            assert_eq!(Decoder::new(&bytes).number(&mut Number::default(), 0), value);
        }
    }
}
