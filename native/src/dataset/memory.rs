//! Memory that reading a data set takes.

use std::path::Path;

use super::DataError;
use crate::memory::size;

/// Bytes that reading takes, by what the file's headers claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Kept until the end.
    kept: u64,
    /// Held for a while, for one column after the other.
    passing: u64,
}

impl Need {
    /// Adds a column of `numbers` that are stored as `bytes` each and kept in single precision.
    pub(super) fn add(&mut self, numbers: u64, bytes: u64) {
        self.keep(numbers);
        // What is read of the file, and what that is decoded to.
        self.hold(numbers.saturating_mul(bytes).saturating_mul(2));
    }

    /// Adds numbers that are kept in single precision and read in pieces.
    pub(super) fn keep(&mut self, numbers: u64) {
        self.kept = self.kept.saturating_add(numbers.saturating_mul(4));
    }

    /// Adds numbers that are read in pieces and held in single precision for a while.
    pub(super) fn pass(&mut self, numbers: u64) {
        self.hold(numbers.saturating_mul(4));
    }

    /// Adds bytes that are held for a while.
    pub(super) fn hold(&mut self, bytes: u64) {
        self.passing = self.passing.max(bytes);
    }

    fn bytes(self) -> u64 {
        self.kept.saturating_add(self.passing)
    }

    /// Refuses what does not fit into `available` bytes. Where that is unknown, everything is tried.
    pub(super) fn check(self, path: &Path, available: Option<u64>) -> Result<(), DataError> {
        match available {
            Some(available) if self.bytes() > available => Err(DataError::TooLarge {
                path: path.to_owned(),
                needed: size(self.bytes() as f64),
                available: size(available as f64),
            }),
            _ => Ok(()),
        }
    }
}

/// Room for so many numbers. Where there is none, the error is a clause about their column.
pub(super) fn room(count: usize) -> Result<Vec<f32>, String> {
    let mut values = Vec::new();
    match values.try_reserve_exact(count) {
        Ok(()) => Ok(values),
        Err(_) => Err(format!("takes {} of memory, which are not available", size(4.0 * count as f64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_kept_together_and_read_one_by_one() {
        let mut need = Need::default();
        need.add(1 << 20, 8);
        need.add(1 << 20, 1);
        assert_eq!(need.bytes(), 24 << 20);
        assert!(
            need.check(Path::new("a"), Some(24 << 20)).is_ok() && need.check(Path::new("a"), None).is_ok()
        );
        let error = need.check(Path::new("a"), Some((24 << 20) - 1)).unwrap_err().to_string();
        assert!(error.contains("24.0 MiB") && error.starts_with("a "), "{error}");
        need.add(u64::MAX, 8);
        assert!(need.check(Path::new("a"), Some(u64::MAX - 1)).is_err());
    }
}
