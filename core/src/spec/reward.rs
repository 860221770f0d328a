//! Meaning of a task's rewards.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Meaning of a reward: which one says that the goal is reached, and how a window that reaches it is valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardKind {
    /// 1 at the goal and 0 elsewhere (Maze2D, AntMaze).
    AtGoal,
    /// 0 at the goal and -1 elsewhere: a cost for each step.
    Penalty,
    /// The number of subtasks that are complete, from 0 to this one (D4RL's Kitchen: 4).
    Subtasks(u8),
    /// Any number; none of them marks a goal.
    Dense,
}

impl RewardKind {
    /// Returns `true` if a reward says that the goal is reached, with all subtasks complete.
    #[must_use]
    pub fn reaches(self, reward: f32) -> bool {
        match self {
            Self::AtGoal => reward > 0.0,
            Self::Penalty => reward > -1.0,
            Self::Subtasks(all) => reward >= f32::from(all),
            Self::Dense => false,
        }
    }

    /// Returns `true` if a reward is one of this kind.
    #[must_use]
    pub fn holds(self, reward: f32) -> bool {
        match self {
            Self::AtGoal => reward == 0.0 || reward == 1.0,
            Self::Penalty => reward == 0.0 || reward == -1.0,
            Self::Subtasks(all) => reward >= 0.0 && reward <= f32::from(all) && reward.fract() == 0.0,
            Self::Dense => reward.is_finite(),
        }
    }

    /// The reward of each step at the goal; `None` where no reward marks one.
    #[must_use]
    pub fn at_goal(self) -> Option<f32> {
        match self {
            Self::AtGoal => Some(1.0),
            Self::Penalty => Some(0.0),
            Self::Subtasks(all) => Some(all.into()),
            Self::Dense => None,
        }
    }
}

impl fmt::Display for RewardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtGoal => f.write_str("1 at the goal and 0 elsewhere"),
            Self::Penalty => f.write_str("0 at the goal and -1 elsewhere"),
            Self::Subtasks(all) => write!(f, "the number of complete subtasks, 0 to {all}"),
            Self::Dense => f.write_str("any finite number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_goal_and_its_rewards() {
        let all = [-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 5.0, f32::NAN];
        let which = |test: &dyn Fn(f32) -> bool| all.into_iter().filter(|&r| test(r)).collect::<Vec<_>>();
        for (kind, goal, held) in [
            (RewardKind::AtGoal, &[0.5, 1.0, 2.0, 4.0, 5.0][..], &[0.0, 1.0][..]),
            (RewardKind::Penalty, &[-0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 5.0], &[-1.0, 0.0]),
            (RewardKind::Subtasks(4), &[4.0, 5.0], &[0.0, 1.0, 2.0, 4.0]),
            (RewardKind::Dense, &[], &[-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 5.0]),
        ] {
            assert_eq!(which(&|r| kind.reaches(r)), goal, "{kind:?}");
            assert_eq!(which(&|r| kind.holds(r)), held, "{kind:?}");
            let at_goal = kind.at_goal();
            assert!(at_goal.is_none_or(|reward| kind.reaches(reward) && kind.holds(reward)), "{kind:?}");
        }
    }
}
