//! The cursor: the moment on display, and how it moves.

use diar_core::agent::{Phase, Trace};

use super::{Cause, Command, Part};
use crate::messages::Unit;
use crate::timeline::{self, Glimpse};

/// The speeds on offer; 1 is slow enough to follow with the eye.
pub const SPEEDS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// Steps that may wait for the worker; a key held down asks for more than anyone wants to see.
pub(super) const MOST_WAITING: usize = 5;

/// The longest pause between two frames that playing makes up for, in seconds.
const LONGEST_FRAME: f64 = 0.25;

/// Actions that move the cursor.
#[derive(Clone, Copy, Debug)]
pub enum CursorAction {
    Play,
    Pause,
    /// Play or pause, whichever it is not.
    Toggle,
    /// So many seconds have passed.
    Tick(f64),
    Forward(Unit),
    /// Forward by the same grain as last time.
    Again,
    Back,
    /// Go to a moment.
    Seek(usize),
    /// Go to an environment step.
    SeekStep(usize),
    NextRevaluation,
    PreviousRevaluation,
    Home,
    End,
    Speed(f64),
    Slower,
    Faster,
}

/// The moment on display.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Parts of the shown trace that have happened.
    at: usize,
    /// The grain of the last step, which going back uses too.
    unit: Unit,
    playing: bool,
    speed: f64,
    /// Steps that were asked for but are not computed yet, and how many.
    waiting: Option<(Unit, usize)>,
    /// Seconds played that no part has used up yet.
    carry: f64,
    reduced_motion: bool,
}

impl Cursor {
    pub(super) fn new(reduced_motion: bool) -> Self {
        Self {
            at: 0,
            unit: Unit::Step,
            playing: false,
            speed: 1.0,
            waiting: None,
            carry: 0.0,
            reduced_motion,
        }
    }

    /// Parts of the shown trace that have happened.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The grain of the last step, which going back uses too.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    pub fn playing(&self) -> bool {
        self.playing
    }

    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// The grain of the steps that wait to be computed.
    pub(super) fn waiting(&self) -> Option<Unit> {
        self.waiting.map(|(unit, _)| unit)
    }

    /// Moves over the trace on display; `held` while a run about to begin will take its place.
    pub(super) fn act(&mut self, action: CursorAction, trace: Option<&Trace>, held: bool) {
        match action {
            CursorAction::Pause => self.pause(),
            CursorAction::Toggle if self.playing => self.pause(),
            CursorAction::Play | CursorAction::Toggle => self.play(trace),
            CursorAction::Tick(_) if held => {}
            CursorAction::Tick(seconds) => self.tick(seconds, trace),
            CursorAction::Forward(unit) => self.step(unit),
            CursorAction::Again => self.step(self.unit),
            CursorAction::Back => {
                self.pause();
                self.at = trace.map_or(0, |trace| timeline::back(trace, self.at, self.unit));
            }
            CursorAction::Seek(moment) => self.seek(moment, trace),
            CursorAction::SeekStep(step) => {
                self.unit = Unit::Step;
                self.seek(trace.map_or(0, |trace| timeline::moment_of_step(trace, step)), trace);
            }
            CursorAction::NextRevaluation => {
                if let Some(&stop) = revaluations(trace).iter().find(|&&stop| stop > self.at) {
                    self.seek(stop, trace);
                }
            }
            CursorAction::PreviousRevaluation => {
                if let Some(&stop) = revaluations(trace).iter().rev().find(|&&stop| stop < self.at) {
                    self.seek(stop, trace);
                }
            }
            CursorAction::Home => self.seek(0, trace),
            CursorAction::End => self.seek(usize::MAX, trace),
            CursorAction::Speed(speed) => self.speed = speed.clamp(SPEEDS[0], SPEEDS[SPEEDS.len() - 1]),
            CursorAction::Slower => {
                self.speed = SPEEDS.into_iter().rev().find(|&s| s < self.speed).unwrap_or(self.speed);
            }
            CursorAction::Faster => {
                self.speed = SPEEDS.into_iter().find(|&s| s > self.speed).unwrap_or(self.speed);
            }
        }
    }

    pub(super) fn seek(&mut self, moment: usize, trace: Option<&Trace>) {
        self.pause();
        self.at = moment.min(trace.map_or(0, timeline::length));
    }

    /// Goes to a moment of the trace on display without stopping what plays.
    pub(super) fn jump(&mut self, moment: usize) {
        self.at = moment;
    }

    pub(super) fn pause(&mut self) {
        self.playing = false;
        self.stand();
    }

    /// Forgets the steps that wait to be computed.
    fn stand(&mut self) {
        self.waiting = None;
        self.carry = 0.0;
    }

    fn step(&mut self, unit: Unit) {
        let asked = self.waiting.filter(|(waiting, _)| *waiting == unit).map_or(0, |(_, count)| count);
        self.pause();
        self.unit = unit;
        self.waiting = Some((unit, (asked + 1).min(MOST_WAITING)));
    }

    fn play(&mut self, trace: Option<&Trace>) {
        self.pause();
        self.playing = true;
        if let Some(trace) = trace
            && timeline::finished(trace)
            && self.at >= timeline::length(trace)
        {
            self.at = 0;
        }
    }

    /// Plays a trace that has just come on display, unless motion is unwelcome.
    pub(super) fn play_unasked(&mut self) {
        self.playing = !self.reduced_motion;
    }

    fn tick(&mut self, seconds: f64, trace: Option<&Trace>) {
        let Some(trace) = trace.filter(|_| self.playing) else { return };
        self.carry += seconds.clamp(0.0, LONGEST_FRAME) * self.speed;
        let unit = if self.reduced_motion { Unit::Decision } else { Unit::Part };
        while let Some(next) = timeline::forward(trace, self.at, unit) {
            let needed = if self.reduced_motion { 1.0 } else { duration(trace, next) };
            if self.carry < needed {
                break;
            }
            self.carry -= needed;
            self.at = next;
        }
        if self.at >= timeline::length(trace) {
            self.carry = 0.0;
            self.playing = !timeline::finished(trace);
        }
    }

    /// Takes the steps that wait, as far as the trace has come.
    pub(super) fn settle(&mut self, trace: Option<&Trace>) {
        while let (Some((unit, count)), Some(trace)) = (self.waiting, trace) {
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

impl Part for Cursor {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            // The same run goes on: what was asked of it still comes.
            Cause::Device => {}
            Cause::Link => self.pause(),
            Cause::Weights | Cause::Failure | Cause::Task | Cause::Critic | Cause::World | Cause::Run => {
                self.stand();
            }
        }
    }
}

fn revaluations(trace: Option<&Trace>) -> Vec<usize> {
    trace.map(timeline::revaluations).unwrap_or_default()
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
