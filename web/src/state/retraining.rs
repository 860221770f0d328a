//! Training Q and V anew in the page, for a goal that was moved: stages 1 and 2 do not depend on it.

use std::rc::Rc;

use diar_core::benchmark::Benchmark;
use diar_core::maze::World;

use super::{Cause, Command, Level, Part, State};
use crate::accept;
use crate::messages::{FromTrainer, RetrainingSettings, ToTrainer, ToWorker, ValueField};
use crate::share;

/// Actions on the critic.
#[derive(Clone, Debug)]
pub enum RetrainingAction {
    /// Train Q and V for the goal where it is now.
    Begin {
        expectile: f64,
        discount: f64,
        ldcq: bool,
    },
    Stop,
    /// Back to the critic that came with the weights.
    Revert,
    /// A message of the worker that trains.
    Heard(FromTrainer),
}

/// The critic in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Critic {
    /// The one that came with the weights.
    Shipped,
    /// One trained here.
    Retrained { settings: RetrainingSettings, seconds: f64 },
}

/// Training under way.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrainingJob {
    pub settings: RetrainingSettings,
    pub step: usize,
    /// 0 before it is known.
    pub total: usize,
    /// The losses of V and of Q so far.
    pub losses: Vec<[f64; 2]>,
    /// The maze over which V is shown meanwhile.
    world: World,
}

/// A critic that was trained here.
#[derive(Clone, Debug)]
struct Retrained {
    settings: RetrainingSettings,
    seconds: f64,
    /// A bundle with it.
    bundle: Rc<Vec<u8>>,
}

/// Training the critic anew, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Retraining {
    job: Option<RetrainingJob>,
    retrained: Option<Retrained>,
}

/// News of the worker that trains, as far as others must know.
enum News {
    None,
    Field(World, ValueField),
    /// Another critic is in use.
    Critic,
    /// It has come to nothing.
    Nothing(String),
}

impl Retraining {
    /// Training under way.
    pub fn job(&self) -> Option<&RetrainingJob> {
        self.job.as_ref()
    }

    /// The critic in use.
    pub fn critic(&self) -> Critic {
        self.retrained.as_ref().map_or(Critic::Shipped, |&Retrained { settings, seconds, .. }| {
            Critic::Retrained { settings, seconds }
        })
    }

    fn begin(&mut self, order: ToTrainer, commands: &mut Vec<Command>) {
        let (settings, world) = (order.settings, order.world.clone());
        self.job = Some(RetrainingJob { settings, step: 0, total: 0, losses: Vec::new(), world });
        commands.push(Command::StartTrainer(order));
    }

    /// Takes a message of the worker that trains; `own` is the hash of the bundle in use.
    fn hear(&mut self, message: FromTrainer, own: Option<&str>, commands: &mut Vec<Command>) -> News {
        let Some(job) = &mut self.job else { return News::None };
        match message {
            FromTrainer::Learning { step, total, losses } => {
                job.step = step;
                job.total = total;
                job.losses.extend(losses);
                News::None
            }
            FromTrainer::Field { field } => News::Field(job.world.clone(), field),
            FromTrainer::Learned { from, bundle, seconds } => {
                let settings = job.settings;
                self.end(commands);
                if accept::same(own.unwrap_or_default(), &from).is_err() {
                    let text = "The new critic was trained from other weights than those on the page: train it again.";
                    return News::Nothing(text.into());
                }
                self.retrained = Some(Retrained { settings, seconds, bundle: Rc::new(bundle) });
                News::Critic
            }
            FromTrainer::Failed { message } => {
                self.end(commands);
                News::Nothing(message)
            }
        }
    }

    /// Ends training; answers whether there was any.
    fn end(&mut self, commands: &mut Vec<Command>) -> bool {
        let training = self.job.take().is_some();
        if training {
            commands.push(Command::EndTrainer);
        }
        training
    }

    /// Gives a worker that can decide the critic that was trained here, if there is one.
    pub(super) fn teach(&self) -> Option<Command> {
        let bundle = self.retrained.as_ref()?.bundle.to_vec();
        Some(Command::Send(ToWorker::Critic { bundle }))
    }
}

impl Part for Retraining {
    fn reset(&mut self, cause: Cause, commands: &mut Vec<Command>) {
        match cause {
            Cause::Weights => {
                self.end(commands);
                self.retrained = None;
            }
            // Training has a worker of its own, and is for the goal that it began with.
            Cause::Device
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
    pub(super) fn fold_retraining(&mut self, action: RetrainingAction, commands: &mut Vec<Command>) {
        match action {
            RetrainingAction::Begin { expectile, discount, ldcq } => {
                self.retrain(expectile, discount, ldcq, commands);
            }
            RetrainingAction::Stop => {
                if self.retraining.end(commands) {
                    // The values of the critic in use, in place of the ones that were being learned.
                    commands.push(Command::Send(ToWorker::Field));
                }
            }
            RetrainingAction::Revert => self.revert_critic(commands),
            RetrainingAction::Heard(message) => self.hear_trainer(message, commands),
        }
    }

    fn retrain(&mut self, expectile: f64, discount: f64, ldcq: bool, commands: &mut Vec<Command>) {
        if !self.plan_fits() {
            return;
        }
        let Some((_, weights)) = self.deciding.ready() else { return };
        let bundle = self.deciding.bundle().to_owned();
        let Some(windows) = share::windows_of(&bundle) else {
            let text = "Only the weights that come with the page bring the data that training needs.";
            return self.view.notify(Level::Error, text.into());
        };
        let world = self.run.plan().run.scenario.world.clone();
        let layout = Benchmark::find(&weights.task).ok().and_then(|task| world.layout(task.maze()).ok());
        let goal = layout.unwrap_or_else(|| self.layout()).goal_position();
        let settings = RetrainingSettings { goal, expectile, discount, ldcq };
        let from = weights.hash.clone();
        self.retraining.begin(ToTrainer { bundle, from, windows, settings, world }, commands);
    }

    fn hear_trainer(&mut self, message: FromTrainer, commands: &mut Vec<Command>) {
        let own = self.deciding.loaded().map(|loaded| loaded.hash.as_str());
        match self.retraining.hear(message, own, commands) {
            News::None => {}
            News::Field(world, field) => {
                // Walls that were moved meanwhile are not in it.
                if world.toggled == self.scenario().world.toggled {
                    self.paint(field);
                }
            }
            News::Critic => {
                if self.ready().is_some() {
                    commands.extend(self.retraining.teach());
                }
                self.restart(Cause::Critic, commands);
            }
            News::Nothing(reason) => {
                self.view.notify(Level::Error, reason);
                commands.push(Command::Send(ToWorker::Field));
            }
        }
    }

    /// Goes back to the critic that came with the weights.
    pub(super) fn revert_critic(&mut self, commands: &mut Vec<Command>) {
        if self.retraining.retrained.take().is_some() {
            commands.push(Command::Send(ToWorker::Unlearn));
            self.restart(Cause::Critic, commands);
        }
    }
}
