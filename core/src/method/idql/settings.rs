//! Settings of IDQL.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{Acting, NoiseNet};
use crate::bundle::Method;
use crate::method::iql::CriticSettings;
use crate::method::{Recipe, RowSettings};
use crate::nn::{LoadError, NamedTensor, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::check::{require, share, whole};
use crate::settings::{
    Basis, DEEPEST, InvalidSetting, MOST_DIFFUSION_STEPS, PlanSettings, Preset, Schedule, TrainSettings,
    WIDEST,
};
use crate::spec::TaskSpec;

/// Settings of IDQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Recorded steps to learn from.
    pub data: RowSettings,
    /// Q and V, as IQL's.
    pub critic: CriticSettings,
    /// The diffusion model of actions.
    pub policy: PolicySettings,
    /// Acting.
    pub act: ActSettings,
}

/// Settings of the diffusion model of actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// Width of the residual stream; a block is four times as wide inside.
    pub hidden: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Features of the diffusion step; an even number.
    pub features: usize,
    /// Width of the step's code.
    pub time_hidden: usize,
    /// Probability that dropout clears a number.
    pub dropout: f64,
    /// T.
    pub diffusion_steps: usize,
    /// Rate by which the average that acts follows the network.
    pub average_rate: f64,
    /// Its training.
    pub train: TrainSettings,
}

/// Settings of acting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActSettings {
    /// Actions sampled per step, of which the best by Q is taken.
    pub candidates: usize,
}

impl Settings {
    /// The diffusion model, newly drawn.
    pub(super) fn network(&self, task: &TaskSpec, device: &Device) -> NoiseNet {
        let key = Key::new(self.seed).named("idql");
        NoiseNet::new(key, &self.policy, [task.state_dim(), task.action_dim()], device)
    }
}

impl Recipe for Settings {
    type Network = Acting;

    const METHOD: Method = Method::Idql;

    fn preset(preset: Preset, basis: &Basis) -> Self {
        let (hidden, blocks, time_hidden) = match preset {
            Preset::Smoke => (16, 1, 16),
            Preset::Quick => (64, 2, 32),
            Preset::Cpu => (128, 2, 64),
            Preset::Paper => (256, 3, 128),
        };
        let (steps, batch, average_rate) = match preset {
            Preset::Smoke => (300, 64, 0.02),
            Preset::Quick => (30_000, 256, 0.005),
            Preset::Cpu => (200_000, 256, 0.001),
            Preset::Paper => (2_000_000, 1024, 0.001),
        };
        let train = TrainSettings { rate: 3e-4, schedule: Schedule::Cosine, batch, steps, clip: None };
        Self {
            seed: 0,
            data: RowSettings { rows: basis.rows, standardise_states: true },
            critic: CriticSettings::preset(preset, basis),
            policy: PolicySettings {
                hidden,
                blocks,
                features: 64,
                time_hidden,
                dropout: 0.1,
                diffusion_steps: 5,
                average_rate,
                train,
            },
            act: ActSettings { candidates: if preset == Preset::Smoke { 8 } else { 64 } },
        }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &RowSettings {
        &self.data
    }

    fn check_own(&self) -> Result<(), InvalidSetting> {
        self.critic.check()?;
        let PolicySettings {
            hidden,
            blocks,
            features,
            time_hidden,
            dropout,
            diffusion_steps,
            average_rate,
            train,
        } = &self.policy;
        whole("policy.hidden", *hidden as u64, 1..=(WIDEST / 4) as u64)?;
        whole("policy.blocks", *blocks as u64, 1..=DEEPEST as u64)?;
        let even = (2..=WIDEST).contains(features) && features.is_multiple_of(2);
        require(even, "policy.features", features, format!("an even number from 2 to {WIDEST}"))?;
        whole("policy.time_hidden", *time_hidden as u64, 1..=WIDEST as u64)?;
        let holds = (0.0..1.0).contains(dropout);
        require(holds, "policy.dropout", dropout, "a number from 0 and below 1")?;
        whole("policy.diffusion_steps", *diffusion_steps as u64, 1..=MOST_DIFFUSION_STEPS as u64)?;
        share("policy.average_rate", *average_rate)?;
        train.check("policy")?;
        whole("act.candidates", self.act.candidates as u64, 1..=PlanSettings::MAX_CANDIDATES as u64)
    }

    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        let policy = parameter_shapes("policy", &self.network(task, &Device::flex()));
        self.critic.shapes(task).into_iter().chain(policy).collect()
    }

    fn largest_step(&self) -> f64 {
        let PolicySettings { hidden, blocks, train, .. } = &self.policy;
        // A block: its norm, four times the width twice, and its output.
        let policy = 12.0 * (*hidden * *blocks) as f64 * train.batch as f64;
        self.critic.largest_step().max(policy)
    }

    fn load(
        &self,
        task: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<Acting, LoadError> {
        let (q, _) = self.critic.networks(self.seed, task, device);
        Ok(Acting {
            noise: load_parameters("policy", self.network(task, device), &mut tensors)?,
            q: load_parameters("critic", q, &mut tensors)?,
        })
    }
}
