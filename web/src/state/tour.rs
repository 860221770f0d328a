//! The guided tour: each of its steps shows a moment of the run on display.

use super::{Cause, Command, Part, State};
use crate::story;
use crate::timeline;

/// The guided tour.
#[derive(Clone, Debug, Default)]
pub struct Tour {
    step: Option<usize>,
    /// The figure shows what the tour speaks of.
    arrived: bool,
}

impl Tour {
    /// Its step, while it is on.
    pub fn step(&self) -> Option<usize> {
        self.step
    }

    /// Returns true while the tour waits for the run to come to its moment.
    pub(super) fn waits(&self) -> bool {
        self.step.is_some() && !self.arrived
    }

    /// The scene that the tour shows, if it is on.
    pub fn scene(&self) -> Option<&'static story::Scene> {
        self.step.map(|step| &story::STEPS[step].scene)
    }
}

impl Part for Tour {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            // It speaks of whatever run is on display; the user goes on with it by hand.
            Cause::Weights
            | Cause::Device
            | Cause::Failure
            | Cause::Task
            | Cause::Critic
            | Cause::World
            | Cause::Run
            | Cause::Link => {}
        }
    }
}

impl State {
    pub(super) fn go_on_tour(&mut self, step: Option<usize>) {
        self.tour.step = step.filter(|&step| step < story::STEPS.len());
        if self.tour.step.is_some() {
            self.cursor.pause();
            self.insight.scrub(None);
            self.tour.arrived = false;
        }
    }

    /// Goes to the moment of the tour's step, once the run has come so far.
    pub(super) fn settle_tour(&mut self) {
        let Some(scene) = self.tour.scene().filter(|_| !self.tour.arrived) else { return };
        let Some(trace) = self.trace() else { return };
        let moment = story::moment(trace, scene.moment);
        if let Some(moment) = moment.or_else(|| timeline::finished(trace).then(|| timeline::length(trace))) {
            self.cursor.jump(moment);
            self.tour.arrived = true;
        }
    }
}
