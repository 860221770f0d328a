//! The header of an array: a dictionary of three entries, as Python writes it.

use std::io::Read;

use super::super::number::{Class, DOUBLE, HALF, Number, SINGLE};

/// First bytes of every array.
const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself reads no longer ones unasked.
const LONGEST: usize = 10_000;

/// Form of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes before the numbers.
    pub length: u64,
    pub number: Number,
    /// True if the first index changes fastest.
    pub column_major: bool,
    pub shape: Vec<u64>,
}

impl Header {
    /// Reads it from the beginning of an array. Errors are clauses about the array.
    pub(super) fn read(bytes: &mut dyn Read) -> Result<Self, String> {
        let mut take = |count: usize| -> Result<Vec<u8>, String> {
            let mut taken = vec![0; count];
            bytes.read_exact(&mut taken).map_err(|error| super::array::unreadable(&error))?;
            Ok(taken)
        };
        let begin = take(8)?;
        let (magic, version) = begin.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err("is no array of NumPy's".to_owned());
        }
        let size = match version {
            [1, _] => 2,
            [2 | 3, _] => 4,
            _ => return Err(format!("has version {} of NumPy's format, expected 1 to 3", version[0])),
        };
        let text = take(size)?.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
        if text > LONGEST {
            return Err(format!("has a header of {text} bytes, expected at most {LONGEST}"));
        }
        let header = take(text)?;
        let text = String::from_utf8_lossy(&header);
        let unclear = || format!("has a header that is not understood: {}", text.trim());
        let (kind, rest) = entry(&text, "descr").ok_or_else(unclear)?;
        let column_major = match entry(rest, "fortran_order").or_else(|| entry(&text, "fortran_order")) {
            Some(("True", _)) => true,
            Some(("False", _)) => false,
            _ => return Err(unclear()),
        };
        let shape = entry(&text, "shape").and_then(|(shape, _)| numbers(shape)).ok_or_else(unclear)?;
        let number =
            number(kind).ok_or_else(|| format!("holds {}, expected numbers or booleans", name(kind)))?;
        Ok(Self { length: (begin.len() + size + header.len()) as u64, number, column_major, shape })
    }
}

/// The value of an entry, and what follows it: a word, a text without its quotes, or a list in brackets.
fn entry<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let at = text.find(&format!("'{name}':"))?;
    let value = text[at + name.len() + 3..].trim_start();
    let (from, end) = match value.chars().next()? {
        '\'' => (1, 1 + value[1..].find('\'')?),
        '(' => (1, value.find(')')?),
        '[' => (0, value.find(']')? + 1),
        _ => (0, value.find([',', '}'])?),
    };
    Some((value[from..end].trim(), &value[end..]))
}

/// Numbers with commas between them, and maybe one behind. Python 2 has an `L` behind large ones.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.trim_end_matches('L').parse().ok()).collect()
}

/// A type by its code, such as `<f4`. Floats of more than 8 bytes are laid out as their machine has them, which the code
/// does not say.
fn number(code: &str) -> Option<Number> {
    let order = code.chars().next()?;
    let (kind, size) = (code.get(1..2)?, code.get(2..)?.parse::<usize>().ok()?);
    let whole = |signed| Class::Integer { signed, offset: 0, precision: 8 * size as u32 };
    let class = match (kind, size) {
        ("b", 1) | ("u", 1 | 2 | 4 | 8) => whole(false),
        ("i", 1 | 2 | 4 | 8) => whole(true),
        ("f", 2) => Class::Float(HALF),
        ("f", 4) => Class::Float(SINGLE),
        ("f", 8) => Class::Float(DOUBLE),
        _ => return None,
    };
    matches!(order, '<' | '>' | '|').then_some(Number { size, big_endian: order == '>', class })
}

/// A type that is not read, in words.
fn name(code: &str) -> String {
    let kind = match code.get(1..2) {
        _ if code.starts_with('[') => "records",
        Some("O") => "objects of Python's, which are never unpacked",
        Some("U" | "S" | "a") => "text",
        Some("c") => "complex numbers",
        Some("f") => "floats whose layout differs between machines",
        Some("M" | "m") => "times",
        _ => "raw bytes",
    };
    format!("{kind} ({code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header, String> {
        let mut bytes = [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
        bytes.extend([0; 8]);
        Header::read(&mut bytes.as_slice())
    }

    #[test]
    fn the_entries_are_read_in_any_order_and_spelling() {
        let expected = Header {
            length: 10,
            number: Number { size: 4, big_endian: true, class: Class::Float(SINGLE) },
            column_major: true,
            shape: vec![3, 40],
        };
        for text in [
            "{'descr': '>f4', 'fortran_order': True, 'shape': (3, 40), }     \n",
            "{'shape': (3L, 40L), 'fortran_order': True, 'descr': '>f4'}",
            "{'fortran_order':True,'shape':(3,40),'descr':'>f4'}",
        ] {
            let length = 10 + text.len() as u64;
            assert_eq!(header(text), Ok(Header { length, ..expected.clone() }), "{text}");
        }
        let one = header("{'descr': '|b1', 'fortran_order': False, 'shape': (7,), }").unwrap();
        assert_eq!((one.shape, one.column_major, one.number.size), (vec![7], false, 1));
        assert_eq!(header("{'descr': '<i8', 'fortran_order': False, 'shape': (), }").unwrap().shape, [0; 0]);
    }

    #[test]
    fn what_is_no_header_is_named() {
        for (text, part) in [
            ("", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': 1, 'shape': (3,)}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "not understood"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3", "not understood"),
            ("{'descr': '<f4", "not understood"),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "objects of Python's"),
            ("{'descr': '<f16', 'fortran_order': False, 'shape': (3,)}", "differs between machines (<f16)"),
            ("{'descr': '<U3', 'fortran_order': False, 'shape': (3,)}", "holds text (<U3)"),
            ("{'descr': 'é4', 'fortran_order': False, 'shape': (3,)}", "raw bytes"),
        ] {
            let error = header(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Header::read(&mut &b"\x93NUMPY\x01\x00\xff\xff"[..]).unwrap_err().contains("at most 10000"));
        assert!(Header::read(&mut &b"\x93NUMPY\x04\x00\x01\x00"[..]).unwrap_err().contains("version 4"));
        assert!(Header::read(&mut &b"PK\x03\x04 and more"[..]).unwrap_err().contains("no array"));
    }
}
