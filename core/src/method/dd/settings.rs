//! Settings of Decision Diffuser.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Network;
use crate::bundle::Method;
use crate::data::Normaliser;
use crate::method::iql::check_widths;
use crate::method::trajectory::{LONGEST, NetSettings, check_data, check_temperature};
use crate::method::{Recipe, RowSettings};
use crate::nn::{LoadError, NamedTensor, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::check::{require, share, whole};
use crate::settings::{Basis, InvalidSetting, MOST_BATCH, Preset, Sampler, SamplerSettings};
use crate::spec::TaskSpec;

/// Settings of Decision Diffuser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Recorded steps to learn from; their states are always scaled.
    pub data: RowSettings,
    /// Trajectories.
    pub trajectory: TrajectorySettings,
    /// The return that trajectories are given.
    pub condition: ConditionSettings,
    /// The network.
    pub policy: NetSettings,
    /// The inverse dynamics.
    pub inverse: InverseSettings,
    /// Acting.
    pub act: ActSettings,
}

/// Settings of trajectories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrajectorySettings {
    /// H, in environment steps.
    pub horizon: usize,
}

/// Settings of the return that trajectories are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionSettings {
    /// γ.
    pub discount: f64,
    /// Returns that become 0 and 1; `None` is the least and the largest of the data.
    pub returns: Option<[f64; 2]>,
    /// Probability that the return is left out in training.
    pub drop_probability: f64,
}

/// Settings of the inverse dynamics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InverseSettings {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Pairs of states in a batch.
    pub batch: usize,
}

/// Settings of acting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActSettings {
    /// Return to plan for, from 0 to 1.
    pub target: f64,
    /// w of the guidance: 0 ignores the return, 1 takes it, more exaggerates it.
    pub guidance: f64,
    /// Steps between two plans.
    pub replan_every: usize,
    /// Sampler of plans.
    pub sampler: SamplerSettings,
    /// Factor of the noise of sampling.
    pub temperature: f64,
}

impl Settings {
    /// The networks, newly drawn.
    pub(super) fn network(&self, task: &TaskSpec, device: &Device) -> Network {
        let settings = self.policy.config(task.state_dim(), self.policy.dim);
        let key = Key::new(self.seed).named("dd");
        Network::new(key, &settings, &self.inverse.hidden, task.action_dim(), device)
    }
}

impl Recipe for Settings {
    type Network = Network;

    const METHOD: Method = Method::Dd;

    /// `paper` is the authors' code with the paper's number of steps.
    fn preset(preset: Preset, basis: &Basis) -> Self {
        let (horizon, diffusion_steps) = match preset {
            Preset::Smoke => (16, 8),
            Preset::Quick | Preset::Cpu => (64, 100),
            Preset::Paper => (100, 200),
        };
        // A plan is no longer than a quarter of the longest episode.
        let horizon = horizon.min((basis.max_steps / 4 / 8 * 8).max(8));
        let sampler = match preset {
            Preset::Paper => SamplerSettings { kind: Sampler::Ddpm, steps: diffusion_steps, extra_steps: 0 },
            _ => SamplerSettings { kind: Sampler::Ddim, steps: diffusion_steps.min(10), extra_steps: 0 },
        };
        let hidden = match preset {
            Preset::Smoke => vec![32, 32],
            Preset::Quick => vec![128, 128],
            _ => vec![256, 256],
        };
        Self {
            seed: 0,
            data: RowSettings { rows: basis.rows, standardise_states: true },
            trajectory: TrajectorySettings { horizon },
            condition: ConditionSettings { discount: 0.99, returns: None, drop_probability: 0.25 },
            policy: NetSettings::preset(preset, diffusion_steps, 35_000, (128, [1, 4, 8])),
            inverse: InverseSettings { hidden, batch: if preset == Preset::Smoke { 64 } else { 512 } },
            act: ActSettings {
                target: 0.9,
                guidance: 1.2,
                replan_every: if preset == Preset::Paper { 1 } else { 4 },
                sampler,
                temperature: 0.5,
            },
        }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &RowSettings {
        &self.data
    }

    fn normaliser(&self, states: &[f32], width: usize) -> Normaliser {
        Normaliser::to_limits(states, width)
    }

    fn check_own(&self) -> Result<(), InvalidSetting> {
        check_data(&self.data)?;
        let horizon = self.trajectory.horizon;
        whole("trajectory.horizon", horizon as u64, 2..=LONGEST)?;
        self.policy.check()?;
        self.policy.check_rows(horizon)?;
        let ConditionSettings { discount, returns, drop_probability } = &self.condition;
        share("condition.discount", *discount)?;
        let apart = returns.is_none_or(|[least, largest]| {
            let single = (least as f32).is_finite() && (largest as f32).is_finite();
            single && (least as f32) < largest as f32
        });
        let found = format!("{returns:?}");
        require(apart, "condition.returns", found, "two finite numbers, the smaller one first")?;
        share("condition.drop_probability", *drop_probability)?;
        check_widths("inverse.hidden", &self.inverse.hidden)?;
        whole("inverse.batch", self.inverse.batch as u64, 1..=MOST_BATCH as u64)?;
        let ActSettings { target, guidance, replan_every, sampler, temperature } = &self.act;
        let expected = "a number from 0 to 1, which are the least and the largest return of the data: it has never seen others";
        require((0.0..=1.0).contains(target), "act.target", target, expected)?;
        let holds = (*guidance as f32).is_finite() && *guidance >= 0.0;
        require(holds, "act.guidance", guidance, "a number from 0, finite in single precision")?;
        check_temperature(*temperature)?;
        whole("act.replan_every", *replan_every as u64, 1..=horizon as u64 - 1)?;
        sampler.check("act.sampler", self.policy.diffusion_steps)
    }

    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        parameter_shapes("policy", &self.network(task, &Device::flex())).into_iter().collect()
    }

    fn largest_step(&self) -> f64 {
        let trajectories = self.policy.outputs(self.trajectory.horizon) * self.policy.train.batch as f64;
        let hidden = self.inverse.hidden.iter().map(|&width| width as f64).sum::<f64>();
        trajectories + hidden * self.inverse.batch as f64
    }

    fn load(
        &self,
        task: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<Network, LoadError> {
        load_parameters("policy", self.network(task, device), &mut tensors)
    }
}
