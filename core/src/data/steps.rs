//! Single steps of a stream of transitions, with what follows each.

use std::sync::Arc;

use thiserror::Error;

use super::Transitions;
use crate::rng::Stream;

/// Data without a single step that has a successor.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "none of the {rows} rows of the data set is followed by another of its episode: generate or load more"
)]
pub struct NoSteps {
    /// Rows of the data set.
    pub rows: usize,
}

/// Steps `(s_t, a_t, r_t, s_{t+1})` of shared transitions.
///
/// A row that a timeout cuts has no successor and is left out, also where the stream goes on behind it, as D4RL's helper has
/// it. A terminal row is its own successor where its episode ends with it: its value is its reward.
#[derive(Clone, Debug)]
pub struct Steps {
    transitions: Arc<Transitions>,
}

/// Steps side by side, as they were recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepBatch {
    /// `[batch, state]`.
    pub states: Vec<f32>,
    /// `[batch, action]`.
    pub actions: Vec<f32>,
    /// `[batch]`.
    pub rewards: Vec<f32>,
    /// `[batch, state]`.
    pub next: Vec<f32>,
    /// `[batch]`: 0 where the task ends with the step, 1 elsewhere.
    pub goes_on: Vec<f32>,
}

impl Steps {
    /// All steps that have a successor.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(transitions: Arc<Transitions>) -> Result<Self, NoSteps> {
        let rows = transitions.len();
        let steps = Self { transitions };
        if (0..rows).any(|row| steps.counts(row)) { Ok(steps) } else { Err(NoSteps { rows }) }
    }

    /// The transitions.
    #[must_use]
    pub fn transitions(&self) -> &Transitions {
        &self.transitions
    }

    /// The same, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<Transitions> {
        Arc::clone(&self.transitions)
    }

    fn counts(&self, row: usize) -> bool {
        let data = &self.transitions;
        data.terminals[row] || !data.timeouts[row] && row + 1 < data.len()
    }

    /// `batch` steps drawn with equal probability.
    pub fn draw(&self, stream: &mut Stream, batch: usize) -> StepBatch {
        let data = &*self.transitions;
        let mut drawn = StepBatch::default();
        while drawn.rewards.len() < batch {
            let row = stream.below(data.len());
            if !self.counts(row) {
                continue;
            }
            let alone = row + 1 == data.len() || data.breaks_after(row);
            drawn.states.extend_from_slice(data.state(row));
            drawn.actions.extend_from_slice(data.action(row));
            drawn.rewards.push(data.rewards[row]);
            drawn.next.extend_from_slice(data.state(if alone { row } else { row + 1 }));
            drawn.goes_on.push(if data.terminals[row] { 0.0 } else { 1.0 });
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rng::Key;

    /// Rows 0 to 9 with a timeout after row 2, a terminal in row 6 and the end of the recording after row 9.
    fn counting(continuous: bool, past_terminals: bool) -> Transitions {
        Transitions {
            state_dim: 1,
            action_dim: 1,
            states: (0..10).map(|i| i as f32).collect(),
            actions: (0..10).map(|i| 10.0 + i as f32).collect(),
            rewards: (0..10).map(|i| 20.0 + i as f32).collect(),
            terminals: (0..10).map(|i| i == 6).collect(),
            timeouts: (0..10).map(|i| i == 2).collect(),
            continuous,
            past_terminals,
            goals: Vec::new(),
        }
    }

    #[test]
    fn every_step_with_a_successor_is_drawn_and_no_other() {
        for (continuous, past_terminals) in [(true, false), (false, false), (false, true)] {
            let steps = Steps::new(Arc::new(counting(continuous, past_terminals))).unwrap();
            let StepBatch { states, actions, rewards, next, goes_on } =
                steps.draw(&mut Key::new(1).stream(), 500);
            let mut seen = BTreeSet::new();
            for i in 0..500 {
                let row = states[i];
                seen.insert(row as usize);
                assert_eq!((actions[i], rewards[i]), (10.0 + row, 20.0 + row));
                let terminal = row == 6.0;
                assert_eq!(goes_on[i], if terminal { 0.0 } else { 1.0 });
                assert_eq!(next[i], if terminal && !past_terminals { row } else { row + 1.0 });
            }
            assert_eq!(seen, BTreeSet::from([0, 1, 3, 4, 5, 6, 7, 8]));
        }
    }

    #[test]
    fn data_of_cut_rows_alone_is_refused() {
        let data =
            Transitions { timeouts: vec![true; 10], terminals: vec![false; 10], ..counting(false, false) };
        assert_eq!(Steps::new(Arc::new(data)).unwrap_err(), NoSteps { rows: 10 });
    }
}
