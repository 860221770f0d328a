//! The rule by which timeouts end episodes or not, where the data set does not say so itself.
//!
//! D4RL marks with `timeouts` both the ends of episodes and, in Maze2D, places where only the goal of the
//! data-collecting controller changed. The states tell one from the other. Every step counts once, so that a few broken
//! rows decide nothing.

use std::fmt;

use super::Transitions;

/// Quantile of the changes within segments that counts as their largest: up to 5 % of them may be outliers.
const LARGEST: f64 = 0.95;
/// A change of more than this many times the largest within segments is a jump.
const JUMP: f32 = 2.0;
/// Share of timeouts with a jump above which timeouts are resets. In a walk that goes on, jumps are broken rows.
const RESETS: f64 = 0.1;
/// Starts that spread by at most this share of what the ends spread by come from one place.
const CONTRACTION: f32 = 0.25;
/// A spread below this share of the largest change within segments says nothing: laps that end where they began differ by
/// rounding alone.
const NOTHING: f32 = 0.1;
/// With fewer starts than this, every number of a state must agree that they come from one place; else half of them.
const FEW_STARTS: usize = 5;
/// Share of starts and of ends, on either side, that the spread leaves out.
const TRIMMED: usize = 10;
/// Steps within segments that are looked at, evenly spread.
const SAMPLES: usize = 1 << 17;

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutRule {
    /// There is no timeout with a row behind it.
    NoTimeouts,
    /// The state jumps at timeouts: they are resets to somewhere else.
    Jumps,
    /// The state is the same after every timeout, but not before: they are resets to one start, maybe close by.
    FixedStart,
    /// The state goes on from timeouts as it does elsewhere.
    Smooth,
}

/// Verdict of the states on timeouts, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutVerdict {
    /// The rule that decided.
    pub rule: TimeoutRule,
    /// Timeouts with a row behind them, terminals left out.
    pub timeouts: usize,
    /// Those followed by a jump.
    pub jumps: usize,
}

impl TimeoutVerdict {
    /// Reads the states of a data set whose columns fit together.
    #[must_use]
    pub fn of(data: &Transitions) -> Self {
        let (mut cuts, mut steps) = (Vec::new(), Vec::new());
        for row in (1..data.len()).filter(|row| !data.terminals[row - 1]) {
            if data.timeouts[row - 1] { cuts.push(row) } else { steps.push(row) }
        }
        Self::judge(data, &cuts, &steps)
    }

    /// Reads the states behind terminals the same way. True where the walk goes on across them, as AntMaze's does: they mark
    /// the goal that is rewarded, and only timeouts cut the recording.
    #[must_use]
    pub fn past_terminals(data: &Transitions) -> bool {
        if !data.timeouts.contains(&true) || !data.terminals.contains(&true) {
            return false;
        }
        let (mut cuts, mut steps) = (Vec::new(), Vec::new());
        for row in (1..data.len()).filter(|row| !data.timeouts[row - 1]) {
            if data.terminals[row - 1] { cuts.push(row) } else { steps.push(row) }
        }
        Self::judge(data, &cuts, &steps).rule == TimeoutRule::Smooth
    }

    /// Compares rows that follow a mark with those that follow none.
    fn judge(data: &Transitions, cuts: &[usize], steps: &[usize]) -> Self {
        let largest = largest_changes(data, steps);
        let jumps = cuts
            .iter()
            .filter(|&&row| changes(data, row).zip(&largest).any(|(change, largest)| change > JUMP * largest))
            .count();
        let rule = if cuts.is_empty() {
            TimeoutRule::NoTimeouts
        } else if jumps as f64 > RESETS * cuts.len() as f64 {
            TimeoutRule::Jumps
        } else if one_start(data, cuts, &largest) {
            TimeoutRule::FixedStart
        } else {
            TimeoutRule::Smooth
        };
        Self { rule, timeouts: cuts.len(), jumps }
    }

    /// True where the walk goes on across timeouts.
    #[must_use]
    pub fn continuous(self) -> bool {
        matches!(self.rule, TimeoutRule::NoTimeouts | TimeoutRule::Smooth)
    }
}

impl fmt::Display for TimeoutVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, timeouts, jumps } = self;
        let counted = format!(
            "{jumps} of {timeouts} timeouts are followed by a jump (a change of more than {JUMP} times the largest \
             within segments)"
        );
        match rule {
            TimeoutRule::NoTimeouts => write!(f, "no timeout has a row behind it"),
            TimeoutRule::Jumps => write!(f, "{counted}: timeouts are resets"),
            TimeoutRule::FixedStart => write!(
                f,
                "{counted}, but behind all {timeouts} the state is alike, which it is not before them: timeouts are \
                 resets to one start"
            ),
            TimeoutRule::Smooth => write!(f, "{counted}: timeouts reset nothing"),
        }
    }
}

/// Changes of each number of a state from the row before.
fn changes(data: &Transitions, row: usize) -> impl Iterator<Item = f32> {
    data.state(row - 1).iter().zip(data.state(row)).map(|(before, after)| (after - before).abs())
}

/// The largest change of each number of a state, by its quantile among the steps at which it changes at all.
fn largest_changes(data: &Transitions, steps: &[usize]) -> Vec<f32> {
    let stride = steps.len().div_ceil(SAMPLES).max(1);
    let mut all = vec![Vec::new(); data.state_dim];
    for &row in steps.iter().step_by(stride) {
        for (all, change) in all.iter_mut().zip(changes(data, row)) {
            if change > 0.0 {
                all.push(change);
            }
        }
    }
    all.into_iter()
        .map(|mut changes| {
            let at = (LARGEST * changes.len().saturating_sub(1) as f64) as usize;
            if changes.is_empty() { 0.0 } else { *changes.select_nth_unstable_by(at, f32::total_cmp).1 }
        })
        .collect()
}

/// True where all segments start in one place, but end in many. Where a walk goes on, its next state is close to its last,
/// so that both spread alike.
fn one_start(data: &Transitions, cuts: &[usize], largest: &[f32]) -> bool {
    let starts: Vec<usize> = [0].into_iter().chain(cuts.iter().copied()).collect();
    let ends: Vec<usize> = cuts.iter().map(|row| row - 1).chain([data.len() - 1]).collect();
    let (mut alike, mut different) = (0, 0);
    for (number, largest) in largest.iter().enumerate() {
        let [starts, ends] = [&starts, &ends].map(|rows| spread(data, rows, number));
        if ends > NOTHING * largest && starts <= CONTRACTION * ends {
            alike += 1;
        } else if starts > NOTHING * largest {
            different += 1;
        }
    }
    alike > 0 && if starts.len() < FEW_STARTS { different == 0 } else { alike >= different }
}

/// The range of one number of a state in some rows, without the outermost tenth on either side.
fn spread(data: &Transitions, rows: &[usize], number: usize) -> f32 {
    let mut values: Vec<f32> = rows.iter().map(|&row| data.state(row)[number]).collect();
    values.sort_unstable_by(f32::total_cmp);
    let trimmed = values.len() / TRIMMED;
    match (values.get(trimmed), values.get(values.len() - 1 - trimmed)) {
        (Some(low), Some(high)) => high - low,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::maze2d::generate;
    use crate::maze::MazeId;

    /// States row by row, cut after every `length` rows.
    fn cut<const N: usize>(length: usize, states: &[[f32; N]]) -> Transitions {
        Transitions {
            state_dim: N,
            action_dim: 1,
            actions: vec![0.0; states.len()],
            rewards: vec![0.0; states.len()],
            terminals: vec![false; states.len()],
            timeouts: (0..states.len()).map(|row| row % length == length - 1).collect(),
            states: states.as_flattened().to_vec(),
            ..Transitions::default()
        }
    }

    fn rule(data: &Transitions) -> TimeoutRule {
        TimeoutVerdict::of(data).rule
    }

    #[test]
    fn a_reset_is_told_from_a_new_goal() {
        // A slow walk to the right, cut twice.
        let walk =
            |place: fn(i32) -> i32| cut(4, &(0..12).map(|row| [place(row) as f32 * 0.1]).collect::<Vec<_>>());
        assert_eq!(rule(&walk(|row| row)), TimeoutRule::Smooth);
        assert_eq!(rule(&walk(|row| row - row / 4)), TimeoutRule::Smooth, "D4RL repeats observations");
        let mut resets = walk(|row| row % 4);
        assert_eq!(
            TimeoutVerdict::of(&resets),
            TimeoutVerdict { rule: TimeoutRule::Jumps, timeouts: 2, jumps: 2 }
        );
        resets.terminals = std::mem::replace(&mut resets.timeouts, vec![false; 12]);
        assert_eq!(rule(&resets), TimeoutRule::NoTimeouts, "what follows a terminal says nothing");
    }

    /// Episodes of 100 rows from changing starts to changing ends, 3 m apart.
    fn episodes(count: usize) -> Transitions {
        let states: Vec<[f32; 2]> = (0..count * 100)
            .map(|row| {
                let (episode, step) = ((row / 100) as f32, (row % 100) as f32);
                [(1.7 * episode) % 1.0 + 0.03 * step, 0.2 * (0.1 * step + episode).sin()]
            })
            .collect();
        cut(100, &states)
    }

    /// AntMaze marks the goal that is rewarded, wherever its walks pass by.
    #[test]
    fn terminals_that_a_walk_passes_are_told_from_ends() {
        let mut data = episodes(30);
        data.terminals = (0..data.len()).map(|row| (1.5..1.6).contains(&data.state(row)[0])).collect();
        assert!(data.terminals.iter().filter(|&&terminal| terminal).count() > 60);
        assert!(TimeoutVerdict::past_terminals(&data));
        let mut ended = episodes(30);
        let ends: Vec<usize> = (99..ended.len()).step_by(200).collect();
        for &row in &ends {
            (ended.terminals[row], ended.timeouts[row]) = (true, false);
        }
        assert!(!TimeoutVerdict::past_terminals(&ended), "resets follow");
        data.timeouts.fill(false);
        assert!(!TimeoutVerdict::past_terminals(&data), "nothing else ends an episode");
    }

    #[test]
    fn broken_rows_decide_nothing() {
        for count in [2, 3, 30] {
            let data = episodes(count);
            assert_eq!(rule(&data), TimeoutRule::Jumps, "{count} episodes");
            // Resets that nothing marks, and rows of zeros, in one segment in ten or in the first.
            for change in [
                |data: &mut Transitions, row: usize| data.timeouts[row + 49] = false,
                |data: &mut Transitions, row: usize| data.states[2 * row..2 * row + 2].fill(0.0),
            ] {
                let mut broken = data.clone();
                for row in (50..broken.len() - 100).step_by(1000) {
                    change(&mut broken, row);
                }
                let left = broken.timeouts[..broken.len() - 1].iter().filter(|&&timeout| timeout).count();
                let expected = if left == 0 { TimeoutRule::NoTimeouts } else { TimeoutRule::Jumps };
                assert_eq!(rule(&broken), expected, "{count} episodes, {left} marked");
            }
        }
    }

    #[test]
    fn a_walk_with_broken_rows_is_still_one() {
        for (maze, seed) in MazeId::ALL.into_iter().zip(5..) {
            let walk = generate(maze, 20_000, seed);
            assert_eq!(rule(&walk), TimeoutRule::Smooth, "{maze:?}");
            let mut broken = walk.clone();
            for row in (77..broken.len()).step_by(997) {
                broken.states[4 * row..4 * row + 4].fill(0.0);
            }
            let after = (0..walk.len()).find(|&row| walk.timeouts[row]).unwrap() + 1;
            broken.states[4 * after..4 * after + 4].fill(0.0);
            assert_eq!(rule(&broken), TimeoutRule::Smooth, "{maze:?}");
            assert!(TimeoutVerdict::of(&broken).jumps > 0);
        }
    }

    /// Few timeouts, and many short walks: none of them is taken for episodes.
    #[test]
    fn short_walks_go_on() {
        for maze in MazeId::ALL {
            for seed in 0..40 {
                let walk = generate(maze, 300 + 40 * seed as usize, seed);
                let verdict = TimeoutVerdict::of(&walk);
                assert!(verdict.continuous(), "{maze:?} with seed {seed}: {verdict}");
            }
        }
    }

    /// Each episode drifts away from one start by less than it moves in a few steps.
    #[test]
    fn resets_close_by_are_found_by_their_common_start() {
        for count in [3, 4, 40] {
            let states: Vec<[f32; 2]> = (0..count * 50)
                .map(|row| {
                    let (episode, step) = ((row / 50) as f32, (row % 50) as f32);
                    [
                        (1.6 * step).sin() * (1.0 + 0.1 * episode.sin()),
                        (1.5 * step).cos() + 0.004 * step * episode.cos(),
                    ]
                })
                .collect();
            let verdict = TimeoutVerdict::of(&cut(50, &states));
            assert_eq!(verdict.rule, TimeoutRule::FixedStart, "{count} episodes: {verdict}");
        }
        // Laps of a circle: start and end of each are alike, since the walk goes on.
        let laps: Vec<[f32; 2]> = (0..400)
            .map(|row| {
                let angle = row as f32 * std::f32::consts::TAU / 50.0;
                [angle.sin(), angle.cos()]
            })
            .collect();
        assert_eq!(rule(&cut(50, &laps)), TimeoutRule::Smooth);
    }
}
