//! Training: five stages, one step at a time. No loop, no clock, no file.
//!
//! Every random draw of a step comes from the run's seed and the step's number, so a run that is interrupted and
//! restored goes on with exactly the draws it would have made.

mod checkpoint;
mod critic;
mod diffusion;
mod draw;
mod encode;
mod learner;
mod memory;
mod record;
mod relearn;
mod vae;

pub use checkpoint::Checkpoint;
pub use encode::ON_CPU as ENCODED_AT_ONCE;
pub use learner::Learner;
pub use memory::{Memory, row as row_bytes};
pub use record::record;
pub use relearn::CriticTraining;

use std::fmt;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bundle::{Bundle, BundleError, Provenance};
use crate::critic::{RewardError, check_rewards};
use crate::data::{ExperienceError, NoSteps, Normaliser, Transitions, Windows, WindowsError, window_return};
use crate::nn::LoadError;
use crate::nn::train::SavedError;
use crate::rng::Key;
use crate::settings::{InvalidSetting, Settings};
use crate::spec::{SpecError, TaskSpec};

use self::critic::{CriticStage, Lesson, Sizes};
use self::diffusion::DiffusionStage;
use self::draw::DrawStage;
use self::encode::EncodeStage;
use self::vae::VaeStage;

/// A stage of training, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Train the β-VAE (Alg. 3).
    Vae,
    /// Encode every window.
    Encode,
    /// Train the latent diffusion model (Alg. 4).
    Diffusion,
    /// Draw latents at the ends of the windows the critic learns from.
    Draw,
    /// Train Q and V (Alg. 1); of methods without latents, the policy beside them.
    Critic,
    /// Train the policy of a method that has one apart from its critic, or no critic.
    Policy,
    /// All trained.
    Done,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 7] =
        [Self::Vae, Self::Encode, Self::Diffusion, Self::Draw, Self::Critic, Self::Policy, Self::Done];

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|&stage| stage == self).unwrap_or(Self::ALL.len());
        Self::ALL.get(at + 1).copied().unwrap_or(Self::Done)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vae => "vae",
            Self::Encode => "encode",
            Self::Diffusion => "diffusion",
            Self::Draw => "draw",
            Self::Critic => "critic",
            Self::Policy => "policy",
            Self::Done => "done",
        })
    }
}

/// Named numbers that a step reports.
pub type Metrics = Vec<(&'static str, f64)>;

/// Why training cannot go on.
#[derive(Debug, Error)]
pub enum LearnError {
    /// A setting that cannot be used.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// A task that cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Data too short.
    #[error(transparent)]
    Windows(#[from] WindowsError),
    /// Data of another task.
    #[error(
        "the data has {found} numbers per {what}, but {task} has {expected}: is this the right data set?"
    )]
    Dimensions {
        /// State or action.
        what: &'static str,
        /// Numbers in the data.
        found: usize,
        /// Numbers in the task.
        expected: usize,
        /// The task.
        task: String,
    },
    /// Rewards that the settings misread.
    #[error(transparent)]
    Rewards(#[from] RewardError),
    /// A loss or latent that is not a number.
    #[error(
        "{what} is not finite at {stage} step {step}: lower {stage}.train.rate or set {stage}.train.clip"
    )]
    NotFinite {
        /// Which number.
        what: &'static str,
        /// The stage it happened in.
        stage: Stage,
        /// The step of that stage.
        step: usize,
    },
    /// A network that could not be saved or restored.
    #[error("checkpoint: {0}")]
    Record(#[from] SavedError),
    /// A checkpoint that lacks something.
    #[error("checkpoint: '{0}' is missing or has the wrong length")]
    Blob(String),
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// The parameters could not be collected.
    #[error(transparent)]
    Parameters(#[from] LoadError),
    /// The bundle could not be made.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Data without steps to learn from.
    #[error(transparent)]
    Steps(#[from] NoSteps),
    /// Windows that cannot be kept.
    #[error(transparent)]
    Experience(#[from] ExperienceError),
    /// Windows of another agent.
    #[error(
        "the windows' latents are of another agent (VAE and diffusion model {found}, but the bundle has {expected}): make \
         them anew with `diar windows`"
    )]
    OtherAgent {
        /// The latent space of the windows.
        found: String,
        /// That of the bundle.
        expected: String,
    },
    /// A goal that is no place.
    #[error("the goal is {found}, expected two finite numbers, m")]
    Goal {
        /// The goal.
        found: String,
    },
    /// A bundle was asked for too early.
    #[error("there is no agent before the critic learns: training is at stage {0}")]
    Unfinished(Stage),
}

/// What every stage needs to know.
struct Context {
    settings: Settings,
    task: Arc<TaskSpec>,
    windows: Windows,
    state_norm: Normaliser,
    device: Device,
}

impl Context {
    /// How many of something are worked on at once, on a CPU or on any other device.
    fn at_once(&self, on_cpu: usize, on_gpu: usize) -> usize {
        if crate::kernel::tensors::on_cpu(&self.device) { on_cpu } else { on_gpu }
    }

    /// Windows that the critic learns from.
    fn critic_windows(&self) -> usize {
        let all = self.windows.len();
        self.settings.critic.windows.map_or(all, |windows| windows.clamp(1, all))
    }
}

/// A training run.
pub struct Training {
    context: Context,
    stage: Stage,
    stages: Stages,
}

/// The state of every stage.
struct Stages {
    vae: VaeStage,
    encode: EncodeStage,
    diffusion: DiffusionStage,
    draw: DrawStage,
    critic: CriticStage,
}

impl Stages {
    /// About to begin.
    fn new(context: &Context) -> Self {
        let key = Key::new(context.settings.seed);
        Self {
            vae: VaeStage::new(key.named("vae"), context),
            encode: EncodeStage::new(context),
            diffusion: DiffusionStage::new(key.named("diffusion"), context),
            draw: DrawStage::new(key.named("draw"), context),
            critic: CriticStage::new(
                key.named("critic"),
                &context.settings.critic,
                Sizes::of(&context.settings, &context.task),
                context.critic_windows(),
                &context.device,
            ),
        }
    }

    /// As a checkpoint has them.
    fn restored(mut checkpoint: Checkpoint, context: &Context) -> Result<Self, LearnError> {
        let mut stages = Self::new(context);
        let Checkpoint { stage, position: done, .. } = checkpoint;
        let begins = checkpoint.begins();
        // A stage that begins is as it was made.
        let saved = |own: Stage| stage > own || stage == own && !begins;
        let position = |own: Stage, total: usize| if stage == own { done.min(total) } else { total };
        let settings = &context.settings;
        if saved(Stage::Vae) {
            stages.vae.load(&mut checkpoint, position(Stage::Vae, settings.vae.train.steps))?;
        }
        if saved(Stage::Encode) {
            stages.encode.load(&mut checkpoint, context)?;
        }
        if saved(Stage::Diffusion) {
            let position = position(Stage::Diffusion, settings.diffusion.train.steps);
            stages.diffusion.load(&mut checkpoint, position)?;
        }
        if saved(Stage::Draw) {
            stages.draw.load(&mut checkpoint)?;
        }
        if saved(Stage::Critic) {
            let position = position(Stage::Critic, settings.critic.train.steps);
            stages.critic.load(&mut checkpoint, position)?;
        }
        Ok(stages)
    }
}

impl Training {
    /// A run about to begin, on a plain (not autodiff) device.
    ///
    /// # Errors
    /// When a setting cannot be used, the data does not belong to the task, or the settings misread its rewards.
    pub fn new(
        settings: Settings,
        task: Arc<TaskSpec>,
        data: Arc<Transitions>,
        device: &Device,
    ) -> Result<Self, LearnError> {
        settings.check()?;
        task.check()?;
        check_data(&data, &task)?;
        check_rewards(&data.rewards, task.reward, &settings.critic)?;
        let state_norm = if settings.data.standardise_states {
            Normaliser::fit(&data.states, task.state_dim())
        } else {
            Normaliser::identity(task.state_dim())
        };
        let windows = Windows::new(data, settings.data.horizon, settings.data.stride)?;
        let context = Context { settings, task, windows, state_norm, device: device.clone() };
        Ok(Self { stage: Stage::Vae, stages: Stages::new(&context), context })
    }

    /// The stage the next step belongs to.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Steps of this stage done.
    pub fn position(&self) -> usize {
        match self.stage {
            Stage::Vae => self.stages.vae.position(),
            Stage::Encode => self.stages.encode.position(),
            Stage::Diffusion => self.stages.diffusion.position(),
            Stage::Draw => self.stages.draw.position(),
            Stage::Critic => self.stages.critic.position(),
            Stage::Policy | Stage::Done => 0,
        }
    }

    /// Steps of this stage in all.
    pub fn total(&self) -> usize {
        self.total_of(self.stage)
    }

    /// Steps of a stage in all.
    pub fn total_of(&self, stage: Stage) -> usize {
        let settings = &self.context.settings;
        match stage {
            Stage::Vae => settings.vae.train.steps,
            Stage::Encode => self.stages.encode.total(),
            Stage::Diffusion => settings.diffusion.train.steps,
            Stage::Draw => self.stages.draw.total(),
            Stage::Critic => settings.critic.train.steps,
            Stage::Policy | Stage::Done => 0,
        }
    }

    /// Does one step, and moves on to the next stage after the last one. Metrics cost a read from the device; they
    /// are empty unless wanted.
    ///
    /// # Errors
    /// When a loss is not finite or the device fails.
    pub fn step(&mut self, want_metrics: bool) -> Result<Metrics, LearnError> {
        let context = &self.context;
        let metrics = if self.position() >= self.total() {
            Metrics::new()
        } else {
            match self.stage {
                Stage::Vae => self.stages.vae.step(context, want_metrics)?,
                Stage::Encode => self.stages.encode.step(context, &self.stages.vae)?,
                Stage::Diffusion => self.stages.diffusion.step(context, &self.stages.encode, want_metrics)?,
                Stage::Draw => self.stages.draw.step(context, &self.stages.diffusion)?,
                Stage::Critic => {
                    let (encode, draw, diffusion) =
                        (&self.stages.encode, &self.stages.draw, &self.stages.diffusion);
                    let lesson =
                        |chosen: &[usize], key| lesson(context, encode, draw, diffusion, chosen, key);
                    self.stages.critic.step(lesson, want_metrics)?
                }
                Stage::Policy | Stage::Done => Metrics::new(),
            }
        };
        while self.stage != Stage::Done && self.position() >= self.total() {
            if self.stage == Stage::Encode {
                self.stages.encode.finish(&self.context);
            }
            self.stage = self.stage.next();
        }
        Ok(metrics)
    }

    /// Everything needed to resume later.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn checkpoint(&self) -> Result<Checkpoint, LearnError> {
        self.checkpoint_from(Stage::Vae)
    }

    /// The same without the blobs of the stages before `first`, which an earlier checkpoint has.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn checkpoint_from(&self, first: Stage) -> Result<Checkpoint, LearnError> {
        let mut checkpoint = Checkpoint::new(self.stage, self.position());
        let wanted = |own: Stage| first <= own && own <= self.stage;
        let stages = &self.stages;
        if wanted(Stage::Vae) {
            stages.vae.save(&mut checkpoint)?;
        }
        if wanted(Stage::Encode) {
            stages.encode.save(&mut checkpoint);
        }
        if wanted(Stage::Diffusion) {
            stages.diffusion.save(&mut checkpoint)?;
        }
        if wanted(Stage::Draw) {
            stages.draw.save(&mut checkpoint);
        }
        if wanted(Stage::Critic) {
            stages.critic.save(&mut checkpoint)?;
        }
        Ok(checkpoint)
    }

    /// Resumes from a checkpoint of a run with the same settings and data.
    ///
    /// # Errors
    /// When the checkpoint is damaged or belongs to another run; training is then as it was.
    pub fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), LearnError> {
        let stage = checkpoint.stage;
        self.stages = Stages::restored(checkpoint, &self.context)?;
        self.stage = stage;
        Ok(())
    }

    /// The agent as one bundle: trained, or with the critic as far as it has come.
    ///
    /// # Errors
    /// Before the critic is learning, or when a tensor cannot be read back.
    pub fn bundle(&self, provenance: Provenance) -> Result<Bundle, LearnError> {
        if self.stage < Stage::Critic {
            return Err(LearnError::Unfinished(self.stage));
        }
        let mut tensors = self.stages.vae.parameters()?;
        tensors.extend(self.stages.diffusion.parameters()?);
        tensors.extend(self.stages.critic.parameters()?);
        Ok(Bundle::new(
            (*self.context.task).clone(),
            self.context.settings.clone(),
            self.context.state_norm.clone(),
            self.stages.encode.latent_norm(&self.context),
            provenance,
            tensors,
        )?)
    }
}

/// Checks that data has the dimensions of a task.
pub(crate) fn check_data(data: &Transitions, task: &TaskSpec) -> Result<(), LearnError> {
    for (what, found, expected) in
        [("state", data.state_dim, task.state_dim()), ("action", data.action_dim, task.action_dim())]
    {
        if found != expected {
            return Err(LearnError::Dimensions { what, found, expected, task: task.id.clone() });
        }
    }
    Ok(())
}

/// The windows that the critic learns from in one step.
fn lesson(
    context: &Context,
    encode: &EncodeStage,
    draw: &DrawStage,
    diffusion: &DiffusionStage,
    chosen: &[usize],
    key: Key,
) -> Lesson {
    let settings = &context.settings.critic;
    let (mut starts, mut ends, mut latents) = (Vec::new(), Vec::new(), Vec::new());
    let (mut returns, mut terminals) = (Vec::new(), Vec::new());
    for &i in chosen {
        let window = draw.window(i, context);
        starts.extend_from_slice(context.windows.first(window));
        ends.extend_from_slice(context.windows.last(window));
        latents.extend_from_slice(encode.latent(window));
        let rewards = context.windows.rewards(window);
        let kind = context.task.reward;
        returns.push(window_return(settings.window_return, kind, rewards, settings.discount));
        let at_goal = settings.terminal_mask && rewards.iter().any(|&reward| kind.reaches(reward));
        terminals.push(at_goal || context.windows.terminal(window));
    }
    context.state_norm.apply(&mut starts);
    context.state_norm.apply(&mut ends);
    let candidates = draw.latents(context, diffusion, chosen, key);
    Lesson { starts, ends, latents, returns, terminals, candidates }
}

/// Reads losses back from the device, all `[1]`.
pub(crate) fn read<const N: usize>(
    stage: Stage,
    step: usize,
    losses: [(&'static str, Tensor<1>); N],
) -> Result<Metrics, LearnError> {
    let (names, values): (Vec<_>, Vec<_>) =
        losses.into_iter().map(|(name, loss)| (name, loss.without_autodiff())).unzip();
    let values = Tensor::cat(values, 0)
        .try_into_vec_as::<f32>()
        .map_err(|error| LearnError::Device(error.to_string()))?;
    if let Some((what, _)) = names.iter().zip(&values).find(|(_, value)| !value.is_finite()) {
        return Err(LearnError::NotFinite { what, stage, step });
    }
    Ok(names.into_iter().zip(values.into_iter().map(f64::from)).collect())
}
