//! Settings of the Decision Transformer.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Transformer;
use crate::bundle::Method;
use crate::method::{Recipe, RowSettings, Seen};
use crate::nn::{LoadError, NamedTensor, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::check::{positive, require, whole};
use crate::settings::{Basis, DEEPEST, InvalidSetting, Preset, Schedule, TrainSettings, WIDEST};
use crate::spec::{RewardKind, ScoreKind, TaskSpec};

/// Longest context K, and longest sequence.
const LONGEST: [u64; 2] = [1 << 10, 1 << 20];

/// Settings of the Decision Transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Recorded steps to learn from.
    pub data: RowSettings,
    /// Sequences that the steps make up.
    pub sequence: SequenceSettings,
    /// The network.
    pub policy: PolicySettings,
    /// Acting.
    pub act: ActSettings,
}

/// Ends of sequences in the recorded steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// At each timeout and terminal, as the paper has it.
    Segments,
    /// Where an episode ends, and else after as many steps as an episode of the task has.
    Blocks,
}

/// Settings of the sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceSettings {
    /// K, the steps that the network sees.
    pub context: usize,
    /// Ends of sequences.
    pub cut: Cut,
    /// Returns are divided by this.
    pub return_scale: f64,
    /// Steps of a sequence that have an embedding of their own, beside K further ones.
    pub longest: usize,
}

/// Settings of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// d, the width of a token.
    pub hidden: usize,
    /// Transformer blocks.
    pub blocks: usize,
    /// Attention heads; they divide the width.
    pub heads: usize,
    /// Probability that dropout clears a number.
    pub dropout: f64,
    /// Decay of `AdamW`: the share of a parameter that a step takes off, over its rate.
    pub decay: f64,
    /// Its training.
    pub train: TrainSettings,
}

/// Settings of acting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActSettings {
    /// Return that an episode asks for; the largest one of a whole sequence of training when `None`.
    pub target_return: Option<f64>,
    /// Let it lie beyond the returns of training.
    pub extrapolate: bool,
}

impl ActSettings {
    /// The return that an episode asks for.
    pub(super) fn target(&self, seen: &Seen) -> f64 {
        self.target_return.unwrap_or(seen.best)
    }
}

impl Settings {
    /// The network, newly drawn.
    pub(super) fn network(&self, task: &TaskSpec, device: &Device) -> Transformer {
        let key = Key::new(self.seed).named("dt").named("network");
        let times = self.sequence.longest + self.sequence.context;
        Transformer::new(key, &self.policy, times, [task.state_dim(), task.action_dim()], device)
    }
}

impl Recipe for Settings {
    type Network = Transformer;

    const METHOD: Method = Method::Dt;

    /// `paper` is CORL's for Maze2D, and for the others its for AntMaze.
    fn preset(preset: Preset, basis: &Basis) -> Self {
        let (far, rewarded) = (basis.score == ScoreKind::Success, basis.reward == RewardKind::AtGoal);
        let maze = rewarded && !far;
        let (hidden, blocks, context) = match preset {
            Preset::Smoke => (16, 1, 5),
            Preset::Quick => (32, 2, 10),
            Preset::Cpu => (64, 3, 20),
            Preset::Paper => (128, 3, 20),
        };
        let (rate, batch, steps, warm_up) = match preset {
            Preset::Smoke => (2e-3, 32, 200, 20),
            Preset::Quick => (1e-3, 64, 10_000, 200),
            Preset::Cpu => (4e-4, 64, 40_000, 1_000),
            Preset::Paper if maze => (8e-4, 4096, 100_000, 10_000),
            Preset::Paper => (1e-4, 64, 100_000, 10_000),
        };
        let schedule = Schedule::WarmUp { steps: warm_up };
        let published = (preset == Preset::Paper && rewarded).then_some(if maze { 140.0 } else { 1.0 });
        Self {
            seed: 0,
            data: RowSettings { rows: basis.rows, standardise_states: true },
            sequence: SequenceSettings {
                context,
                // Where an episode ends at the goal, a segment is one.
                cut: if preset == Preset::Paper || far { Cut::Segments } else { Cut::Blocks },
                return_scale: 1.0,
                longest: 1000,
            },
            policy: PolicySettings {
                hidden,
                blocks,
                heads: 1,
                dropout: 0.1,
                decay: 1e-4,
                train: TrainSettings { rate, schedule, batch, steps, clip: Some(0.25) },
            },
            act: ActSettings { target_return: published, extrapolate: published.is_some() },
        }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &RowSettings {
        &self.data
    }

    fn check_own(&self) -> Result<(), InvalidSetting> {
        let SequenceSettings { context, cut: _, return_scale, longest } = &self.sequence;
        whole("sequence.context", *context as u64, 1..=LONGEST[0])?;
        positive("sequence.return_scale", *return_scale)?;
        whole("sequence.longest", *longest as u64, 1..=LONGEST[1])?;
        let PolicySettings { hidden, blocks, heads, dropout, decay, train } = &self.policy;
        whole("policy.hidden", *hidden as u64, 1..=(WIDEST / 4) as u64)?;
        whole("policy.blocks", *blocks as u64, 1..=DEEPEST as u64)?;
        let divides = (1..=*hidden).contains(heads) && hidden.is_multiple_of(*heads);
        require(divides, "policy.heads", heads, format!("a divisor of policy.hidden, which is {hidden}"))?;
        let holds = (0.0..1.0).contains(dropout);
        require(holds, "policy.dropout", dropout, "a number from 0 and below 1")?;
        let holds = (0.0..=1.0 / train.rate).contains(decay);
        require(holds, "policy.decay", decay, "a number from 0 to 1 over the learning rate")?;
        train.check("policy")?;
        let target = self.act.target_return.unwrap_or_default();
        let single = (target as f32).is_finite();
        require(single, "act.target_return", target, "a number, finite in single precision")
    }

    fn check_seen(&self, seen: Option<&Seen>) -> Result<(), InvalidSetting> {
        let Some(seen) = seen else {
            return require(false, "seen", "missing", "the returns of training, which every agent of dt has");
        };
        let (target, Seen { lowest, highest, .. }) = (self.act.target(seen), seen);
        let expected = format!(
            "a return that training saw, {lowest} to {highest}, or act.extrapolate=true to ask for another"
        );
        let holds = self.act.extrapolate || (*lowest..=*highest).contains(&target);
        require(holds, "act.target_return", target, expected)
    }

    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        parameter_shapes("policy", &self.network(task, &Device::flex())).into_iter().collect()
    }

    fn largest_step(&self) -> f64 {
        let PolicySettings { hidden, blocks, heads, ref train, .. } = self.policy;
        let tokens = 3.0 * self.sequence.context as f64;
        // A block: two norms, queries, keys and values, what they give, four times the width twice, and masks of dropout.
        let block = 16.0 * hidden as f64 + 2.0 * tokens * heads as f64;
        train.batch as f64 * tokens * (4.0 * hidden as f64 + blocks as f64 * block)
    }

    fn load(
        &self,
        task: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<Transformer, LoadError> {
        load_parameters("policy", self.network(task, device), &mut tensors)
    }
}
