//! Values of the command line that are not plain text: each is read whole, or refused with what is expected.

use std::str::FromStr;

use clap::builder::RangedU64ValueParser;

/// Most episodes that can be asked for: their results are kept until the end.
pub(crate) const MOST_EPISODES: u64 = 1_000_000;
/// Most threads to compute with.
const MOST_THREADS: u64 = 1024;

/// Seeds fit TOML's signed 64-bit integers, so that `config.toml` can hold them.
pub(crate) fn seed() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(..=i64::MAX.unsigned_abs())
}

/// At least one.
pub(crate) fn count() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

/// Episodes: at least so many, at most [`MOST_EPISODES`].
pub(crate) fn episodes(least: u64) -> RangedU64ValueParser {
    clap::value_parser!(u64).range(least..=MOST_EPISODES)
}

/// Threads: at least one.
pub(crate) fn threads() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=MOST_THREADS)
}

/// Seconds of a measurement: more than none, less than a day.
pub(crate) fn duration(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("expected a number of seconds above 0 and up to 86400".to_owned()),
    }
}

/// Points of a score: finite and not negative.
pub(crate) fn points(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(points) if points.is_finite() && points >= 0.0 => Ok(points),
        _ => Err("expected a number of points, 0 or more".to_owned()),
    }
}

/// Two values with a separator between them, and nothing else.
pub(crate) fn pair<A: FromStr, B: FromStr>(text: &str, separator: char) -> Result<(A, B), String> {
    text.split_once(separator)
        .and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)))
        .ok_or_else(|| format!("expected two numbers with '{separator}' between them"))
}

/// A place in a maze, m: two finite numbers.
pub(crate) fn place(text: &str) -> Result<[f64; 2], String> {
    match pair::<f64, f64>(text, ',') {
        Ok((x, y)) if x.is_finite() && y.is_finite() => Ok([x, y]),
        _ => Err("expected two numbers with ',' between them, such as 3,1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_two_numbers_and_nothing_else() {
        for (text, expected) in
            [("3,1", [3.0, 1.0]), (" 3 , 1.5 ", [3.0, 1.5]), ("-0.5,1e0", [-0.5, 1.0]), ("+3,.5", [3.0, 0.5])]
        {
            assert_eq!(place(text), Ok(expected), "{text}");
        }
        for text in [
            "3,foo,1",
            "3,1,foo",
            "foo,3,1",
            "3,1,",
            ",3,1",
            "3,,1",
            "3,1,2",
            "3",
            "3;1",
            "3 1",
            "",
            ",",
            "3,",
            ",1",
            "NaN,1",
            "3,nan",
            "inf,1",
            "3,-infinity",
            "1e999,1",
            "3,1m",
            "0x3,1",
            "3,1 2",
            "(3,1)",
        ] {
            let error = place(text).unwrap_err();
            assert!(error.contains("two numbers with ','"), "{text}: {error}");
        }
    }

    #[test]
    fn pairs_are_whole_numbers_in_range() {
        assert_eq!(pair::<u32, u16>("0:7", ':'), Ok((0, 7)));
        for text in
            ["0:7:1", "0", "0:", ":7", "-1:7", "0:65536", "4294967296:0", "0.5:1", "a:1", "0:1x", "0,1"]
        {
            assert!(pair::<u32, u16>(text, ':').is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_and_points_are_finite() {
        assert_eq!((duration("0.5"), points("0")), (Ok(0.5), Ok(0.0)));
        for text in ["0", "-1", "86401", "NaN", "inf", "1s", "", "1,5"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["-0.1", "NaN", "inf", "1e999", "2%", "", "1,5"] {
            assert!(points(text).is_err(), "{text}");
        }
    }
}
