//! Returns of windows.

use serde::{Deserialize, Serialize};

use crate::spec::RewardKind;

/// Return of a window that reaches the goal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowReturn {
    /// Its own rewards, `Σ_{i<H} γ^i r_i`, as the paper and its ancestor have it.
    #[default]
    Recorded,
    /// A whole horizon of rewards from its first one, at step k, on: `γ^k · Σ_{i<H} γ^i`, as if the goal held what
    /// reaches it. That is what the `first_contact` score counts, and with γ^H as the discount of the next value it
    /// makes values fall evenly with the distance to the goal.
    Held,
}

/// Return of a window from its rewards `r_0 .. r_{H-1}`: their discounted sum `Σ_{i<H} γ^i r_i`, or, held, the same with the
/// reward of the goal from the first step at the goal on. For rewards of 0 and 1 that is `γ^k · Σ_{i<H} γ^i`.
pub fn window_return(kind: WindowReturn, reward: RewardKind, rewards: &[f32], discount: f64) -> f32 {
    let sum =
        |rewards: &mut dyn Iterator<Item = f64>| rewards.fold(0.0, |sum, reward| reward + discount * sum);
    let contact = match kind {
        WindowReturn::Recorded => None,
        WindowReturn::Held => rewards.iter().position(|&found| reward.reaches(found)),
    };
    let Some((contact, at_goal)) = contact.zip(reward.at_goal()) else {
        return sum(&mut rewards.iter().rev().map(|&reward| f64::from(reward))) as f32;
    };
    // A whole horizon of the goal's rewards: Q learns from this window alone, and no later one repairs its end.
    let before = sum(&mut rewards[..contact].iter().rev().map(|&reward| f64::from(reward)));
    let held = sum(&mut rewards.iter().map(|_| f64::from(at_goal)));
    (before + libm::pow(discount, contact as f64) * held) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_discounted_from_the_first_step() {
        let rewards = [0.0, 0.0, 1.0, 0.0];
        assert!(
            (window_return(WindowReturn::Recorded, RewardKind::AtGoal, &rewards, 0.9) - 0.81).abs() < 1e-6
        );
        assert_eq!(window_return(WindowReturn::Recorded, RewardKind::AtGoal, &[0.0; 4], 0.9), 0.0);
    }

    #[test]
    fn the_largest_return_is_the_geometric_sum() {
        for kind in [WindowReturn::Recorded, WindowReturn::Held] {
            assert!((window_return(kind, RewardKind::AtGoal, &[1.0; 30], 0.995) - 27.923).abs() < 1e-3);
        }
    }

    /// However late in its window the goal is reached, what is earned falls with the steps until then, and goes on
    /// falling evenly where another window must come first.
    #[test]
    fn a_held_return_falls_evenly_with_the_distance() {
        let reached_at = |k: usize| {
            let rewards: Vec<f32> = (0..4).map(|i| f32::from(u8::from(i == k))).collect();
            f64::from(window_return(WindowReturn::Held, RewardKind::AtGoal, &rewards, 0.9))
        };
        let whole = 1.0 + 0.9 + 0.81 + 0.729;
        for k in 0..4 {
            assert!((reached_at(k) - whole * 0.9_f64.powi(k as i32)).abs() < 1e-6, "{k}");
        }
        assert_eq!(reached_at(4), 0.0, "no reward inside");
        let before = 0.9_f64.powi(4) * reached_at(0);
        assert!((before / reached_at(3) - 0.9).abs() < 1e-6, "one window earlier is four steps earlier");
    }

    /// Steps cost until the goal, and nothing from then on; subtasks count up and stay.
    #[test]
    fn other_kinds_are_held_at_their_goal() {
        let held = |kind, rewards: &[f32]| f64::from(window_return(WindowReturn::Held, kind, rewards, 0.9));
        let cost = held(RewardKind::Penalty, &[-1.0, -1.0, 0.0, -1.0]);
        assert!((cost + 1.9).abs() < 1e-6, "{cost}");
        let subtasks = held(RewardKind::Subtasks(2), &[0.0, 1.0, 2.0]);
        assert!((subtasks - (0.9 + 0.81 * 2.0 * 2.71)).abs() < 1e-6, "{subtasks}");
        let rewards = [0.3, -2.0, 5.0];
        let dense = held(RewardKind::Dense, &rewards);
        assert_eq!(dense, f64::from(window_return(WindowReturn::Recorded, RewardKind::Dense, &rewards, 0.9)));
        let unreached = held(RewardKind::Penalty, &[-1.0; 3]);
        assert!((unreached + 2.71).abs() < 1e-6, "{unreached}");
    }
}
