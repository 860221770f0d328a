//! The cursor: the moment on display, and how it moves.

use diar_core::agent::{Phase, Trace};

use super::{LONGEST_FRAME, MOST_WAITING, State};
use crate::messages::Unit;
use crate::timeline::{self, Glimpse};

impl State {
    pub(super) fn seek(&mut self, moment: usize) {
        self.pause();
        self.at = moment.min(self.trace().map_or(0, |trace| timeline::length(trace)));
    }

    pub(super) fn pause(&mut self) {
        self.playing = false;
        self.waiting = None;
        self.carry = 0.0;
    }

    pub(super) fn step(&mut self, unit: Unit) {
        let asked = self.waiting.filter(|(waiting, _)| *waiting == unit).map_or(0, |(_, count)| count);
        self.pause();
        self.unit = unit;
        self.waiting = Some((unit, (asked + 1).min(MOST_WAITING)));
    }

    pub(super) fn play(&mut self) {
        self.pause();
        self.playing = true;
        if let Some(trace) = self.trace()
            && timeline::finished(trace)
            && self.at >= timeline::length(trace)
        {
            self.at = 0;
        }
    }

    pub(super) fn tick(&mut self, seconds: f64) {
        let Some(trace) = self.trace().cloned().filter(|_| self.playing) else { return };
        if self.run.as_ref().is_some_and(|run| !run.begun && !run.hides()) {
            return;
        }
        self.carry += seconds.clamp(0.0, LONGEST_FRAME) * self.speed;
        let unit = if self.reduced_motion { Unit::Decision } else { Unit::Part };
        while let Some(next) = timeline::forward(&trace, self.at, unit) {
            let needed = if self.reduced_motion { 1.0 } else { duration(&trace, next) };
            if self.carry < needed {
                break;
            }
            self.carry -= needed;
            self.at = next;
        }
        if self.at >= timeline::length(&trace) {
            self.carry = 0.0;
            self.playing = !timeline::finished(&trace);
        }
    }

    pub(super) fn settle_waiting(&mut self) {
        while let (Some((unit, count)), Some(trace)) = (self.waiting, self.trace()) {
            if let Some(next) = timeline::forward(trace, self.at, unit) {
                self.at = next;
                self.waiting = (count > 1).then_some((unit, count - 1));
            } else if timeline::finished(trace) {
                self.at = timeline::length(trace);
                self.waiting = None;
            } else {
                break;
            }
        }
    }
}

/// How long the part that ends at a moment is shown at speed 1, in seconds.
fn duration(trace: &Trace, moment: usize) -> f64 {
    let Some(glimpse) = Glimpse::at(trace, moment) else { return 0.0 };
    match glimpse.phase() {
        Some(Phase::Sample) => 0.25,
        Some(Phase::Rank | Phase::Predict) => 0.35,
        Some(Phase::Compare) if glimpse.outcome().is_some() => 0.6,
        Some(Phase::Follow) => 0.05,
        _ => 0.0,
    }
}
