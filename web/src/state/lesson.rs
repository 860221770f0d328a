//! Training Q and V anew in the page, for a goal that was moved: stages 1 and 2 do not depend on it.

use std::rc::Rc;

use super::{Command, Level, State, ToWorker};
use crate::accept;
use crate::messages::{FromTrainer, Lesson, ToTrainer};
use crate::share;

/// The critic in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Critic {
    /// The one that came with the weights.
    Shipped,
    /// One trained here.
    Trained { lesson: Lesson, seconds: f64 },
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
}

impl State {
    pub(super) fn learn(&mut self, expectile: f64, discount: f64, ldcq: bool, commands: &mut Vec<Command>) {
        let Some((_, weights)) = self.ready() else { return };
        let from = weights.hash.clone();
        let Some(windows) = share::windows_of(&self.bundle) else {
            let text = "Only the weights that come with the page bring the data that training needs.";
            self.notify(Level::Error, text.into());
            return;
        };
        let goal = self.layout().goal_position();
        let lesson = Lesson { goal, expectile, discount, ldcq };
        self.learning = Some(Learning { lesson, step: 0, total: 0, losses: Vec::new() });
        let (bundle, world) = (self.bundle.clone(), self.scenario().world.clone());
        commands.push(Command::StartTrainer(ToTrainer { bundle, from, windows, lesson, world }));
    }

    /// Takes a message of the worker that trains.
    pub(super) fn hear_trainer(&mut self, message: FromTrainer, commands: &mut Vec<Command>) {
        let Some(learning) = &mut self.learning else { return };
        match message {
            FromTrainer::Learning { step, total, losses } => {
                learning.step = step;
                learning.total = total;
                learning.losses.extend(losses);
            }
            FromTrainer::Field { field } => self.field = Some(Rc::new(field)),
            FromTrainer::Learned { from, bundle, seconds } => {
                let Some(Learning { lesson, .. }) = self.learning.take() else { return };
                commands.push(Command::EndTrainer);
                if self.ready().is_some_and(|(_, weights)| accept::same(&weights.hash, &from).is_err()) {
                    let text = "The new critic was trained from other weights than those on the page: train it again.";
                    self.notify(Level::Error, text.into());
                    commands.push(Command::Send(ToWorker::Field));
                    return;
                }
                self.critic = Critic::Trained { lesson, seconds };
                self.taught = Some(Rc::new(bundle));
                commands.extend(self.teach());
                commands.extend(self.restart());
            }
            FromTrainer::Failed { message } => {
                self.learning = None;
                self.notify(Level::Error, message);
                commands.push(Command::EndTrainer);
                commands.push(Command::Send(ToWorker::Field));
            }
        }
    }

    /// Gives the worker the critic that was trained here, if there is one.
    pub(super) fn teach(&self) -> Option<Command> {
        self.ready()?;
        let bundle = self.taught.as_ref()?.to_vec();
        Some(Command::Send(ToWorker::Critic { bundle }))
    }

    /// Goes back to the critic that came with the weights.
    pub(super) fn unlearn(&mut self, commands: &mut Vec<Command>) {
        if self.critic != Critic::Shipped {
            self.critic = Critic::Shipped;
            self.taught = None;
            commands.push(Command::Send(ToWorker::Unlearn));
            commands.extend(self.restart());
        }
    }

    /// Stops training or scoring; what was in use before stays.
    pub(super) fn stop(&mut self, commands: &mut Vec<Command>) {
        if self.learning.take().is_some() {
            commands.push(Command::EndTrainer);
            // The values of the critic in use, in place of the ones that were being learned.
            commands.push(Command::Send(ToWorker::Field));
        }
        if let Some(scoreboard) = self.scoreboard.as_mut().filter(|scoreboard| !scoreboard.done) {
            scoreboard.done = true;
            commands.push(Command::Send(ToWorker::Stop));
        }
    }
}
