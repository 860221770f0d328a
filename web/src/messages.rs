//! What the page and its worker tell each other.
//!
//! Plain data on both sides; `serde-wasm-bindgen` carries it across.

use diar_core::agent::{Event, Outcome};
use diar_core::settings::PlanSettings;
use serde::{Deserialize, Serialize};

/// Which device the user wants decisions to be computed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// WebGPU where a real adapter exists, the CPU otherwise.
    #[default]
    Auto,
    /// The CPU, whatever the browser offers.
    Cpu,
    /// WebGPU, even where it is software rendering.
    Webgpu,
}

impl Backend {
    /// Every choice, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Cpu, Self::Webgpu];

    /// The name used in the address and as a form value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Webgpu => "webgpu",
        }
    }

    /// The choice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == name)
    }
}

/// How far to go: the grain of stepping, of computing ahead and of stepping back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// One part of a decision: sample, rank, predict, compare or follow.
    Part,
    /// One environment step.
    Step,
    /// One decision.
    Decision,
}

/// What a run is made of, besides the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How decisions are made.
    pub settings: PlanSettings,
    /// Seed of all noise.
    pub seed: u64,
    /// Number of the episode under that seed.
    pub episode: u64,
    /// Where it starts; drawn from the seed when `None`.
    pub start: Option<[f64; 4]>,
}

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Choose a device, fetch the weights and get ready. Sent once, first.
    Load {
        /// Address of the bundle, relative to the page or absolute.
        bundle: String,
        /// The device wanted.
        backend: Backend,
    },
    /// Begin a run; whatever an older generation still computes is dropped.
    Begin {
        /// Number of the run, counted by the page.
        generation: u32,
        /// What the run is made of.
        plan: Plan,
    },
    /// Compute on, up to the end of the next unit.
    Advance {
        /// Number of the run.
        generation: u32,
        /// How far.
        unit: Unit,
    },
}

/// The device that decisions are computed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Whether this is WebGPU.
    pub webgpu: bool,
    /// Name of the WebGPU adapter, or of the CPU backend.
    pub name: String,
    /// WebGPU, but drawn by the CPU.
    pub software: bool,
    /// Why it is not the device one might expect, if so.
    pub note: Option<String>,
}

impl DeviceInfo {
    /// The CPU, with the reason why it was chosen.
    pub fn cpu(note: Option<String>) -> Self {
        Self { webgpu: false, name: "Flex, SIMD".into(), software: false, note }
    }

    /// The device in words, for the badge.
    pub fn label(&self) -> String {
        match (self.webgpu, self.software) {
            (false, _) => format!("CPU ({})", self.name),
            (true, false) => format!("WebGPU ({})", self.name),
            (true, true) => format!("WebGPU ({}, software rendering)", self.name),
        }
    }
}

/// What the page shows of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// D4RL's environment id.
    pub task: String,
    /// Content hash.
    pub hash: String,
    /// How the bundle wants to be used.
    pub settings: PlanSettings,
    /// Diffusion steps T the denoiser was trained with.
    pub diffusion_steps: usize,
    /// Seconds of training, all stages.
    pub training_seconds: f64,
    /// Mean `first_contact` scores with and without revaluation, and over how many episodes.
    pub scores: Option<(f64, f64, usize)>,
}

/// V over the maze, for a particle at rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueField {
    /// Distance between samples, in metres.
    pub spacing: f64,
    /// First coordinate (x) of the first sample.
    pub x0: f64,
    /// Second coordinate (y) of the first sample.
    pub y0: f64,
    /// Samples along x.
    pub rows: usize,
    /// Samples along y.
    pub columns: usize,
    /// `[rows, columns]`; not a number inside walls.
    pub values: Vec<f32>,
}

impl ValueField {
    /// Smallest and largest value, if there is any.
    pub fn range(&self) -> Option<(f32, f32)> {
        crate::scale::range(self.values.iter().copied())
    }
}

/// What went wrong, as far as the page must tell causes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The weights could not be fetched, or are damaged.
    Weights,
    /// The run cannot begin with these settings.
    Run,
    /// Deciding failed on the way, or the worker itself broke down.
    Compute,
    /// The browser took the WebGPU device away.
    DeviceLost,
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToPage {
    /// Bytes of the weights so far.
    Progress {
        /// Bytes received.
        loaded: f64,
        /// Bytes in all, when the server says so.
        total: Option<f64>,
    },
    /// The weights have arrived; networks are being set up.
    Preparing {
        /// The device they are set up on.
        device: DeviceInfo,
    },
    /// Decisions can be computed.
    Ready {
        /// On which device.
        device: DeviceInfo,
        /// With which weights.
        weights: Weights,
    },
    /// V over the maze.
    Field {
        /// Its values.
        field: ValueField,
    },
    /// A run has begun.
    Begun {
        /// Number of the run.
        generation: u32,
        /// Its first state.
        start: Vec<f64>,
    },
    /// What was computed since the last such message.
    Events {
        /// Number of the run.
        generation: u32,
        /// In order.
        events: Vec<Event>,
        /// Time it took, in milliseconds.
        millis: f64,
    },
    /// The unit asked for is complete, or the episode is over.
    Idle {
        /// Number of the run.
        generation: u32,
    },
    /// Something went wrong.
    Failed {
        /// What kind of thing.
        failure: Failure,
        /// The run it happened in, if any.
        generation: Option<u32>,
        /// In words.
        message: String,
    },
}

impl Unit {
    /// Whether this event completes the unit.
    pub fn completed_by(self, event: &Event) -> bool {
        match (self, event) {
            (Self::Part, _) | (Self::Step, Event::Followed { .. }) => true,
            // A plan dropped before its first step is a step of deciding, too: nothing may be skipped.
            (Self::Step | Self::Decision, Event::Compared { dropped, .. }) => *dropped,
            (Self::Decision, Event::Followed { outcome, .. }) => outcome.is_some(),
            (Self::Step | Self::Decision, _) => false,
        }
    }
}

/// An outcome in one word, for tables.
pub fn outcome_word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "under way",
        Some(Outcome::Completed) => "completed",
        Some(Outcome::Revalued { .. }) => "dropped",
        Some(Outcome::Goal) => "goal",
        Some(Outcome::TimeLimit) => "time limit",
    }
}
