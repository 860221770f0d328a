//! The smallest task and data, for tests of methods.

use std::sync::Arc;

use crate::data::Transitions;
use crate::spec::{RewardKind, ScoreKind, Scoring, Space, TaskSpec};

/// A task of so many numbers in a state and one in an action.
pub(super) fn task(states: usize) -> Arc<TaskSpec> {
    let kinds = vec![ScoreKind::Return];
    Arc::new(TaskSpec {
        id: "toy-v0".to_owned(),
        observation: Space { dim: states, bounds: None, names: Vec::new() },
        action: Space::within(1, -1.0, 1.0),
        max_steps: 10,
        reward: RewardKind::Dense,
        scoring: Scoring { kinds, reference: None, strata: 1 },
    })
}

/// One step each, action 1 or -1, of which the reward is the action.
pub(super) fn bandit() -> Transitions {
    let rows = 64;
    let action = |row: usize| if row.is_multiple_of(2) { 1.0 } else { -1.0 };
    Transitions {
        state_dim: 1,
        action_dim: 1,
        states: vec![0.5; rows],
        actions: (0..rows).map(action).collect(),
        rewards: (0..rows).map(action).collect(),
        terminals: vec![true; rows],
        timeouts: vec![false; rows],
        continuous: false,
        past_terminals: false,
        goals: Vec::new(),
    }
}

/// A task of so many numbers in a state and in an action, and any data of these sizes, where the batches are given.
pub(super) fn sized([states, actions]: [usize; 2]) -> (Arc<TaskSpec>, Transitions) {
    let task = TaskSpec { action: Space::within(actions, -1.0, 1.0), ..(*task(states)).clone() };
    let small = bandit();
    let rows = small.rewards.len();
    let data = Transitions {
        state_dim: states,
        action_dim: actions,
        states: vec![0.5; rows * states],
        actions: vec![0.5; rows * actions],
        ..small
    };
    (Arc::new(task), data)
}
