//! Training from where a run stands to its end, or to a request to stop.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diar_core::bundle::{BundleError, Provenance};
use diar_core::learn::{Checkpoint, LearnError, Learner, Metrics, Stage};
use diar_core::method::AgentBundle;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::checkpoints::{Checkpoints, History};
use super::config::RunConfig;
use super::events::Events;
use super::metrics::MetricsLog;
use super::progress::Progress;
use super::{RunDirectory, RunError};

/// Time between two logged steps.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Training is complete.
    Finished(RunResult),
    /// Stopped on request, after a checkpoint.
    Interrupted,
}

/// `result.json`: how a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// D4RL's environment id.
    pub task: String,
    /// Seed of the run.
    pub seed: u64,
    /// The device it was trained on, or all of them in order.
    pub device: String,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// Recorded steps in the data.
    pub data_rows: usize,
    /// Seconds spent training, over all sessions.
    pub training_seconds: f64,
    /// Losses at the end of each stage.
    pub losses: BTreeMap<String, f64>,
    /// SHA-256 of the bundle.
    pub bundle_sha256: String,
}

/// Training that cannot go on.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The run directory.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Training itself.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The trained agent cannot be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The agent cannot play on the way.
    #[error("--eval-every: {0}")]
    Trial(Box<dyn Error + Send + Sync>),
}

/// One sitting of a run.
pub struct Session<'a> {
    directory: &'a RunDirectory,
    config: &'a RunConfig,
    checkpoints: Checkpoints,
    training: Box<dyn Learner>,
    /// Of the sessions before this one, and losses of this one too.
    history: History,
    log: MetricsLog,
    progress: Progress,
    begun: Instant,
    saved: Instant,
    /// The first stage whose blobs the last checkpoint of this session does not have as products.
    unsaved: Stage,
    /// The devices of all sessions, in order.
    devices: String,
    save_every: Duration,
    snapshot_every: Option<usize>,
    events: Option<Events>,
    trial: Option<Trial<'a>>,
}

/// Scores of an agent on the way.
pub type Scores = Result<Metrics, Box<dyn Error + Send + Sync>>;

/// Plays episodes with the agent of a bundle's file.
pub type Play<'a> = dyn Fn(&[u8]) -> Scores + 'a;

/// Episodes that an agent plays on the way.
pub struct Trial<'a> {
    /// Steps of the last stage between two trials.
    pub every: usize,
    /// Plays them.
    pub play: Box<Play<'a>>,
}

impl<'a> Session<'a> {
    /// Goes to the newest intact checkpoint of a run, or to its beginning: `begin`, or nothing trained at all.
    ///
    /// # Errors
    /// When the checkpoint does not fit the training or the directory cannot be read.
    pub fn resume(
        directory: &'a RunDirectory,
        config: &'a RunConfig,
        mut training: Box<dyn Learner>,
        begin: Option<(Checkpoint, History)>,
        save_every: Duration,
    ) -> Result<Self, SessionError> {
        let mut checkpoints = directory.checkpoints();
        let progress = Progress::new();
        let found = checkpoints
            .newest_intact(|error| progress.say(&format!("warning: a checkpoint is left out: {error}")));
        let history = match found.or(begin) {
            Some((checkpoint, history)) => {
                progress.say(&format!("going on from {} step {}", checkpoint.stage, checkpoint.position));
                training.restore(checkpoint)?;
                history
            }
            None => History::default(),
        };
        let (stage, position) = (training.stage(), training.position());
        let mut log = MetricsLog::open(directory.path(), stage, position)?;
        let recorded = directory.record_device(&config.device, stage, position)?;
        if recorded.moved.last().is_some_and(|moved| (moved.stage, moved.step) == (stage, position)) {
            progress.say(&format!(
                "note: the device has changed ({}); the last digits of what is learned depend on it",
                recorded.devices()
            ));
            log.device(stage, position, history.training_seconds, &config.device)?;
        }
        let now = Instant::now();
        Ok(Self {
            directory,
            config,
            checkpoints,
            training,
            history,
            log,
            progress,
            begun: now,
            saved: now,
            unsaved: Stage::Vae,
            devices: recorded.devices(),
            save_every,
            snapshot_every: None,
            events: None,
            trial: None,
        })
    }

    /// Writes scalars for `TensorBoard`, too.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn with_events(mut self) -> Result<Self, SessionError> {
        let done = self.training.steps_before(self.training.stage()) + self.training.position();
        self.events = Some(Events::begin(self.directory.path(), done as u64)?);
        Ok(self)
    }

    /// Lets the agent play a few episodes on the way.
    #[must_use]
    pub fn with_trial(mut self, trial: Option<Trial<'a>>) -> Self {
        self.trial = trial;
        self
    }

    /// Keeps the agent of every so many steps of the last stage, too.
    #[must_use]
    pub fn with_snapshots(mut self, every: Option<usize>) -> Self {
        self.snapshot_every = every;
        self
    }

    /// Trains until everything is learned or `stop` is set.
    ///
    /// # Errors
    /// When training fails or a file cannot be written.
    pub fn train(mut self, stop: &AtomicBool) -> Result<Ending, SessionError> {
        while self.training.stage() != Stage::Done {
            if !self.stage(stop)? {
                return Ok(Ending::Interrupted);
            }
        }
        self.finish().map(Ending::Finished)
    }

    /// Trains one stage to its end and writes a checkpoint there; false when stopped before.
    fn stage(&mut self, stop: &AtomicBool) -> Result<bool, SessionError> {
        let (stage, total) = (self.training.stage(), self.training.total());
        self.progress.begin(&stage.to_string(), self.training.position(), total);
        let mut logged: Option<Instant> = None;
        while self.training.stage() == stage {
            let done = self.training.position() + 1;
            let wanted = done >= total || logged.is_none_or(|logged| logged.elapsed() >= LOG_EVERY);
            let metrics = self.training.step(wanted)?;
            if wanted {
                logged = Some(Instant::now());
                self.record(stage, done, &metrics)?;
            }
            self.progress.update(done, wanted.then(|| shown(&metrics)).as_deref());
            let last = self.training.stages().last() == Some(&stage);
            if last && self.snapshot_every.is_some_and(|every| done.is_multiple_of(every)) {
                self.directory.snapshot(stage, done, &self.bundle()?)?;
            }
            let trial = self.trial.as_ref().filter(|trial| last && done.is_multiple_of(trial.every));
            if let Some(trial) = trial {
                let scores = (trial.play)(&self.bundle()?).map_err(SessionError::Trial)?;
                self.progress.say(&format!("{stage} {done}: {}", shown(&scores)));
                self.record(stage, done, &scores)?;
            }
            if self.training.stage() != stage {
                self.history
                    .losses
                    .extend(metrics.iter().map(|(name, value)| (format!("{stage}.{name}"), *value)));
                self.save()?;
            } else if stop.load(Ordering::Relaxed) {
                self.progress.say("stopping after this step, with a checkpoint; another signal ends at once");
                self.save()?;
                self.progress.end();
                return Ok(false);
            } else if self.saved.elapsed() >= self.save_every {
                self.save()?;
            }
        }
        self.progress.end();
        Ok(!(stop.load(Ordering::Relaxed) && self.training.stage() != Stage::Done))
    }

    /// Logs numbers of a step, wherever they are logged.
    fn record(&mut self, stage: Stage, step: usize, metrics: &Metrics) -> Result<(), SessionError> {
        self.log.add(stage, step, self.seconds(), metrics)?;
        if let Some(events) = &mut self.events {
            let all = self.training.steps_before(stage) + step;
            events.scalars(
                all as u64,
                metrics.iter().map(|(name, value)| (format!("{stage}/{name}"), *value)),
            )?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), SessionError> {
        let checkpoint = self.training.checkpoint_from(self.unsaved)?;
        let history = History { training_seconds: self.seconds(), losses: self.history.losses.clone() };
        self.checkpoints.save(&checkpoint, &history)?;
        self.unsaved = checkpoint.stage;
        self.saved = Instant::now();
        Ok(())
    }

    /// Seconds spent training, over all sessions.
    fn seconds(&self) -> f64 {
        self.history.training_seconds + self.begun.elapsed().as_secs_f64()
    }

    /// The agent as it stands, in single precision.
    fn bundle(&self) -> Result<Vec<u8>, SessionError> {
        let RunConfig { data, versions, settings, tags, .. } = self.config;
        let file = self.training.file(Provenance {
            seed: settings.seed(),
            diar_version: versions.diar.clone(),
            burn_version: versions.burn.clone(),
            commit: versions.commit.clone(),
            data_hash: data.sha256.clone(),
            data_rows: data.rows,
            device: self.devices.clone(),
            training_seconds: self.seconds(),
            losses: self.history.losses.clone(),
            relearned: None,
            tags: tags.clone(),
        })?;
        Ok(file)
    }

    fn finish(self) -> Result<RunResult, SessionError> {
        let RunConfig { task, data, settings, .. } = self.config;
        let training_seconds = self.seconds();
        let bytes = self.bundle()?;
        let result = RunResult {
            task: task.clone(),
            seed: settings.seed(),
            device: self.devices,
            data_sha256: data.sha256.clone(),
            data_rows: data.rows,
            training_seconds,
            losses: self.history.losses,
            bundle_sha256: AgentBundle::from_bytes(&bytes)?.hash().to_owned(),
        };
        self.directory.finish(&bytes, &result)?;
        Ok(result)
    }
}

/// Losses as they stand beside a bar.
fn shown(metrics: &Metrics) -> String {
    metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect::<Vec<_>>().join("  ")
}
