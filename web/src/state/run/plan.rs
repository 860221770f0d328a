//! The plan of the run: choices taken over, taken back and forgotten.

use diar_core::agent::{ActingSettings, Scenario};
use diar_core::benchmark::Benchmark;

use super::{Choice, Run, Source};
use crate::messages::Plan;

impl Run {
    /// Takes over the user's choice, made in the maze of a task.
    pub(in crate::state) fn choose(&mut self, plan: Plan, task: &'static Benchmark) {
        let plan = Plan { shareable: true, ..plan };
        self.amend(plan, task);
        self.choice = Choice::Changed;
    }

    /// Takes over a plan that begins as the one before.
    pub(in crate::state) fn amend(&mut self, plan: Plan, task: &'static Benchmark) {
        self.history.push(std::mem::replace(&mut self.plan, plan));
        self.planned_in = Some(task);
    }

    /// Takes the last choice back; answers whether there was one.
    pub(in crate::state) fn undo(&mut self) -> bool {
        let Some(plan) = self.history.pop() else { return false };
        self.plan = plan;
        self.choice = Choice::Changed;
        true
    }

    /// The settings that weights bring along hold, unless somebody chose others or a recording of their task is shown.
    pub(in crate::state) fn suggest(&mut self, settings: &ActingSettings, task: &str) {
        let recording = self
            .shown
            .as_ref()
            .is_some_and(|shown| shown.source == Source::Recorded && shown.trace.task == task);
        if self.choice == Choice::None && !recording {
            self.plan.run.settings = settings.clone();
        }
    }

    /// Falls back to settings that the weights can use.
    pub(in crate::state) fn force(&mut self, settings: &ActingSettings) {
        self.plan.run.settings = settings.clone();
        if settings.plan().is_none() {
            self.plan.run.scenario.interventions.clear();
        }
    }

    /// Returns true if the plan is still that of the trace on display, which is of this task.
    pub(in crate::state) fn is_on_display(&self, task: &str) -> bool {
        self.choice != Choice::Changed && self.trace().is_some_and(|trace| trace.task == task)
    }

    /// Forgets what was chosen in a maze: another one may not have such a place.
    pub(super) fn forget_maze(&mut self) {
        self.plan.run.start = None;
        self.plan.run.scenario = Scenario::default();
        self.planned_in = None;
        self.history.clear();
    }
}
