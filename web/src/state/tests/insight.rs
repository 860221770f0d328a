//! Looking into the decision on display.

use super::*;

#[test]
fn the_decision_on_display_is_looked_into_one_question_at_a_time() {
    let asks = |commands: &[Command]| {
        commands.iter().filter(|command| matches!(command, Command::Send(ToWorker::Imagine { .. }))).count()
    };
    let ticket = |commands: &[Command]| {
        commands.iter().find_map(|command| match command {
            Command::Send(ToWorker::Imagine { ticket, .. } | ToWorker::Denoise { ticket, .. }) => {
                Some(*ticket)
            }
            _ => None,
        })
    };
    let mut state = finished();
    let commands = state.update(CursorAction::Home);
    assert_eq!(asks(&commands), 0, "the last decision's question is not answered yet");
    let answer = |state: &mut State, ticket: u32| {
        let ways = vec![vec![[0.0, 0.0], [1.0, 1.0]]; 3];
        state.update(DecidingAction::Heard(ToPage::Imagined { ticket, ways, values: vec![1.0, 2.0, 3.0] }))
    };
    // The answer to the question about the last decision comes when the cursor is elsewhere.
    let late = answer(&mut state, 1);
    assert!(state.insight.ways().is_none());
    let commands = if asks(&late) == 1 { late } else { state.update(CursorAction::Forward(Unit::Part)) };
    answer(&mut state, ticket(&commands).unwrap());
    assert_eq!(state.insight.ways().map(|ways| ways.len()), Some(3));
    assert_eq!(asks(&state.update(CursorAction::Forward(Unit::Part))), 0, "it is known now");
    // Scrubbing the denoising asks for every step of it, once.
    let commands = state.update(InsightAction::Denoise(Some(0)));
    let ticket = ticket(&commands).unwrap();
    let trail = Trail {
        latents: vec![vec![vec![0.0; 2]; 3]; 6],
        ends: vec![vec![[0.0; 2]; 3]; 6],
        q: vec![vec![0.0; 3]; 6],
    };
    assert_eq!(state.update(DecidingAction::Heard(ToPage::Denoised { ticket, trail })), []);
    state.update(InsightAction::Denoise(Some(99)));
    assert_eq!(state.insight.step(), Some(5));
}
