//! H-step segments of a stream of transitions.

use std::sync::Arc;

use thiserror::Error;

use super::{Normaliser, Transitions};

/// Where windows begin, over shared transitions.
#[derive(Clone, Debug)]
pub struct Windows {
    transitions: Arc<Transitions>,
    horizon: usize,
    stride: usize,
    count: usize,
}

/// Data too short for a single window.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the data set has {rows} rows, but one window needs {horizon}: generate or load more")]
pub struct WindowsError {
    /// Rows there are.
    pub rows: usize,
    /// Rows needed.
    pub horizon: usize,
}

/// Windows gathered side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowBatch {
    /// `[batch, horizon, state]`, normalised.
    pub states: Vec<f32>,
    /// `[batch, horizon, action]`.
    pub actions: Vec<f32>,
}

impl Windows {
    /// Windows of `horizon` rows, `stride` rows apart.
    ///
    /// Maze2D's stream is never reset: the particle stays where it is when the collecting goal changes, so windows run
    /// across timeouts, as in the ancestor's code.
    ///
    /// # Errors
    /// When there are fewer rows than one window needs.
    pub fn new(transitions: Arc<Transitions>, horizon: usize, stride: usize) -> Result<Self, WindowsError> {
        let rows = transitions.len();
        if rows < horizon {
            return Err(WindowsError { rows, horizon });
        }
        let count = (rows - horizon) / stride + 1;
        Ok(Self { transitions, horizon, stride, count })
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
        window * self.stride
    }

    /// The window's first state `s_0`, `[state]`.
    pub fn first(&self, window: usize) -> &[f32] {
        self.transitions.state(self.start(window))
    }

    /// The window's last state `s_{H-1}`, `[state]`.
    pub fn last(&self, window: usize) -> &[f32] {
        self.transitions.state(self.start(window) + self.horizon - 1)
    }

    /// Discounted sum of the window's rewards, `Σ_{i<H} γ^i r_i`.
    pub fn reward(&self, window: usize, discount: f64) -> f32 {
        let start = self.start(window);
        let rewards = &self.transitions.rewards[start..start + self.horizon];
        rewards.iter().rev().fold(0.0, |sum, &reward| f64::from(reward) + discount * sum) as f32
    }

    /// A whole horizon of discounted rewards from the first rewarded step k on, `γ^k · Σ_{i<H} γ^i`; 0 without one.
    pub fn held_reward(&self, window: usize, discount: f64) -> f32 {
        let start = self.start(window);
        let rewards = &self.transitions.rewards[start..start + self.horizon];
        let Some(contact) = rewards.iter().position(|&reward| reward > 0.0) else { return 0.0 };
        let whole = (0..self.horizon).fold(0.0, |sum, _| 1.0 + discount * sum);
        (libm::pow(discount, contact as f64) * whole) as f32
    }

    /// Whether the recorded episode ends inside the window.
    pub fn terminal(&self, window: usize) -> bool {
        let start = self.start(window);
        self.transitions.terminals[start..start + self.horizon].contains(&true)
    }

    /// Copies windows side by side, with normalised states.
    pub fn gather(&self, windows: impl IntoIterator<Item = usize>, normaliser: &Normaliser) -> WindowBatch {
        let Transitions { state_dim, action_dim, states, actions, .. } = &*self.transitions;
        let mut batch = WindowBatch { states: Vec::new(), actions: Vec::new() };
        for window in windows {
            let (from, to) = (self.start(window), self.start(window) + self.horizon);
            batch.states.extend_from_slice(&states[from * state_dim..to * state_dim]);
            batch.actions.extend_from_slice(&actions[from * action_dim..to * action_dim]);
        }
        normaliser.apply(&mut batch.states);
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
            timeouts: vec![false; rows],
            goals: Vec::new(),
        })
    }

    #[test]
    fn windows_are_cut_where_they_should() {
        let windows = Windows::new(counting(10), 4, 2).unwrap();
        assert_eq!(windows.len(), 4);
        assert_eq!((windows.first(3)[0], windows.last(3)[0]), (6.0, 9.0));
        let batch = windows.gather([1, 3], &Normaliser::identity(1));
        assert_eq!(batch.states, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(batch.actions[4], -6.0);
        assert!((windows.reward(1, 0.9) - 0.81).abs() < 1e-6, "two steps of discount");
        assert_eq!((windows.terminal(1), windows.terminal(2)), (false, true));
        assert!(Windows::new(counting(3), 4, 1).is_err());
    }

    #[test]
    fn the_largest_window_return_is_the_geometric_sum() {
        let mut transitions = Arc::unwrap_or_clone(counting(30));
        transitions.rewards = vec![1.0; 30];
        let windows = Windows::new(Arc::new(transitions), 30, 1).unwrap();
        assert!((windows.reward(0, 0.995) - 27.923).abs() < 1e-3);
        assert!((windows.held_reward(0, 0.995) - 27.923).abs() < 1e-3);
    }

    /// However late in its window the goal is reached, what is earned falls with the steps until then, and goes on
    /// falling evenly where another window must come first.
    #[test]
    fn a_held_return_falls_evenly_with_the_distance() {
        let windows = Windows::new(counting(10), 4, 1).unwrap();
        let held: Vec<f64> = (0..=5).map(|window| f64::from(windows.held_reward(window, 0.9))).collect();
        let whole = 1.0 + 0.9 + 0.81 + 0.729;
        for (window, steps) in [(1, 3), (2, 2), (3, 1), (4, 0)] {
            assert!((held[window] - whole * 0.9_f64.powi(steps)).abs() < 1e-6, "{held:?}");
        }
        assert_eq!((held[0], held[5]), (0.0, 0.0), "no reward inside");
        let before = 0.9_f64.powi(4) * held[4];
        assert!((before / held[1] - 0.9).abs() < 1e-6, "one window earlier is four steps earlier");
    }
}
