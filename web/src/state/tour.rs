//! The guided tour: each of its steps shows a moment of the run on display.

use super::State;
use crate::story;
use crate::timeline;

impl State {
    pub(super) fn go_on_tour(&mut self, step: Option<usize>) {
        self.tour = step.filter(|&step| step < story::STEPS.len());
        if self.tour.is_none() {
            return;
        }
        self.pause();
        self.insight.step = None;
        self.arrived = false;
    }

    /// Goes to the moment of the tour's step, once the run has come so far.
    pub(super) fn settle_tour(&mut self) {
        let Some(scene) = self.scene().filter(|_| !self.arrived) else { return };
        let Some(trace) = self.trace() else { return };
        let moment = story::moment(trace, scene.moment);
        if let Some(moment) = moment.or_else(|| timeline::finished(trace).then(|| timeline::length(trace))) {
            self.at = moment;
            self.arrived = true;
        }
    }

    /// Whether the tour waits for the run to come to its moment.
    pub(super) fn tour_waits(&self) -> bool {
        self.tour.is_some() && !self.arrived
    }

    /// The scene that the tour shows, if it is on.
    pub fn scene(&self) -> Option<&'static story::Scene> {
        self.tour.map(|step| &story::STEPS[step].scene)
    }
}
