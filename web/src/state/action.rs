//! Actions: what the user does, and what workers and the browser say. Each part of the state has its own.

use super::{
    ComparisonAction, CursorAction, DecidingAction, InsightAction, RetrainingAction, RunAction,
    ScoringAction, SharingAction, ViewAction, WorldAction,
};

/// An event, by the part of the state that it is for.
#[derive(Clone, Debug)]
pub enum Action {
    Deciding(DecidingAction),
    Run(RunAction),
    Cursor(CursorAction),
    Insight(InsightAction),
    Comparison(ComparisonAction),
    World(WorldAction),
    Retraining(RetrainingAction),
    Scoring(ScoringAction),
    Sharing(SharingAction),
    /// Go to a step of the guided tour, or end it.
    Tour(Option<usize>),
    View(ViewAction),
}

impl Action {
    /// Returns true if it comes by itself, rather than from the user.
    pub(super) fn is_background(&self) -> bool {
        match self {
            Self::Deciding(action) => matches!(action, DecidingAction::Heard(_) | DecidingAction::Trial(_)),
            Self::Cursor(action) => matches!(action, CursorAction::Tick(_)),
            Self::Retraining(action) => matches!(action, RetrainingAction::Heard(_)),
            Self::Sharing(action) => matches!(action, SharingAction::Copied(_)),
            Self::Run(_)
            | Self::Insight(_)
            | Self::Comparison(_)
            | Self::World(_)
            | Self::Scoring(_)
            | Self::Tour(_)
            | Self::View(_) => false,
        }
    }
}

macro_rules! nested {
    ($($part:ident($action:ty)),* $(,)?) => {
        $(impl From<$action> for Action {
            fn from(action: $action) -> Self {
                Self::$part(action)
            }
        })*
    };
}

nested!(
    Deciding(DecidingAction),
    Run(RunAction),
    Cursor(CursorAction),
    Insight(InsightAction),
    Comparison(ComparisonAction),
    World(WorldAction),
    Retraining(RetrainingAction),
    Scoring(ScoringAction),
    Sharing(SharingAction),
    View(ViewAction),
);
