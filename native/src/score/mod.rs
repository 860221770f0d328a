//! The protocol: what a policy scores, in a form that can be committed, printed and drawn.

pub mod baselines;
mod bootstrap;
pub mod paper;
mod report;
pub mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diar_core::benchmark::{Benchmark, UnknownTask};
use diar_core::bundle::Provenance;
use diar_core::method::diffuser::Follow;
use diar_core::method::{AgentBundle, MethodSettings};
use diar_core::score::{EpisodeResult, Evaluation, all_points, points};
use diar_core::settings::{PlanSettings, Target};
use diar_core::spec::{ScoreKind, TaskSpec};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Number;
use thiserror::Error;

pub use bootstrap::Interval;
pub use report::Report;

use crate::run::config::Versions;

/// Episodes in each of the paper's five blocks.
const BLOCK: usize = 100;
/// The paper's blocks.
const BLOCKS: usize = 5;

/// What acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// DIAR with Adaptive Revaluation as the paper has it.
    Diar,
    /// DIAR without revaluation.
    DiarWithout,
    /// DIAR with a margin on revaluation, which the paper does not have.
    DiarMargin,
    /// LDCQ: the same VAE and diffusion model, its own critic, no revaluation.
    Ldcq,
    /// LDCQ's critic with DIAR's revaluation.
    LdcqRevalued,
    /// A plain network that imitates the data.
    Bc,
    /// Implicit Q-learning.
    Iql,
    /// Implicit Q-learning with a diffusion model of actions.
    Idql,
    /// Diffuser as published: a follower of one plan, which parks at its end.
    Diffuser,
    /// Diffuser by the actions of its plan.
    DiffuserActions,
    /// Diffuser with the follower, which lets go at the plan's end.
    DiffuserUnparked,
    /// Diffuser with the follower, and new plans on the way.
    DiffuserReplanned,
    /// Decision Diffuser.
    Dd,
    /// Decision Transformer.
    Dt,
    /// The controller that collected the data, without its noise, with a new plan for every episode.
    Controller,
    /// Uniformly random actions.
    Random,
}

impl Method {
    /// An agent that acts by these settings.
    #[must_use]
    pub fn of(acting: &MethodSettings) -> Self {
        match acting {
            MethodSettings::Latent(settings) => match (settings.critic.target, settings.plan.revalue) {
                (Target::Diar, false) => Self::DiarWithout,
                (Target::Diar, true) if settings.plan.margin == 0.0 => Self::Diar,
                (Target::Diar, true) => Self::DiarMargin,
                (Target::Ldcq, false) => Self::Ldcq,
                (Target::Ldcq, true) => Self::LdcqRevalued,
            },
            MethodSettings::Bc(_) => Self::Bc,
            MethodSettings::Iql(_) => Self::Iql,
            MethodSettings::Idql(_) => Self::Idql,
            MethodSettings::Diffuser(settings) => match settings.act.follow {
                Follow::Published => Self::Diffuser,
                Follow::Actions => Self::DiffuserActions,
                Follow::Unparked => Self::DiffuserUnparked,
                Follow::Replan => Self::DiffuserReplanned,
            },
            MethodSettings::Dd(_) => Self::Dd,
            MethodSettings::Dt(_) => Self::Dt,
        }
    }

    /// Information that it has beyond observations, actions and their data.
    #[must_use]
    pub fn side(self) -> &'static str {
        match self {
            Self::Bc | Self::Random => "nothing",
            Self::Controller => "the goal and the map",
            Self::Diffuser => paper::PARKS,
            Self::DiffuserActions => "the goal",
            Self::DiffuserUnparked | Self::DiffuserReplanned => "the goal, and a controller by hand",
            _ => paper::REWARDS,
        }
    }

    /// Its name among published figures; DIAR's variants have none of their own.
    #[must_use]
    pub fn published(self) -> &'static str {
        match self {
            Self::Bc => "BC",
            Self::Dt => "DT",
            Self::Dd => "DD",
            Self::Diffuser => "Diffuser",
            other => other.title(),
        }
    }

    /// Its name in a table.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Diar => "DIAR",
            Self::DiarWithout => "DIAR without revaluation",
            Self::DiarMargin => "DIAR, revaluation with margin",
            Self::Ldcq => "LDCQ",
            Self::LdcqRevalued => "LDCQ with revaluation",
            Self::Bc => "behaviour cloning",
            Self::Iql => "IQL",
            Self::Idql => "IDQL",
            Self::Diffuser => "Diffuser as published",
            Self::DiffuserActions => "Diffuser, actions as diffused",
            Self::DiffuserUnparked => "Diffuser without parking",
            Self::DiffuserReplanned => "Diffuser, replanning",
            Self::Dd => "Decision Diffuser",
            Self::Dt => "Decision Transformer",
            Self::Controller => "the data's controller",
            Self::Random => "random",
        }
    }
}

/// One kind of score, normalised: 0 is D4RL's random policy, 100 its reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Mean over all episodes, with a bootstrap interval of 95 %.
    pub all: Interval,
    /// The means of the first five hundreds of episodes, as the paper counts; `None` for fewer than five hundred.
    pub blocks: Option<Blocks>,
}

/// Five evaluations of a hundred episodes each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// Mean of their means.
    pub mean: f64,
    /// Standard deviation of their means.
    pub sd: f64,
}

impl Blocks {
    fn of(values: &[f64]) -> Option<Self> {
        if values.len() < BLOCKS * BLOCK {
            return None;
        }
        let blocks = values.chunks_exact(BLOCK).take(BLOCKS);
        let means: Vec<f64> = blocks.map(|block| block.iter().sum::<f64>() / BLOCK as f64).collect();
        let mean = means.iter().sum::<f64>() / BLOCKS as f64;
        let squares = means.iter().map(|found| (found - mean).powi(2)).sum::<f64>();
        Some(Self { mean, sd: (squares / (BLOCKS - 1) as f64).sqrt() })
    }
}

/// The trained agent that was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// The bundle's file.
    pub file: PathBuf,
    /// SHA-256 of the bundle.
    pub sha256: String,
    /// Seed of its training.
    pub training_seed: u64,
    /// Seconds of its training.
    pub training_seconds: f64,
    /// Commit of the program that trained it.
    pub commit: String,
    /// SHA-256 of its data.
    pub data_sha256: String,
    /// Things said about its run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its training's settings, and how it acts by default.
    pub settings: MethodSettings,
    /// How it acted here, where it plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSettings>,
}

impl Scored {
    /// The agent of a bundle, acting by these settings.
    #[must_use]
    pub fn new(file: &Path, bundle: &AgentBundle, acting: &MethodSettings) -> Self {
        let Provenance { seed, training_seconds, commit, data_hash, tags, .. } = bundle.provenance().clone();
        // Of methods that do not plan, the settings are those that it acted by.
        let (settings, plan) = match acting.latent() {
            Some(acting) => (bundle.settings(), Some(acting.plan)),
            None => (acting.clone(), None),
        };
        Self {
            file: file.to_owned(),
            sha256: bundle.hash().to_owned(),
            training_seed: seed,
            training_seconds,
            commit,
            data_sha256: data_hash,
            tags,
            settings,
            plan,
        }
    }

    /// True if plans were dropped by revaluation.
    #[must_use]
    pub fn revalued(&self) -> bool {
        self.plan.is_some_and(|plan| plan.revalue)
    }
}

/// A file under `docs/results/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreFile {
    /// D4RL's environment id.
    pub task: String,
    /// Method that acted.
    pub method: Method,
    /// The command that computes it again.
    pub command: String,
    /// Seed of the episodes; their starts take turns over the free cells.
    pub seed: u64,
    /// Episodes.
    pub episodes: usize,
    /// Every step from the first contact with the goal on counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_contact: Option<Score>,
    /// Every step at the goal counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Score>,
    /// Every episode that reaches the goal counts the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Score>,
    /// Every complete subtask counts the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtasks: Option<Score>,
    /// Share of the episodes that touch the goal.
    pub success_rate: f64,
    /// Mean step of the first contact, over those.
    pub mean_first_contact_step: Option<f64>,
    /// Plans sampled in an episode.
    pub decisions_per_episode: f64,
    /// Plans dropped by revaluation in an episode.
    pub revaluations_per_episode: f64,
    /// The device that decided.
    pub device: String,
    /// The program that scored.
    pub versions: Versions,
    /// The agent, where it was trained.
    pub agent: Option<Scored>,
    /// Step of the first contact, episode by episode.
    pub contacts: Vec<Option<usize>>,
    /// Sum of the rewards, episode by episode.
    #[serde(serialize_with = "whole_where_possible")]
    pub returns: Vec<f64>,
}

/// Who was scored, and how.
pub struct Scoring<'a> {
    /// The task.
    pub task: &'a TaskSpec,
    /// Method that acted.
    pub method: Method,
    /// The command that computes it again.
    pub command: String,
    /// Seed of the episodes.
    pub seed: u64,
    /// The device that decided.
    pub device: String,
    /// The agent, where it was trained.
    pub agent: Option<Scored>,
}

impl ScoreFile {
    /// What episodes say.
    #[must_use]
    pub fn of(scoring: Scoring<'_>, results: &[EpisodeResult]) -> Self {
        let Scoring { task, method, command, seed, device, agent } = scoring;
        let contacts: Vec<Option<usize>> = results.iter().map(|result| result.first_contact).collect();
        let score = |kind| {
            let values = all_points(task, kind, results);
            task.scoring.kinds.contains(&kind).then(|| Score::of(task, &values))
        };
        let revalue = agent.as_ref().is_some_and(Scored::revalued);
        let evaluation = Evaluation::of(task, revalue, results);
        Self {
            task: task.id.clone(),
            method,
            command,
            seed,
            episodes: results.len(),
            first_contact: score(ScoreKind::FirstContact),
            native: score(ScoreKind::Return),
            success: score(ScoreKind::Success),
            subtasks: score(ScoreKind::Subtasks),
            success_rate: evaluation.success_rate,
            mean_first_contact_step: evaluation.mean_first_contact_step,
            decisions_per_episode: evaluation.decisions_per_episode,
            revaluations_per_episode: evaluation.revaluations_per_episode,
            device,
            versions: Versions::current(),
            agent,
            contacts,
            returns: results.iter().map(|result| result.native).collect(),
        }
    }

    /// One of the scores, where the task has it.
    #[must_use]
    pub fn score(&self, kind: ScoreKind) -> Option<Score> {
        match kind {
            ScoreKind::FirstContact => self.first_contact,
            ScoreKind::Return => self.native,
            ScoreKind::Success => self.success,
            ScoreKind::Subtasks => self.subtasks,
        }
    }

    /// The same in the form of `eval --json`.
    #[must_use]
    pub fn report(&self) -> Report {
        let all = [ScoreKind::FirstContact, ScoreKind::Return, ScoreKind::Success, ScoreKind::Subtasks];
        let scores = all.into_iter().filter_map(|kind| Some((kind.name(), self.score(kind)?.all.into())));
        Report {
            task: self.task.clone(),
            method: self.method,
            bundle: self.agent.as_ref().map(|agent| agent.file.display().to_string()),
            episodes: self.episodes,
            seed: self.seed,
            revalue: self.agent.as_ref().is_some_and(Scored::revalued),
            scores: scores.collect(),
            success_rate: self.success_rate,
            mean_first_contact_step: self.mean_first_contact_step,
            decisions_per_episode: self.decisions_per_episode,
            revaluations_per_episode: self.revaluations_per_episode,
            env_steps_per_second: None,
        }
    }

    /// Points by one kind of score, apart by the stratum that episodes start in.
    ///
    /// # Errors
    /// When the task is unknown.
    pub fn strata(&self, kind: ScoreKind) -> Result<Vec<Vec<f64>>, UnknownTask> {
        let task = &Benchmark::find(&self.task)?.spec;
        let episode = |(&first_contact, &native): (&Option<usize>, &f64)| {
            let result = EpisodeResult { first_contact, native, decisions: 0, revaluations: 0, steps: 0 };
            points(task, kind, &result)
        };
        let values: Vec<f64> = self.contacts.iter().zip(&self.returns).map(episode).collect();
        Ok(by_start(task, &values))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, ScoreError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScoreError::File { path: path.to_owned(), source })?;
        let file: Self = serde_json::from_str(&text)
            .map_err(|error| ScoreError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
        let whole = file.contacts.len() == file.episodes && file.returns.len() == file.episodes;
        if let Err(error) = Benchmark::find(&file.task) {
            return Err(ScoreError::Damaged { path: path.to_owned(), reason: error.to_string() });
        }
        if !whole || file.episodes == 0 {
            let reason = format!(
                "it speaks of {} episodes, but lists {} and {}",
                file.episodes,
                file.contacts.len(),
                file.returns.len()
            );
            return Err(ScoreError::Damaged { path: path.to_owned(), reason });
        }
        Ok(file)
    }

    /// Reads every `.json` file of a folder, in the order of their names.
    ///
    /// # Errors
    /// When the folder holds none, or one cannot be read.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, ScoreError> {
        if folder.is_file() {
            return Self::read(folder).map(|file| vec![file]);
        }
        let entries = std::fs::read_dir(folder)
            .map_err(|source| ScoreError::File { path: folder.to_owned(), source })?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| ScoreError::File { path: folder.to_owned(), source })?;
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        if paths.is_empty() {
            return Err(ScoreError::None { folder: folder.to_owned() });
        }
        paths.iter().map(|path| Self::read(path)).collect()
    }
}

/// Numbers, those without a fraction as whole ones.
fn whole_where_possible<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|&value| {
        let whole = (value.fract() == 0.0 && value.abs() < 1e15).then(|| (value as i64).into());
        whole.or_else(|| Number::from_f64(value))
    }))
}

/// Episodes apart by the stratum they start in: those take turns.
fn by_start(task: &TaskSpec, values: &[f64]) -> Vec<Vec<f64>> {
    let strata = task.scoring.strata;
    (0..strata).map(|first| values.iter().skip(first).step_by(strata).copied().collect()).collect()
}

impl Score {
    fn of(task: &TaskSpec, values: &[f64]) -> Self {
        Self { all: Interval::of(&by_start(task, values)), blocks: Blocks::of(values) }
    }
}

/// Result files that cannot be used.
#[derive(Debug, Error)]
pub enum ScoreError {
    /// A file or folder.
    #[error("cannot read {}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is none of ours.
    #[error("{} is not a result of `diar score`: {reason}", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A folder without results.
    #[error("{} holds no result files (.json): write some with `diar score --out`", .folder.display())]
    None {
        /// Which.
        folder: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use diar_core::benchmark::MAZE2D;

    use super::*;

    #[test]
    fn blocks_are_the_first_five_hundreds() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i / 100)).collect();
        let score = Score::of(&MAZE2D[0].spec, &values);
        let blocks = score.blocks.unwrap();
        assert!((blocks.mean - 2.0).abs() < 1e-12);
        assert!((blocks.sd - 2.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Score::of(&MAZE2D[0].spec, &values[..499]).blocks, None);
        assert!((score.all.mean - 4.5).abs() < 1e-12);
    }
}
