//! Training, as a program sees it, whatever the method is.

use super::{Checkpoint, LearnError, Metrics, Stage, Training};
use crate::bundle::{Precision, Provenance};

/// A training run: stages of steps, a state that can be saved between any two, and an agent in the end.
pub trait Learner {
    /// Stages in order, without [`Stage::Done`].
    fn stages(&self) -> &'static [Stage];

    /// The stage the next step belongs to.
    fn stage(&self) -> Stage;

    /// Steps of this stage done.
    fn position(&self) -> usize;

    /// Steps of a stage in all.
    fn total_of(&self, stage: Stage) -> usize;

    /// Steps of this stage in all.
    fn total(&self) -> usize {
        self.total_of(self.stage())
    }

    /// Steps of all stages before one, together.
    fn steps_before(&self, stage: Stage) -> usize {
        self.stages().iter().filter(|&&earlier| earlier < stage).map(|&earlier| self.total_of(earlier)).sum()
    }

    /// Does one step, and moves on to the next stage after the last one. Metrics cost a read from the device; they are empty
    /// unless wanted.
    ///
    /// # Errors
    /// When a loss is not finite or the device fails.
    fn step(&mut self, want_metrics: bool) -> Result<Metrics, LearnError>;

    /// Everything needed to resume later but the blobs of the stages before `first`, which an earlier checkpoint has.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    fn checkpoint_from(&self, first: Stage) -> Result<Checkpoint, LearnError>;

    /// Resumes from a checkpoint of a run with the same settings and data.
    ///
    /// # Errors
    /// When the checkpoint is damaged or belongs to another run; training is then as it was.
    fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), LearnError>;

    /// The agent as a bundle's file in single precision: trained, or as far as it has come.
    ///
    /// # Errors
    /// When no agent can be made yet, or a tensor cannot be read back.
    fn file(&self, provenance: Provenance) -> Result<Vec<u8>, LearnError>;
}

impl Learner for Training {
    fn stages(&self) -> &'static [Stage] {
        &[Stage::Vae, Stage::Encode, Stage::Diffusion, Stage::Draw, Stage::Critic]
    }

    fn stage(&self) -> Stage {
        Self::stage(self)
    }

    fn position(&self) -> usize {
        Self::position(self)
    }

    fn total_of(&self, stage: Stage) -> usize {
        Self::total_of(self, stage)
    }

    fn step(&mut self, want_metrics: bool) -> Result<Metrics, LearnError> {
        Self::step(self, want_metrics)
    }

    fn checkpoint_from(&self, first: Stage) -> Result<Checkpoint, LearnError> {
        Self::checkpoint_from(self, first)
    }

    fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), LearnError> {
        Self::restore(self, checkpoint)
    }

    fn file(&self, provenance: Provenance) -> Result<Vec<u8>, LearnError> {
        Ok(self.bundle(provenance)?.to_bytes(Precision::F32)?)
    }
}
