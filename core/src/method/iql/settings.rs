//! Settings of IQL.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{ActionPolicy, ActionValues};
use crate::bundle::Method;
use crate::method::{Recipe, RowSettings};
use crate::nn::{LoadError, Mlp, NamedTensor, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::check::{positive, require, share};
use crate::settings::{
    ActionLikelihood, Basis, DEEPEST, InvalidSetting, Preset, Schedule, TrainSettings, WIDEST,
};
use crate::spec::{RewardKind, ScoreKind, TaskSpec};

/// Settings of IQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Recorded steps to learn from.
    pub data: RowSettings,
    /// Q and V.
    pub critic: CriticSettings,
    /// The policy.
    pub policy: PolicySettings,
}

/// Settings of Q and V of single actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticSettings {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// τ of V's expectile.
    pub expectile: f64,
    /// γ.
    pub discount: f64,
    /// Added to every reward.
    pub reward_shift: f32,
    /// ρ, by which the target networks follow Q.
    pub target_rate: f64,
    /// Training, of the policy too where it learns beside.
    pub train: TrainSettings,
}

/// Settings of the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// β, the inverse temperature of the weights.
    pub beta: f64,
    /// Upper bound of a weight.
    pub weight_cap: f64,
    /// Likelihood of actions at a bound.
    pub likelihood: ActionLikelihood,
    /// Learning rate.
    pub rate: f64,
    /// Its course.
    pub schedule: Schedule,
}

impl CriticSettings {
    /// Settings of a size for a task.
    #[must_use]
    pub fn preset(preset: Preset, basis: &Basis) -> Self {
        let far = basis.score == ScoreKind::Success;
        let (hidden, steps, batch) = match preset {
            Preset::Smoke => (vec![16, 16], 300, 64),
            Preset::Quick => (vec![64, 64], 50_000, 256),
            Preset::Cpu => (vec![256, 256], 300_000, 256),
            Preset::Paper => (vec![256, 256], 1_000_000, 256),
        };
        Self {
            hidden,
            expectile: if far { 0.9 } else { 0.7 },
            discount: 0.99,
            // A far goal is a cost of 1 for each step on the way.
            reward_shift: if far && basis.reward == RewardKind::AtGoal { -1.0 } else { 0.0 },
            target_rate: 0.005,
            train: TrainSettings { rate: 3e-4, schedule: Schedule::Constant, batch, steps, clip: None },
        }
    }

    pub(in crate::method) fn check(&self) -> Result<(), InvalidSetting> {
        let Self { hidden, expectile, discount, reward_shift, target_rate, train } = self;
        check_widths("critic.hidden", hidden)?;
        share("critic.expectile", *expectile)?;
        share("critic.discount", *discount)?;
        require(reward_shift.is_finite(), "critic.reward_shift", reward_shift, "a finite number")?;
        share("critic.target_rate", *target_rate)?;
        train.check("critic")
    }

    /// Outputs of layers that a step holds, in numbers: of Q and V, each trained and once more as a target.
    pub(in crate::method) fn largest_step(&self) -> f64 {
        let each = self.hidden.iter().map(|&width| width as f64).sum::<f64>();
        6.0 * each * self.train.batch as f64
    }

    /// Q and V, newly drawn.
    pub(in crate::method) fn networks(
        &self,
        seed: u64,
        task: &TaskSpec,
        device: &Device,
    ) -> (ActionValues, Mlp) {
        let (state, action) = (task.state_dim(), task.action_dim());
        let key = Key::new(seed).named("iql");
        (
            ActionValues::new(key.named("q"), state, action, &self.hidden, device),
            Mlp::new(key.named("v"), state, &self.hidden, 1, device),
        )
    }

    /// The shape of every parameter of Q and V by its name.
    pub(in crate::method) fn shapes(&self, task: &TaskSpec) -> Vec<(String, Vec<usize>)> {
        let (q, v) = self.networks(0, task, &Device::flex());
        [parameter_shapes("critic", &q), parameter_shapes("critic.v", &v)].concat()
    }
}

/// Checks widths of hidden layers.
pub(in crate::method) fn check_widths(key: &str, widths: &[usize]) -> Result<(), InvalidSetting> {
    require(
        (1..=DEEPEST).contains(&widths.len()) && widths.iter().all(|width| (1..=WIDEST).contains(width)),
        key,
        format!("{widths:?}"),
        format!("1 to {DEEPEST} widths, each at least 1 and at most {WIDEST}"),
    )
}

impl Settings {
    /// The policy, newly drawn.
    pub(super) fn network(&self, task: &TaskSpec, device: &Device) -> ActionPolicy {
        let key = Key::new(self.seed).named("iql").named("policy");
        ActionPolicy::new(key, task.state_dim(), task.action_dim(), &self.policy.hidden, device)
    }
}

impl Recipe for Settings {
    type Network = ActionPolicy;

    const METHOD: Method = Method::Iql;

    /// `paper` is CORL's for Maze2D, whose source has none, and the authors' for the others; `cpu` has 300 000 steps of it.
    fn preset(preset: Preset, basis: &Basis) -> Self {
        let critic = CriticSettings::preset(preset, basis);
        Self {
            seed: 0,
            data: RowSettings { rows: basis.rows, standardise_states: true },
            policy: PolicySettings {
                hidden: critic.hidden.clone(),
                beta: if basis.score == ScoreKind::Success { 10.0 } else { 3.0 },
                weight_cap: 100.0,
                likelihood: ActionLikelihood::Gaussian,
                rate: critic.train.rate,
                schedule: Schedule::Cosine,
            },
            critic,
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
        let PolicySettings { hidden, beta, weight_cap, likelihood: _, rate, schedule } = &self.policy;
        check_widths("policy.hidden", hidden)?;
        let single = (*beta as f32).is_finite() && *beta >= 0.0;
        require(single, "policy.beta", beta, "a number from 0, finite in single precision")?;
        positive("policy.weight_cap", *weight_cap)?;
        positive("policy.rate", *rate)?;
        schedule.check("policy.schedule")
    }

    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        let policy = parameter_shapes("policy", &self.network(task, &Device::flex()));
        self.critic.shapes(task).into_iter().chain(policy).collect()
    }

    fn largest_step(&self) -> f64 {
        let policy = self.policy.hidden.iter().map(|&width| width as f64).sum::<f64>();
        self.critic.largest_step() + policy * self.critic.train.batch as f64
    }

    fn load(
        &self,
        task: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<ActionPolicy, LoadError> {
        load_parameters("policy", self.network(task, device), &mut tensors)
    }
}
