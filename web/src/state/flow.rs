//! From a plan to its run: beginning one, following it, and asking the worker for more.

use diar_core::agent::{Scenario, Trace};

use super::run::{Computation, Purpose};
use super::{Cause, Command, Level, State};
use crate::messages::{Lane, ToWorker, Unit};
use crate::timeline;

/// Parts computed ahead of the cursor while playing.
const AHEAD: usize = 80;

impl State {
    /// Returns true while the cursor waits for parts that are not computed yet.
    pub fn computing(&self) -> bool {
        let ready = self.ready().is_some();
        self.cursor.waiting().is_some()
            || self.tour.waits() && ready
            || self.run.computation().is_some_and(Computation::is_awaited)
            || self.comparison.under_way() && ready
            || (self.cursor.playing()
                && self.trace().is_some_and(|trace| self.cursor.at() >= timeline::length(trace)))
    }

    /// Begins the run anew after a change.
    pub(super) fn restart(&mut self, cause: Cause, commands: &mut Vec<Command>) {
        self.reset(cause, commands);
        if self.ready().is_none() {
            self.cursor.jump(0);
        }
        self.begin(Purpose::Watch, commands);
    }

    /// Computes the changed plan behind what is on display, up to the cursor.
    pub(super) fn follow(&mut self, commands: &mut Vec<Command>) {
        self.reset(Cause::Run, commands);
        self.begin(Purpose::CatchUp, commands);
    }

    fn begin(&mut self, purpose: Purpose, commands: &mut Vec<Command>) {
        let Some(task) = self.fit_plan(commands) else { return };
        let generation = self.deciding.generation();
        self.run.begin(generation, purpose, &task);
        let plan = self.run.plan().clone();
        commands.push(Command::Send(ToWorker::Begin { generation, lane: Lane::Main, plan }));
    }

    /// Makes sure that the plan is for the maze of the weights, whose task it answers with once they are there.
    fn fit_plan(&mut self, commands: &mut Vec<Command>) -> Option<String> {
        let task = self.ready()?.1.task.clone();
        if !self.run.is_planned_in(&task) {
            if self.run.plan().run.start.is_some() || self.run.plan().run.scenario != Scenario::default() {
                let text = format!(
                    "The weights are for {task}: the run begins in its maze, without the start and the changes chosen in \
                     another one."
                );
                self.view.notify(Level::Info, text);
            }
            self.reset(Cause::Task, commands);
        }
        Some(task)
    }

    /// Returns true if the plan is for the maze of the weights; if not, the user is told what to do.
    pub(super) fn plan_fits(&mut self) -> bool {
        let Some((_, weights)) = self.ready() else { return false };
        let fits = self.run.is_planned_in(&weights.task);
        if !fits {
            let text = format!(
                "The run on display is not in the maze of the weights, {}. Restart the run first: it then begins in theirs.",
                weights.task
            );
            self.view.notify(Level::Error, text);
        }
        fits
    }

    /// Begins whatever the state calls for, once decisions can be computed.
    pub(super) fn resume(&mut self, commands: &mut Vec<Command>) {
        let Some((_, weights)) = self.ready() else { return };
        let weights = weights.clone();
        match self.sharing.fits(&weights) {
            Ok(None) => {}
            Ok(Some(warning)) => self.view.notify(Level::Warning, warning),
            Err(warning) => return self.view.notify(Level::Warning, warning),
        }
        if self.run.awaits_recording() {
            return;
        }
        self.fit_plan(commands);
        self.run.suggest(&weights.settings, &weights.task);
        if !weights.settings.is_like(&self.run.plan().run.settings) {
            self.run.force(&weights.settings);
            self.sharing.leave();
        }
        if let Err(error) = self.check(self.run.plan()) {
            self.view.notify(
                Level::Error,
                format!(
                    "These weights cannot be used with those settings ({error}); their own are used instead."
                ),
            );
            self.run.force(&weights.settings);
            self.sharing.leave();
        }
        let purpose = if self.sharing.verifies() {
            Purpose::Verify
        } else if self.run.is_on_display(&weights.task) {
            Purpose::CatchUp
        } else {
            Purpose::Watch
        };
        self.begin(purpose, commands);
    }

    /// Moves the cursor to where it was to go, as far as the trace has come.
    pub(super) fn settle(&mut self) {
        self.settle_computation();
        let trace = self.run.trace().map(AsRef::as_ref);
        self.cursor.settle(trace);
    }

    fn settle_computation(&mut self) {
        let (Some(computation), Some(running)) = (self.run.computation(), self.run.running()) else { return };
        let over = timeline::finished(running);
        let arrived = over || timeline::length(running) >= self.cursor.at();
        match computation.purpose() {
            Purpose::CatchUp if arrived => self.uncover(),
            Purpose::Verify => match self.sharing.verify(running, over, arrived) {
                None => {}
                Some(true) => self.uncover(),
                Some(false) => self.run.pursue(Purpose::Aside),
            },
            // Stepping on from an unfinished replay goes on with what can be computed here.
            Purpose::Aside if self.cursor.waiting().is_some() => self.uncover(),
            Purpose::Watch | Purpose::CatchUp | Purpose::Aside => {}
        }
    }

    /// Puts the computed run on display.
    pub(super) fn uncover(&mut self) {
        let Some((device, weights)) = self.deciding.ready() else { return };
        self.run.uncover(device, &weights.hash);
        let length = self.run.trace().map_or(0, |trace| timeline::length(trace));
        self.cursor.jump(self.cursor.at().min(length));
    }

    /// The worker has begun a run.
    pub(super) fn begun(&mut self, generation: u32, start: Vec<f64>) {
        let Some((device, weights)) = self.deciding.ready() else { return };
        let plan = self.comparison.plan_of(generation).unwrap_or_else(|| self.run.plan());
        let trace = Trace::new(&weights.task, plan.run.clone(), start);
        if self.comparison.plan_of(generation).is_some() {
            self.comparison.begun(trace);
        } else if self.run.begun(generation, trace, device, &weights.hash) {
            self.cursor.jump(0);
        }
    }

    /// Asks the worker for more, where more is needed and it has nothing to do.
    pub(super) fn pump(&mut self) -> Option<ToWorker> {
        self.ready()?;
        let running = self.run.running()?;
        if timeline::finished(running) {
            return None;
        }
        let ahead = timeline::length(running).saturating_sub(self.cursor.at());
        let unit = match (self.run.computation()?.purpose(), self.cursor.waiting()) {
            (Purpose::CatchUp | Purpose::Verify, _) => Unit::Decision,
            (Purpose::Watch, Some(unit)) => unit,
            (Purpose::Watch, None) if self.cursor.playing() && ahead < AHEAD || self.tour.waits() => {
                Unit::Decision
            }
            (Purpose::Watch, None) | (Purpose::Aside, _) => return None,
        };
        let generation = self.run.advance()?;
        Some(ToWorker::Advance { generation, unit })
    }

    /// Asks the worker for the other run, decision by decision, whenever it has nothing of it to do.
    pub(super) fn pump_comparison(&mut self) -> Option<ToWorker> {
        self.ready()?;
        self.run.computation().filter(|computation| computation.begun())?;
        self.comparison.pump(&mut self.deciding)
    }
}
