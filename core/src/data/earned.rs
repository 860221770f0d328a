//! Discounted returns of every recorded step.

use super::Transitions;

/// `Σ_{k < limit} γ^k r_{t+k}` for each row t, `[rows]`.
///
/// Sums run on over rows that the recorded walk goes on across ([`Transitions::breaks_after`]) and end with a terminal row,
/// behind which nothing is earned. Where the recording of an episode was cut, its last reward goes on: a cost that is not
/// recorded any more would look like a goal.
#[must_use]
pub fn earned(data: &Transitions, discount: f64, limit: usize) -> Vec<f32> {
    let geometric = |steps: usize| {
        let all = steps as f64;
        if discount == 1.0 { all } else { (1.0 - libm::pow(discount, all)) / (1.0 - discount) }
    };
    let mut earned = vec![0.0_f32; data.len()];
    // The last row that counts for those before it, and unlimited sums from each row to it.
    let (mut last, mut sums) = (0, vec![0.0_f64; data.len()]);
    for row in (0..data.len()).rev() {
        let ends = data.terminals[row] || row + 1 == data.len() || data.breaks_after(row);
        let reward = f64::from(data.rewards[row]);
        if ends {
            last = row;
        }
        sums[row] = if ends { reward } else { reward + discount * sums[row + 1] };
        let behind = row + limit;
        let sum = if behind <= last {
            sums[row] - libm::pow(discount, limit as f64) * sums[behind]
        } else if data.terminals[last] {
            sums[row]
        } else {
            let known = last + 1 - row;
            let held = f64::from(data.rewards[last]) * geometric(limit - known);
            sums[row] + libm::pow(discount, known as f64) * held
        };
        earned[row] = sum as f32;
    }
    earned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;

    /// Against the sum as it is defined, over every kind of break.
    #[test]
    fn returns_are_their_sums() {
        let mut stream = Key::new(2).stream();
        for (continuous, past_terminals) in [(true, false), (false, false), (false, true)] {
            for limit in [1, 4, 100] {
                let mut flag = |part: f64| (0..60).map(|_| stream.uniform() < part).collect::<Vec<bool>>();
                let (terminals, timeouts) = (flag(0.05), flag(0.1));
                let data = Transitions {
                    rewards: Key::new(limit as u64).normals(60),
                    terminals,
                    timeouts,
                    continuous,
                    past_terminals,
                    ..Transitions::default()
                };
                for (row, found) in earned(&data, 0.9, limit).into_iter().enumerate() {
                    let (mut sum, mut factor, mut at, mut left) = (0.0, 1.0, row, limit);
                    while left > 0 {
                        sum += factor * f64::from(data.rewards[at]);
                        factor *= 0.9;
                        left -= 1;
                        if data.terminals[at] {
                            break;
                        }
                        if at + 1 < 60 && !data.breaks_after(at) {
                            at += 1;
                        }
                    }
                    assert!(
                        (f64::from(found) - sum).abs() < 1e-5,
                        "row {row}, limit {limit}: {found}, {sum}"
                    );
                }
            }
        }
    }

    /// A stay of 67 rows at the goal is worth 49 (γ 0.99).
    #[test]
    fn a_stay_at_the_goal_has_its_worth() {
        let rewards = (0..100).map(|row| if row < 67 { 1.0 } else { 0.0 }).collect();
        let data = Transitions {
            rewards,
            terminals: vec![false; 100],
            timeouts: vec![false; 100],
            ..Transitions::default()
        };
        assert!((earned(&data, 0.99, 300)[0] - 49.0).abs() < 0.01);
    }
}
