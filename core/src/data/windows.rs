//! H-step segments of a stream of transitions.

use std::sync::Arc;

use thiserror::Error;

use super::{Normaliser, Transitions};
use crate::spec::Space;

/// Where windows begin, over shared transitions.
#[derive(Clone, Debug)]
pub struct Windows {
    transitions: Arc<Transitions>,
    horizon: usize,
    stride: usize,
    count: usize,
    /// The stretches without a break that hold windows, in order.
    stretches: Vec<Stretch>,
}

/// Rows that were recorded in one go.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Its first row.
    row: usize,
    /// Its first window.
    window: usize,
}

/// Data too short for a single window.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the longest episode of the data set has {rows} rows, but one window needs {horizon}: generate or load more, or \
     longer ones"
)]
pub struct WindowsError {
    /// Rows of the longest stretch without a break.
    pub rows: usize,
    /// Rows needed.
    pub horizon: usize,
}

/// Windows gathered side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowBatch {
    /// `[batch, horizon, state]`, normalised.
    pub states: Vec<f32>,
    /// `[batch, horizon, action]`, each in [-1, 1].
    pub actions: Vec<f32>,
}

impl Windows {
    /// Windows of `horizon` rows, `stride` rows apart, none across the end of an episode.
    ///
    /// Maze2D's stream is never reset: the particle stays where it is when the collecting goal changes, so windows run
    /// across timeouts, as in the ancestor's code. [`Transitions::continuous`] says so.
    ///
    /// # Errors
    /// When no episode has as many rows as one window needs.
    pub fn new(transitions: Arc<Transitions>, horizon: usize, stride: usize) -> Result<Self, WindowsError> {
        Self::cut(transitions, horizon, stride, |_, _| false)
    }

    /// The same, none across a row behind which `cuts` says so either.
    ///
    /// # Errors
    /// As [`Windows::new`].
    pub fn cut(
        transitions: Arc<Transitions>,
        horizon: usize,
        stride: usize,
        cuts: impl Fn(&Transitions, usize) -> bool,
    ) -> Result<Self, WindowsError> {
        let rows = transitions.len();
        let (mut stretches, mut count, mut longest) = (Vec::new(), 0, 0);
        let mut row = 0;
        let breaks = |row: usize| transitions.breaks_after(row) || cuts(&transitions, row);
        let ends = (0..rows).filter(|&row| row + 1 == rows || breaks(row));
        for end in ends.map(|last| last + 1) {
            let length = end - row;
            if length >= horizon {
                stretches.push(Stretch { row, window: count });
                count += (length - horizon) / stride + 1;
            }
            longest = longest.max(length);
            row = end;
        }
        if count == 0 {
            return Err(WindowsError { rows: longest, horizon });
        }
        Ok(Self { transitions, horizon, stride, count, stretches })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never true: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// H.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The first row of a window.
    pub fn start(&self, window: usize) -> usize {
        let after = self.stretches.partition_point(|stretch| stretch.window <= window);
        let Stretch { row, window: first } = self.stretches[after - 1];
        row + (window - first) * self.stride
    }

    /// The window's first state `s_0`, `[state]`.
    pub fn first(&self, window: usize) -> &[f32] {
        self.transitions.state(self.start(window))
    }

    /// The window's last state `s_{H-1}`, `[state]`.
    pub fn last(&self, window: usize) -> &[f32] {
        self.transitions.state(self.start(window) + self.horizon - 1)
    }

    /// The window's rewards `r_0 .. r_{H-1}`, `[horizon]`.
    pub fn rewards(&self, window: usize) -> &[f32] {
        let start = self.start(window);
        &self.transitions.rewards[start..start + self.horizon]
    }

    /// True if the task ends inside the window.
    pub fn terminal(&self, window: usize) -> bool {
        let start = self.start(window);
        self.transitions.terminals[start..start + self.horizon].contains(&true)
    }

    /// Copies windows side by side, with normalised states, and actions scaled from their space to [-1, 1].
    pub fn gather(
        &self,
        windows: impl IntoIterator<Item = usize>,
        normaliser: &Normaliser,
        space: &Space,
    ) -> WindowBatch {
        let Transitions { state_dim, action_dim, states, actions, .. } = &*self.transitions;
        let mut batch = WindowBatch { states: Vec::new(), actions: Vec::new() };
        for window in windows {
            let (from, to) = (self.start(window), self.start(window) + self.horizon);
            batch.states.extend_from_slice(&states[from * state_dim..to * state_dim]);
            batch.actions.extend_from_slice(&actions[from * action_dim..to * action_dim]);
        }
        normaliser.apply(&mut batch.states);
        space.shrink(&mut batch.actions);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(rows: usize) -> Arc<Transitions> {
        Arc::new(Transitions {
            state_dim: 1,
            action_dim: 1,
            states: (0..rows).map(|i| i as f32).collect(),
            actions: (0..rows).map(|i| -(i as f32)).collect(),
            rewards: (0..rows).map(|i| f32::from(u8::from(i == 4))).collect(),
            terminals: (0..rows).map(|i| i == 7).collect(),
            timeouts: (0..rows).map(|i| i == 2).collect(),
            continuous: true,
            past_terminals: false,
            goals: Vec::new(),
        })
    }

    #[test]
    fn windows_are_cut_where_they_should() {
        let windows = Windows::new(counting(10), 4, 2).unwrap();
        assert_eq!(windows.len(), 3, "the last two rows are an episode too short for a window");
        assert_eq!((windows.first(2)[0], windows.last(2)[0]), (4.0, 7.0));
        let batch = windows.gather([0, 2], &Normaliser::identity(1), &Space::within(1, -10.0, 10.0));
        assert_eq!(batch.states, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(batch.actions[4], -0.4);
        assert_eq!(windows.rewards(1), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!((windows.terminal(1), windows.terminal(2)), (false, true));
        assert_eq!(Windows::new(counting(3), 4, 1).unwrap_err(), WindowsError { rows: 3, horizon: 4 });
    }

    /// Every window of every choice of breaks, against a plain walk over all rows.
    #[test]
    fn no_window_crosses_the_end_of_an_episode() {
        for case in 0_u32..1 << 10 {
            let ends = |i: usize| case >> i & 1 == 1;
            let kinds =
                [(false, false, 3, 1), (false, false, 2, 2), (true, false, 3, 2), (false, true, 3, 1)];
            for (continuous, past_terminals, horizon, stride) in kinds {
                let mut data =
                    Transitions { continuous, past_terminals, ..Arc::unwrap_or_clone(counting(10)) };
                // Even rows end by a terminal, odd ones by a timeout.
                data.terminals = (0..10).map(|i| i % 2 == 0 && ends(i)).collect();
                data.timeouts = (0..10).map(|i| i % 2 == 1 && ends(i)).collect();
                let breaks =
                    |i: usize| ends(i) && if i.is_multiple_of(2) { !past_terminals } else { !continuous };
                let (mut expected, mut first) = (Vec::new(), 0);
                for row in 0..10 {
                    let whole = row + horizon <= 10 && !(row..row + horizon - 1).any(breaks);
                    if whole && (row - first) % stride == 0 {
                        expected.push(row);
                    }
                    if breaks(row) {
                        first = row + 1;
                    }
                }
                let starts: Vec<usize> = Windows::new(Arc::new(data), horizon, stride)
                    .map(|windows| (0..windows.len()).map(|window| windows.start(window)).collect())
                    .unwrap_or_default();
                assert_eq!(expected, starts, "{case:010b} {continuous} {past_terminals}");
            }
        }
    }
}
