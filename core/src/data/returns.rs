//! Returns of windows, and the rewards that they can be computed from.

use thiserror::Error;

use crate::settings::{CriticSettings, WindowReturn};

/// Return of a window from its rewards `r_0 .. r_{H-1}`: their discounted sum `Σ_{i<H} γ^i r_i`, or the return of holding the
/// goal from the first rewarded step k on, `γ^k · Σ_{i<H} γ^i`; 0 without a reward.
pub fn window_return(kind: WindowReturn, rewards: &[f32], discount: f64) -> f32 {
    let sum = |rewards: &mut dyn Iterator<Item = f32>| {
        rewards.fold(0.0, |sum, reward| f64::from(reward) + discount * sum)
    };
    match kind {
        WindowReturn::Recorded => sum(&mut rewards.iter().rev().copied()) as f32,
        WindowReturn::Held => {
            let Some(contact) = rewards.iter().position(|&reward| reward > 0.0) else { return 0.0 };
            let whole = sum(&mut rewards.iter().map(|_| 1.0));
            (libm::pow(discount, contact as f64) * whole) as f32
        }
    }
}

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

    #[test]
    fn rewards_are_discounted_from_the_first_step() {
        let rewards = [0.0, 0.0, 1.0, 0.0];
        assert!((window_return(WindowReturn::Recorded, &rewards, 0.9) - 0.81).abs() < 1e-6);
        assert_eq!(window_return(WindowReturn::Recorded, &[0.0; 4], 0.9), 0.0);
    }

    #[test]
    fn the_largest_return_is_the_geometric_sum() {
        for kind in [WindowReturn::Recorded, WindowReturn::Held] {
            assert!((window_return(kind, &[1.0; 30], 0.995) - 27.923).abs() < 1e-3);
        }
    }

    /// However late in its window the goal is reached, what is earned falls with the steps until then, and goes on
    /// falling evenly where another window must come first.
    #[test]
    fn a_held_return_falls_evenly_with_the_distance() {
        let reached_at = |k: usize| {
            let rewards: Vec<f32> = (0..4).map(|i| f32::from(u8::from(i == k))).collect();
            f64::from(window_return(WindowReturn::Held, &rewards, 0.9))
        };
        let whole = 1.0 + 0.9 + 0.81 + 0.729;
        for k in 0..4 {
            assert!((reached_at(k) - whole * 0.9_f64.powi(k as i32)).abs() < 1e-6, "{k}");
        }
        assert_eq!(reached_at(4), 0.0, "no reward inside");
        let before = 0.9_f64.powi(4) * reached_at(0);
        assert!((before / reached_at(3) - 0.9).abs() < 1e-6, "one window earlier is four steps earlier");
    }

    /// Rewards of other kinds: a cost per step, counts, distances, and a goal that pays ten.
    #[test]
    fn rewards_that_a_rule_misreads_are_refused() {
        let preset =
            crate::settings::Settings::preset(crate::settings::Preset::Paper, &crate::task::TASKS[0]);
        let settings = |terminal_mask, window_return| CriticSettings {
            terminal_mask,
            window_return,
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
