//! Sizes of a U-Net.

use thiserror::Error;

/// Groups of channels that a norm has.
pub(super) const GROUPS: usize = 8;

/// Sizes of a [`UNet`](super::UNet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UNetSettings {
    /// Numbers in a row of the input, and of the output.
    pub channels: usize,
    /// Width of the time code, and the unit of the levels' widths; a multiple of 8.
    pub dim: usize,
    /// Width of each level, from the outermost, in units of `dim`.
    pub multipliers: Vec<usize>,
    /// Numbers that stand beside the time code: 0 without a condition.
    pub condition: usize,
}

/// Sizes that a U-Net cannot have.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UNetError {
    /// The input has no numbers.
    #[error("a U-Net over rows of 0 channels has nothing to predict: expected at least 1")]
    Channels,
    /// Norms divide the channels into groups.
    #[error("a U-Net's width is {found}, expected a multiple of {GROUPS}, at least {GROUPS}")]
    Width {
        /// The width.
        found: usize,
    },
    /// A level without width, or no level.
    #[error(
        "a U-Net's multipliers are {found:?}, expected at least one level and each multiplier at least 1"
    )]
    Levels {
        /// The multipliers.
        found: Vec<usize>,
    },
    /// The time is halved between levels.
    #[error("a horizon of {found} rows cannot be halved {halvings} times: expected a multiple of {multiple}")]
    Horizon {
        /// Rows in time.
        found: usize,
        /// Levels, less one.
        halvings: usize,
        /// Divisor of all horizons that can be used.
        multiple: usize,
    },
}

impl UNetSettings {
    /// Rows in time that a horizon has to be a multiple of: 2 for each level but the last.
    #[must_use]
    pub fn multiple(&self) -> usize {
        let halvings = self.multipliers.len().saturating_sub(1);
        1_usize.checked_shl(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(usize::MAX)
    }

    /// Checks the sizes, and that they fit a horizon of so many rows.
    ///
    /// # Errors
    /// The first size that cannot be used.
    pub fn check(&self, horizon: usize) -> Result<(), UNetError> {
        let Self { channels, dim, multipliers, condition: _ } = self;
        if *channels == 0 {
            return Err(UNetError::Channels);
        }
        if *dim == 0 || !dim.is_multiple_of(GROUPS) {
            return Err(UNetError::Width { found: *dim });
        }
        if multipliers.is_empty() || multipliers.contains(&0) {
            return Err(UNetError::Levels { found: multipliers.clone() });
        }
        let multiple = self.multiple();
        if horizon == 0 || !horizon.is_multiple_of(multiple) {
            return Err(UNetError::Horizon { found: horizon, halvings: multipliers.len() - 1, multiple });
        }
        Ok(())
    }
}
