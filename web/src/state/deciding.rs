//! The worker that decides: its weights, its device, and the trial of another device beside it.

mod trial;

use super::{Cause, Command, Part};
use crate::messages::{Backend, DeviceInfo, ToPage, Weights};

use trial::Trial;
pub(super) use trial::Verdict;

/// Actions on the worker that decides.
#[derive(Clone, Debug)]
pub enum DecidingAction {
    /// A message of the worker.
    Heard(ToPage),
    /// The worker broke down without a message.
    Broken(String),
    /// Start the worker again.
    Retry,
    Backend(Backend),
    /// Take weights from a file: its address within the page.
    Weights(String),
    /// The browser has a WebGPU adapter that is worth a trial.
    Adapter,
    /// A message of the worker that WebGPU is tried in; none when it broke down.
    Trial(Option<ToPage>),
}

/// Progress of the worker and its weights.
#[derive(Clone, Debug, PartialEq)]
pub enum Worker {
    /// Started; nothing heard yet.
    Starting,
    /// Fetching weights.
    Fetching { loaded: f64, total: Option<f64> },
    /// Setting up networks on a device.
    Preparing(DeviceInfo),
    /// Able to decide.
    Ready(DeviceInfo, Weights),
    /// Not able to.
    Failed(String),
}

/// Weights that were loaded once from the address in use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loaded {
    pub task: String,
    pub hash: String,
}

/// The worker that decides.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// Address of the bundle.
    bundle: String,
    backend: Backend,
    worker: Worker,
    /// The bundle as it was loaded last, whatever the worker does now.
    loaded: Option<Loaded>,
    /// There is a WebGPU adapter worth a trial.
    adapter: bool,
    trial: Option<Trial>,
    /// Runs that were begun.
    generations: u32,
    /// Questions that were asked on the side.
    tickets: u32,
}

impl Deciding {
    pub(super) fn new(bundle: String, backend: Backend) -> Self {
        Self {
            bundle,
            backend,
            worker: Worker::Starting,
            loaded: None,
            adapter: false,
            trial: None,
            generations: 0,
            tickets: 0,
        }
    }

    /// The device asked for.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// The device and weights, once decisions can be computed.
    pub fn ready(&self) -> Option<(&DeviceInfo, &Weights)> {
        match &self.worker {
            Worker::Ready(device, weights) => Some((device, weights)),
            _ => None,
        }
    }

    pub fn failed(&self) -> bool {
        matches!(self.worker, Worker::Failed(_))
    }

    /// Address of the bundle.
    pub(super) fn bundle(&self) -> &str {
        &self.bundle
    }

    /// The bundle as it was loaded last.
    pub(super) fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// Returns true if a bundle is another one than came from the same address before.
    pub(super) fn is_another(&self, weights: &Weights) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.hash != weights.hash)
    }

    /// Returns true if the worker is known to compute on WebGPU.
    pub(super) fn on_webgpu(&self) -> bool {
        match &self.worker {
            Worker::Preparing(device) | Worker::Ready(device, _) => device.webgpu,
            Worker::Starting | Worker::Fetching { .. } | Worker::Failed(_) => false,
        }
    }

    /// Replaces the worker by one for the bundle and device in use.
    pub(super) fn start(&mut self, commands: &mut Vec<Command>) {
        self.worker = Worker::Starting;
        commands.push(Command::StartWorker { bundle: self.bundle.clone(), backend: self.backend });
    }

    pub(super) fn choose_bundle(&mut self, address: String) {
        self.bundle = address;
    }

    pub(super) fn choose_backend(&mut self, backend: Backend) {
        self.backend = backend;
    }

    /// Takes note of how far the worker has come.
    pub(super) fn comes_on(&mut self, worker: Worker) {
        if let Worker::Ready(_, weights) = &worker {
            self.loaded = Some(Loaded { task: weights.task.clone(), hash: weights.hash.clone() });
        }
        self.worker = worker;
    }

    /// The number of the next run.
    pub(super) fn generation(&mut self) -> u32 {
        self.generations += 1;
        self.generations
    }

    /// The number of the next question on the side.
    pub(super) fn ticket(&mut self) -> u32 {
        self.tickets += 1;
        self.tickets
    }
}

impl Part for Deciding {
    fn reset(&mut self, cause: Cause, commands: &mut Vec<Command>) {
        match cause {
            Cause::Weights => {
                self.loaded = None;
                self.interrupt_trial(commands);
            }
            // The trial was made beside the worker that is no more.
            Cause::Device | Cause::Failure => self.interrupt_trial(commands),
            // The speed of a device depends on none of these.
            Cause::Task | Cause::Critic | Cause::World | Cause::Run | Cause::Link => {}
        }
    }
}
