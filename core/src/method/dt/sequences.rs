//! Sequences of recorded steps, with the return that each step still has before it.

use super::{Cut, SequenceSettings};
use crate::data::Transitions;
use crate::method::Seen;

/// Rows of the data cut into sequences.
#[derive(Clone, Debug)]
pub(super) struct Sequences {
    /// The row behind each sequence, in order.
    ends: Vec<usize>,
    /// Rewards of each row and those behind it in its sequence, `[rows]`.
    returns: Vec<f32>,
    /// Facts of all.
    pub seen: Seen,
}

impl Sequences {
    /// Sequences of data whose episodes have at most `max_steps` steps. There is at least one row.
    pub(super) fn new(data: &Transitions, settings: &SequenceSettings, max_steps: usize) -> Self {
        let mut ends = Vec::new();
        let mut begin = 0;
        for row in 0..data.len() {
            let ended = match settings.cut {
                Cut::Segments => data.terminals[row] || data.timeouts[row],
                Cut::Blocks => data.breaks_after(row) || row + 1 - begin == max_steps,
            };
            if ended || row + 1 == data.len() {
                begin = row + 1;
                ends.push(begin);
            }
        }
        let mut returns = vec![0.0; data.len()];
        let mut seen = Seen { lowest: f64::MAX, highest: f64::MIN, best: f64::MIN, steps: 0 };
        let mut begin = 0;
        for &end in &ends {
            let mut sum = 0.0;
            for row in (begin..end).rev() {
                sum += f64::from(data.rewards[row]);
                returns[row] = sum as f32;
                seen.lowest = seen.lowest.min(sum);
                seen.highest = seen.highest.max(sum);
            }
            seen.best = seen.best.max(sum);
            seen.steps = seen.steps.max(end - begin);
            begin = end;
        }
        Self { ends, returns, seen }
    }

    /// The return from a row on, unscaled.
    pub(super) fn to_go(&self, row: usize) -> f32 {
        self.returns[row]
    }

    /// The step that a row is within its sequence, and the row behind that sequence.
    pub(super) fn place(&self, row: usize) -> (usize, usize) {
        let place = self.ends.partition_point(|&end| end <= row);
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        (row - begin, self.ends[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 0 to 9 that earn 1 each, with a timeout after row 2 and a terminal in row 6.
    fn data(continuous: bool, past_terminals: bool) -> Transitions {
        Transitions {
            state_dim: 1,
            action_dim: 1,
            states: vec![0.0; 10],
            actions: vec![0.0; 10],
            rewards: vec![1.0; 10],
            terminals: (0..10).map(|row| row == 6).collect(),
            timeouts: (0..10).map(|row| row == 2).collect(),
            continuous,
            past_terminals,
            goals: Vec::new(),
        }
    }

    fn cut(data: &Transitions, cut: Cut) -> (Vec<usize>, Vec<f32>, Seen) {
        let settings = SequenceSettings { context: 3, cut, return_scale: 1.0, longest: 10 };
        let Sequences { ends, returns, seen } = Sequences::new(data, &settings, 4);
        (ends, returns, seen)
    }

    #[test]
    fn segments_end_at_every_mark_and_blocks_where_an_episode_does() {
        let (ends, returns, seen) = cut(&data(true, true), Cut::Segments);
        assert_eq!(ends, [3, 7, 10]);
        assert_eq!(returns, [3.0, 2.0, 1.0, 4.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0]);
        assert_eq!(seen, Seen { lowest: 1.0, highest: 4.0, best: 4.0, steps: 4 });
        assert_eq!(cut(&data(true, true), Cut::Blocks).0, [4, 8, 10]);
        assert_eq!(cut(&data(false, true), Cut::Blocks).0, [3, 7, 10]);
        assert_eq!(cut(&data(true, false), Cut::Blocks).0, [4, 7, 10]);
    }

    /// The first return less what a sequence earns is what is left behind it: nothing.
    #[test]
    fn returns_fall_by_the_rewards() {
        let mut data = data(true, true);
        data.rewards = (0..10).map(|row| (row * row % 7) as f32 - 3.0).collect();
        let settings = SequenceSettings { context: 3, cut: Cut::Blocks, return_scale: 1.0, longest: 10 };
        let sequences = Sequences::new(&data, &settings, 4);
        for row in 0..10 {
            let (time, end) = sequences.place(row);
            assert_eq!((time, end), (row % 4, (row / 4 * 4 + 4).min(10)), "row {row}");
            let next = if row + 1 < end { sequences.to_go(row + 1) } else { 0.0 };
            assert_eq!(sequences.to_go(row) - data.rewards[row], next, "row {row}");
        }
    }
}
