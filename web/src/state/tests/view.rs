//! Help, tour and theme.

use super::*;

#[test]
fn help_opens_and_closes() {
    let mut state = begun();
    state.update(ViewAction::Help(true));
    assert!(state.view.help());
    state.update(ViewAction::Help(false));
    assert!(!state.view.help());
}

#[test]
fn the_tour_moves_the_cursor_and_ends() {
    let mut state = finished();
    for step in 0..crate::story::STEPS.len() {
        state.update(Action::Tour(Some(step)));
        assert_eq!(state.tour.step(), Some(step));
    }
    state.update(Action::Tour(Some(5)));
    assert_eq!(state.cursor.at(), timeline::revaluations(state.trace().unwrap())[0]);
    state.update(Action::Tour(None));
    assert_eq!(state.tour.step(), None);
    state.update(SharingAction::Open("tour=2".into()));
    assert_eq!(state.tour.step(), Some(1));
    state.update(Action::Tour(Some(99)));
    assert_eq!(state.tour.step(), None);
}

#[test]
fn the_theme_is_the_systems_until_one_is_chosen() {
    let mut state = begun();
    assert_eq!(state.ground(), Ground::Light);
    state.update(ViewAction::SystemDark(true));
    assert_eq!(state.ground(), Ground::Dark);
    assert!(state.update(ViewAction::Theme(Theme::Light)).contains(&Command::RememberTheme(Theme::Light)));
    assert_eq!(state.ground(), Ground::Light);
}
