//! Settings of behaviour cloning.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::POLICY;
use crate::bundle::Method;
use crate::method::{Recipe, RowSettings};
use crate::nn::{GaussianNet, LoadError, NamedTensor, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::check::{positive, whole};
use crate::settings::{self, Basis, InvalidSetting, Preset, Schedule, TrainSettings, WIDEST};
use crate::spec::TaskSpec;

/// Settings of behaviour cloning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Recorded steps to learn from.
    pub data: RowSettings,
    /// The network.
    pub policy: PolicySettings,
    /// Acting.
    pub act: ActSettings,
}

/// Settings of acting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActSettings {
    /// Act with the mean instead of a sample.
    pub mean_action: bool,
}

/// Settings of the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// Width of the hidden layers.
    pub hidden: usize,
    /// Added to every standard deviation.
    pub sigma_floor: f64,
    /// Its training.
    pub train: TrainSettings,
}

impl Settings {
    /// The network, newly drawn.
    pub(super) fn network(&self, state: usize, action: usize, device: &Device) -> GaussianNet {
        let PolicySettings { hidden, sigma_floor, .. } = self.policy;
        let key = Key::new(self.seed).named("cloning").named("network");
        GaussianNet::new(key, state, hidden, action, sigma_floor, device)
    }
}

impl Recipe for Settings {
    type Network = GaussianNet;

    const METHOD: Method = Method::Bc;

    /// As wide as the policy decoder of DIAR's preset, with as many rows seen as by its VAE.
    fn preset(preset: Preset, basis: &Basis) -> Self {
        let latent = settings::Settings::preset(preset, basis);
        let steps = if preset == Preset::Smoke { 200 } else { 20_000 };
        Self {
            seed: 0,
            data: RowSettings { rows: latent.data.rows, standardise_states: true },
            policy: PolicySettings {
                hidden: latent.vae.hidden,
                sigma_floor: latent.vae.sigma_floor,
                train: TrainSettings {
                    rate: 1e-3,
                    schedule: Schedule::Cosine,
                    batch: 256,
                    steps,
                    clip: Some(1.0),
                },
            },
            act: ActSettings { mean_action: false },
        }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &RowSettings {
        &self.data
    }

    fn check_own(&self) -> Result<(), InvalidSetting> {
        let PolicySettings { hidden, sigma_floor, train } = &self.policy;
        whole("policy.hidden", *hidden as u64, 1..=WIDEST as u64)?;
        positive("policy.sigma_floor", *sigma_floor)?;
        train.check("policy")
    }

    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        let network = self.network(task.state_dim(), task.action_dim(), &Device::flex());
        parameter_shapes(POLICY, &network).into_iter().collect()
    }

    fn largest_step(&self) -> f64 {
        // Two layers of the trunk, and two of each head.
        6.0 * self.policy.hidden as f64 * self.policy.train.batch as f64
    }

    fn load(
        &self,
        task: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<GaussianNet, LoadError> {
        load_parameters(POLICY, self.network(task.state_dim(), task.action_dim(), device), &mut tensors)
    }
}
