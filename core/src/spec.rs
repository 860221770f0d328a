//! Specification of a task: all that data, policy and environment must agree on.
//!
//! A specification is owned data. Every bundle holds the one it was trained for, so an agent of a task that this program
//! has never heard of still decides.

mod check;
mod reward;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use check::{LONGEST_EPISODE, MOST_NUMBERS, SpecError};
pub use reward::RewardKind;

/// A task: its spaces, time limit, rewards and scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// Name of the task, such as D4RL's environment id `maze2d-umaze-v1`.
    pub id: String,
    /// Observations, which the networks take for states.
    pub observation: Space,
    /// Actions, as the environment takes them.
    pub action: Space,
    /// Time limit of an episode T, in environment steps.
    pub max_steps: usize,
    /// Meaning of a reward.
    pub reward: RewardKind,
    /// Scores of an episode.
    pub scoring: Scoring,
}

/// A space of vectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Numbers in a vector.
    pub dim: usize,
    /// Smallest and largest number of each dimension, `[dim]` each; `None` for a space without bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// Name of each dimension with its unit, such as `x (m)`; empty where none are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// Bounds of a space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Smallest number of each dimension, `[dim]`.
    pub low: Vec<f32>,
    /// Largest number of each dimension, `[dim]`.
    pub high: Vec<f32>,
}

/// Scores of a task's episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scoring {
    /// The scores, the one that counts first.
    pub kinds: Vec<ScoreKind>,
    /// Returns that are 0 and 100 points: D4RL's random policy and its expert. `None` leaves returns as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<[f64; 2]>,
    /// Kinds of starts that take turns in a stratified evaluation; 1 where all are alike.
    #[serde(default = "one")]
    pub strata: usize,
}

/// A score of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// Steps left at the first contact with the goal, as if the agent stayed there from then on.
    FirstContact,
    /// Sum of all rewards: D4RL's own return. Called `native`.
    #[serde(rename = "native")]
    Return,
    /// 1 for an episode that reaches the goal, otherwise 0.
    Success,
    /// Subtasks completed.
    Subtasks,
}

impl ScoreKind {
    /// Name of the score in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstContact => "first_contact",
            Self::Return => "native",
            Self::Success => "success",
            Self::Subtasks => "subtasks",
        }
    }
}

impl Space {
    /// A space without names whose dimensions all have the same bounds.
    #[must_use]
    pub fn within(dim: usize, low: f32, high: f32) -> Self {
        let bounds = Bounds { low: vec![low; dim], high: vec![high; dim] };
        Self { dim, bounds: Some(bounds), names: Vec::new() }
    }

    /// A space without bounds whose dimensions have names.
    #[must_use]
    pub fn named(names: &[&str]) -> Self {
        Self { dim: names.len(), bounds: None, names: names.iter().map(|&name| name.to_owned()).collect() }
    }
}

impl Space {
    /// Vectors of numbers in [-1, 1], `[rows, dim]`, scaled to the bounds; without bounds they stay as they are.
    pub fn expand(&self, values: &mut [f32]) {
        let Some(Bounds { low, high }) = &self.bounds else { return };
        for row in values.chunks_exact_mut(self.dim) {
            for ((value, low), high) in row.iter_mut().zip(low).zip(high) {
                *value = (low + high) / 2.0 + (high - low) / 2.0 * *value;
            }
        }
    }

    /// Vectors within the bounds, `[rows, dim]`, scaled to [-1, 1]; without bounds they stay as they are.
    pub fn shrink(&self, values: &mut [f32]) {
        let Some(Bounds { low, high }) = &self.bounds else { return };
        for row in values.chunks_exact_mut(self.dim) {
            for ((value, low), high) in row.iter_mut().zip(low).zip(high) {
                *value = (*value - (low + high) / 2.0) / ((high - low) / 2.0);
            }
        }
    }
}

impl TaskSpec {
    /// Numbers in an observation.
    #[must_use]
    pub fn state_dim(&self) -> usize {
        self.observation.dim
    }

    /// Numbers in an action.
    #[must_use]
    pub fn action_dim(&self) -> usize {
        self.action.dim
    }

    /// Normalised score of a return: 0 is the reference's random policy, 100 its expert. Without a reference, the return.
    #[must_use]
    pub fn normalise(&self, score: f64) -> f64 {
        match self.scoring.reference {
            Some([low, high]) => 100.0 * (score - low) / (high - low),
            None => score,
        }
    }

    /// Return of an episode that counts every step from the first contact with the goal on; 0 without contact.
    ///
    /// `contact` is the number of steps taken when the goal was first touched (1 = by the first step).
    #[must_use]
    pub fn first_contact_return(&self, contact: Option<usize>) -> f64 {
        contact.map_or(0.0, |step| (self.max_steps - step.min(self.max_steps)) as f64)
    }

    /// First 8 bytes of the SHA-256 of the specification, as a number: tells a link of another task of the same name.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        // Only maps with text keys are in there, which always become JSON.
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> TaskSpec {
        TaskSpec {
            id: "walk".to_owned(),
            observation: Space::named(&["x (m)", "v (m/s)"]),
            action: Space::within(1, -2.0, 2.0),
            max_steps: 300,
            reward: RewardKind::AtGoal,
            scoring: Scoring {
                kinds: vec![ScoreKind::FirstContact],
                reference: Some([23.85, 161.86]),
                strata: 7,
            },
        }
    }

    #[test]
    fn returns_become_points_by_the_reference() {
        let spec = spec();
        assert!(spec.normalise(23.85).abs() < 1e-12);
        assert!((spec.normalise(161.86) - 100.0).abs() < 1e-12);
        let bare = TaskSpec { scoring: Scoring { reference: None, ..spec.scoring.clone() }, ..spec };
        assert_eq!(bare.normalise(-3.5), -3.5);
        assert_eq!(bare.first_contact_return(Some(80)), 220.0);
        assert_eq!((bare.first_contact_return(Some(300)), bare.first_contact_return(None)), (0.0, 0.0));
    }

    #[test]
    fn a_specification_survives_json_and_toml_keys_may_be_left_out() {
        let spec = spec();
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<TaskSpec>(&text).unwrap(), spec);
        let short = r#"{"id": "a", "observation": {"dim": 3}, "action": {"dim": 2}, "max_steps": 9,
            "reward": "dense", "scoring": {"kinds": ["native"]}}"#;
        let read: TaskSpec = serde_json::from_str(short).unwrap();
        assert_eq!((read.scoring.strata, read.scoring.reference, read.observation.bounds), (1, None, None));
    }

    #[test]
    fn actions_are_scaled_to_their_bounds_and_back() {
        let bounds = Bounds { low: vec![-2.0, 0.0], high: vec![4.0, 0.5] };
        let space = Space { dim: 2, bounds: Some(bounds), names: Vec::new() };
        let mut values = [-1.0, 1.0, 0.0, 0.0, 1.0, -0.5];
        space.expand(&mut values);
        assert_eq!(values, [-2.0, 0.5, 1.0, 0.25, 4.0, 0.125]);
        space.shrink(&mut values);
        assert_eq!(values, [-1.0, 1.0, 0.0, 0.0, 1.0, -0.5]);
        // The usual bounds change nothing, to the last bit.
        let own = [0.1_f32, -0.3, 1.0, 0.0, 1e-20, 0.999_999_9];
        let mut same = own;
        Space::within(2, -1.0, 1.0).expand(&mut same);
        assert_eq!(same, own);
        Space::within(2, -1.0, 1.0).shrink(&mut same);
        assert_eq!(same, own);
    }

    #[test]
    fn any_change_has_another_fingerprint() {
        let own = spec();
        assert_eq!(own.fingerprint(), spec().fingerprint());
        for other in [
            TaskSpec { id: "run".to_owned(), ..spec() },
            TaskSpec { max_steps: 301, ..spec() },
            TaskSpec { reward: RewardKind::Penalty, ..spec() },
            TaskSpec { action: Space::within(1, -2.0, 1.0), ..spec() },
        ] {
            assert_ne!(other.fingerprint(), own.fingerprint(), "{other:?}");
        }
    }
}
