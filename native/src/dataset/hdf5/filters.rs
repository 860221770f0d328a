//! Filters of compressed chunks: LZF beside those of the reader, and the names of those that are not read.

use hdf5_reader::FilterRegistry;
use hdf5_reader::error::Error;
use hdf5_reader::messages::filter_pipeline::FilterDescription;

/// h5py's own filter.
const LZF: u16 = 32_000;
/// deflate, shuffle, fletcher32, szip, nbit and scaleoffset.
const BUILT_IN: std::ops::RangeInclusive<u16> = 1..=6;
/// Filters that h5py and its plugins know, by their registered numbers.
const NAMES: [(u16, &str); 12] = [
    (305, "LZO"),
    (307, "bzip2"),
    (32_001, "Blosc"),
    (32_004, "LZ4"),
    (32_008, "bitshuffle"),
    (32_013, "ZFP"),
    (32_015, "Zstandard"),
    (32_017, "SZ"),
    (32_018, "FCIDECOMP"),
    (32_024, "SZ3"),
    (32_026, "Blosc2"),
    (32_028, "SPERR"),
];

/// Filters that chunks are read with.
pub(super) fn registry() -> FilterRegistry {
    let mut registry = FilterRegistry::new();
    registry.register(LZF, Box::new(|_, bytes, _| lzf(bytes)));
    registry
}

/// The first filter that is not read, by name and number.
pub(super) fn unknown(filters: &[FilterDescription]) -> Option<String> {
    let filter = filters.iter().find(|filter| filter.id != LZF && !BUILT_IN.contains(&filter.id))?;
    let known = NAMES.iter().find(|(id, _)| *id == filter.id).map(|(_, name)| *name);
    let own = filter.name.as_deref().map(|name| name.trim_end_matches('\0')).filter(|name| !name.is_empty());
    Some(format!("{} (filter {})", known.or(own).unwrap_or("an unknown filter"), filter.id))
}

/// Unpacks LZF: runs of literal bytes, and references to what was unpacked before.
fn lzf(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let short = || Error::DecompressionError("LZF data ends too early".into());
    let mut input = bytes.iter().map(|&byte| usize::from(byte));
    let mut output: Vec<u8> = Vec::with_capacity(2 * bytes.len());
    while let Some(control) = input.next() {
        if control < 32 {
            for _ in 0..=control {
                output.push(input.next().ok_or_else(short)? as u8);
            }
            continue;
        }
        let mut length = control >> 5;
        if length == 7 {
            length += input.next().ok_or_else(short)?;
        }
        let back = ((control & 31) << 8 | input.next().ok_or_else(short)?) + 1;
        let from = output.len().checked_sub(back).ok_or_else(|| {
            Error::DecompressionError("LZF data refers to a place before its beginning".into())
        })?;
        // Byte by byte: a reference may run into what it writes.
        for at in from..from + length + 2 {
            output.push(output[at]);
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzf_is_unpacked() {
        assert_eq!(lzf(&[]).unwrap(), b"");
        assert_eq!(lzf(b"\x02abc").unwrap(), b"abc");
        // Three bytes from two back: the reference runs into itself.
        assert_eq!(lzf(b"\x01ab\x20\x01").unwrap(), b"ababa");
        // A long one: 7 + 3 + 2 bytes.
        assert_eq!(lzf(b"\x00a\xe0\x03\x00").unwrap(), [b'a'; 13]);
        for broken in [&b"\x05ab"[..], b"\x00a\x20", b"\x00a\xe0", b"\x00a\x20\x01", b"\x20\x00"] {
            assert!(lzf(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn other_filters_are_named() {
        let filter = |id, name: Option<&str>| FilterDescription {
            id,
            name: name.map(str::to_owned),
            client_data: vec![],
        };
        assert_eq!(unknown(&[filter(1, None), filter(LZF, None), filter(4, None)]), None);
        assert_eq!(
            unknown(&[filter(2, None), filter(32_015, Some("zstd"))]).unwrap(),
            "Zstandard (filter 32015)"
        );
        assert_eq!(unknown(&[filter(400, Some("mine\0\0"))]).unwrap(), "mine (filter 400)");
        assert_eq!(unknown(&[filter(401, None)]).unwrap(), "an unknown filter (filter 401)");
    }
}
