//! An episode as a URL fragment.
//!
//! A link carries how the episode was decided (settings, seed, start, scenario) and what came of it (decisions and
//! actions). Actions replay exactly on any device, because the physics is the same arithmetic everywhere; the seed
//! allows the decisions to be computed again, and the link says how many agree.

mod coder;
mod packed;
mod replay;
mod states;
mod text;
mod v1;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

pub use text::plain;

use crate::agent::{ActingSettings, Outcome, RunSpec, Scenario, Trace, shareable};
use crate::settings::InvalidSetting;

/// The newest version that this program reads and writes: that of runs of methods without latents.
pub const VERSION: u32 = 4;
/// The version it writes where all runs are of plans.
const OF_PLANS: u32 = 3;
/// Characters of a bundle's hash that a link carries.
pub const HASH_LENGTH: usize = 16;
/// Longest link that is written or read, in characters.
pub const LONGEST: usize = 64 * 1024;
/// Most calls of the denoiser that the decisions of a link may have taken: who opens it makes them again. Each decision
/// takes as many as its settings say: candidates times sampler steps.
pub const MOST_CALLS: u64 = 1 << 31;

/// A shared episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Name of the task.
    pub task: String,
    /// First characters of the bundle's hash; empty when there is none.
    pub bundle: String,
    /// The run that was asked for.
    pub run: RunSpec,
    /// The moment that was being looked at, in environment steps.
    pub cursor: u32,
    /// What was decided.
    pub decisions: Vec<LinkDecision>,
    /// Every action taken, `[steps][action]`, each number in [-1, 1].
    pub actions: Vec<Vec<f32>>,
    /// Results of the actions, where the simulator is not exact everywhere.
    pub recorded: Option<Recorded>,
    /// A second run to compare with.
    pub other: Option<Other>,
}

/// States and rewards of a shared episode, for those who cannot simulate it exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// `[steps + 1][state]`, the start first. A fragment holds them rounded.
    pub states: Vec<Vec<f64>>,
    /// `[steps]`.
    pub rewards: Vec<f32>,
    /// True for the steps that led to the goal, `[steps]`.
    pub at_goal: Vec<bool>,
}

/// One decision of a shared episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkDecision {
    /// Index of the chosen candidate; `None` where the method has none.
    pub chosen: Option<u16>,
    /// Steps taken with it.
    pub steps: u16,
    /// How it ended; `None` for a decision still under way.
    pub outcome: Option<Outcome>,
    /// Value of its predicted end. A fragment holds values rounded, to 255 steps between the smallest and the largest
    /// of the episode; one of version 1 holds none.
    pub v_end: Option<f32>,
    /// Value of the current state at each comparison, `[comparisons]`; rounded in a fragment as well.
    pub v_now: Vec<f32>,
}

/// A second run: the same task, seed, episode and start, decided otherwise. Its decisions are computed again.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// First characters of the hash of its bundle, where that is another one; empty otherwise.
    pub bundle: String,
    /// How decisions are made in it.
    pub settings: ActingSettings,
    /// What is changed in it.
    pub scenario: Scenario,
}

/// Why a fragment is not a link.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LinkError {
    /// Longer than any link.
    #[error("the link has {0} characters, more than a link can have ({LONGEST})")]
    TooLong(usize),
    /// Written by a newer page.
    #[error(
        "the link has version {0}, but {VERSION} is the newest known here: reload the page, or update the program"
    )]
    Version(u32),
    /// Changed on its way.
    #[error("the link is damaged ({0}): copy it again from where it came from")]
    Damaged(&'static str),
    /// Decided with a setting that cannot be used.
    #[error("the link's run cannot be decided: {0}")]
    Setting(#[from] InvalidSetting),
    /// More work than an episode can be worth.
    #[error(
        "the link's {decisions} decisions take {calls} calls of the denoiser ({candidates} candidates times {steps} \
         sampler steps each), expected at most {MOST_CALLS}: share a shorter run, or one with fewer candidates"
    )]
    Work {
        /// Decisions in the link.
        decisions: usize,
        /// Candidates in each.
        candidates: usize,
        /// Sampler steps for each candidate.
        steps: usize,
        /// Calls in all.
        calls: u64,
    },
    /// A run that no link can hold.
    #[error("this run does not fit into a link: {0}")]
    Unfit(&'static str),
}

impl Link {
    /// The link of an episode as far as it has come.
    pub fn of(trace: &Trace, bundle_hash: &str, cursor: u32) -> Self {
        let decided = trace.decisions.iter().filter_map(|decision| {
            // A plan counts once its end is known, any other decision once it is chosen or followed.
            let counts = if decision.has_parts() {
                decision.chosen.is_some() && decision.v_end.is_some()
            } else {
                decision.chosen.is_some() || !decision.steps.is_empty()
            };
            counts.then(|| LinkDecision {
                chosen: decision.chosen.map(|chosen| chosen as u16),
                steps: decision.steps.len() as u16,
                outcome: decision.outcome,
                v_end: decision.v_end,
                v_now: decision.v_now.clone(),
            })
        });
        let steps = trace.decisions.iter().flat_map(|decision| &decision.steps);
        Self {
            task: trace.task.clone(),
            bundle: bundle_hash.chars().take(HASH_LENGTH).collect(),
            run: trace.run.clone(),
            cursor,
            decisions: decided.collect(),
            actions: steps.map(|step| step.action.iter().map(|a| a.clamp(-1.0, 1.0)).collect()).collect(),
            recorded: None,
            other: None,
        }
    }

    /// The same with the states of the trace: a link for simulators that are not exact everywhere.
    #[must_use]
    pub fn with_states(mut self, trace: &Trace) -> Self {
        let steps = || trace.decisions.iter().flat_map(|decision| &decision.steps);
        self.recorded = Some(Recorded {
            states: std::iter::once(&trace.start).chain(steps().map(|step| &step.state)).cloned().collect(),
            rewards: steps().map(|step| step.reward).collect(),
            at_goal: steps().map(|step| step.at_goal).collect(),
        });
        self
    }

    /// The version that it is written in: readers of the third read all but runs of methods without latents.
    fn version(&self) -> u32 {
        let of_plans = |settings: &ActingSettings| settings.plan().is_some();
        let other = self.other.as_ref().is_none_or(|other| of_plans(&other.settings));
        if of_plans(&self.run.settings) && other { OF_PLANS } else { VERSION }
    }

    /// The fragment, without `#`: `v3.` or `v4.` and base64url of the packed episode and its checksum. It ends in a letter or a
    /// digit, because chats leave `-` and `_` out at the end of an address.
    ///
    /// # Errors
    /// When the run breaks a limit of links, so that the fragment could not be opened.
    pub fn encode(&self) -> Result<String, LinkError> {
        let version = self.version();
        let mut packed =
            self.check().and_then(|()| packed::pack(self, version)).map_err(|error| match error {
                LinkError::Damaged(reason) => LinkError::Unfit(reason),
                other => other,
            })?;
        let fragment = |packed: &[u8]| {
            let bytes = [&checksum(packed).to_le_bytes(), packed].concat();
            format!("v{version}.{}", URL_SAFE_NO_PAD.encode(bytes))
        };
        let mut text = fragment(&packed);
        if text.ends_with(['-', '_']) {
            // Bytes behind the end are read as zeros, so one more changes nothing else; the last character then holds
            // two of its bits.
            packed.push(0);
            text = fragment(&packed);
        }
        if text.len() > LONGEST { Err(LinkError::TooLong(text.len())) } else { Ok(text) }
    }

    /// Reads a link of any version so far: a fragment, with or without `#`, an address, or text around it, as chats and
    /// mail programs pass it on.
    ///
    /// # Errors
    /// When it is too long, damaged, or of a newer version.
    pub fn decode(text: &str) -> Result<Self, LinkError> {
        if text.len() > LONGEST {
            return Err(LinkError::TooLong(text.len()));
        }
        let (version, packed) = text::find(text, contents)?;
        let link = if version == 1 { v1::unpack(&packed) } else { packed::unpack(&packed, version) }?;
        link.check()?;
        Ok(link)
    }

    /// Returns `true` if its episode was played with [`shareable`] actions, as all are since version 2.
    pub fn is_shareable(&self) -> bool {
        self.actions.iter().flatten().all(|&a| shareable(a).to_bits() == a.to_bits())
    }

    /// How many of the link's decisions another run of the same episode agrees with: same candidate, same length, same
    /// end. A decision still under way in the link is not compared, as it may have gone on since. Gives the number
    /// that agree and the number compared.
    pub fn agreement(&self, trace: &Trace) -> (usize, usize) {
        let again = Self::of(trace, &self.bundle, self.cursor).decisions;
        let ended = || self.decisions.iter().filter(|decision| decision.outcome.is_some());
        let agree = |(a, b): &(&LinkDecision, &LinkDecision)| {
            (a.chosen, a.steps, a.outcome) == (b.chosen, b.steps, b.outcome)
        };
        (ended().zip(&again).filter(agree).count(), ended().count())
    }
}

impl LinkDecision {
    /// Whether there is a value for each comparison that its steps and its end took.
    fn compared(&self) -> bool {
        let (compared, steps) = (self.v_now.len(), usize::from(self.steps));
        match self.outcome {
            Some(Outcome::Revalued { .. }) => compared == steps + 1,
            Some(_) => compared == steps,
            None => compared == steps || compared == steps + 1,
        }
    }
}

/// The packed episode in a payload, when its checksum is right.
fn contents(version: u32, payload: &str) -> Result<Vec<u8>, LinkError> {
    if version > VERSION {
        return Err(LinkError::Version(version));
    }
    let bytes =
        URL_SAFE_NO_PAD.decode(payload).map_err(|_| LinkError::Damaged("a character is wrong or missing"))?;
    let (sum, bytes) = bytes.split_first_chunk::<4>().ok_or(LinkError::Damaged("it is cut off"))?;
    let packed = if version == 1 { v1::inflate(bytes)? } else { bytes.to_vec() };
    if checksum(&packed) == u32::from_le_bytes(*sum) {
        Ok(packed)
    } else {
        Err(LinkError::Damaged("its checksum is wrong"))
    }
}

/// FNV-1a, 32 bits: tells a damaged link from a whole one.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests;
