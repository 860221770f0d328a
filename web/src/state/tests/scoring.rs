//! The scoreboard.

use super::*;

#[test]
fn a_scoreboard_takes_what_comes_until_it_is_stopped() {
    let mut state = finished();
    let commands = state.update(ScoringAction::Play(48));
    let [ToWorker::Score { ticket, episodes: 48, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    let contacts = [vec![Some(50), None], vec![Some(60), Some(300)]];
    state.update(DecidingAction::Heard(ToPage::Scored { ticket, contacts, done: false }));
    let board = state.scoring.board().cloned().unwrap();
    assert_eq!((board.reached(0), board.reached(1)), ((1, 2), (2, 2)));
    let gains = board.gains();
    let expected = [task().spec.normalise(250.0) - task().spec.normalise(240.0), 0.0];
    assert!(gains.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{gains:?}");
    assert_eq!(told(&state.update(ScoringAction::Stop)), [ToWorker::Stop]);
    assert!(state.scoring.board().unwrap().done);
}
