//! A change while the worker has been asked something on the side.

use super::*;

#[test]
fn scoring_ends_with_whoever_plays() {
    for cause in Cause::ALL {
        let mut state = finished();
        let commands = state.update(ScoringAction::Play(48));
        let [ToWorker::Score { ticket, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
        let contacts = [vec![Some(50)], vec![Some(60)]];
        let scored = ToPage::Scored { ticket, contacts, done: false };
        state.update(DecidingAction::Heard(scored.clone()));
        let gains = state.scoring.board().unwrap().gains();
        let commands = change(&mut state, cause);
        let (under_way, stopped) = match cause {
            // A new worker knows nothing of it.
            Cause::Weights | Cause::Device | Cause::Failure => (false, false),
            Cause::Critic => (false, true),
            Cause::Task | Cause::World | Cause::Run | Cause::Link => (true, false),
        };
        assert_eq!(state.scoring.under_way(), under_way, "{cause:?}");
        assert_eq!(told(&commands).contains(&ToWorker::Stop), stopped, "{cause:?}: {commands:?}");
        // What was played remains, except that of other weights.
        let kept = state.scoring.board().map(Scoreboard::gains);
        assert_eq!(kept, (cause != Cause::Weights).then_some(gains), "{cause:?}");
        if cause == Cause::Weights {
            state.update(DecidingAction::Heard(scored));
            assert!(state.scoring.board().is_none());
        }
    }
}

/// The number of a question about the decision on display, if there is one.
fn asked(commands: &[Command]) -> Option<u32> {
    commands.iter().find_map(|command| match command {
        Command::Send(ToWorker::Imagine { ticket, .. }) => Some(*ticket),
        _ => None,
    })
}

/// A page that waits for the ways of the decision on display, and the number of its question.
fn looking() -> (State, u32) {
    let mut state = begun();
    let commands = state.update(CursorAction::Forward(Unit::Part));
    let [ToWorker::Advance { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    let sampled = events(0, EPISODE[0])[..1].to_vec();
    let events = ToPage::Events { generation, events: sampled, millis: 1.0 };
    let commands = state.update(DecidingAction::Heard(events));
    (state, asked(&commands).expect("the decision is looked into"))
}

#[test]
fn an_answer_about_a_decision_is_for_that_decision_and_its_weights() {
    for cause in Cause::ALL {
        let (mut state, ticket) = looking();
        let trace = state.trace().cloned();
        change(&mut state, cause);
        let ways = vec![vec![[0.0, 0.0], [1.0, 1.0]]; 3];
        state.update(DecidingAction::Heard(ToPage::Imagined { ticket, ways, values: vec![0.5; 3] }));
        let taken = match cause {
            Cause::Weights | Cause::Device | Cause::Failure | Cause::Task | Cause::Link => false,
            // The decision is on display until the run begins anew.
            Cause::Critic | Cause::World | Cause::Run => true,
        };
        assert_eq!(state.insight.ways().is_some(), taken, "{cause:?}");
        assert_eq!(
            state.trace().cloned() == trace,
            cause != Cause::Task && cause != Cause::Link,
            "{cause:?}"
        );
    }
}

#[test]
fn other_weights_are_not_asked_about_the_run_of_those_before() {
    let (mut state, _) = looking();
    let next = Weights { hash: others().hash, ..weights() };
    state.update(DecidingAction::Weights("other.safetensors".into()));
    // It stays on display while the run is computed anew, in the same maze.
    let commands = loaded(&mut state, next);
    assert!(state.trace().is_some() && asked(&commands).is_none(), "{commands:?}");
    assert!(!state.can_look());
}

#[test]
fn a_new_worker_is_asked_again_about_the_decision_on_display() {
    let (mut state, _) = looking();
    let commands = change(&mut state, Cause::Device);
    assert!(asked(&commands).is_some(), "{commands:?}");
}
