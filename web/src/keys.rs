//! What the keys do.

use crate::messages::Unit;
use crate::state::{Action, CursorAction, RunAction, ViewAction};

/// The keys, as the help lists them.
pub const KEYS: [(&str, &str); 14] = [
    ("Space", "play or pause"),
    ("\u{2190} \u{2192}", "back or on, by the grain of the last step"),
    ("Shift + \u{2190} \u{2192}", "previous or next revaluation"),
    ("Home, End", "first or last moment computed"),
    ("[ ]", "slower or faster"),
    ("p", "one part of a decision"),
    ("s", "one environment step"),
    ("d", "one decision"),
    ("r", "restart the run"),
    ("u", "take the last choice back"),
    ("t", "the guided tour"),
    ("v", "values on the maze, or not"),
    ("?", "this list"),
    ("arrows, on the maze", "move the start by 0.1 m"),
];

/// The action of a key pressed on the page, outside any field.
pub fn action(key: &str, shift: bool) -> Option<Action> {
    Some(match (key, shift) {
        (" ", _) => CursorAction::Toggle.into(),
        ("ArrowRight", false) => CursorAction::Again.into(),
        ("ArrowLeft", false) => CursorAction::Back.into(),
        ("ArrowRight", true) => CursorAction::NextRevaluation.into(),
        ("ArrowLeft", true) => CursorAction::PreviousRevaluation.into(),
        ("Home", _) => CursorAction::Home.into(),
        ("End", _) => CursorAction::End.into(),
        ("[", _) => CursorAction::Slower.into(),
        ("]", _) => CursorAction::Faster.into(),
        ("p", _) => CursorAction::Forward(Unit::Part).into(),
        ("s", _) => CursorAction::Forward(Unit::Step).into(),
        ("d", _) => CursorAction::Forward(Unit::Decision).into(),
        ("r", _) => RunAction::Restart.into(),
        ("u", _) => RunAction::Undo.into(),
        ("t", _) => Action::Tour(Some(0)),
        ("v", _) => ViewAction::SwitchValues.into(),
        ("?", _) => ViewAction::Help(true).into(),
        _ => return None,
    })
}

/// Where an arrow pressed on the maze points, as rows down and columns to the right.
pub fn direction(key: &str) -> Option<[isize; 2]> {
    match key {
        "ArrowUp" => Some([-1, 0]),
        "ArrowDown" => Some([1, 0]),
        "ArrowLeft" => Some([0, -1]),
        "ArrowRight" => Some([0, 1]),
        _ => None,
    }
}

/// How far such an arrow moves start or goal, in metres.
pub fn shift(key: &str) -> Option<[f64; 2]> {
    const STEP: f64 = 0.1;
    direction(key).map(|direction| direction.map(|cells| STEP * cells as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_help_does_something() {
        for key in
            [" ", "ArrowLeft", "ArrowRight", "Home", "End", "[", "]", "p", "s", "d", "r", "u", "t", "v", "?"]
        {
            assert!(action(key, false).is_some(), "{key}");
        }
        assert!(matches!(action("ArrowRight", true), Some(Action::Cursor(CursorAction::NextRevaluation))));
        assert!(action("x", false).is_none() && shift("Home").is_none());
        assert_eq!(shift("ArrowRight"), Some([0.0, 0.1]));
        assert_eq!((direction("ArrowUp"), direction("x")), (Some([-1, 0]), None));
    }
}
