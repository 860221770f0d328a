//! Messages between the page and its workers.
//!
//! Plain data on both sides; `serde-wasm-bindgen` carries it across.

mod device;
mod insight;
mod training;

use diar_core::agent::{ActingSettings, Event, Outcome, RunSpec};
use diar_core::bundle::Method;
use serde::{Deserialize, Serialize};

pub use device::{Backend, DeviceInfo};
pub use insight::{Candidates, Denoising, Trail};
pub use training::{FromTrainer, RetrainingSettings, ToTrainer};

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

/// The networks that decide in a run.
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

/// The plan of a run: all that it is computed from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The run itself.
    pub run: RunSpec,
    /// The networks that decide.
    pub decider: Decider,
    /// Actions are rounded, so that its link is short; only links of version 1 have others.
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
        /// The plan of the run.
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
        /// Candidates to decode.
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
        /// The number of episodes.
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

/// Facts of a bundle that the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// D4RL's environment id.
    pub task: String,
    /// Content hash.
    pub hash: String,
    /// Method that it was trained with.
    pub method: Method,
    /// How the bundle wants to be used.
    pub settings: ActingSettings,
    /// Diffusion steps T that the denoiser of latents was trained with; 0 of a method without latents.
    pub diffusion_steps: usize,
    /// Seconds of training, all stages.
    pub training_seconds: f64,
    /// Mean `first_contact` score, the same without revaluation where there is any, and over how many episodes.
    pub scores: Option<(f64, Option<f64>, usize)>,
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

/// The kind of a failure, as far as the page must tell causes apart.
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
        /// Their facts, or what is wrong with them.
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
    /// Events computed since the last such message.
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
        /// The kind of the failure.
        failure: Failure,
        /// The run it happened in, if any.
        generation: Option<u32>,
        /// In words.
        message: String,
    },
}

impl Unit {
    /// Returns true if this event completes the unit.
    pub fn completed_by(self, event: &Event) -> bool {
        match (self, event) {
            // A choice ends the decision before.
            (Self::Part, _) | (Self::Step, Event::Followed { .. }) | (Self::Decision, Event::Chose(_)) => {
                true
            }
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
