//! Numbers of every class that HDF5 has: integers and floats of any size and layout, booleans as enums or bit fields.

use hdf5_reader::Datatype;

use super::super::number::{Class, LARGEST, Layout, Number};

/// Reads a datatype message. The reader's own form of it leaves out how floats are laid out.
///
/// None where it is no number, or one in the byte order of a VAX.
pub(super) fn number(message: &[u8]) -> Option<Number> {
    let (header, properties) = message.split_at_checked(8)?;
    let [kind, flags, sign, _, size @ ..] = header else { return None };
    let size = u32::from_le_bytes(size.try_into().ok()?) as usize;
    let short = |at: usize| {
        properties.get(at..at + 2).map(|bytes| u32::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    let bits = 8 * size as u32;
    let class = match kind & 15 {
        // Integers, and bit fields, as which some write booleans.
        class @ (0 | 4) if (1..=LARGEST).contains(&size) => {
            let (offset, precision) = (short(0)?, short(2)?);
            let signed = class == 0 && flags & 8 != 0;
            let fits = precision > 0 && offset + precision <= bits;
            fits.then_some(Class::Integer { signed, offset, precision })?
        }
        1 if (1..=LARGEST).contains(&size) && flags & 0x40 == 0 => {
            let [exponent, exponent_size, mantissa, mantissa_size, bias @ ..] = properties.get(4..12)? else {
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
        8 => return number(properties),
        // A list, with its sizes before its base type.
        10 => {
            let dimensions = usize::from(*properties.first()?);
            let version = kind >> 4;
            let before = if version < 3 { 4 + 8 * dimensions } else { 1 + 4 * dimensions };
            return number(properties.get(before..)?);
        }
        _ => return None,
    };
    Some(Number { size, big_endian: flags & 1 != 0, class })
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
    use super::super::super::number::{HALF, SINGLE};
    use super::*;

    fn integer(size: u32, flags: u8, offset: u16, precision: u16) -> Number {
        let mut message = vec![0x10, flags, 0, 0];
        message.extend(size.to_le_bytes());
        message.extend(offset.to_le_bytes());
        message.extend(precision.to_le_bytes());
        number(&message).unwrap()
    }

    #[test]
    fn integers_of_any_size_and_precision() {
        assert_eq!(integer(3, 8, 0, 24).decode(&[1, 0, 0, 0xfe, 0xff, 0xff]), [1.0, -2.0]);
        assert_eq!(integer(3, 1, 0, 24).decode(&[1, 0, 0]), [65_536.0]);
        // Twelve bits, four bits up.
        assert_eq!(integer(2, 8, 4, 12).decode(&[0xff, 0xff, 0x2f, 0]), [-1.0, 2.0]);
        let sixteen = integer(16, 8, 0, 128);
        assert_eq!(sixteen.decode(&(-3_i128).to_le_bytes()), [-3.0]);
        assert_eq!(number(&[0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 0]), None, "9 of 8 bits");
        assert_eq!(number(&[0x10, 0, 0, 0]), None, "cut short");
    }

    fn float(size: u32, flags: u8, layout: Layout) -> Number {
        let mut message = vec![0x11, flags, layout.sign as u8, 0];
        message.extend(size.to_le_bytes());
        message.extend([0, 0, 0, 0]);
        let parts = [layout.exponent, layout.exponent_size, layout.mantissa, layout.mantissa_size];
        message.extend(parts.map(|part| part as u8));
        message.extend(layout.bias.to_le_bytes());
        number(&message).unwrap()
    }

    #[test]
    fn floats_of_the_other_byte_order() {
        for value in [0.0, -0.0, 1.0, -2.5, 1e-40, f32::MIN_POSITIVE, f32::MAX, 3.1, f32::INFINITY] {
            let swapped = float(4, 0x21, SINGLE).decode(&value.to_be_bytes());
            assert_eq!(swapped[0].to_bits(), value.to_bits());
        }
    }

    #[test]
    fn half_brain_and_extended_precision() {
        let bytes: Vec<u8> = [0x3c00_u16, 0xc000, 0x3555, 0x0001, 0x7bff, 0x7c00]
            .iter()
            .flat_map(|bits| bits.to_le_bytes())
            .collect();
        let expected = [1.0, -2.0, 0.333_251_95, 5.960_464_5e-8, 65504.0, f32::INFINITY];
        assert_eq!(float(2, 0x20, HALF).decode(&bytes), expected);
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
        assert_eq!(number(&vax), None);
    }
}
