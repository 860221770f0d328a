//! Scores of episodes, with intervals.

use serde::{Deserialize, Serialize};

use crate::task::Task;

/// Result of one episode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeResult {
    /// The first rewarded step (1 = the first step), if any.
    pub first_contact: Option<usize>,
    /// Sum of the rewards of all steps.
    pub native: f64,
    /// Plans sampled.
    pub decisions: usize,
    /// Plans dropped by revaluation.
    pub revaluations: usize,
    /// Environment steps taken.
    pub steps: usize,
}

/// A mean and the half-width of its 95 % confidence interval (normal approximation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over episodes.
    pub mean: f64,
    /// Half-width of the interval.
    pub ci95: f64,
}

impl Estimate {
    /// The estimate of some numbers; the interval is 0 when there are fewer than two.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n.max(1.0);
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let ci95 = if values.len() < 2 { 0.0 } else { 1.96 * (squares / (n - 1.0) / n).sqrt() };
        Self { mean, ci95 }
    }
}

/// Scores of a set of episodes. Both scores are normalised as D4RL does, 0 for its random policy and 100 for its expert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of episodes.
    pub episodes: usize,
    /// Adaptive Revaluation on or off.
    pub revalue: bool,
    /// Every step from the first contact on counts.
    pub first_contact: Estimate,
    /// Every step at the goal counts: D4RL's own return.
    pub native: Estimate,
    /// Share of the episodes that touched the goal.
    pub success_rate: f64,
    /// Mean step of the first contact among those.
    pub mean_first_contact_step: Option<f64>,
    /// Mean number of plans sampled.
    pub decisions_per_episode: f64,
    /// Mean number of plans dropped by revaluation.
    #[serde(default)]
    pub revaluations_per_episode: f64,
}

impl Evaluation {
    /// The scores of some episodes of a task.
    pub fn of(task: &Task, revalue: bool, results: &[EpisodeResult]) -> Self {
        let first: Vec<f64> = results.iter().map(|result| first_contact_score(task, result)).collect();
        let native: Vec<f64> = results.iter().map(|result| task.normalise(result.native)).collect();
        let contacts: Vec<f64> =
            results.iter().filter_map(|result| result.first_contact).map(|step| step as f64).collect();
        let n = results.len().max(1) as f64;
        Self {
            episodes: results.len(),
            revalue,
            first_contact: Estimate::of(&first),
            native: Estimate::of(&native),
            success_rate: contacts.len() as f64 / n,
            mean_first_contact_step: (!contacts.is_empty()).then(|| Estimate::of(&contacts).mean),
            decisions_per_episode: results.iter().map(|result| result.decisions as f64).sum::<f64>() / n,
            revaluations_per_episode: results.iter().map(|result| result.revaluations as f64).sum::<f64>()
                / n,
        }
    }
}

fn first_contact_score(task: &Task, result: &EpisodeResult) -> f64 {
    task.normalise(task.first_contact_return(result.first_contact))
}

/// Mean difference `a - b` of the `first_contact` scores of the same episodes, and its interval.
pub fn paired_difference(task: &Task, a: &[EpisodeResult], b: &[EpisodeResult]) -> Estimate {
    let differences: Vec<f64> =
        a.iter().zip(b).map(|(a, b)| first_contact_score(task, a) - first_contact_score(task, b)).collect();
    Estimate::of(&differences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::TASKS;

    #[test]
    fn scores_of_known_episodes() {
        let task = &TASKS[0];
        let hit = EpisodeResult {
            first_contact: Some(100),
            native: 50.0,
            decisions: 10,
            revaluations: 4,
            steps: 300,
        };
        let miss =
            EpisodeResult { first_contact: None, native: 0.0, decisions: 20, revaluations: 8, steps: 300 };
        let evaluation = Evaluation::of(task, true, &[hit, miss]);
        assert!((evaluation.first_contact.mean - task.normalise(100.0)).abs() < 1e-9);
        assert!((evaluation.native.mean - task.normalise(25.0)).abs() < 1e-9);
        assert_eq!((evaluation.success_rate, evaluation.decisions_per_episode), (0.5, 15.0));
        assert!((evaluation.revaluations_per_episode - 6.0).abs() < 1e-12);
        assert_eq!(evaluation.mean_first_contact_step, Some(100.0));
        let difference = paired_difference(task, &[hit, hit], &[miss, hit]);
        assert!((difference.mean - 0.5 * 200.0 / 138.01 * 100.0).abs() < 1e-9);
    }

    #[test]
    fn intervals_shrink_with_the_root_of_n() {
        let few: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let many: Vec<f64> = (0..10_000).map(|i| f64::from(i % 2)).collect();
        let (few, many) = (Estimate::of(&few), Estimate::of(&many));
        assert!((few.mean - 0.5).abs() < 1e-12 && (many.mean - 0.5).abs() < 1e-12);
        assert!((few.ci95 - 1.96 * 0.5 / 99_f64.sqrt()).abs() < 1e-9, "{}", few.ci95);
        assert!((few.ci95 / many.ci95 - 10.0).abs() < 0.1);
    }
}
