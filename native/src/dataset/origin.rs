//! Where a data set comes from: its layout, the rules that ended its episodes and gave its rewards, what was left out, and
//! oddities met while reading it.

use std::fmt;

use diar_core::data::{TimeoutRule, TimeoutVerdict, Transitions};
use serde::{Serialize, Serializer};

use crate::label::RewardAt;

/// Form of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// D4RL's flat columns.
    D4rl,
    /// Minari's episodes.
    Minari,
    /// OGBench's flat columns, whose episodes have a last row that no step was taken from.
    Ogbench,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::D4rl => "D4RL's columns",
            Self::Minari => "Minari's episodes",
            Self::Ogbench => "OGBench's columns",
        })
    }
}

/// Format of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// HDF5.
    Hdf5,
    /// NumPy's archive of arrays.
    Npz,
    /// Arrow's files, one for each episode.
    Arrow,
    /// Parquet, one file for each episode.
    Parquet,
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hdf5 => "HDF5",
            Self::Npz => "npz",
            Self::Arrow => "Arrow",
            Self::Parquet => "Parquet",
        })
    }
}

/// Source of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// Its form.
    pub layout: Layout,
    /// Format of its files.
    pub storage: Storage,
    /// The rule that says where its episodes end.
    pub boundaries: Boundaries,
    /// Terminals end no episode: the walk goes on across them.
    pub past_terminals: bool,
    /// Where its rewards come from.
    pub reward_source: RewardSource,
    /// Rows that were left out.
    pub dropped: Vec<Dropped>,
    /// Parts of the observations that were left out: a policy learned from the rest does not see them.
    pub unread: Vec<String>,
    /// Statements of the data set about itself.
    pub declared: Declared,
    /// Oddities met while reading it, a sentence each.
    #[serde(skip)]
    pub findings: Vec<String>,
}

impl Origin {
    /// The rule of data with [`past_terminals`](Self::past_terminals), in words.
    pub(super) const PAST_TERMINALS: &str =
        "the walk goes on across them, so they mark the goal and end no episode";

    /// Data in D4RL's layout, which does not say what timeouts are, so that the states have to.
    #[must_use]
    pub fn d4rl(data: &Transitions) -> Self {
        let boundaries = Boundaries::States(TimeoutVerdict::of(data));
        Self { past_terminals: data.past_terminals, ..Self::of(Layout::D4rl, Storage::Hdf5, boundaries) }
    }

    /// Data with rewards of its own, of which every row was read.
    pub(super) fn of(layout: Layout, storage: Storage, boundaries: Boundaries) -> Self {
        Self {
            layout,
            storage,
            boundaries,
            past_terminals: false,
            reward_source: RewardSource::Recorded,
            dropped: Vec::new(),
            unread: Vec::new(),
            declared: Declared::default(),
            findings: Vec::new(),
        }
    }

    /// The rules that were applied, a sentence each: what ends episodes, what is rewarded, and what was left out.
    pub fn rules(&self) -> impl Iterator<Item = String> {
        let rewards = match self.reward_source {
            RewardSource::Recorded => None,
            labelled @ RewardSource::At(_) => Some(format!("rewards: {labelled}")),
        };
        let left_out = self.left_out().map(|left_out| format!("left out: {left_out}"));
        let past = self.past_terminals.then(|| format!("terminals: {}", Self::PAST_TERMINALS));
        std::iter::once(self.boundaries.to_string()).chain(past).chain(rewards).chain(left_out)
    }

    /// Rows and parts of observations that were left out.
    pub(super) fn left_out(&self) -> impl Iterator<Item = String> {
        let unread = (!self.unread.is_empty()).then(|| {
            format!(
                "{} of the observations, beside 'observation': what the policy shall see must be in there",
                self.unread.join(" and ")
            )
        });
        self.dropped.iter().map(ToString::to_string).chain(unread)
    }
}

/// Where rewards come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RewardSource {
    /// The data set has them.
    Recorded,
    /// Steps that end at a place are rewarded.
    At(RewardAt),
}

impl fmt::Display for RewardSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => write!(f, "as recorded"),
            Self::At(RewardAt { place: [x, y], radius }) => write!(
                f,
                "1 where the state after the step has its first two numbers within {radius} of ({x}, {y}), else 0"
            ),
        }
    }
}

impl Serialize for RewardSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Recorded => serializer.serialize_str("recorded"),
            Self::At(at) => serializer.collect_str(&format_args!("at {at}")),
        }
    }
}

/// Rows that were left out, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// How many.
    pub rows: usize,
    /// Why.
    pub reason: &'static str,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {}", self.rows, self.reason)
    }
}

/// Statements of a data set about the task that it was recorded in; Minari's have them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Declared {
    /// Its own id, such as `D4RL/pen/human-v2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Gymnasium's id of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Steps after which the environment ends an episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<usize>,
    /// Returns of a random policy and of an expert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<[f64; 2]>,
    /// Bounds of the numbers of an observation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<Bounds>,
    /// Bounds of the numbers of an action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Bounds>,
}

/// The box that numbers lie in, which may be open: a bound may be infinite, which JSON has as `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bounds {
    /// The least of each number.
    pub low: Vec<f32>,
    /// The most of each number.
    pub high: Vec<f32>,
}

/// The rule that says where episodes end, beside terminals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundaries {
    /// Minari's layout has each episode by itself.
    Minari,
    /// d3rlpy's column marks each end.
    EpisodeTerminals,
    /// OGBench's `terminals` mark the row after each last step.
    Ogbench,
    /// Episodes end where `next_observations` are not the observations of the next row.
    NextObservations,
    /// The file does not say, so the states do.
    States(TimeoutVerdict),
}

impl Boundaries {
    /// True where the walk goes on across timeouts.
    #[must_use]
    pub fn continuous(self) -> bool {
        matches!(self, Self::States(verdict) if verdict.continuous())
    }
}

impl fmt::Display for Boundaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", if self.continuous() { "one walk" } else { "episodes" })?;
        match self {
            Self::Minari => write!(f, ", as Minari keeps them apart"),
            Self::EpisodeTerminals => write!(f, ", as d3rlpy's 'episode_terminals' marks them"),
            Self::Ogbench => {
                write!(f, ", as 'terminals' marks their last rows: cut there, not ended by the task")
            }
            Self::NextObservations => {
                write!(f, ", cut where 'next_observations' differs from the observation of the next row")
            }
            Self::States(verdict) => write!(f, ", by the states: {verdict}"),
        }
    }
}

/// The rule in JSON.
#[derive(Serialize)]
struct Told {
    rule: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jumps: Option<usize>,
}

impl Serialize for Boundaries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let verdict = match self {
            Self::States(verdict) => Some(verdict),
            _ => None,
        };
        let rule = match self {
            Self::Minari => "minari",
            Self::EpisodeTerminals => "episode-terminals",
            Self::Ogbench => "ogbench",
            Self::NextObservations => "next-observations",
            Self::States(verdict) => match verdict.rule {
                TimeoutRule::NoTimeouts => "no-timeouts",
                TimeoutRule::Jumps => "jumps",
                TimeoutRule::FixedStart => "fixed-start",
                TimeoutRule::Smooth => "smooth",
            },
        };
        let told = Told {
            rule,
            reason: self.to_string(),
            timeouts: verdict.map(|verdict| verdict.timeouts),
            jumps: verdict.map(|verdict| verdict.jumps),
        };
        told.serialize(serializer)
    }
}
