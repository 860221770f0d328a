//! Sizes and training of the network that diffuses trajectories.

#[cfg(feature = "train")]
use burn::module::Module;
use serde::{Deserialize, Serialize};

use crate::method::RowSettings;
use crate::nn::temporal::UNetSettings;
#[cfg(feature = "train")]
use crate::nn::train::follow;
use crate::settings::check::{require, share, whole};
use crate::settings::{DEEPEST, InvalidSetting, MOST_DIFFUSION_STEPS, MOST_STEPS, TrainSettings, WIDEST};

/// Longest trajectory, in environment steps.
pub(in crate::method) const LONGEST: u64 = 1 << 16;
/// Groups of a group norm, which every width is a multiple of.
const GROUPS: usize = 8;

/// Settings of a temporal U-Net that diffuses trajectories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetSettings {
    /// Width of the first level, and of the code of a diffusion step; a multiple of 8.
    pub dim: usize,
    /// Widths of the levels over `dim`; each level has half the rows of the one before.
    pub multipliers: Vec<usize>,
    /// T.
    pub diffusion_steps: usize,
    /// Rate by which the average that acts follows the network.
    pub average_rate: f64,
    /// Updates between two steps of the average.
    pub average_every: usize,
    /// Updates until which the average is the network itself.
    pub average_from: usize,
    /// Its training.
    pub train: TrainSettings,
}

impl NetSettings {
    /// Checks every setting.
    pub(in crate::method) fn check(&self) -> Result<(), InvalidSetting> {
        let Self { dim, multipliers, diffusion_steps, average_rate, average_every, average_from, train } =
            self;
        let fits = (GROUPS..=WIDEST).contains(dim) && dim.is_multiple_of(GROUPS);
        require(fits, "policy.dim", dim, format!("a multiple of {GROUPS} from {GROUPS} to {WIDEST}"))?;
        let most = WIDEST / (*dim).max(1);
        require(
            (1..=DEEPEST.min(16)).contains(&multipliers.len())
                && multipliers.iter().all(|factor| (1..=most).contains(factor)),
            "policy.multipliers",
            format!("{multipliers:?}"),
            format!("1 to 16 factors, each at least 1 and at most {most}"),
        )?;
        whole("policy.diffusion_steps", *diffusion_steps as u64, 1..=MOST_DIFFUSION_STEPS as u64)?;
        share("policy.average_rate", *average_rate)?;
        whole("policy.average_every", *average_every as u64, 1..=MOST_STEPS)?;
        whole("policy.average_from", *average_from as u64, 0..=MOST_STEPS)?;
        train.check("policy")
    }

    /// Checks the rows of a trajectory against the levels.
    pub(in crate::method) fn check_rows(&self, rows: usize) -> Result<(), InvalidSetting> {
        let levels = self.multipliers.len();
        let least = 1 << levels.saturating_sub(1);
        let fits = rows >= 2 && rows.is_multiple_of(least);
        let expected = format!("a multiple of {least}, at least 2: each of the {levels} levels halves them");
        require(fits, "trajectory.horizon", format!("{rows} rows"), expected)
    }

    /// The network over rows of `channels` numbers with a condition of `condition` numbers, 0 for none.
    pub(in crate::method) fn config(&self, channels: usize, condition: usize) -> UNetSettings {
        UNetSettings { channels, dim: self.dim, multipliers: self.multipliers.clone(), condition }
    }

    /// Outputs of layers for a trajectory of so many rows, in numbers.
    pub(in crate::method) fn outputs(&self, rows: usize) -> f64 {
        // Two blocks on the way down and two on the way up, each of two convolutions, two norms with Mish, and a sum.
        let level = |(i, &factor): (usize, &usize)| {
            24.0 * (self.dim * factor) as f64 * rows as f64 / f64::powi(2.0, i as i32)
        };
        self.multipliers.iter().enumerate().map(level).sum()
    }

    /// The average after an update with the number `position`.
    #[cfg(feature = "train")]
    pub(in crate::method) fn averaged<M: Module>(&self, average: M, net: &M, position: usize) -> M {
        if position < self.average_from {
            follow(average, net, 1.0)
        } else if (position + 1).is_multiple_of(self.average_every) {
            follow(average, net, self.average_rate)
        } else {
            average
        }
    }
}

/// Rows to generate, of states that are scaled.
pub(in crate::method) fn check_data(data: &RowSettings) -> Result<(), InvalidSetting> {
    let scaled = data.standardise_states;
    let expected = "true: trajectories are clipped to the limits of the data, to which states are scaled";
    require(scaled, "data.standardise_states", scaled, expected)
}
