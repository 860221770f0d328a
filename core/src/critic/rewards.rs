//! Rewards that a rule of the critic would misread.

use thiserror::Error;

use crate::data::WindowReturn;
use crate::settings::CriticSettings;
use crate::spec::RewardKind;

/// Rewards that do not belong to their kind, under settings that build on it.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum RewardError {
    /// Rewards of another kind than the task says.
    #[error(
        "{count} of {rows} rewards are not {kind}: the first is {found} in row {row}, but {rule} builds on it. Correct the \
         task's reward kind, or learn from the rewards as they are with {off}"
    )]
    Foreign {
        /// Rewards of another kind.
        count: usize,
        /// All rewards.
        rows: usize,
        /// The first row with such a reward.
        row: usize,
        /// Its reward.
        found: f32,
        /// The kind of the task's rewards.
        kind: RewardKind,
        /// The rule that builds on the kind.
        rule: &'static str,
        /// The assignments that turn the rule off.
        off: &'static str,
    },
    /// A kind of rewards of which none marks a goal.
    #[error(
        "the task's rewards are {kind}, of which none marks a goal, but {rule} builds on one. Correct the task's reward kind, \
         or learn from the rewards as they are with {off}"
    )]
    NoGoal {
        /// The kind of the task's rewards.
        kind: RewardKind,
        /// The rule that builds on a goal.
        rule: &'static str,
        /// The assignments that turn the rule off.
        off: &'static str,
    },
}

/// Checks rewards against the kind that a task says they are, where a setting builds on it: `terminal_mask` ends a window at a
/// reward that marks the goal, and [`WindowReturn::Held`] holds the goal from then on.
///
/// # Errors
/// When such a setting is on and a reward is of another kind, or the kind marks no goal. Without such a setting all rewards
/// will do.
pub fn check_rewards(rewards: &[f32], kind: RewardKind, critic: &CriticSettings) -> Result<(), RewardError> {
    let (rule, off) = match (critic.terminal_mask, critic.window_return) {
        (false, WindowReturn::Recorded) => return Ok(()),
        (true, WindowReturn::Recorded) => ("critic.terminal_mask", "`--set critic.terminal_mask=false`"),
        (false, WindowReturn::Held) => ("critic.window_return=held", "`--set critic.window_return=recorded`"),
        (true, WindowReturn::Held) => (
            "critic.terminal_mask with critic.window_return=held",
            "`--set critic.terminal_mask=false --set critic.window_return=recorded`",
        ),
    };
    if kind.at_goal().is_none() {
        return Err(RewardError::NoGoal { kind, rule, off });
    }
    let misread = |reward: f32| !kind.holds(reward);
    let mut odd = rewards.iter().enumerate().filter(|(_, reward)| misread(**reward));
    match odd.next() {
        Some((row, &found)) => Err(RewardError::Foreign {
            count: 1 + odd.count(),
            rows: rewards.len(),
            row,
            found,
            kind,
            rule,
            off,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::settings::{Preset, Settings};

    /// Rewards of each kind, and what the rules make of them under every kind.
    #[test]
    fn rewards_that_a_rule_misreads_are_refused() {
        let preset = Settings::preset(Preset::Paper, &MAZE2D[0].basis());
        let settings = |terminal_mask, window_return| CriticSettings {
            window_return,
            terminal_mask,
            ..preset.critic.clone()
        };
        let kinds = [RewardKind::AtGoal, RewardKind::Penalty, RewardKind::Subtasks(4), RewardKind::Dense];
        let cases: [(&[f32], [bool; 4]); 7] = [
            (&[0.0, 1.0, -0.0, 1.0], [true, false, true, false]),
            (&[-1.0, -1.0, 0.0], [false, true, false, false]),
            (&[0.0, 1.0, 4.0], [false, false, true, false]),
            (&[0.0, 5.0], [false, false, false, false]),
            (&[-0.7, 0.2, 1.0], [false, false, false, false]),
            (&[0.0, 10.0], [false, false, false, false]),
            (&[f32::NAN], [false, false, false, false]),
        ];
        for (rewards, usable) in cases {
            for (kind, usable) in kinds.into_iter().zip(usable) {
                for held in [WindowReturn::Recorded, WindowReturn::Held] {
                    for mask in [false, true] {
                        let off = !mask && held == WindowReturn::Recorded;
                        let result = check_rewards(rewards, kind, &settings(mask, held));
                        assert_eq!(result.is_ok(), off || usable, "{rewards:?} as {kind:?}");
                    }
                }
            }
        }
        let held = settings(true, WindowReturn::Held);
        let error = check_rewards(&[0.0, -1.0, 1.0, -2.0], RewardKind::AtGoal, &held).unwrap_err();
        assert!(matches!(error, RewardError::Foreign { count: 2, row: 1, found: -1.0, .. }), "{error}");
        let dense = check_rewards(&[0.5], RewardKind::Dense, &held).unwrap_err().to_string();
        assert!(dense.contains("none marks a goal") && dense.contains("window_return=recorded"), "{dense}");
        for part in ["2 of 4", "-1 in row 1", "1 at the goal", "--set critic.terminal_mask=false"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
