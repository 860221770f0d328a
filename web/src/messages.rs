//! What the page and its worker tell each other.
//!
//! Plain data on both sides; `serde-wasm-bindgen` carries it across.

use diar_core::agent::{Event, Outcome, Scenario};
use diar_core::maze::World;
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

/// Whose networks decide in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decider {
    /// The weights of the page, with the critic in use.
    #[default]
    Own,
    /// The weights of the page, with the critic that came with them.
    Shipped,
    /// Other weights: their address.
    Second(String),
}

/// What a run is made of.
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
    /// What is changed in the maze, and where the user decides instead of the agent.
    pub scenario: Scenario,
    /// Who decides.
    pub decider: Decider,
    /// Whether actions are rounded, so that its link is short; only links of version 1 have others.
    pub shareable: bool,
}

/// Which of the two runs on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lane {
    /// The run on display.
    Main,
    /// The one it is compared with.
    Compared,
}

/// Candidates of a decision, to be looked into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidates {
    /// The state they were sampled in.
    pub state: Vec<f64>,
    /// `[candidates, latent]`.
    pub latents: Vec<Vec<f32>>,
    /// The maze it was.
    pub world: World,
}

/// A decision whose denoising is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Denoising {
    /// The state it was made in.
    pub state: Vec<f64>,
    /// Seed and number of its episode.
    pub seed: u64,
    pub episode: u64,
    /// Its number in the episode.
    pub decision: usize,
    /// How it was made.
    pub settings: PlanSettings,
}

/// From the page to the worker that trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToTrainer {
    /// Address of the bundle whose critic is to be trained anew.
    pub bundle: String,
    /// Hash of that bundle, as the page has it.
    pub from: String,
    /// Address of its windows.
    pub windows: String,
    /// What it is to learn.
    pub settings: RetrainingSettings,
    /// The maze over which values are shown meanwhile.
    pub world: World,
}

/// From the worker that trains to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromTrainer {
    /// How it comes on.
    Learning {
        /// Steps taken, and in all.
        step: usize,
        total: usize,
        /// The losses of V and Q, when there are new ones.
        losses: Option<[f64; 2]>,
    },
    /// V over the maze, as far as it has been learned.
    Field {
        /// Its values.
        field: ValueField,
    },
    /// All is learned.
    Learned {
        /// Hash of the bundle that it was trained from.
        from: String,
        /// The bundle with the new critic.
        #[serde(with = "serde_bytes")]
        bundle: Vec<u8>,
        /// Seconds it took.
        seconds: f64,
    },
    /// It cannot go on.
    Failed {
        /// Why, in words.
        message: String,
    },
}

/// How the critic is trained anew in the page.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrainingSettings {
    /// Where the goal is.
    pub goal: [f64; 2],
    /// τ of the expectile loss.
    pub expectile: f64,
    /// γ per environment step.
    pub discount: f64,
    /// LDCQ's target instead of DIAR's.
    pub ldcq: bool,
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
    /// Begin a run; whatever an older generation of its lane still computes is dropped.
    Begin {
        /// Number of the run, counted by the page.
        generation: u32,
        /// Its place on the page.
        lane: Lane,
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
    /// End the run of a lane.
    Drop {
        /// Which one.
        lane: Lane,
    },
    /// Decode candidates into the ways they would take, and value their ends.
    Imagine {
        /// Given back with the answer.
        ticket: u32,
        /// What to decode.
        candidates: Candidates,
    },
    /// Sample the candidates of a decision again, keeping every step on the way from noise.
    Denoise {
        /// Given back with the answer.
        ticket: u32,
        /// Which decision.
        denoising: Denoising,
    },
    /// Play episodes to the goal with and without revaluation, from starts in turn over the cells.
    Score {
        /// Given back with the answers.
        ticket: u32,
        /// How; its start is not used.
        plan: Plan,
        /// How many.
        episodes: usize,
    },
    /// Decide with another critic: that of this bundle.
    Critic {
        /// A whole bundle, the rest of which is as loaded.
        #[serde(with = "serde_bytes")]
        bundle: Vec<u8>,
    },
    /// Other weights, to compare with; they take the place of the ones before.
    Second {
        /// Where they come from; given back with the answer.
        address: String,
        /// A whole bundle.
        #[serde(with = "serde_bytes")]
        bundle: Vec<u8>,
    },
    /// Make a decision, and tell how long it takes.
    Measure {
        /// How it is made.
        plan: Plan,
    },
    /// Tell the values over the maze again.
    Field,
    /// Stop scoring.
    Stop,
    /// Go back to the critic that came with the weights.
    Unlearn,
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
        let name = if cfg!(feature = "relaxed-simd") { "Flex, SIMD with FMA" } else { "Flex, SIMD" };
        Self { webgpu: false, name: name.into(), software: false, note }
    }

    /// What kind of device it is, for the badge.
    pub fn kind(&self) -> &'static str {
        match (self.webgpu, self.software) {
            (false, _) => "CPU",
            (true, false) => "WebGPU",
            (true, true) => "WebGPU (software rendering)",
        }
    }

    /// The device in words.
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
    /// The critic offered to the worker cannot be used: it goes on with the one before.
    Critic,
    /// A decision could not be measured; the run goes on.
    Measure,
    /// Candidates could not be looked into; the run goes on.
    Insight,
    /// Scoring failed; the run goes on.
    Scoring,
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
    /// The weights to compare with can be used, or not.
    Second {
        /// Hash of the bundle that the worker decides with.
        loaded: String,
        /// The address that came with them.
        address: String,
        /// What they are, or what is wrong with them.
        weights: Result<Weights, String>,
    },
    /// V over the maze.
    Field {
        /// Its values.
        field: ValueField,
    },
    /// How long a decision takes.
    Measured {
        /// Hash of the bundle that decided.
        loaded: String,
        /// Milliseconds.
        millis: f64,
    },
    /// Candidates as ways.
    Imagined {
        /// The number that came with the question.
        ticket: u32,
        /// Positions, `[candidates][points]`.
        ways: Vec<Vec<[f32; 2]>>,
        /// V of each predicted end.
        values: Vec<f32>,
    },
    /// A decision's way from noise to latents.
    Denoised {
        /// The number that came with the question.
        ticket: u32,
        /// Every step of it.
        trail: Trail,
    },
    /// Episodes that have been scored.
    Scored {
        /// The number that came with the question.
        ticket: u32,
        /// The step of the first contact of each so far, with and without revaluation.
        contacts: [Vec<Option<usize>>; 2],
        /// No more will come.
        done: bool,
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

/// The way of candidates from noise to latents; one entry per sampler step and one more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// `[steps + 1][candidates][latent]`.
    pub latents: Vec<Vec<Vec<f32>>>,
    /// Where each would end if it were used as it is, `[steps + 1][candidates][x, y]`.
    pub ends: Vec<Vec<[f32; 2]>>,
    /// What Q says of it, `[steps + 1][candidates]`.
    pub q: Vec<Vec<f32>>,
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
