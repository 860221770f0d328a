//! Specification of the task that a data set was recorded in, as far as its numbers say.

use diar_core::data::Transitions;
use diar_core::settings::Basis;
use diar_core::spec::{Bounds, RewardKind, ScoreKind, Scoring, Space, TaskSpec};

use super::summary::{Moments, Summary};
use super::{Bounds as Declared, Description};

/// Window length where the episodes are long enough, in steps: the paper's for Maze2D.
const HORIZON: usize = 30;
/// Most subtasks that rewards are taken to count.
const MOST_SUBTASKS: f32 = 32.0;

/// A task as a data set describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// The task.
    pub spec: TaskSpec,
    /// Each guess with its reason, a sentence each.
    pub guesses: Vec<String>,
}

impl Derived {
    /// The task of a data set.
    #[must_use]
    pub fn of(data: &Transitions, description: &Description) -> Self {
        let Description { name, origin, summary } = description;
        let declared = &origin.declared;
        let mut guesses = Vec::new();
        let (bounds, reason) = action_bounds(&summary.actions, declared.actions.as_ref());
        guesses.push(format!("actions lie between their bounds: {reason}"));
        let (reward, reason) = reward_kind(data, summary);
        guesses.push(format!("rewards are {reward}: {reason}"));
        let max_steps = longest(data);
        guesses
            .push(format!("an episode takes at most {max_steps} steps: as many as the longest in the data"));
        let mut kinds = vec![ScoreKind::Return];
        match reward {
            RewardKind::AtGoal | RewardKind::Penalty => kinds.push(ScoreKind::Success),
            RewardKind::Subtasks(_) => kinds.push(ScoreKind::Subtasks),
            RewardKind::Dense => {}
        }
        let spec = TaskSpec {
            id: plain(name),
            observation: Space { dim: data.state_dim, ..Space::default() },
            action: Space { dim: data.action_dim, bounds: Some(bounds), names: Vec::new() },
            max_steps,
            reward,
            scoring: Scoring { kinds, reference: declared.reference, strata: 1 },
        };
        Self { spec, guesses }
    }
}

/// Facts that presets of a task of one's own are sized by: a window fits four times into the longest episode.
#[must_use]
pub fn basis(spec: &TaskSpec, rows: usize) -> Basis {
    Basis {
        rows,
        horizon: HORIZON.min(spec.max_steps.div_ceil(4)).max(1),
        max_steps: spec.max_steps,
        reward: spec.reward,
        score: spec.scoring.kinds[0],
    }
}

/// A name that files and links can have.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let plain: String = name.chars().map(kept).take(200).collect();
    let plain = plain.trim_start_matches('.').to_owned();
    if plain.is_empty() { "data".to_owned() } else { plain }
}

fn action_bounds(actions: &[Moments], declared: Option<&Declared>) -> (Bounds, &'static str) {
    let dim = actions.len();
    let usable = |bounds: &&Declared| {
        let pairs = bounds.low.iter().zip(&bounds.high);
        let ordered = pairs.clone().all(|(low, high)| low.is_finite() && high.is_finite() && low < high);
        bounds.low.len() == dim && bounds.high.len() == dim && ordered
    };
    let holds = |bounds: &&Declared| {
        let mut numbers = actions.iter().zip(bounds.low.iter().zip(&bounds.high));
        numbers.all(|(moments, (&low, &high))| moments.min >= low && moments.max <= high)
    };
    if let Some(bounds) = declared.filter(usable).filter(holds) {
        let Declared { low, high } = bounds.clone();
        return (Bounds { low, high }, "the data set names them");
    }
    if actions.iter().all(|moments| moments.min >= -1.0 && moments.max <= 1.0) {
        return (Bounds { low: vec![-1.0; dim], high: vec![1.0; dim] }, "all lie in [-1, 1]");
    }
    // A number that never changes still needs room on both sides.
    let ends = |moments: &Moments| match moments {
        Moments { min, max, .. } if min < max => (*min, *max),
        Moments { min, .. } => (min - 1.0, min + 1.0),
    };
    let (low, high) = actions.iter().map(ends).unzip();
    (Bounds { low, high }, "the smallest and largest in the data")
}

fn reward_kind(data: &Transitions, summary: &Summary) -> (RewardKind, String) {
    let Moments { min, max, .. } = summary.rewards;
    let all = |kind: RewardKind| data.rewards.iter().all(|&reward| kind.holds(reward));
    if max == 1.0 && all(RewardKind::AtGoal) {
        return (RewardKind::AtGoal, "all are 0 or 1".to_owned());
    }
    if min == -1.0 && all(RewardKind::Penalty) {
        return (RewardKind::Penalty, "all are 0 or -1".to_owned());
    }
    if (2.0..=MOST_SUBTASKS).contains(&max) && min >= 0.0 {
        let kind = RewardKind::Subtasks(max as u8);
        let falls = |row: usize| !data.breaks_after(row - 1) && data.rewards[row] < data.rewards[row - 1];
        if all(kind) && !(1..data.len()).any(falls) {
            return (
                kind,
                format!("all are whole numbers from 0 to {max} that never fall within an episode"),
            );
        }
    }
    (RewardKind::Dense, format!("they lie between {min} and {max}, in no pattern that marks a goal"))
}

/// Rows of the longest episode.
fn longest(data: &Transitions) -> usize {
    let (mut longest, mut begin) = (0, 0);
    for row in 0..data.len() {
        let terminal = data.terminals[row] && !data.past_terminals;
        if row + 1 == data.len() || terminal || data.timeouts[row] {
            longest = longest.max(row + 1 - begin);
            begin = row + 1;
        }
    }
    longest.max(1)
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;

    fn data(actions: &[f32], rewards: &[f32], ends: &[usize]) -> Transitions {
        let rows = rewards.len();
        Transitions {
            state_dim: 1,
            action_dim: actions.len() / rows,
            states: (0..rows).map(|row| row as f32).collect(),
            actions: actions.to_vec(),
            rewards: rewards.to_vec(),
            terminals: vec![false; rows],
            timeouts: (0..rows).map(|row| ends.contains(&row)).collect(),
            continuous: false,
            past_terminals: false,
            goals: Vec::new(),
        }
    }

    fn derived(data: &Transitions, declared: Option<&Bounds>) -> Derived {
        let mut origin = Origin::d4rl(data);
        origin.declared.actions =
            declared.map(|bounds| Declared { low: bounds.low.clone(), high: bounds.high.clone() });
        Derived::of(data, &Description::of("My data (v2)", origin, data))
    }

    #[test]
    fn a_task_follows_from_its_numbers() {
        let found = derived(&data(&[0.5, -0.9, 0.0, 0.1], &[0.0, 1.0, 0.0, 0.0], &[2]), None);
        found.spec.check().unwrap();
        assert_eq!(found.spec.id, "My-data--v2-");
        assert_eq!((found.spec.max_steps, found.spec.reward), (3, RewardKind::AtGoal));
        assert_eq!(found.spec.action, Space::within(1, -1.0, 1.0));
        assert_eq!(found.spec.scoring.kinds, [ScoreKind::Return, ScoreKind::Success]);
        assert_eq!(found.guesses.len(), 3);
        let wide = derived(&data(&[0.5, 7.0, -3.0, 7.0], &[0.5, -2.0], &[]), None);
        wide.spec.check().unwrap();
        let bounds = wide.spec.action.bounds.unwrap();
        assert_eq!((bounds.low, bounds.high), (vec![-3.0, 6.0], vec![0.5, 8.0]), "one never changes");
        assert_eq!(wide.spec.reward, RewardKind::Dense);
        let declared = Bounds { low: vec![-0.3], high: vec![0.3] };
        let beyond = derived(&data(&[0.5, 0.1], &[-1.0, 0.0], &[]), Some(&declared));
        assert_eq!(beyond.spec.action, Space::within(1, -1.0, 1.0), "the data go beyond what is declared");
        let declared = Bounds { low: vec![-9.0], high: vec![9.0] };
        let named = derived(&data(&[0.5, 0.1], &[-1.0, 0.0], &[]), Some(&declared));
        assert_eq!((named.spec.action.bounds, named.spec.reward), (Some(declared), RewardKind::Penalty));
    }

    #[test]
    fn counts_that_fall_within_an_episode_are_no_subtasks() {
        let kind = |rewards: &[f32], ends: &[usize]| {
            derived(&data(&vec![0.0; rewards.len()], rewards, ends), None).spec.reward
        };
        assert_eq!(kind(&[0.0, 1.0, 4.0, 0.0, 2.0], &[2]), RewardKind::Subtasks(4));
        assert_eq!(kind(&[0.0, 1.0, 4.0, 0.0, 2.0], &[]), RewardKind::Dense);
        assert_eq!(kind(&[0.0, 0.0], &[]), RewardKind::Dense, "nothing is rewarded");
    }

    #[test]
    fn names_become_plain() {
        for (name, expected) in
            [("../x y", "-x-y"), ("...", "data"), ("", "data"), ("D4RL/a-v0", "D4RL-a-v0")]
        {
            assert_eq!(plain(name), expected);
        }
    }
}
