//! Moments of an episode, and how to get from one to another.
//!
//! A moment is a count of *parts*: after 0 parts nothing has happened, after all of them the trace is complete. Every
//! control (stepping, playing, scrubbing, the cursor of a link) is arithmetic on that one number.

use diar_core::agent::{Candidates, Decision, Outcome, Phase, Trace};

use crate::messages::Unit;

/// Parts before the first comparison: sample, rank, predict.
const THINKING: usize = 3;

/// Parts before a decision is followed: of one between actions or paths its choice, of a method without candidates none.
fn thinking(decision: &Decision) -> usize {
    if decision.has_parts() { THINKING } else { usize::from(decision.chosen.is_some()) }
}

/// Parts that a step takes: plans are compared first.
fn stride(decision: &Decision) -> usize {
    if decision.has_parts() { 2 } else { 1 }
}

/// Parts of a decision that are in the trace.
///
/// A decision replayed from a link has no candidates, but it went through the same parts.
pub fn parts(decision: &Decision) -> usize {
    if !decision.has_parts() {
        return thinking(decision) + decision.steps.len();
    }
    if decision.candidates.is_empty() && decision.chosen.is_some() {
        let dropped = matches!(decision.outcome, Some(Outcome::Revalued { .. }));
        let compared = decision.v_now.len().max(decision.steps.len() + usize::from(dropped));
        return THINKING + decision.steps.len() + compared;
    }
    usize::from(!decision.candidates.is_empty())
        + usize::from(decision.chosen.is_some())
        + usize::from(decision.v_end.is_some())
        + decision.v_now.len()
        + decision.steps.len()
}

/// Parts of all decisions.
pub fn length(trace: &Trace) -> usize {
    trace.decisions.iter().map(parts).sum()
}

/// Whether the episode is over.
pub fn finished(trace: &Trace) -> bool {
    trace.phase() == Phase::Done
}

/// A decision as far as it had come at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'a> {
    /// Its number, from 0.
    pub index: usize,
    /// Parts of it that have happened.
    pub parts: usize,
    decision: &'a Decision,
}

impl<'a> Glimpse<'a> {
    /// The decision under way at a moment; one that has just ended rather than one that has not begun.
    pub fn at(trace: &'a Trace, moment: usize) -> Option<Self> {
        let mut left = moment;
        let mut last = None;
        for (index, decision) in trace.decisions.iter().enumerate() {
            let size = parts(decision);
            if index > 0 && left == 0 {
                break;
            }
            last = Some(Self { index, parts: left.min(size), decision });
            if left <= size {
                break;
            }
            left -= size;
        }
        last
    }

    /// A decision with all its parts.
    pub fn whole(trace: &'a Trace, index: usize) -> Option<Self> {
        let decision = trace.decisions.get(index)?;
        Some(Self { index, parts: parts(decision), decision })
    }

    /// The same decision when only so many parts of it had happened.
    #[must_use]
    pub fn after(self, parts: usize) -> Self {
        Self { parts: parts.min(self.parts), ..self }
    }

    /// Environment steps taken before the decision.
    pub fn t(&self) -> usize {
        self.decision.t
    }

    /// The state it was made in.
    pub fn state(&self) -> &'a [f64] {
        &self.decision.state
    }

    /// Returns `true` if it is one of a planner of latents.
    pub fn has_parts(&self) -> bool {
        self.decision.has_parts()
    }

    /// Actions or paths that it chose from, once it has.
    pub fn candidates(&self) -> Option<&'a Candidates> {
        (self.parts >= 1).then_some(&self.decision.candidates)
    }

    /// Candidates of a method without latents as lines in the maze: actions as arrows from where it stands, paths as they are.
    pub fn options(&self) -> Vec<Vec<[f64; 2]>> {
        let &[x, y, ..] = self.state() else { return Vec::new() };
        match self.candidates() {
            Some(Candidates::Actions(actions)) => {
                actions.iter().filter_map(|action| arrow([x, y], action)).collect()
            }
            Some(Candidates::Paths(paths)) => {
                let place = |state: &Vec<f32>| Some([f64::from(*state.first()?), f64::from(*state.get(1)?)]);
                paths.iter().map(|path| path.iter().filter_map(place).collect()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The candidates of a planner, once sampled; none of a decision that is replayed from a link.
    pub fn latents(&self) -> Option<&'a [Vec<f32>]> {
        (self.has_parts() && self.parts >= 1).then_some(self.decision.latents())
    }

    /// Their Q, as far as it is known, and the chosen one, once ranked.
    pub fn ranking(&self) -> Option<(&'a [f32], usize)> {
        let ranked = if self.has_parts() { 2 } else { 1 };
        let chosen = self.decision.chosen.filter(|_| self.parts >= ranked)?;
        Some((&self.decision.q, chosen))
    }

    /// Their predicted ends and the value of the chosen one's, once predicted.
    pub fn prediction(&self) -> Option<(&'a [Vec<f32>], f32)> {
        let value = self.decision.v_end.filter(|_| self.parts >= THINKING)?;
        Some((&self.decision.ends, value))
    }

    /// Value of the current state at each comparison so far.
    pub fn v_now(&self) -> &'a [f32] {
        let count = (self.parts + 1).saturating_sub(THINKING) / 2;
        &self.decision.v_now[..count.min(self.decision.v_now.len())]
    }

    /// Steps taken with this plan so far: action, state, reward.
    pub fn steps(&self) -> &'a [diar_core::agent::Step] {
        let count = self.parts.saturating_sub(thinking(self.decision)) / stride(self.decision);
        &self.decision.steps[..count.min(self.decision.steps.len())]
    }

    /// Why it ended, if it had.
    pub fn outcome(&self) -> Option<Outcome> {
        self.decision.outcome.filter(|_| self.parts == parts(self.decision))
    }

    /// The part that has just happened; `None` before the first.
    pub fn phase(&self) -> Option<Phase> {
        match self.parts {
            0 => None,
            n if !self.has_parts() => {
                Some(if n > thinking(self.decision) { Phase::Follow } else { Phase::Rank })
            }
            1 => Some(Phase::Sample),
            2 => Some(Phase::Rank),
            3 => Some(Phase::Predict),
            n if n % 2 == 0 => Some(Phase::Compare),
            _ => Some(Phase::Follow),
        }
    }

    /// Where the particle is.
    pub fn position(&self) -> [f64; 2] {
        let state = self.steps().last().map_or(self.state(), |step| &step.state);
        [state.first().copied().unwrap_or(0.0), state.get(1).copied().unwrap_or(0.0)]
    }
}

/// Length of the arrow of an action of 1, m.
const ARROW: f64 = 0.45;

/// An action as an arrow: its shaft, and the two sides of its head.
fn arrow([x, y]: [f64; 2], action: &[f32]) -> Option<Vec<[f64; 2]>> {
    let [dx, dy] = [f64::from(*action.first()?) * ARROW, f64::from(*action.get(1)?) * ARROW];
    let tip = [x + dx, y + dy];
    let side = |turn: f64| [tip[0] - 0.25 * (dx - turn * dy), tip[1] - 0.25 * (dy + turn * dx)];
    Some(vec![[x, y], tip, side(0.6), tip, side(-0.6)])
}

/// Environment steps taken at a moment.
pub fn step_at(trace: &Trace, moment: usize) -> usize {
    Glimpse::at(trace, moment).map_or(0, |glimpse| glimpse.t() + glimpse.steps().len())
}

/// The first moment at which so many environment steps have been taken.
pub fn moment_of_step(trace: &Trace, step: usize) -> usize {
    if step == 0 {
        return 0;
    }
    let mut before = 0;
    for decision in &trace.decisions {
        if step <= decision.t + decision.steps.len() {
            return before + thinking(decision) + stride(decision) * (step - decision.t).max(1);
        }
        before += parts(decision);
    }
    before
}

/// The moment at which a decision has all its parts.
pub fn end_of_decision(trace: &Trace, index: usize) -> usize {
    trace.decisions.iter().take(index + 1).map(parts).sum()
}

/// The moment at which a decision has chosen and predicted, but not yet acted.
pub fn made(trace: &Trace, index: usize) -> usize {
    let before: usize = trace.decisions.iter().take(index).map(parts).sum();
    let size = trace.decisions.get(index).map_or(0, parts);
    before + trace.decisions.get(index).map_or(0, |decision| size.min(thinking(decision)))
}

/// One unit on from a moment; `None` when the trace does not reach that far yet.
pub fn forward(trace: &Trace, moment: usize, unit: Unit) -> Option<usize> {
    let mut end = 0;
    for decision in &trace.decisions {
        let begin = end;
        end += parts(decision);
        if end <= moment {
            continue;
        }
        let target = match unit {
            Unit::Part => Some(moment + 1),
            Unit::Decision => decision.outcome.is_some().then_some(end),
            Unit::Step => {
                // Steps of plans end after parts 5, 7, 9, … of a decision.
                let part = moment - begin;
                let (first, stride) = (thinking(decision), stride(decision));
                let next = if part < first + stride {
                    first + stride
                } else {
                    part + stride - (part - first) % stride
                };
                if begin + next <= end {
                    Some(begin + next)
                } else {
                    decision.outcome.is_some().then_some(end)
                }
            }
        };
        if target.is_some() {
            return target;
        }
    }
    None
}

/// One unit back from a moment.
pub fn back(trace: &Trace, moment: usize, unit: Unit) -> usize {
    let moment = moment.min(length(trace));
    let mut best = 0;
    let mut next = 0;
    // The last stop of that grain before here; stops are few, so walking from the start is fast enough.
    while next < moment {
        best = next;
        match forward(trace, next, unit) {
            Some(stop) => next = stop,
            None => break,
        }
    }
    if next < moment { next } else { best }
}

/// The ends of the decisions that Adaptive Revaluation dropped.
pub fn revaluations(trace: &Trace) -> Vec<usize> {
    let mut end = 0;
    let mut stops = Vec::new();
    for decision in &trace.decisions {
        end += parts(decision);
        if matches!(decision.outcome, Some(Outcome::Revalued { .. })) {
            stops.push(end);
        }
    }
    stops
}

#[cfg(test)]
mod tests {
    use diar_core::agent::{Choice, Event, OwnSettings, RunSpec};
    use diar_core::bundle::Method;

    use super::*;
    use crate::sample::{Script, trace};

    /// A run of a method that chooses between two actions at each of its steps, or has none to choose from.
    fn acted(chooses: bool) -> Trace {
        let act = serde_json::Value::Null;
        let run = RunSpec::new(0, 0, OwnSettings { method: Method::Idql, act });
        let mut trace = Trace::new("maze2d-umaze-v1", run, vec![1.0, 2.0, 0.0, 0.0]);
        for step in 1..=3 {
            if chooses {
                let candidates = Candidates::Actions(vec![vec![1.0, 0.0], vec![0.0, -1.0]]);
                trace.apply(Event::Chose(Choice { candidates, q: vec![0.1, 0.2], chosen: 1 }));
            }
            trace.apply(Event::Followed {
                action: vec![0.0, -1.0],
                state: vec![1.0, 2.0 - 0.1 * f64::from(step), 0.0, 0.0],
                reward: 0.0,
                at_goal: step == 3,
                outcome: (step == 3).then_some(Outcome::Goal),
            });
        }
        trace
    }

    #[test]
    fn steps_without_plans_are_moments_too() {
        for (chooses, stride) in [(true, 2), (false, 1)] {
            let trace = acted(chooses);
            assert_eq!((length(&trace), finished(&trace)), (3 * stride, true));
            for step in 1..=3 {
                let moment = moment_of_step(&trace, step);
                assert_eq!((moment, step_at(&trace, moment)), (step * stride, step));
                assert_eq!(back(&trace, moment, Unit::Step), (step - 1) * stride);
                assert_eq!(forward(&trace, (step - 1) * stride, Unit::Step), Some(moment));
            }
        }
        let trace = acted(true);
        let chosen = Glimpse::at(&trace, 3).unwrap();
        assert_eq!((chosen.index, chosen.ranking().unwrap().1, chosen.phase()), (1, 1, Some(Phase::Rank)));
        let arrows = chosen.options();
        assert_eq!(arrows[0][..2], [[1.0, 1.9], [1.0 + ARROW, 1.9]]);
        assert!(arrows[1][1][1] < 1.9 && chosen.steps().is_empty() && chosen.prediction().is_none());
    }

    /// Three decisions: followed for 2 steps then dropped, dropped at once, followed for 3 steps to the goal.
    fn scripted() -> Trace {
        trace(&[Script::Dropped(2), Script::Dropped(0), Script::Goal(3)])
    }

    #[test]
    fn parts_add_up() {
        let trace = scripted();
        let sizes: Vec<usize> = trace.decisions.iter().map(parts).collect();
        assert_eq!(sizes, [8, 4, 9]);
        assert_eq!(length(&trace), 21);
        assert!(finished(&trace));
    }

    #[test]
    fn a_glimpse_shows_only_what_has_happened() {
        let trace = scripted();
        let before = Glimpse::at(&trace, 0).unwrap();
        assert!(before.latents().is_none() && before.phase().is_none() && before.v_now().is_empty());
        let sampled = Glimpse::at(&trace, 1).unwrap();
        assert!(sampled.latents().is_some() && sampled.ranking().is_none());
        let ranked = Glimpse::at(&trace, 2).unwrap();
        assert!(ranked.ranking().is_some() && ranked.prediction().is_none());
        let predicted = Glimpse::at(&trace, 3).unwrap();
        assert!(predicted.prediction().is_some() && predicted.v_now().is_empty());
        let compared = Glimpse::at(&trace, 4).unwrap();
        assert_eq!((compared.v_now().len(), compared.steps().len()), (1, 0));
        let followed = Glimpse::at(&trace, 5).unwrap();
        assert_eq!((followed.v_now().len(), followed.steps().len()), (1, 1));
        assert!(Glimpse::at(&trace, 7).unwrap().outcome().is_none());
        let dropped = Glimpse::at(&trace, 8).unwrap();
        assert_eq!((dropped.index, dropped.outcome()), (0, Some(Outcome::Revalued { at: 2 })));
        assert_eq!(Glimpse::at(&trace, 9).unwrap().index, 1);
        assert_eq!(Glimpse::at(&trace, 21).unwrap().outcome(), Some(Outcome::Goal));
        assert_eq!(Glimpse::at(&trace, 99).unwrap().index, 2);
    }

    #[test]
    fn forward_stops_where_each_grain_ends() {
        let trace = scripted();
        let stops = |unit| {
            let mut at = 0;
            std::iter::from_fn(|| {
                at = forward(&trace, at, unit)?;
                Some(at)
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(stops(Unit::Part), (1..=21).collect::<Vec<_>>());
        assert_eq!(stops(Unit::Step), [5, 7, 8, 12, 17, 19, 21]);
        assert_eq!(stops(Unit::Decision), [8, 12, 21]);
    }

    #[test]
    fn back_undoes_forward() {
        let trace = scripted();
        for unit in [Unit::Part, Unit::Step, Unit::Decision] {
            let mut at = 0;
            while let Some(next) = forward(&trace, at, unit) {
                assert_eq!(back(&trace, next, unit), at, "{unit:?} from {next}");
                at = next;
            }
            assert_eq!(back(&trace, 0, unit), 0);
        }
        assert_eq!(back(&trace, 10, Unit::Decision), 8);
        assert_eq!(back(&trace, 6, Unit::Step), 5);
    }

    #[test]
    fn an_unfinished_trace_has_no_next_stop_beyond_its_end() {
        let trace = trace(&[Script::Dropped(1), Script::Open(2)]);
        assert_eq!(length(&trace), 6 + 7);
        assert_eq!(forward(&trace, 6, Unit::Decision), None);
        assert_eq!(forward(&trace, 13, Unit::Part), None);
        assert_eq!(forward(&trace, 11, Unit::Step), Some(13));
        assert_eq!(forward(&trace, 13, Unit::Step), None);
        assert!(!finished(&trace));
    }

    #[test]
    fn steps_and_moments_agree() {
        let trace = scripted();
        for step in 0..=trace.steps() {
            assert_eq!(step_at(&trace, moment_of_step(&trace, step)), step);
        }
        assert_eq!(moment_of_step(&trace, 2), 7);
        assert_eq!(moment_of_step(&trace, 99), 21);
        assert_eq!((made(&trace, 1), end_of_decision(&trace, 1)), (11, 12));
        assert_eq!(revaluations(&trace), [8, 12]);
    }
}
