//! Training of methods whose stages update networks on recorded steps.

use std::sync::Arc;

use burn::tensor::Device;

use super::recipe::{AgentInfo, Recipe, Seen};
use super::settings::MethodSettings;
use super::{bc, dd, diffuser, dt, idql, iql};
use crate::bundle::{Precision, Provenance, Sealed};
use crate::data::{Normaliser, Steps, Transitions};
use crate::learn::{Checkpoint, LearnError, Learner, Metrics, Stage, Training, check_data};
use crate::nn::NamedTensor;
use crate::rng::Stream;
use crate::spec::TaskSpec;

/// All that a step of training may look at.
pub struct Classroom {
    /// The task.
    pub task: Arc<TaskSpec>,
    /// Recorded steps.
    pub steps: Steps,
    /// Normaliser of their states.
    pub state_norm: Normaliser,
    /// A plain (not autodiff) device.
    pub device: Device,
}

impl Classroom {
    /// States and actions of rows drawn at random, as networks see them: `[batch, state]` and `[batch, action]`. The last row of
    /// an episode is drawn like any other.
    pub(super) fn rows(&self, stream: &mut Stream, batch: usize) -> (Vec<f32>, Vec<f32>) {
        let data = self.steps.transitions();
        let (mut states, mut actions) = (Vec::new(), Vec::new());
        for _ in 0..batch {
            let row = stream.below(data.len());
            states.extend_from_slice(data.state(row));
            actions.extend_from_slice(data.action(row));
        }
        self.state_norm.apply(&mut states);
        self.task.action.shrink(&mut actions);
        (states, actions)
    }
}

/// Networks of a method under training: stages with a number of steps each.
pub trait Course: Sized {
    /// The method's settings.
    type Recipe: Recipe;

    /// Stages in order, without [`Stage::Done`].
    const STAGES: &'static [Stage];

    /// Networks about to learn.
    ///
    /// # Errors
    /// When the data does not suffice.
    fn new(settings: &Self::Recipe, room: &Classroom) -> Result<Self, LearnError>;

    /// Facts of the sequences in the data, of a method that acts by returns.
    fn seen(_: &Self::Recipe, _: &TaskSpec, _: &Transitions) -> Option<Seen> {
        None
    }

    /// Steps of a stage.
    fn total(settings: &Self::Recipe, stage: Stage) -> usize;

    /// One step of a stage. Metrics cost a read from the device; they are empty unless wanted.
    ///
    /// # Errors
    /// When a loss is not finite or the device fails.
    fn step(
        &mut self,
        room: &Classroom,
        at: (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError>;

    /// Puts the networks of a stage into a checkpoint.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    fn save(&self, stage: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError>;

    /// Takes them out again.
    ///
    /// # Errors
    /// When they are missing, damaged or of another run.
    fn load(&mut self, stage: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError>;

    /// All parameters by name, without gradients.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError>;
}

/// A training run of a [`Course`].
pub struct Lessons<C: Course> {
    settings: C::Recipe,
    room: Classroom,
    seen: Option<Seen>,
    course: C,
    stage: Stage,
    position: usize,
}

impl<C: Course> Lessons<C> {
    /// A run about to begin, on a plain (not autodiff) device.
    ///
    /// # Errors
    /// When a setting cannot be used, or the data does not belong to the task or has no step with a successor.
    pub fn new(
        settings: C::Recipe,
        task: Arc<TaskSpec>,
        data: Arc<Transitions>,
        device: &Device,
    ) -> Result<Self, LearnError> {
        settings.check()?;
        task.check()?;
        check_data(&data, &task)?;
        settings.check_for(&task)?;
        let state_norm = settings.normaliser(&data.states, task.state_dim());
        let seen = C::seen(&settings, &task, &data);
        settings.check_seen(seen.as_ref())?;
        let room = Classroom { task, steps: Steps::new(data)?, state_norm, device: device.clone() };
        let course = C::new(&settings, &room)?;
        let mut lessons = Self { settings, room, seen, course, stage: Stage::Done, position: 0 };
        lessons.enter(0);
        Ok(lessons)
    }

    /// Begins the stage of a place in the order, or the first after it that has steps.
    fn enter(&mut self, place: usize) {
        let mut left = C::STAGES.iter().skip(place);
        let next = left.find(|&&stage| C::total(&self.settings, stage) > 0);
        (self.stage, self.position) = (next.copied().unwrap_or(Stage::Done), 0);
    }

    /// The networks as they stand.
    pub fn course(&self) -> &C {
        &self.course
    }
}

impl<C: Course> Learner for Lessons<C> {
    fn stages(&self) -> &'static [Stage] {
        C::STAGES
    }

    fn stage(&self) -> Stage {
        self.stage
    }

    fn position(&self) -> usize {
        self.position
    }

    fn total_of(&self, stage: Stage) -> usize {
        if C::STAGES.contains(&stage) { C::total(&self.settings, stage) } else { 0 }
    }

    fn step(&mut self, want_metrics: bool) -> Result<Metrics, LearnError> {
        if self.stage == Stage::Done {
            return Ok(Metrics::new());
        }
        let metrics = self.course.step(&self.room, (self.stage, self.position), want_metrics)?;
        self.position += 1;
        if self.position >= self.total() {
            let place = C::STAGES.iter().position(|&stage| stage == self.stage);
            self.enter(place.map_or(C::STAGES.len(), |place| place + 1));
        }
        Ok(metrics)
    }

    fn checkpoint_from(&self, first: Stage) -> Result<Checkpoint, LearnError> {
        let mut checkpoint = Checkpoint::new(self.stage, self.position);
        for &stage in C::STAGES.iter().filter(|&&own| first <= own && own <= self.stage) {
            self.course.save(stage, &mut checkpoint)?;
        }
        Ok(checkpoint)
    }

    fn restore(&mut self, mut checkpoint: Checkpoint) -> Result<(), LearnError> {
        let (stage, position) = (checkpoint.stage, checkpoint.position);
        if stage != Stage::Done && !C::STAGES.contains(&stage) {
            return Err(LearnError::Blob(format!("stage {stage} of {}", C::Recipe::METHOD.name())));
        }
        let begins = checkpoint.begins();
        // Put together aside: a checkpoint that cannot be used changes nothing.
        let mut course = C::new(&self.settings, &self.room)?;
        for &own in C::STAGES {
            if stage > own || stage == own && !begins {
                course.load(own, &mut checkpoint)?;
            }
        }
        (self.course, self.stage, self.position) = (course, stage, position.min(self.total_of(stage)));
        Ok(())
    }

    fn file(&self, provenance: Provenance) -> Result<Vec<u8>, LearnError> {
        let info = AgentInfo {
            task: (*self.room.task).clone(),
            method: C::Recipe::METHOD,
            settings: self.settings.clone(),
            state_norm: self.room.state_norm.clone(),
            provenance,
            scores: None,
            seen: self.seen.clone(),
        };
        Ok(Sealed::of(info, self.course.parameters()?)?.to_bytes(Precision::F32)?)
    }
}

/// A run of any method about to begin, on a plain (not autodiff) device.
///
/// # Errors
/// When a setting cannot be used, the data does not belong to the task, or the settings misread its rewards.
pub fn learner(
    settings: MethodSettings,
    task: Arc<TaskSpec>,
    data: Arc<Transitions>,
    device: &Device,
) -> Result<Box<dyn Learner>, LearnError> {
    Ok(match settings {
        MethodSettings::Latent(settings) => Box::new(Training::new(*settings, task, data, device)?),
        MethodSettings::Bc(settings) => Box::new(Lessons::<bc::Cloning>::new(settings, task, data, device)?),
        MethodSettings::Iql(settings) => Box::new(Lessons::<iql::Iql>::new(settings, task, data, device)?),
        MethodSettings::Dt(settings) => Box::new(Lessons::<dt::Dt>::new(settings, task, data, device)?),
        MethodSettings::Idql(settings) => Box::new(Lessons::<idql::Idql>::new(settings, task, data, device)?),
        MethodSettings::Diffuser(settings) => {
            Box::new(Lessons::<diffuser::Diffuser>::new(settings, task, data, device)?)
        }
        MethodSettings::Dd(settings) => {
            Box::new(Lessons::<dd::DecisionDiffuser>::new(settings, task, data, device)?)
        }
    })
}
