//! Requests to `diar policy`: their form, and why one cannot be answered.

use diar_core::agent::AgentError;
use serde::Deserialize;
use thiserror::Error;

/// Episodes that can be under way at once.
pub const MOST_LANES: usize = 4096;

/// One request of a line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Number of the episode among those under way; 0 where there is one only.
    pub lane: Option<usize>,
    /// Seed of an episode to begin.
    pub reset: Option<u64>,
    /// Its number.
    pub episode: Option<u64>,
    /// Raw observation, `[state]`.
    pub obs: Option<Vec<f64>>,
    /// Reward of the action before it.
    pub reward: Option<f64>,
}

/// A request that cannot be answered.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("the line is longer than {most} bytes: expected one JSON object per line, or an array of them")]
    Long { most: u64 },
    #[error(
        "the line is not what is expected: {0}; expected {{\"reset\": seed}} or {{\"obs\": [...]}}, or an array of them"
    )]
    Form(serde_json::Error),
    #[error("the line is not what is expected: it holds a zero byte, as UTF-16 does; expected JSON in UTF-8")]
    ZeroByte,
    #[error("the line is not what is expected: JSON has no {word}; expected finite numbers")]
    NoNumber { word: &'static str },
    #[error(
        "expected {{\"reset\": seed}}, {{\"reset\": seed, \"episode\": k}} or {{\"obs\": [...]}}, each with \"lane\": k where \
         there are several episodes"
    )]
    Combination,
    #[error("lane is {found}, expected 0 to {}", MOST_LANES - 1)]
    Lane { found: usize },
    #[error("lane {lane} is asked for twice in one line: expected each lane once")]
    Twice { lane: usize },
    #[error("no episode has begun in lane {lane}: {{\"reset\": seed}} comes before the first observation")]
    NoEpisode { lane: usize },
    #[error("the observation has {found} numbers, expected {expected}: {task} was learned with as many")]
    Length { found: usize, expected: usize, task: String },
    #[error("number {index} of the observation is {value}, expected a finite number in single precision")]
    NotFinite { index: usize, value: f64 },
    #[error("the reward is {value}, expected a finite number in single precision")]
    Reward { value: f64 },
    #[error("{0}; the episodes of this line are over, {{\"reset\": seed}} begins others")]
    Agent(#[from] AgentError),
}

/// The requests of a line, and whether it is an array of them.
pub(super) fn parse(line: &[u8]) -> Result<(Vec<Request>, bool), Refusal> {
    let several = line.trim_ascii_start().starts_with(b"[");
    let requests = if several {
        serde_json::from_slice(line)
    } else {
        serde_json::from_slice(line).map(|request| vec![request])
    };
    let requests: Vec<Request> = requests.map_err(|error| {
        let has = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
        // Python's `json.dumps` writes them.
        match ["NaN", "Infinity"].into_iter().find(|word| has(word)) {
            Some(word) => Refusal::NoNumber { word },
            None if line.contains(&0) => Refusal::ZeroByte,
            None => Refusal::Form(error),
        }
    })?;
    Ok((requests, several))
}
