//! The most bytes that the page fetches from one address.

use thiserror::Error;

/// Most bytes of a bundle, a file of windows or a recording: thirty times the largest that comes with the page. Reading
/// so many takes less than a second.
pub const MOST: usize = 64 << 20;

/// More bytes than the page fetches.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error(
    "it has {}{:.1} MB, and the page fetches at most {:.1} MB: use smaller weights here, or these with the program diar",
    if *.announced { "" } else { "more than " },
    .bytes / 1e6,
    MOST as f64 / 1e6
)]
pub struct TooLarge {
    /// Its bytes, as announced or as received before the rest was left.
    bytes: f64,
    announced: bool,
}

/// Refuses what is announced as larger than [`MOST`], or is found to be on its way.
///
/// # Errors
/// With the size and the limit.
pub fn admit(announced: Option<f64>, received: usize) -> Result<(), TooLarge> {
    if let Some(bytes) = announced.filter(|&bytes| bytes > MOST as f64) {
        return Err(TooLarge { bytes, announced: true });
    }
    if received > MOST {
        return Err(TooLarge { bytes: received as f64, announced: false });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused_with_both_figures() {
        assert_eq!(admit(None, 0), Ok(()));
        assert_eq!(admit(Some(MOST as f64), MOST), Ok(()));
        let announced = admit(Some(3e9), 0).unwrap_err().to_string();
        assert!(
            announced.contains("it has 3000.0 MB") && announced.contains("at most 67.1 MB"),
            "{announced}"
        );
        // A server need not tell the truth, or anything.
        for said in [None, Some(12.0)] {
            let found = admit(said, MOST + 1_000_000).unwrap_err().to_string();
            assert!(found.contains("more than 68.1 MB") && found.contains("at most 67.1 MB"), "{found}");
        }
    }
}
