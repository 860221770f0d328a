//! All of the page's state, and the one pure function that changes it.
//!
//! Every user action and every message of a worker is an [`Action`]; [`State::update`] folds it in and answers with
//! the [`Command`]s to carry out (start a worker, send it a message, copy a link). Nothing here touches a browser, so
//! all of it is tested natively.
//!
//! The state consists of parts. Each owns its fields, has actions of its own, and says in one place what it keeps when
//! something else changes (`Part::reset`, by `Cause`). What concerns several parts stands in [`State`]'s own
//! functions: `flow` begins runs and asks for more of them, `hear` takes the worker's messages, `choices` the user's.
//!
//! Two clocks run here. The worker adds parts to the *run*; the user moves the *cursor* ([`Cursor::at`], a count of
//! parts) over the *shown* trace. Most of the time both are the same trace. They differ while a run is computed anew
//! behind one that is on display: a recording, the run of a link, or that of a device that was lost.

mod action;
mod cause;
mod choices;
mod command;
mod comparison;
mod cursor;
mod deciding;
mod display;
mod flow;
mod hear;
mod insight;
mod retraining;
mod run;
mod scoring;
mod sharing;
mod tour;
mod view;
mod world;

use crate::messages::Backend;

pub use action::Action;
pub use command::{Command, Export};
pub use comparison::{ComparedRun, Comparison, ComparisonAction, SecondBundle, Versus};
pub use cursor::{Cursor, CursorAction, SPEEDS};
pub use deciding::{Deciding, DecidingAction, Worker};
pub use insight::{Insight, InsightAction, neighbour};
pub use retraining::{Critic, Retraining, RetrainingAction, RetrainingJob};
pub use run::{Run, RunAction, Source};
pub use scoring::{Mean, Scoreboard, Scoring, ScoringAction};
pub use sharing::{Opened, Sharing, SharingAction};
pub use tour::Tour;
pub use view::{Layers, Level, Notice, Theme, View, ViewAction};
pub use world::{Tool, World, WorldAction};

use cause::{Cause, Part};
use deciding::Verdict;

/// How the page was opened.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Address of the bundle.
    pub bundle: String,
    /// Address of a second bundle, to compare with.
    pub other: Option<String>,
    /// The device asked for.
    pub backend: Backend,
    /// The fragment of the address, without `#`.
    pub fragment: String,
    /// The user prefers as little motion as possible.
    pub reduced_motion: bool,
    /// The system is dark.
    pub dark: bool,
    /// The theme chosen on an earlier visit.
    pub theme: Theme,
    /// Only the figure, for other pages.
    pub embed: bool,
}

/// The state of the page.
#[derive(Clone, Debug)]
pub struct State {
    pub deciding: Deciding,
    pub run: Run,
    pub cursor: Cursor,
    pub insight: Insight,
    pub comparison: Comparison,
    pub world: World,
    pub retraining: Retraining,
    pub scoring: Scoring,
    pub sharing: Sharing,
    pub tour: Tour,
    pub view: View,
}

impl State {
    /// The state at launch, and what to do first.
    pub fn new(launch: Launch) -> (Self, Vec<Command>) {
        let mut state = Self {
            view: View::new(&launch),
            deciding: Deciding::new(launch.bundle, launch.backend),
            run: Run::new(),
            cursor: Cursor::new(launch.reduced_motion),
            insight: Insight::default(),
            comparison: Comparison::new(launch.other),
            world: World::default(),
            retraining: Retraining::default(),
            scoring: Scoring::default(),
            sharing: Sharing::default(),
            tour: Tour::default(),
        };
        let mut commands = Vec::new();
        state.deciding.start(&mut commands);
        state.open(&launch.fragment, &mut commands);
        if let Some(address) =
            state.comparison.invited().cloned().filter(|_| state.comparison.run().is_none())
        {
            state.compare(Versus::Weights(address));
        }
        commands.extend(state.comparison.fetch());
        (state, commands)
    }

    /// Folds in what has happened; answers with what is to be done.
    pub fn update(&mut self, action: impl Into<Action>) -> Vec<Command> {
        let action = action.into();
        let mut commands = Vec::new();
        if !action.is_background() {
            self.sharing.forget_copied();
        }
        self.fold(action, &mut commands);
        self.settle();
        self.settle_tour();
        self.comparison.settle(self.run.plan(), self.retraining.critic() != Critic::Shipped);
        commands.extend(self.pump().map(Command::Send));
        commands.extend(self.comparison.fetch());
        commands.extend(self.pump_comparison().map(Command::Send));
        commands.extend(self.look_into().map(Command::Send));
        commands
    }

    fn fold(&mut self, action: Action, commands: &mut Vec<Command>) {
        match action {
            Action::Deciding(action) => self.fold_deciding(action, commands),
            Action::Run(action) => self.fold_run(action, commands),
            Action::Cursor(action) => {
                let held = self.run.computation().is_some_and(|run| !run.begun() && !run.hides());
                self.cursor.act(action, self.run.trace().map(AsRef::as_ref), held);
            }
            Action::Insight(action) => self.fold_insight(action),
            Action::Comparison(action) => self.fold_comparison(action, commands),
            Action::World(action) => self.fold_world(action, commands),
            Action::Retraining(action) => self.fold_retraining(action, commands),
            Action::Scoring(action) => self.fold_scoring(action, commands),
            Action::Sharing(action) => self.fold_sharing(action, commands),
            Action::Tour(step) => self.go_on_tour(step),
            Action::View(action) => self.view.act(action, commands),
        }
    }

    /// Tells every part of a change that reaches beyond the part it was made in.
    fn reset(&mut self, cause: Cause, commands: &mut Vec<Command>) {
        // Without `..`: a new part must be told as well.
        let Self {
            deciding,
            run,
            cursor,
            insight,
            comparison,
            world,
            retraining,
            scoring,
            sharing,
            tour,
            view,
        } = self;
        let parts: [&mut dyn Part; 11] =
            [deciding, run, cursor, insight, comparison, world, retraining, scoring, sharing, tour, view];
        for part in parts {
            part.reset(cause, commands);
        }
    }
}

#[cfg(test)]
mod tests;
