//! Sizes of a U-Net.

/// Groups of channels that a norm has.
pub(crate) const GROUPS: usize = 8;

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

impl UNetSettings {
    /// Rows in time that a horizon has to be a multiple of: 2 for each level but the last.
    #[must_use]
    pub fn multiple(&self) -> usize {
        let halvings = self.multipliers.len().saturating_sub(1);
        1_usize.checked_shl(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(usize::MAX)
    }
}
