//! Rewards that the settings of the critic would misread.

use thiserror::Error;

use crate::data::WindowReturn;
use crate::settings::CriticSettings;

/// Rewards that a rule of the settings would misread.
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "{count} of {rows} rewards are neither 0 nor 1, the first is {found} in row {row}, but {rule}: expected rewards of 1 at \
     the goal and 0 elsewhere. {off} learns from the rewards as they are"
)]
pub struct RewardError {
    /// Rewards that are neither 0 nor 1.
    pub count: usize,
    /// All rewards.
    pub rows: usize,
    /// The first row with such a reward.
    pub row: usize,
    /// Its reward.
    pub found: f32,
    /// The rule, in words.
    pub rule: &'static str,
    /// The assignments that turn the rule off.
    pub off: &'static str,
}

/// Checks that rewards are 0 or 1 where a rule takes that for granted: `terminal_mask` takes every reward other than 0 for
/// the goal, and [`WindowReturn::Held`] every reward above 0 for one of 1 that is earned from then on.
///
/// # Errors
/// When a rule is on that would misread them. Without such a rule all rewards will do.
pub fn check_rewards(rewards: &[f32], critic: &CriticSettings) -> Result<(), RewardError> {
    let (rule, off) = match (critic.terminal_mask, critic.window_return) {
        (false, WindowReturn::Recorded) => return Ok(()),
        (true, WindowReturn::Recorded) => (
            "critic.terminal_mask ends a window's value at every reward other than 0",
            "`--set critic.terminal_mask=false`",
        ),
        (false, WindowReturn::Held) => (
            "critic.window_return=held counts every reward above 0 as 1 and as earned from then on",
            "`--set critic.window_return=recorded`",
        ),
        (true, WindowReturn::Held) => (
            "critic.terminal_mask ends a window's value at every reward other than 0, and critic.window_return=held counts \
             every reward above 0 as 1 and as earned from then on",
            "`--set critic.terminal_mask=false --set critic.window_return=recorded`",
        ),
    };
    let mut odd = rewards.iter().enumerate().filter(|(_, reward)| **reward != 0.0 && **reward != 1.0);
    match odd.next() {
        Some((row, &found)) => {
            Err(RewardError { count: 1 + odd.count(), rows: rewards.len(), row, found, rule, off })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Preset, Settings};
    use crate::task::TASKS;

    /// Rewards of other kinds: a cost per step, counts, distances, and a goal that pays ten.
    #[test]
    fn rewards_that_a_rule_misreads_are_refused() {
        let preset = Settings::preset(Preset::Paper, &TASKS[0]);
        let settings = |terminal_mask, window_return| CriticSettings {
            window_return,
            terminal_mask,
            ..preset.critic.clone()
        };
        let kinds: [&[f32]; 5] =
            [&[-1.0, -1.0, 0.0], &[0.0, 1.0, 4.0], &[-0.7, 0.2, 1.0], &[0.0, 10.0], &[f32::NAN]];
        for held in [WindowReturn::Recorded, WindowReturn::Held] {
            for mask in [false, true] {
                assert_eq!(check_rewards(&[0.0, 1.0, -0.0, 1.0], &settings(mask, held)), Ok(()));
                for rewards in kinds {
                    let result = check_rewards(rewards, &settings(mask, held));
                    assert_eq!(result.is_ok(), !mask && held == WindowReturn::Recorded, "{rewards:?}");
                }
            }
        }
        let error = check_rewards(&[0.0, -1.0, 1.0, -2.0], &settings(true, WindowReturn::Held)).unwrap_err();
        assert_eq!((error.count, error.row, error.found), (2, 1, -1.0));
        for part in ["2 of 4", "-1 in row 1", "expected rewards of 1", "--set critic.terminal_mask=false"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
