//! Where a data set comes from: its layout, the rule that ends its episodes, and oddities met while reading it.

use std::fmt;

use diar_core::data::{TimeoutRule, TimeoutVerdict, Transitions};
use serde::{Serialize, Serializer};

/// Form in which a data set is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// D4RL's flat columns.
    D4rl,
    /// Minari's episodes.
    Minari,
}

/// Source of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Form in which it is stored.
    pub layout: Layout,
    /// The rule that says where its episodes end.
    pub boundaries: Boundaries,
    /// Oddities met while reading it, a sentence each.
    pub findings: Vec<String>,
}

impl Origin {
    /// Data in D4RL's layout, which does not say what timeouts are, so that the states have to.
    #[must_use]
    pub fn d4rl(data: &Transitions) -> Self {
        let boundaries = Boundaries::States(TimeoutVerdict::of(data));
        Self { layout: Layout::D4rl, boundaries, findings: Vec::new() }
    }
}

/// The rule that says where episodes end, beside terminals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundaries {
    /// Minari's layout has a group for each episode.
    Minari,
    /// d3rlpy's column marks each end.
    EpisodeTerminals,
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
            Self::Minari => write!(f, ", one in each of Minari's groups"),
            Self::EpisodeTerminals => write!(f, ", as d3rlpy's 'episode_terminals' marks them"),
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
            Self::Minari | Self::EpisodeTerminals => None,
        };
        let rule = match self {
            Self::Minari => "minari",
            Self::EpisodeTerminals => "episode-terminals",
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
