//! Numbers of every class that HDF5 has: integers and floats of any size and layout, booleans as enums or bit fields.

use hdf5_reader::Datatype;

/// The largest number that is decoded, in bytes; quadruple precision has as many.
const LARGEST: usize = 16;

/// Stored form of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    size: usize,
    big_endian: bool,
    class: Class,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Integer { signed: bool, offset: u32, precision: u32 },
    Float(Layout),
}

/// The parts of a float, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    sign: u32,
    exponent: u32,
    exponent_size: u32,
    mantissa: u32,
    mantissa_size: u32,
    bias: i32,
    /// True if the mantissa's first bit is left out, as IEEE 754 has it.
    implied: bool,
}

/// IEEE 754's single precision.
const SINGLE: Layout = Layout {
    sign: 31,
    exponent: 23,
    exponent_size: 8,
    mantissa: 0,
    mantissa_size: 23,
    bias: 127,
    implied: true,
};
/// IEEE 754's double precision.
const DOUBLE: Layout = Layout {
    sign: 63,
    exponent: 52,
    exponent_size: 11,
    mantissa: 0,
    mantissa_size: 52,
    bias: 1023,
    implied: true,
};

impl Number {
    /// Reads a datatype message. The reader's own form of it leaves out how floats are laid out.
    ///
    /// None where it is no number, or one in the byte order of a VAX.
    pub(super) fn of(message: &[u8]) -> Option<Self> {
        let (header, properties) = message.split_at_checked(8)?;
        let [class, flags, sign, _, size @ ..] = header else { return None };
        let size = u32::from_le_bytes(size.try_into().ok()?) as usize;
        let short = |at: usize| {
            properties.get(at..at + 2).map(|bytes| u32::from(u16::from_le_bytes([bytes[0], bytes[1]])))
        };
        let bits = 8 * size as u32;
        let number = match class & 15 {
            // Integers, and bit fields, as which some write booleans.
            kind @ (0 | 4) if (1..=LARGEST).contains(&size) => {
                let (offset, precision) = (short(0)?, short(2)?);
                let signed = kind == 0 && flags & 8 != 0;
                let fits = precision > 0 && offset + precision <= bits;
                fits.then_some(Class::Integer { signed, offset, precision })?
            }
            1 if (1..=LARGEST).contains(&size) && flags & 0x40 == 0 => {
                let [exponent, exponent_size, mantissa, mantissa_size, bias @ ..] = properties.get(4..12)?
                else {
                    return None;
                };
                let layout = Layout {
                    sign: u32::from(*sign),
                    exponent: u32::from(*exponent),
                    exponent_size: u32::from(*exponent_size),
                    mantissa: u32::from(*mantissa),
                    mantissa_size: u32::from(*mantissa_size),
                    bias: i32::from_le_bytes(bias.try_into().ok()?),
                    implied: flags >> 4 & 3 == 2,
                };
                let fits = layout.sign < bits
                    && layout.exponent + layout.exponent_size <= bits
                    && layout.mantissa + layout.mantissa_size <= bits
                    && layout.mantissa_size < bits
                    && (1..31).contains(&layout.exponent_size)
                    && (0..1 << 30).contains(&layout.bias);
                fits.then_some(Class::Float(layout))?
            }
            // An enum is stored as its base type, which comes first.
            8 => return Self::of(properties),
            // A list, with its sizes before its base type.
            10 => {
                let dimensions = usize::from(*properties.first()?);
                let version = class >> 4;
                let before = if version < 3 { 4 + 8 * dimensions } else { 1 + 4 * dimensions };
                return Self::of(properties.get(before..)?);
            }
            _ => return None,
        };
        Some(Self { size, big_endian: flags & 1 != 0, class: number })
    }

    /// Bytes of a number.
    pub(super) fn size(self) -> usize {
        self.size
    }

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

/// A type that is not read, in words.
pub(super) fn kind_of(dtype: &Datatype) -> String {
    match dtype {
        Datatype::FixedPoint { size, .. } => format!("{size}-byte integers of an unusual form"),
        Datatype::FloatingPoint { size, .. } => {
            format!("{size}-byte floating point numbers of an unusual form")
        }
        Datatype::String { .. } => "text".to_owned(),
        Datatype::Compound { .. } => "records".to_owned(),
        Datatype::Array { base, .. } => format!("lists of {}", kind_of(base)),
        Datatype::VarLen { .. } => "lists of changing length".to_owned(),
        Datatype::Enum { base, .. } => format!("names over {}", kind_of(base)),
        Datatype::Opaque { .. } | Datatype::Bitfield { .. } => "raw bytes".to_owned(),
        Datatype::Reference { .. } => "references".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(size: u32, flags: u8, offset: u16, precision: u16) -> Number {
        let mut message = vec![0x10, flags, 0, 0];
        message.extend(size.to_le_bytes());
        message.extend(offset.to_le_bytes());
        message.extend(precision.to_le_bytes());
        Number::of(&message).unwrap()
    }

    #[test]
    fn integers_of_any_size_and_precision() {
        assert_eq!(integer(3, 8, 0, 24).decode(&[1, 0, 0, 0xfe, 0xff, 0xff]), [1.0, -2.0]);
        assert_eq!(integer(3, 1, 0, 24).decode(&[1, 0, 0]), [65_536.0]);
        // Twelve bits, four bits up.
        assert_eq!(integer(2, 8, 4, 12).decode(&[0xff, 0xff, 0x2f, 0]), [-1.0, 2.0]);
        let sixteen = integer(16, 8, 0, 128);
        assert_eq!(sixteen.decode(&(-3_i128).to_le_bytes()), [-3.0]);
        assert_eq!(Number::of(&[0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 0]), None, "9 of 8 bits");
        assert_eq!(Number::of(&[0x10, 0, 0, 0]), None, "cut short");
    }

    fn float(size: u32, flags: u8, layout: Layout) -> Number {
        let mut message = vec![0x11, flags, layout.sign as u8, 0];
        message.extend(size.to_le_bytes());
        message.extend([0, 0, 0, 0]);
        let parts = [layout.exponent, layout.exponent_size, layout.mantissa, layout.mantissa_size];
        message.extend(parts.map(|part| part as u8));
        message.extend(layout.bias.to_le_bytes());
        Number::of(&message).unwrap()
    }

    /// The general way of decoding against the processor's own.
    #[test]
    fn floats_by_their_layout_are_those_of_the_processor() {
        for value in [0.0, -0.0, 1.0, -2.5, 1e-40, f32::MIN_POSITIVE, f32::MAX, 3.1, f32::INFINITY] {
            let (single, double) = (u128::from(value.to_bits()), u128::from(f64::from(value).to_bits()));
            assert_eq!(SINGLE.value(single).to_bits(), value.to_bits(), "{value}");
            assert_eq!(DOUBLE.value(double).to_bits(), value.to_bits(), "{value}");
            let swapped = float(4, 0x21, SINGLE).decode(&value.to_be_bytes());
            assert_eq!(swapped[0].to_bits(), value.to_bits());
        }
        assert!(SINGLE.value(u128::from(f32::NAN.to_bits())).is_nan());
    }

    #[test]
    fn half_brain_and_extended_precision() {
        let half = Layout {
            sign: 15,
            exponent: 10,
            exponent_size: 5,
            mantissa: 0,
            mantissa_size: 10,
            bias: 15,
            implied: true,
        };
        let bytes: Vec<u8> = [0x3c00_u16, 0xc000, 0x3555, 0x0001, 0x7bff, 0x7c00]
            .iter()
            .flat_map(|bits| bits.to_le_bytes())
            .collect();
        let expected = [1.0, -2.0, 0.333_251_95, 5.960_464_5e-8, 65504.0, f32::INFINITY];
        assert_eq!(float(2, 0x20, half).decode(&bytes), expected);
        let brain = Layout {
            sign: 15,
            exponent: 7,
            exponent_size: 8,
            mantissa: 0,
            mantissa_size: 7,
            bias: 127,
            implied: true,
        };
        assert_eq!(float(2, 0x20, brain).decode(&[0x80, 0x3f, 0x49, 0xc0]), [1.0, -3.140_625]);
        // The x87's: 64 bits of mantissa with its first bit, in 16 bytes.
        let extended = Layout {
            sign: 79,
            exponent: 64,
            exponent_size: 15,
            mantissa: 0,
            mantissa_size: 64,
            bias: 16_383,
            implied: false,
        };
        let mut bytes = [0; 32];
        bytes[7..10].copy_from_slice(&[0xc0, 0x00, 0x40]);
        bytes[16 + 7..16 + 10].copy_from_slice(&[0x80, 0xff, 0x7f]);
        assert_eq!(float(16, 0, extended).decode(&bytes), [3.0, f32::INFINITY]);
        let vax = [0x11, 0x41, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
        assert_eq!(Number::of(&vax), None);
    }
}
