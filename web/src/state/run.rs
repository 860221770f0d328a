//! The run: its plan, its trace on display, and the computation that adds to it.
//!
//! Most of the time the computation adds to the trace on display. It has a trace of its own while it is computed anew
//! behind one that is on display: a recording, the run of a link, or that of a device that was lost.

mod computation;
mod plan;

use std::rc::Rc;

use diar_core::agent::{Event, RunSpec, Trace};
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::settings::{Preset, Sampler, Settings};

use super::{Cause, Command, Part};
use crate::messages::{Decider, DeviceInfo, Plan};

pub(super) use computation::{Computation, Purpose};

/// Actions that make another run, or decide in the agent's place.
#[derive(Clone, Debug)]
pub enum RunAction {
    /// The recording has arrived, or not.
    Recorded(Result<Rc<Trace>, String>),
    Restart,
    Revalue(bool),
    Candidates(usize),
    Sampler(Sampler),
    SamplerSteps(usize),
    Seed(u64),
    /// Start here, or where the seed says.
    Start(Option<[f64; 2]>),
    /// Shift the start by so many metres.
    MoveStart([f64; 2]),
    /// Take the last choice back.
    Undo,
    /// Follow this candidate instead of the one that Q prefers.
    Take(usize),
    /// Drop the plan here, whatever V says.
    DropHere,
    /// Let the agent decide everything again.
    LeaveAlone,
}

/// Where the shown trace comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A recording that came with the page.
    Recorded,
    /// The recorded decisions of a link.
    Replayed,
    /// Computed here, on this device.
    Computed(DeviceInfo),
}

/// The trace on display.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub trace: Rc<Trace>,
    pub source: Source,
    /// Hash of the weights that decided, or its first characters; empty where it is not known.
    pub bundle: String,
    /// Counts what was on display: a number per trace.
    pub number: u32,
}

/// The origin of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// Nobody chose: weights bring their own settings.
    None,
    /// The user's, or a link's.
    Kept,
    /// The user's, changed since the shown run began.
    Changed,
}

/// Progress of the recording that comes with the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recording {
    /// It is on its way: which run comes first is not known before it is there.
    Awaited,
    /// It is there, or it will not come.
    Settled,
}

/// The run on the page.
#[derive(Clone, Debug)]
pub struct Run {
    plan: Plan,
    /// The task in whose maze start and scenario were chosen; none while nothing was chosen in any.
    planned_in: Option<&'static Benchmark>,
    choice: Choice,
    /// Plans before the last choices, the newest last.
    history: Vec<Plan>,
    shown: Option<Shown>,
    displays: u32,
    recording: Recording,
    computation: Option<Computation>,
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            plan: Plan {
                run: RunSpec::new(0, 0, Settings::preset(Preset::Quick, &MAZE2D[0].basis()).plan),
                decider: Decider::Own,
                shareable: true,
            },
            planned_in: None,
            choice: Choice::None,
            history: Vec::new(),
            shown: None,
            displays: 0,
            recording: Recording::Awaited,
            computation: None,
        }
    }

    /// The plan of the next run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The trace on display.
    pub fn trace(&self) -> Option<&Rc<Trace>> {
        self.shown.as_ref().map(|shown| &shown.trace)
    }

    /// Where the trace on display comes from.
    pub fn source(&self) -> Option<&Source> {
        self.shown.as_ref().map(|shown| &shown.source)
    }

    pub(super) fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// Returns true if a choice can be taken back.
    pub fn can_undo(&self) -> bool {
        !self.history.is_empty()
    }

    /// Returns true if start and scenario were chosen in the maze of this task, or in none.
    pub(super) fn is_planned_in(&self, task: &str) -> bool {
        self.planned_in.is_none_or(|planned| planned.id() == task)
    }

    /// Returns true while nobody has chosen and the recording may still come.
    pub(super) fn awaits_recording(&self) -> bool {
        self.recording == Recording::Awaited && self.choice == Choice::None
    }

    // The display.

    fn show(&mut self, trace: Rc<Trace>, source: Source, bundle: String) {
        self.displays += 1;
        self.shown = Some(Shown { trace, source, bundle, number: self.displays });
    }

    /// Takes note of the recording; shows it where nothing else is on display. Answers whether it is shown.
    pub(super) fn take_recording(&mut self, recording: Option<(Rc<Trace>, &'static Benchmark)>) -> bool {
        self.recording = Recording::Settled;
        let idle = self.shown.is_none() && self.computation.is_none() && self.choice == Choice::None;
        let Some((trace, task)) = recording.filter(|_| idle) else { return false };
        self.plan = Plan { run: trace.run.clone(), decider: Decider::Own, shareable: true };
        self.planned_in = Some(task);
        self.show(trace, Source::Recorded, String::new());
        true
    }

    /// Takes over the run of a link: its plan, the trace of its decisions, and the hash of its weights.
    pub(super) fn open(&mut self, plan: Plan, trace: Trace, bundle: &str) {
        self.plan = plan;
        self.planned_in = Benchmark::find(&trace.task).ok();
        self.choice = Choice::Kept;
        self.show(Rc::new(trace), Source::Replayed, bundle.to_owned());
    }

    // The computation.

    pub(super) fn begin(&mut self, generation: u32, purpose: Purpose, task: &str) {
        if self.choice == Choice::Changed {
            self.choice = Choice::Kept;
        }
        self.planned_in = Benchmark::find(task).ok();
        self.computation = Some(Computation::new(generation, purpose));
    }

    /// The worker has begun; answers whether an empty trace has come on display.
    pub(super) fn begun(&mut self, generation: u32, trace: Trace, device: &DeviceInfo, bundle: &str) -> bool {
        let Some(computation) = self.computation_of(generation) else { return false };
        computation.begun = true;
        let trace = Rc::new(trace);
        if computation.hides() {
            computation.hidden = Some(trace);
            return false;
        }
        self.show(trace, Source::Computed(device.clone()), bundle.to_owned());
        true
    }

    pub(super) fn extend(&mut self, generation: u32, events: Vec<Event>, millis: f64) {
        let Some(computation) = self.computation.as_mut().filter(|c| c.generation == generation && c.begun)
        else {
            return;
        };
        let trace = match (&mut computation.hidden, &mut self.shown) {
            (Some(hidden), _) => hidden,
            (None, Some(shown)) => &mut shown.trace,
            (None, None) => return,
        };
        let trace = Rc::make_mut(trace);
        for event in events {
            trace.apply(event);
        }
        let ended = trace.decisions.iter().filter(|decision| decision.outcome.is_some()).count();
        computation.spend(millis, ended);
    }

    pub(super) fn idle(&mut self, generation: u32) {
        if let Some(computation) = self.computation_of(generation) {
            computation.busy = false;
        }
    }

    fn computation_of(&mut self, generation: u32) -> Option<&mut Computation> {
        self.computation.as_mut().filter(|computation| computation.generation == generation)
    }

    pub(super) fn computation(&self) -> Option<&Computation> {
        self.computation.as_ref()
    }

    /// Asks the worker for more; answers with the number of the run.
    pub(super) fn advance(&mut self) -> Option<u32> {
        let computation = self.computation.as_mut().filter(|computation| !computation.busy)?;
        computation.busy = true;
        Some(computation.generation)
    }

    pub(super) fn pursue(&mut self, purpose: Purpose) {
        if let Some(computation) = &mut self.computation {
            computation.purpose = purpose;
        }
    }

    /// Ends a computation that cannot go on.
    pub(super) fn abandon(&mut self) {
        self.computation = None;
    }

    /// The trace the worker adds to.
    pub(super) fn running(&self) -> Option<&Rc<Trace>> {
        let computation = self.computation.as_ref().filter(|computation| computation.begun)?;
        computation.hidden.as_ref().or(self.trace())
    }

    /// Puts the hidden trace of the computation on display.
    pub(super) fn uncover(&mut self, device: &DeviceInfo, bundle: &str) {
        let Some(computation) = &mut self.computation else { return };
        computation.purpose = Purpose::Watch;
        if let Some(trace) = computation.hidden.take() {
            self.show(trace, Source::Computed(device.clone()), bundle.to_owned());
        }
    }

    /// Returns true if the run computed here differs from the link's, which is on display.
    pub fn can_show_recomputed(&self) -> bool {
        self.computation.as_ref().is_some_and(|computation| computation.purpose == Purpose::Aside)
    }

    /// Mean time per decision, in milliseconds.
    pub fn latency(&self) -> Option<f64> {
        self.computation.as_ref().and_then(Computation::latency)
    }
}

impl Part for Run {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        // Whatever has changed, it was the run of before.
        self.computation = None;
        match cause {
            Cause::Weights => {
                self.forget_maze();
                self.choice = Choice::None;
                self.plan.shareable = true;
            }
            Cause::Task => self.forget_maze(),
            Cause::Link => self.history.clear(),
            Cause::Device | Cause::Failure | Cause::Critic | Cause::World | Cause::Run => {}
        }
    }
}
