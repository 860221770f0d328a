//! Sizes and training of the network that diffuses trajectories.

use serde::{Deserialize, Serialize};

use crate::method::RowSettings;
use crate::nn::temporal::{GROUPS, UNetSettings};
use crate::settings::check::{require, share, whole};
use crate::settings::{
    DEEPEST, InvalidSetting, MOST_DIFFUSION_STEPS, MOST_STEPS, Preset, Schedule, TrainSettings, WIDEST,
};

/// Longest trajectory, in environment steps.
pub(in crate::method) const LONGEST: u64 = 1 << 16;

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
    /// Settings of a size; the published one has other widths for each method. Two batches of 32, whose gradients were added, are
    /// one of 64 there.
    pub(in crate::method) fn preset(
        preset: Preset,
        diffusion_steps: usize,
        cpu_steps: usize,
        (dim, multipliers): (usize, [usize; 3]),
    ) -> Self {
        let (dim, multipliers) = match preset {
            Preset::Smoke => (8, vec![1, 2]),
            Preset::Quick => (16, vec![1, 2, 4]),
            Preset::Cpu => (32, vec![1, 2, 4]),
            Preset::Paper => (dim, multipliers.to_vec()),
        };
        let (rate, schedule, batch, steps) = match preset {
            Preset::Smoke => (2e-3, Schedule::Constant, 16, 200),
            Preset::Quick => (1e-3, Schedule::Cosine, 32, 6_000),
            Preset::Cpu => (4e-4, Schedule::Cosine, 32, cpu_steps),
            Preset::Paper => (2e-4, Schedule::Constant, 64, 2_000_000),
        };
        Self {
            dim,
            multipliers,
            diffusion_steps,
            average_rate: 0.005,
            average_every: if preset == Preset::Smoke { 1 } else { 10 },
            average_from: (steps / 10).min(2_000),
            train: TrainSettings { rate, schedule, batch, steps, clip: None },
        }
    }

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
        let least = self.config(1, 0).multiple();
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

    /// Rate by which the average follows the network after an update with the number `position`, where it does.
    #[cfg(feature = "train")]
    pub(in crate::method) fn average_by(&self, position: usize) -> Option<f64> {
        if position < self.average_from {
            Some(1.0)
        } else {
            (position + 1).is_multiple_of(self.average_every).then_some(self.average_rate)
        }
    }
}

/// Rows to generate, of states that are scaled.
pub(in crate::method) fn check_data(data: &RowSettings) -> Result<(), InvalidSetting> {
    let scaled = data.standardise_states;
    let expected = "true: trajectories are clipped to the limits of the data, to which states are scaled";
    require(scaled, "data.standardise_states", scaled, expected)
}

/// The factor of the noise of sampling.
pub(in crate::method) fn check_temperature(temperature: f64) -> Result<(), InvalidSetting> {
    let holds = (temperature as f32).is_finite() && temperature >= 0.0;
    require(holds, "act.temperature", temperature, "a number from 0, finite in single precision")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes that cannot be used are refused, each by its setting.
    #[test]
    fn sizes_are_checked() {
        let good = NetSettings::preset(Preset::Cpu, 64, 1, (32, [1, 4, 8]));
        assert_eq!(good.check(), Ok(()), "the preset");
        for rows in [4, 32, 36] {
            assert_eq!(good.check_rows(rows), Ok(()), "{rows}");
        }
        for rows in [0, 2, 34] {
            let error = good.check_rows(rows).unwrap_err().to_string();
            assert!(error.contains("trajectory.horizon") && error.contains("a multiple of 4"), "{error}");
        }
        let refused = |settings: NetSettings, key: &str| {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(key), "{error}, expected one of {key}");
        };
        refused(NetSettings { dim: 20, ..good.clone() }, "policy.dim");
        refused(NetSettings { dim: 0, ..good.clone() }, "policy.dim");
        refused(NetSettings { multipliers: vec![1, 0], ..good.clone() }, "policy.multipliers");
        refused(NetSettings { multipliers: Vec::new(), ..good }, "policy.multipliers");
    }
}
