//! The guided tour: each of its steps shows a moment of the run on display.

use super::State;
use crate::story;

impl State {
    pub(super) fn go_on_tour(&mut self, step: Option<usize>) {
        self.tour = step.filter(|&step| step < story::STEPS.len());
        let Some(step) = self.tour else { return };
        self.pause();
        self.insight.step = None;
        if let Some(trace) = self.trace()
            && let Some(moment) = story::moment(trace, story::STEPS[step].scene.moment)
        {
            self.at = moment;
        }
    }

    /// The scene that the tour shows, if it is on.
    pub fn scene(&self) -> Option<&'static story::Scene> {
        self.tour.map(|step| &story::STEPS[step].scene)
    }
}
