//! Settings of a method that acts on the observation alone, and what its bundles say.

use core::fmt::Debug;
use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::{BundleError, Info, Method, Provenance, check_norm};
use crate::data::Normaliser;
use crate::nn::{LoadError, NamedTensor, check_shapes};
use crate::score::Evaluation;
use crate::settings::check::{LARGEST_SEED, whole};
use crate::settings::{Basis, InvalidSetting, MOST_ROWS, Preset};
use crate::spec::TaskSpec;

/// Recorded steps that a method learns from one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowSettings {
    /// Rows to generate, where no data set is given.
    pub rows: usize,
    /// Give networks states of mean 0 and deviation 1.
    pub standardise_states: bool,
}

impl RowSettings {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        whole("data.rows", self.rows as u64, 1..=MOST_ROWS)
    }

    /// The normaliser of a data set's states.
    #[must_use]
    pub fn normaliser(&self, states: &[f32], width: usize) -> Normaliser {
        if self.standardise_states { Normaliser::fit(states, width) } else { Normaliser::identity(width) }
    }
}

/// Settings of a method, with the networks that follow from them.
pub trait Recipe: Clone + Debug + PartialEq + Serialize + DeserializeOwned {
    /// Networks that acting takes.
    type Network: Debug;

    /// Method that they belong to.
    const METHOD: Method;

    /// Settings of a size for a task.
    fn preset(preset: Preset, basis: &Basis) -> Self;

    /// Seed of everything random.
    fn seed(&self) -> u64;

    /// Recorded steps that are learned from.
    fn data(&self) -> &RowSettings;

    /// Normaliser of a data set's states.
    fn normaliser(&self, states: &[f32], width: usize) -> Normaliser {
        self.data().normaliser(states, width)
    }

    /// Checks what the settings need of a task.
    ///
    /// # Errors
    /// The first setting that the task does not allow.
    fn check_for(&self, _task: &TaskSpec) -> Result<(), InvalidSetting> {
        Ok(())
    }

    /// Checks every setting but seed and data.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    fn check_own(&self) -> Result<(), InvalidSetting>;

    /// Checks settings of acting against the sequences of training.
    ///
    /// # Errors
    /// The first setting that does not go with them.
    fn check_seen(&self, _: Option<&Seen>) -> Result<(), InvalidSetting> {
        Ok(())
    }

    /// The shape of every parameter by its name.
    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>>;

    /// Networks that acting takes, filled with parameters.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    fn load(
        &self,
        task: &TaskSpec,
        tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<Self::Network, LoadError>;

    /// Checks every setting against its limits.
    ///
    /// # Errors
    /// The first setting that cannot be used, and what would be right.
    fn check(&self) -> Result<(), InvalidSetting> {
        whole("seed", self.seed(), 0..=LARGEST_SEED)?;
        self.data().check()?;
        self.check_own()
    }

    /// Outputs of layers that the largest step of training holds, in numbers, as a float.
    fn largest_step(&self) -> f64;

    /// Numbers in all parameters together, as a float: sizes that fit no machine fit it.
    fn parameters(&self, task: &TaskSpec) -> f64 {
        let numbers = |shape: &Vec<usize>| shape.iter().map(|&size| size as f64).product::<f64>();
        self.shapes(task).values().map(numbers).sum()
    }
}

/// Results of an agent's episodes, as its bundle has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tested {
    /// Seed of the episodes.
    pub seed: u64,
    /// Their results.
    pub results: Evaluation,
}

/// Facts of the sequences that a method learned from, for one that acts by returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Least return from any step on to the end of its sequence.
    pub lowest: f64,
    /// Largest such return.
    pub highest: f64,
    /// Largest return of a whole sequence.
    pub best: f64,
    /// Steps of the longest sequence.
    pub steps: usize,
}

/// Everything in the bundle of a method but its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentInfo<R> {
    /// Task that it was trained for.
    pub task: TaskSpec,
    /// Method that it was trained with.
    pub method: Method,
    /// Its settings.
    pub settings: R,
    /// Normaliser of states.
    pub state_norm: Normaliser,
    /// Where the weights come from.
    pub provenance: Provenance,
    /// Scores, where it was tested.
    pub scores: Option<Tested>,
    /// Facts of the sequences learned from, of methods that act by returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl<R: Recipe> Info for AgentInfo<R> {
    const METHODS: &'static [Method] = &[R::METHOD];

    fn upgraded(_: Value) -> Result<Value, BundleError> {
        Err(BundleError::Method { found: R::METHOD.name().to_owned(), expected: "diar or ldcq".to_owned() })
    }

    fn check<'a>(&self, shapes: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Result<(), BundleError> {
        self.task.check()?;
        self.settings.check()?;
        self.settings.check_seen(self.seen.as_ref())?;
        check_shapes(self.settings.shapes(&self.task), shapes)?;
        check_norm("state_norm", &self.state_norm, self.task.state_dim())
    }
}
