//! What a data set looks like, in numbers.

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
    /// Each number of a state.
    pub states: Vec<Moments>,
    /// Each number of an action.
    pub actions: Vec<Moments>,
    /// Share of rows with a reward.
    pub reward_rate: f64,
    /// Rows that end a segment: terminals and timeouts.
    pub segments: usize,
    /// Rows that end an episode.
    pub terminals: usize,
    /// SHA-256 of the columns.
    pub sha256: String,
}

/// Mean and standard deviation of a column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
}

impl Moments {
    /// Of every `width`-th value, beginning with `column`.
    fn of(values: &[f32], width: usize, column: usize) -> Self {
        let column = || values.iter().skip(column).step_by(width.max(1)).map(|&value| f64::from(value));
        let count = column().count().max(1) as f64;
        let mean = column().sum::<f64>() / count;
        let variance = column().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self { mean, sd: variance.sqrt() }
    }
}

impl Summary {
    /// The statistics of a data set.
    #[must_use]
    pub fn of(data: &Transitions) -> Self {
        let moments =
            |values: &[f32], width| (0..width).map(|column| Moments::of(values, width, column)).collect();
        let rewarded = data.rewards.iter().filter(|&&reward| reward > 0.0).count();
        let ends = data.terminals.iter().zip(&data.timeouts);
        Self {
            rows: data.len(),
            state_dim: data.state_dim,
            action_dim: data.action_dim,
            states: moments(&data.states, data.state_dim),
            actions: moments(&data.actions, data.action_dim),
            reward_rate: rewarded as f64 / data.len().max(1) as f64,
            segments: ends.filter(|&(&terminal, &timeout)| terminal || timeout).count(),
            terminals: data.terminals.iter().filter(|&&terminal| terminal).count(),
            sha256: super::hash(data),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows         {}", self.rows)?;
        for (name, columns) in [("state", &self.states), ("action", &self.actions)] {
            for (index, Moments { mean, sd }) in columns.iter().enumerate() {
                writeln!(f, "{:<12} mean {mean:>9.5}   sd {sd:>8.5}", format!("{name}[{index}]"))?;
            }
        }
        writeln!(f, "reward rate  {:.5}", self.reward_rate)?;
        writeln!(f, "segments     {}", self.segments)?;
        writeln!(f, "terminals    {}", self.terminals)?;
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
            states: vec![1.0, 10.0, 3.0, 10.0, 1.0, 10.0, 3.0, 10.0],
            actions: vec![-1.0, 1.0, -1.0, 1.0],
            rewards: vec![0.0, 1.0, 0.0, 0.0],
            terminals: vec![false, true, false, false],
            timeouts: vec![false, true, true, false],
            goals: vec![],
        };
        let summary = Summary::of(&data);
        assert_eq!(summary.states, [Moments { mean: 2.0, sd: 1.0 }, Moments { mean: 10.0, sd: 0.0 }]);
        assert_eq!(summary.actions, [Moments { mean: 0.0, sd: 1.0 }]);
        assert_eq!((summary.rows, summary.segments, summary.terminals), (4, 2, 1));
        assert_eq!(summary.reward_rate, 0.25);
        let mut other = data.clone();
        other.timeouts[3] = true;
        assert_ne!(Summary::of(&other).sha256, summary.sha256);
    }
}
