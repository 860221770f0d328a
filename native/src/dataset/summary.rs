//! Statistics of a data set.

use std::fmt;

use diar_core::data::Transitions;
use serde::Serialize;

/// Statistics of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Recorded steps.
    pub rows: usize,
    /// Numbers in a state.
    pub state_dim: usize,
    /// Numbers in an action.
    pub action_dim: usize,
    /// True if it says where the data-collecting controller was heading.
    pub goals: bool,
    /// Each number of a state.
    pub states: Vec<Moments>,
    /// Each number of an action.
    pub actions: Vec<Moments>,
    /// The rewards.
    pub rewards: Moments,
    /// Share of rows with a reward.
    pub reward_rate: f64,
    /// Values that the rewards take.
    pub reward_values: RewardValues,
    /// True if it is one walk that goes on across timeouts, rather than episodes.
    pub continuous: bool,
    /// Rows that end a segment: timeouts, and terminals unless the walk goes on across them.
    pub segments: usize,
    /// Lengths of those segments, unless there is none.
    pub segment_lengths: Option<Lengths>,
    /// Stretches of rows that follow each other: episodes, or one walk.
    pub episodes: usize,
    /// Rows of the longest of them.
    pub longest_episode: usize,
    /// Rows that end an episode.
    pub terminals: usize,
    /// Rows that cut a segment.
    pub timeouts: usize,
    /// Rows with the observation of the row before.
    pub repeated: usize,
    /// SHA-256 of the columns.
    pub sha256: String,
}

/// A column in four numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Smallest.
    pub min: f32,
    /// Largest.
    pub max: f32,
}

/// Values that rewards take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RewardValues {
    /// One value in every row.
    Constant {
        /// That value.
        value: f32,
    },
    /// 0, and 1 for what is wanted.
    ZeroOne,
    /// -1, and 0 for what is wanted.
    MinusOneZero,
    /// Whole numbers, a hundred at most from the least to the largest.
    Integers {
        /// The least.
        min: f32,
        /// The largest.
        max: f32,
    },
    /// Any others.
    Real,
}

/// Most whole numbers between the least reward and the largest that count as a few.
const MOST_INTEGERS: f32 = 100.0;

/// Lengths in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// The shortest.
    pub min: usize,
    /// The one in the middle; of two, the shorter.
    pub median: usize,
    /// The longest.
    pub max: usize,
}

impl Moments {
    /// Of every `width`-th value, beginning with `column`.
    fn of(values: &[f32], width: usize, column: usize) -> Self {
        let column = || values.iter().skip(column).step_by(width.max(1));
        let count = column().count().max(1) as f64;
        let mean = column().map(|&value| f64::from(value)).sum::<f64>() / count;
        let variance = column().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
        let (min, max) = column()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &value| (min.min(value), max.max(value)));
        Self { mean, sd: variance.sqrt(), min, max }
    }
}

impl RewardValues {
    fn of(rewards: &[f32]) -> Self {
        let Moments { min, max, .. } = Moments::of(rewards, 1, 0);
        if min == max {
            return Self::Constant { value: min };
        }
        if max - min > MOST_INTEGERS || rewards.iter().any(|reward| reward.fract() != 0.0) {
            return Self::Real;
        }
        match (min, max) {
            (0.0, 1.0) => Self::ZeroOne,
            (-1.0, 0.0) => Self::MinusOneZero,
            _ => Self::Integers { min, max },
        }
    }
}

impl fmt::Display for RewardValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { value } => write!(f, "{value} in every row"),
            Self::ZeroOne => write!(f, "0 and 1"),
            Self::MinusOneZero => write!(f, "-1 and 0"),
            Self::Integers { min, max } => write!(f, "whole numbers from {min} to {max}"),
            Self::Real => write!(f, "real numbers"),
        }
    }
}

impl Lengths {
    fn of(mut lengths: Vec<usize>) -> Option<Self> {
        lengths.sort_unstable();
        let (&min, &max) = (lengths.first()?, lengths.last()?);
        Some(Self { min, median: lengths[(lengths.len() - 1) / 2], max })
    }
}

/// Lengths of the segments that end, in order; rows after the last end belong to none.
pub(super) fn segment_lengths(data: &Transitions) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut begin = 0;
    for row in 0..data.len() {
        if (data.terminals[row] && !data.past_terminals) || data.timeouts[row] {
            lengths.push(row + 1 - begin);
            begin = row + 1;
        }
    }
    lengths
}

/// Lengths of the stretches of rows that follow each other, in order.
fn episode_lengths(data: &Transitions) -> Vec<usize> {
    let ends = (0..data.len()).filter(|&row| row + 1 == data.len() || data.breaks_after(row));
    let mut begin = 0;
    ends.map(|end| end + 1 - std::mem::replace(&mut begin, end + 1)).collect()
}

/// Rows, within an episode, with the observation of the row before.
pub(super) fn repeated(data: &Transitions) -> impl Iterator<Item = usize> {
    (1..data.len()).filter(|&row| !data.breaks_after(row - 1) && data.state(row) == data.state(row - 1))
}

impl Summary {
    /// The statistics of a data set.
    #[must_use]
    pub fn of(data: &Transitions) -> Self {
        let moments =
            |values: &[f32], width| (0..width).map(|column| Moments::of(values, width, column)).collect();
        let count = |flags: &[bool]| flags.iter().filter(|&&flag| flag).count();
        let rewarded = data.rewards.iter().filter(|&&reward| reward > 0.0).count();
        let (lengths, episodes) = (segment_lengths(data), episode_lengths(data));
        Self {
            rows: data.len(),
            state_dim: data.state_dim,
            action_dim: data.action_dim,
            goals: !data.goals.is_empty(),
            states: moments(&data.states, data.state_dim),
            actions: moments(&data.actions, data.action_dim),
            rewards: Moments::of(&data.rewards, 1, 0),
            reward_rate: rewarded as f64 / data.len().max(1) as f64,
            reward_values: RewardValues::of(&data.rewards),
            continuous: data.continuous,
            segments: lengths.len(),
            segment_lengths: Lengths::of(lengths),
            episodes: episodes.len(),
            longest_episode: episodes.into_iter().max().unwrap_or_default(),
            terminals: count(&data.terminals),
            timeouts: count(&data.timeouts),
            repeated: repeated(data).count(),
            sha256: super::hash(data),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, state_dim, action_dim, .. } = self;
        writeln!(f, "rows         {rows}")?;
        write!(f, "columns      states ({rows}, {state_dim})   actions ({rows}, {action_dim})")?;
        writeln!(f, "{}", if self.goals { format!("   goals ({rows}, 2)") } else { String::new() })?;
        let columns = |name: &'static str, columns: &[Moments]| -> Vec<(String, Moments)> {
            columns.iter().enumerate().map(|(i, &moments)| (format!("{name}[{i}]"), moments)).collect()
        };
        let mut all = columns("state", &self.states);
        all.extend(columns("action", &self.actions));
        all.push(("reward".to_owned(), self.rewards));
        for (name, Moments { mean, sd, min, max }) in all {
            writeln!(f, "{name:<12} mean {mean:>9.5}   sd {sd:>8.5}   from {min:>9.5} to {max:>9.5}")?;
        }
        writeln!(f, "reward rate  {:.5}, values {}", self.reward_rate, self.reward_values)?;
        let kind = if self.continuous { "one walk that goes on across timeouts" } else { "episodes" };
        write!(f, "segments     {}", self.segments)?;
        if let Some(Lengths { min, median, max }) = self.segment_lengths {
            write!(f, " of {min} to {max} rows, median {median}: {kind}")?;
        }
        writeln!(f, "\nepisodes     {}, the longest of {} rows", self.episodes, self.longest_episode)?;
        writeln!(f, "terminals    {}", self.terminals)?;
        writeln!(f, "timeouts     {}", self.timeouts)?;
        writeln!(f, "repeated     {} observations are those of the row before", self.repeated)?;
        write!(f, "sha256       {}", self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_small_data_set() {
        let data = Transitions {
            state_dim: 2,
            action_dim: 1,
            states: vec![1.0, 10.0, 3.0, 10.0, 1.0, 10.0, 1.0, 10.0],
            actions: vec![-1.0, 1.0, -1.0, 1.0],
            rewards: vec![0.0, 1.0, 0.0, 0.0],
            terminals: vec![false, true, false, false],
            timeouts: vec![false, true, true, false],
            continuous: true,
            past_terminals: false,
            goals: vec![],
        };
        let summary = Summary::of(&data);
        assert_eq!(
            summary.states,
            [
                Moments { mean: 1.5, sd: 0.75_f64.sqrt(), min: 1.0, max: 3.0 },
                Moments { mean: 10.0, sd: 0.0, min: 10.0, max: 10.0 },
            ]
        );
        assert_eq!(summary.actions, [Moments { mean: 0.0, sd: 1.0, min: -1.0, max: 1.0 }]);
        assert_eq!((summary.rows, summary.segments, summary.terminals, summary.timeouts), (4, 2, 1, 2));
        assert_eq!((summary.episodes, summary.longest_episode), (2, 2), "a timeout ends none in a walk");
        assert_eq!(summary.reward_values, RewardValues::ZeroOne);
        assert_eq!(summary.segment_lengths, Some(Lengths { min: 1, median: 1, max: 2 }));
        assert_eq!(summary.repeated, 1, "row 3; what follows the terminal is another episode");
        assert_eq!(summary.reward_rate, 0.25);
        let mut other = data.clone();
        other.timeouts[3] = true;
        assert_ne!(Summary::of(&other).sha256, summary.sha256);
    }

    #[test]
    fn rewards_are_named_by_their_values() {
        for (rewards, expected) in [
            (&[0.0, 1.0, 0.0][..], RewardValues::ZeroOne),
            (&[-1.0, 0.0], RewardValues::MinusOneZero),
            (&[0.0, 0.0], RewardValues::Constant { value: 0.0 }),
            (&[0.5], RewardValues::Constant { value: 0.5 }),
            (&[-1.0, 1.0], RewardValues::Integers { min: -1.0, max: 1.0 }),
            (&[4.0, 0.0, 3.0], RewardValues::Integers { min: 0.0, max: 4.0 }),
            (&[0.0, 101.0], RewardValues::Real),
            (&[0.0, 0.5, 1.0], RewardValues::Real),
        ] {
            assert_eq!(RewardValues::of(rewards), expected);
        }
    }
}
