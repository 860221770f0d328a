//! Scores of episodes, with intervals.

use serde::{Deserialize, Serialize};

use crate::spec::{ScoreKind, TaskSpec};

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

/// Points of an episode by one kind of score: 0 is the reference's random policy and 100 its expert, where the task has a
/// reference.
#[must_use]
pub fn points(task: &TaskSpec, kind: ScoreKind, result: &EpisodeResult) -> f64 {
    match kind {
        ScoreKind::FirstContact => task.normalise(task.first_contact_return(result.first_contact)),
        // A subtask pays 1 when it is complete.
        ScoreKind::Return | ScoreKind::Subtasks => task.normalise(result.native),
        ScoreKind::Success => 100.0 * f64::from(u8::from(result.first_contact.is_some())),
    }
}

/// Points of episodes by one kind of score.
#[must_use]
pub fn all_points(task: &TaskSpec, kind: ScoreKind, results: &[EpisodeResult]) -> Vec<f64> {
    results.iter().map(|result| points(task, kind, result)).collect()
}

/// Scores of a set of episodes, in points; those that the task has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of episodes.
    pub episodes: usize,
    /// Adaptive Revaluation on or off.
    pub revalue: bool,
    /// Every step from the first contact on counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_contact: Option<Estimate>,
    /// Every step at the goal counts: D4RL's own return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Estimate>,
    /// Every episode that reaches the goal counts the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Estimate>,
    /// Every complete subtask counts the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtasks: Option<Estimate>,
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
    pub fn of(task: &TaskSpec, revalue: bool, results: &[EpisodeResult]) -> Self {
        let score =
            |kind| task.scoring.kinds.contains(&kind).then(|| Estimate::of(&all_points(task, kind, results)));
        let contacts: Vec<f64> =
            results.iter().filter_map(|result| result.first_contact).map(|step| step as f64).collect();
        let n = results.len().max(1) as f64;
        Self {
            episodes: results.len(),
            revalue,
            first_contact: score(ScoreKind::FirstContact),
            native: score(ScoreKind::Return),
            success: score(ScoreKind::Success),
            subtasks: score(ScoreKind::Subtasks),
            success_rate: contacts.len() as f64 / n,
            mean_first_contact_step: (!contacts.is_empty()).then(|| Estimate::of(&contacts).mean),
            decisions_per_episode: results.iter().map(|result| result.decisions as f64).sum::<f64>() / n,
            revaluations_per_episode: results.iter().map(|result| result.revaluations as f64).sum::<f64>()
                / n,
        }
    }

    /// One of the scores, where the task has it.
    #[must_use]
    pub fn score(&self, kind: ScoreKind) -> Option<Estimate> {
        match kind {
            ScoreKind::FirstContact => self.first_contact,
            ScoreKind::Return => self.native,
            ScoreKind::Success => self.success,
            ScoreKind::Subtasks => self.subtasks,
        }
    }

    /// The scores that the task has, the one that counts first at the front.
    pub fn scores(&self, task: &TaskSpec) -> Vec<(ScoreKind, Estimate)> {
        task.scoring.kinds.iter().filter_map(|&kind| Some((kind, self.score(kind)?))).collect()
    }
}

/// Mean difference `a - b` of a score of the same episodes, and its interval.
pub fn paired_difference(
    task: &TaskSpec,
    kind: ScoreKind,
    a: &[EpisodeResult],
    b: &[EpisodeResult],
) -> Estimate {
    let differences: Vec<f64> =
        a.iter().zip(b).map(|(a, b)| points(task, kind, a) - points(task, kind, b)).collect();
    Estimate::of(&differences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;

    #[test]
    fn scores_of_known_episodes() {
        let task = &MAZE2D[0].spec;
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
        assert!((evaluation.first_contact.unwrap().mean - task.normalise(100.0)).abs() < 1e-9);
        assert!((evaluation.native.unwrap().mean - task.normalise(25.0)).abs() < 1e-9);
        assert_eq!((evaluation.success_rate, evaluation.decisions_per_episode), (0.5, 15.0));
        assert!((evaluation.revaluations_per_episode - 6.0).abs() < 1e-12);
        assert_eq!(evaluation.mean_first_contact_step, Some(100.0));
        assert_eq!((evaluation.success, evaluation.subtasks), (None, None), "Maze2D has two scores");
        assert_eq!(points(task, ScoreKind::Success, &hit) - points(task, ScoreKind::Success, &miss), 100.0);
        let difference = paired_difference(task, ScoreKind::FirstContact, &[hit, hit], &[miss, hit]);
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
