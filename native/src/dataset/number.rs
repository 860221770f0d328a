//! Stored numbers: integers and floats of any size and layout, in either byte order.

/// The largest number that is decoded, in bytes; quadruple precision has as many.
pub(super) const LARGEST: usize = 16;

/// Stored form of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Bytes.
    pub size: usize,
    pub big_endian: bool,
    pub class: Class,
}

/// Class of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// An integer of so many bits, from a bit on.
    Integer { signed: bool, offset: u32, precision: u32 },
    /// A float.
    Float(Layout),
}

/// The parts of a float, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub sign: u32,
    pub exponent: u32,
    pub exponent_size: u32,
    pub mantissa: u32,
    pub mantissa_size: u32,
    pub bias: i32,
    /// True if the mantissa's first bit is left out, as IEEE 754 has it.
    pub implied: bool,
}

/// IEEE 754's half precision.
pub(super) const HALF: Layout = Layout {
    sign: 15,
    exponent: 10,
    exponent_size: 5,
    mantissa: 0,
    mantissa_size: 10,
    bias: 15,
    implied: true,
};
/// IEEE 754's single precision.
pub(super) const SINGLE: Layout = Layout {
    sign: 31,
    exponent: 23,
    exponent_size: 8,
    mantissa: 0,
    mantissa_size: 23,
    bias: 127,
    implied: true,
};
/// IEEE 754's double precision.
pub(super) const DOUBLE: Layout = Layout {
    sign: 63,
    exponent: 52,
    exponent_size: 11,
    mantissa: 0,
    mantissa_size: 52,
    bias: 1023,
    implied: true,
};

impl Number {
    /// Numbers one after the other, in single precision.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match (self.class, self.size) {
            (Class::Float(SINGLE), 4) => self.standard(bytes, f32::from_le_bytes),
            (Class::Float(DOUBLE), 8) => self.standard(bytes, |number| f64::from_le_bytes(number) as f32),
            (Class::Float(layout), _) => self.each(bytes, |bits| layout.value(bits)),
            (Class::Integer { signed, offset, precision }, _) => self.each(bytes, |bits| {
                // The number's own bits at the top, so that a shift back down extends the sign.
                let top = bits << (128 - offset - precision);
                let down = 128 - precision;
                if signed { (top as i128 >> down) as f32 } else { (top >> down) as f32 }
            }),
        }
    }

    /// Numbers of `N` bytes each; `number` takes them in little-endian order.
    fn standard<const N: usize>(self, bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (chunks, _) = bytes.as_chunks();
        let decode = |&chunk: &[u8; N]| {
            let mut chunk = chunk;
            if self.big_endian {
                chunk.reverse();
            }
            number(chunk)
        };
        chunks.iter().map(decode).collect()
    }

    /// Numbers of any size by their bits.
    fn each(self, bytes: &[u8], number: impl Fn(u128) -> f32) -> Vec<f32> {
        let decode = |chunk: &[u8]| {
            let mut little = [0; LARGEST];
            little[..chunk.len()].copy_from_slice(chunk);
            if self.big_endian {
                little[..chunk.len()].reverse();
            }
            number(u128::from_le_bytes(little))
        };
        bytes.chunks_exact(self.size).map(decode).collect()
    }
}

impl Layout {
    fn value(self, bits: u128) -> f32 {
        let field = |at: u32, size: u32| bits.checked_shr(at).unwrap_or(0) & ((1_u128 << size) - 1);
        let exponent = field(self.exponent, self.exponent_size);
        let mantissa = field(self.mantissa, self.mantissa_size);
        let sign = if field(self.sign, 1) == 1 { -1.0 } else { 1.0 };
        if exponent == (1 << self.exponent_size) - 1 {
            // Where the first bit is stored, it is set in infinity too.
            let rest = if self.implied { mantissa } else { mantissa << 1 & ((1 << self.mantissa_size) - 1) };
            return if rest == 0 { sign * f32::INFINITY } else { f32::NAN };
        }
        let subnormal = self.implied && exponent == 0;
        let one = if self.implied && !subnormal { 1_u128 << self.mantissa_size } else { 0 };
        let below = self.mantissa_size as i32 - i32::from(!self.implied);
        let power = exponent as i32 + i32::from(subnormal) - self.bias - below;
        // In two factors: the first alone may be too small for double precision where the product is not.
        let half = power / 2;
        let value = (one | mantissa) as f64 * 2.0_f64.powi(half) * 2.0_f64.powi(power - half);
        sign * value as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The general way of decoding against the processor's own.
    #[test]
    fn floats_by_their_layout_are_those_of_the_processor() {
        for value in [0.0, -0.0, 1.0, -2.5, 1e-40, f32::MIN_POSITIVE, f32::MAX, 3.1, f32::INFINITY] {
            let (single, double) = (u128::from(value.to_bits()), u128::from(f64::from(value).to_bits()));
            assert_eq!(SINGLE.value(single).to_bits(), value.to_bits(), "{value}");
            assert_eq!(DOUBLE.value(double).to_bits(), value.to_bits(), "{value}");
        }
        assert!(SINGLE.value(u128::from(f32::NAN.to_bits())).is_nan());
    }
}
