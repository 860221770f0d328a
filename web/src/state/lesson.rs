//! Training Q and V anew in the page, for a goal that was moved: stages 1 and 2 do not depend on it.

use super::{Command, Level, State, ToWorker};
use crate::messages::Lesson;
use crate::share;

/// The critic in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Critic {
    /// The one that came with the weights.
    Shipped,
    /// One trained here.
    Trained { lesson: Lesson, moved: bool, seconds: f64 },
}

impl Critic {
    /// Where it was taught the goal to be, where that is not the maze's own.
    pub fn goal(&self) -> Option<[f64; 2]> {
        match self {
            Self::Trained { lesson, moved: true, .. } => Some(lesson.goal),
            _ => None,
        }
    }
}

/// Training under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    pub lesson: Lesson,
    pub step: usize,
    /// 0 before it is known.
    pub total: usize,
    /// The losses of V and of Q so far.
    pub losses: Vec<[f64; 2]>,
    ticket: u32,
    moved: bool,
}

impl State {
    pub(super) fn learn(&mut self, expectile: f64, discount: f64, ldcq: bool, commands: &mut Vec<Command>) {
        if self.ready().is_none() {
            return;
        }
        let Some(windows) = share::windows_of(&self.bundle) else {
            let text = "Only the weights that come with the page bring the data that training needs.";
            self.notify(Level::Error, text.into());
            return;
        };
        let goal = self.layout().goal_position();
        let lesson = Lesson { goal, expectile, discount, ldcq };
        let moved = self.scenario().world.goal.is_some();
        let ticket = self.ticket();
        self.pause();
        self.learning = Some(Learning { lesson, step: 0, total: 0, losses: Vec::new(), ticket, moved });
        commands.push(Command::Send(ToWorker::Learn { ticket, lesson, windows }));
    }

    pub(super) fn learning(&mut self, ticket: u32, step: usize, total: usize, losses: Option<[f64; 2]>) {
        if let Some(learning) = self.learning.as_mut().filter(|learning| learning.ticket == ticket) {
            learning.step = step;
            learning.total = total;
            learning.losses.extend(losses);
        }
    }

    pub(super) fn learned(&mut self, ticket: u32, seconds: f64, commands: &mut Vec<Command>) {
        if let Some(Learning { lesson, moved, .. }) = self.learning.take_if(|learning| learning.ticket == ticket) {
            self.critic = Critic::Trained { lesson, moved, seconds };
            commands.extend(self.restart());
        }
    }

    /// Goes back to the critic that came with the weights.
    pub(super) fn unlearn(&mut self, commands: &mut Vec<Command>) {
        if self.critic != Critic::Shipped {
            self.critic = Critic::Shipped;
            commands.push(Command::Send(ToWorker::Unlearn));
            commands.extend(self.restart());
        }
    }

    /// Stops training or scoring; what was in use before stays.
    pub(super) fn stop(&mut self, commands: &mut Vec<Command>) {
        let scoring = self.scoreboard.as_ref().is_some_and(|scoreboard| !scoreboard.done);
        if self.learning.take().is_some() || scoring {
            if let Some(scoreboard) = &mut self.scoreboard {
                scoreboard.done = true;
            }
            commands.push(Command::Send(ToWorker::Stop));
        }
    }

    /// A new worker knows nothing of what the old one was taught.
    pub(super) fn forget_lesson(&mut self) {
        if self.learning.take().is_some() {
            self.notify(Level::Warning, "Training has stopped: start it again if you still want it.".into());
        }
        if let Some(scoreboard) = &mut self.scoreboard {
            scoreboard.done = true;
        }
    }
}
