//! Limits of a specification, checked wherever one is read.

use thiserror::Error;

use super::{RewardKind, ScoreKind, Space, TaskSpec};

/// Most numbers in an observation or an action.
pub const MOST_NUMBERS: usize = 8192;
/// Longest episode, in environment steps.
pub const LONGEST_EPISODE: usize = 1 << 24;
/// Longest name of a task, in bytes.
const LONGEST_ID: usize = 200;

/// A specification that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the task's {key} is {found}, expected {expected}")]
pub struct SpecError {
    /// Dotted name of the field.
    pub key: String,
    /// Its value.
    pub found: String,
    /// Values that can be used.
    pub expected: String,
}

fn require(holds: bool, key: &str, found: impl ToString, expected: impl ToString) -> Result<(), SpecError> {
    if holds {
        return Ok(());
    }
    Err(SpecError { key: key.to_owned(), found: found.to_string(), expected: expected.to_string() })
}

impl TaskSpec {
    /// Checks every field against its limits, alone and together with others.
    ///
    /// # Errors
    /// The first field that cannot be used, and its usable values.
    pub fn check(&self) -> Result<(), SpecError> {
        let Self { id, observation, action, max_steps, reward, scoring } = self;
        // Links, files and folders are named after it.
        let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let named = plain && !id.is_empty() && !id.starts_with('.') && id.len() <= LONGEST_ID;
        require(named, "id", format!("'{id}'"), "letters, digits, '-', '_' and '.', such as my-task-v0")?;
        observation.check("observation")?;
        action.check("action")?;
        let steps = 1..=LONGEST_EPISODE;
        require(steps.contains(max_steps), "max_steps", max_steps, format!("1 to {LONGEST_EPISODE}"))?;
        require(*reward != RewardKind::Subtasks(0), "reward", "subtasks of 0", "at least one subtask")?;
        require(!scoring.kinds.is_empty(), "scoring.kinds", "empty", "at least one kind of score")?;
        let needs = |kind| match kind {
            ScoreKind::Return => true,
            ScoreKind::FirstContact | ScoreKind::Success => *reward != RewardKind::Dense,
            ScoreKind::Subtasks => matches!(reward, RewardKind::Subtasks(_)),
        };
        if let Some(other) = scoring.kinds.iter().find(|&&kind| !needs(kind)) {
            let expected = format!("scores that rewards of {reward} can give, such as native");
            return require(false, "scoring.kinds", other.name(), expected);
        }
        if let Some([low, high]) = scoring.reference {
            let usable = low.is_finite() && high.is_finite() && low != high;
            let expected = "two different finite returns: of a random policy and of an expert";
            require(usable, "scoring.reference", format!("[{low}, {high}]"), expected)?;
        }
        let strata = 1..=LONGEST_EPISODE;
        require(strata.contains(&scoring.strata), "scoring.strata", scoring.strata, "at least 1")
    }
}

impl Space {
    fn check(&self, key: &str) -> Result<(), SpecError> {
        let name = |field: &str| format!("{key}.{field}");
        let dims = 1..=MOST_NUMBERS;
        require(dims.contains(&self.dim), &name("dim"), self.dim, format!("1 to {MOST_NUMBERS}"))?;
        let all = format!("{} numbers, one for each dimension", self.dim);
        if let Some(bounds) = &self.bounds {
            for (field, values) in [("bounds.low", &bounds.low), ("bounds.high", &bounds.high)] {
                require(values.len() == self.dim, &name(field), format!("{} numbers", values.len()), &all)?;
                let finite = values.iter().all(|value| value.is_finite());
                require(finite, &name(field), format!("{values:?}"), "finite numbers")?;
            }
            if let Some(i) = (0..self.dim).find(|&i| bounds.low[i] >= bounds.high[i]) {
                let found = format!("{} to {} in dimension {i}", bounds.low[i], bounds.high[i]);
                return require(false, &name("bounds"), found, "a low below the high");
            }
        }
        let named = self.names.is_empty() || self.names.len() == self.dim;
        let expected = format!("{} names, one for each dimension, or none", self.dim);
        require(named, &name("names"), format!("{} names", self.names.len()), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Scoring};
    use super::*;

    fn usable() -> TaskSpec {
        TaskSpec {
            id: "a-task_v0.1".to_owned(),
            observation: Space::within(2, -1.0, 1.0),
            action: Space::within(1, -1.0, 1.0),
            max_steps: 10,
            reward: RewardKind::Dense,
            scoring: Scoring { kinds: vec![ScoreKind::Return], reference: None, strata: 1 },
        }
    }

    #[test]
    fn limits_are_named_with_the_value_found() {
        usable().check().unwrap();
        let bounds = |low: &[f32], high: &[f32]| Space {
            dim: 2,
            bounds: Some(Bounds { low: low.to_vec(), high: high.to_vec() }),
            names: Vec::new(),
        };
        let observed = |observation| TaskSpec { observation, ..usable() };
        let scored = |kind| TaskSpec {
            scoring: Scoring { kinds: vec![kind], reference: None, strata: 1 },
            ..usable()
        };
        let cases = [
            (TaskSpec { id: String::new(), ..usable() }, "id is ''"),
            (TaskSpec { id: "a/b".to_owned(), ..usable() }, "id is 'a/b'"),
            (TaskSpec { id: "..".to_owned(), ..usable() }, "id is '..'"),
            (TaskSpec { max_steps: 0, ..usable() }, "max_steps is 0"),
            (TaskSpec { reward: RewardKind::Subtasks(0), ..usable() }, "subtasks of 0"),
            (observed(Space { dim: 0, ..Space::default() }), "observation.dim is 0"),
            (observed(Space { dim: 9000, ..Space::default() }), "observation.dim is 9000"),
            (observed(bounds(&[0.0], &[1.0, 1.0])), "observation.bounds.low is 1 numbers"),
            (observed(bounds(&[0.0, f32::NAN], &[1.0, 1.0])), "observation.bounds.low is [0.0, NaN]"),
            (observed(bounds(&[0.0, 1.0], &[1.0, 1.0])), "1 to 1 in dimension 1"),
            (observed(Space { names: vec!["x".to_owned()], ..usable().observation }), "1 names"),
            (scored(ScoreKind::FirstContact), "first_contact"),
            (scored(ScoreKind::Subtasks), "subtasks"),
        ];
        for (spec, part) in cases {
            let error = spec.check().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("expected"), "{part}: {error}");
        }
        let mut none = usable();
        none.scoring.kinds.clear();
        assert!(none.check().is_err());
        let reference = |low, high| {
            let mut spec = usable();
            spec.scoring.reference = Some([low, high]);
            spec.check()
        };
        assert!(reference(0.0, 1.0).is_ok() && reference(1.0, 0.0).is_ok());
        assert!(reference(1.0, 1.0).is_err() && reference(f64::NAN, 1.0).is_err());
    }
}
