//! Everything in a bundle but the tensors.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BundleError, check_norm};
use crate::benchmark::Benchmark;
use crate::data::Normaliser;
use crate::networks::AgentNetworks;
use crate::score::Evaluation;
use crate::settings::{Settings, Target};
use crate::spec::TaskSpec;

/// Where the weights come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Seed of the run.
    pub seed: u64,
    /// Version of DIAR that trained it.
    pub diar_version: String,
    /// Version of Burn.
    pub burn_version: String,
    /// Commit of the source, empty when unknown.
    pub commit: String,
    /// SHA-256 of the training data.
    pub data_hash: String,
    /// Rows of the training data.
    pub data_rows: usize,
    /// Device it was trained on.
    pub device: String,
    /// Time spent training, in seconds.
    pub training_seconds: f64,
    /// Last losses of each stage.
    pub losses: BTreeMap<String, f64>,
    /// Where Q and V come from, when they were trained again for another goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relearned: Option<Relearned>,
    /// Things said about the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// How Q and V were trained again for another goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relearned {
    /// SHA-256 of the bundle that everything else comes from.
    pub from: String,
    /// The goal, m.
    pub goal: [f64; 2],
    /// Windows learned from.
    pub windows: usize,
}

/// Scores of the bundle's agent on the same starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Seed of the episodes.
    pub seed: u64,
    /// With Adaptive Revaluation.
    pub on: Evaluation,
    /// Without.
    pub off: Evaluation,
}

/// Method that an agent was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// DIAR: Q learns from V (Eq. 7).
    Diar,
    /// LDCQ: Q learns from the best of sampled latents (Eq. 3).
    Ldcq,
    /// Behaviour cloning: one network imitates the data.
    Bc,
    /// Implicit Q-learning.
    Iql,
    /// Implicit Q-learning with a diffusion model of actions.
    Idql,
    /// Diffusion of trajectories whose ends are given.
    Diffuser,
    /// Diffusion of states that earn a given return, and inverse dynamics (Decision Diffuser).
    Dd,
    /// Decision Transformer.
    Dt,
}

impl Method {
    /// All methods, in the order of the tables.
    pub const ALL: [Self; 8] =
        [Self::Diar, Self::Ldcq, Self::Bc, Self::Iql, Self::Idql, Self::Diffuser, Self::Dd, Self::Dt];

    /// Its name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Diar => "diar",
            Self::Ldcq => "ldcq",
            Self::Bc => "bc",
            Self::Iql => "iql",
            Self::Idql => "idql",
            Self::Diffuser => "diffuser",
            Self::Dd => "dd",
            Self::Dt => "dt",
        }
    }

    /// The method of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(name: &str) -> Result<Self, BundleError> {
        let known = || Self::ALL.map(Self::name).join(" or ");
        let found = Self::ALL.into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| BundleError::Method { found: name.to_owned(), expected: known() })
    }

    /// The method that settings belong to.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        match settings.critic.target {
            Target::Diar => Self::Diar,
            Target::Ldcq => Self::Ldcq,
        }
    }
}

/// Everything in a bundle but the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleInfo {
    /// The task: spaces, time limit, rewards and scores.
    pub task: TaskSpec,
    /// The method.
    pub method: Method,
    /// Sizes of the networks, how they were trained, and the defaults for acting (`plan`).
    pub settings: Settings,
    /// States as the networks see them.
    pub state_norm: Normaliser,
    /// Latents as the diffusion model and Q see them.
    pub latent_norm: Normaliser,
    /// Where the weights come from.
    pub provenance: Provenance,
    /// Scores, once evaluated.
    pub scores: Option<Scores>,
}

/// Contents of a bundle beside its tensors: one type for each family of methods.
pub trait Info: Clone + Serialize + DeserializeOwned {
    /// Methods of the family.
    const METHODS: &'static [Method];

    /// The tree of version 1, brought up to date.
    ///
    /// # Errors
    /// When the family had no version 1, or the task is unknown.
    fn upgraded(first: Value) -> Result<Value, BundleError>;

    /// Checks what is said, and that the tensors are those of networks of its sizes: a few bytes must not ask for more
    /// memory than their file has.
    ///
    /// # Errors
    /// The first thing that does not fit.
    fn check<'a>(&self, shapes: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Result<(), BundleError>;
}

impl Info for BundleInfo {
    const METHODS: &'static [Method] = &[Method::Diar, Method::Ldcq];

    /// Version 1 names its task, which is one of Maze2D's, and has its method among the settings of the critic.
    fn upgraded(mut first: Value) -> Result<Value, BundleError> {
        let name = first.get("task").and_then(Value::as_str).unwrap_or_default();
        let spec = serde_json::to_value(&*Benchmark::find(name)?.spec)?;
        let method = first.pointer("/settings/critic/target").cloned();
        if let Some(info) = first.as_object_mut() {
            info.insert("task".to_owned(), spec);
            info.extend(method.map(|method| ("method".to_owned(), method)));
        }
        Ok(first)
    }

    fn check<'a>(&self, shapes: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Result<(), BundleError> {
        let Self { task, settings, state_norm, latent_norm, .. } = self;
        task.check()?;
        settings.check()?;
        AgentNetworks::check_shapes(settings, task, shapes)?;
        check_norm("state_norm", state_norm, task.state_dim())?;
        check_norm("latent_norm", latent_norm, settings.vae.latent)
    }
}
