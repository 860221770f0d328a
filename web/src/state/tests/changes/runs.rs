//! A change while a run is under way, and links to what stays on display.

use super::*;

#[test]
fn nothing_of_the_run_of_before_is_added_to_what_follows() {
    for cause in Cause::ALL {
        let mut state = begun();
        let commands = state.update(CursorAction::Forward(Unit::Decision));
        let [ToWorker::Advance { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
        change(&mut state, cause);
        let before = state.trace().cloned();
        let late = events(0, EPISODE[0]);
        state.update(DecidingAction::Heard(ToPage::Events { generation, events: late, millis: 1.0 }));
        state.update(DecidingAction::Heard(ToPage::Idle { generation }));
        assert_eq!(state.trace().cloned(), before, "{cause:?}");
    }
}

#[test]
fn a_link_to_another_maze_ends_the_run_under_way() {
    let mut state = begun();
    let commands = state.update(CursorAction::Forward(Unit::Decision));
    let [ToWorker::Advance { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    state.update(SharingAction::Open(foreign_link()));
    let linked = state.trace().cloned();
    let late = events(0, EPISODE[0]);
    state.update(DecidingAction::Heard(ToPage::Events { generation, events: late, millis: 1.0 }));
    assert_eq!(state.trace().cloned(), linked);
    assert!(idle(&state.update(CursorAction::Forward(Unit::Decision))));
}

#[test]
fn steps_that_wait_belong_to_their_run() {
    for cause in Cause::ALL {
        let mut state = begun();
        state.update(CursorAction::Forward(Unit::Decision));
        change(&mut state, cause);
        let waits = match cause {
            // The same run is computed by the next worker.
            Cause::Device => true,
            Cause::Weights
            | Cause::Failure
            | Cause::Task
            | Cause::Critic
            | Cause::World
            | Cause::Run
            | Cause::Link => false,
        };
        assert_eq!(state.cursor.waiting().is_some(), waits, "{cause:?}");
    }
}

#[test]
fn a_link_is_verified_by_the_next_worker_and_left_behind_by_another_run() {
    for cause in Cause::ALL {
        let mut state = begun();
        let mut linked = played(&EPISODE);
        linked.run.seed = 4321;
        state.update(SharingAction::Open(link_to(&linked, "", 8)));
        assert!(state.sharing.verifies());
        change(&mut state, cause);
        let verifies = match cause {
            Cause::Device | Cause::Failure | Cause::Link => true,
            Cause::Weights | Cause::Task | Cause::Critic | Cause::World | Cause::Run => false,
        };
        assert_eq!(state.sharing.verifies(), verifies, "{cause:?}");
        let seed = state.sharing.opened().map(|opened| opened.link().run.seed);
        let expected = match cause {
            Cause::Link => Some(played(&EPISODE).run.seed),
            _ => verifies.then_some(4321),
        };
        assert_eq!(seed, expected, "{cause:?}");
    }
}

#[test]
fn choices_can_be_taken_back_as_long_as_they_are_of_the_same_maze() {
    for cause in Cause::ALL {
        let mut state = begun();
        state.update(RunAction::Start(Some([2.0, 3.0])));
        state.update(WorldAction::ToggleWall((2, 2)));
        let commands = change(&mut state, cause);
        let kept = match cause {
            Cause::Weights | Cause::Task | Cause::Link => false,
            Cause::Device | Cause::Failure | Cause::Critic | Cause::World | Cause::Run => true,
        };
        assert_eq!(state.run.can_undo(), kept, "{cause:?}");
        assert_eq!(state.run.plan().run.scenario.world.toggled.is_empty(), !kept, "{cause:?}: {commands:?}");
    }
}

#[test]
fn a_start_chosen_in_one_maze_is_not_used_in_another() {
    // Over a recording, before the weights, which turn out to be of another maze.
    let mut state = launch("").0;
    state.update(RunAction::Recorded(Ok(trace(&EPISODE).into())));
    state.update(RunAction::Start(Some([2.0, 3.0])));
    let commands = loaded(&mut state, others());
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.run.start, None);
    assert!(state.view.notices()[0].text.contains("The weights are for maze2d-large-v1"));
    // Over a link to another maze.
    let mut state = begun();
    state.update(SharingAction::Open(foreign_link()));
    assert!(state.run.plan().run.start.is_some());
    let commands = state.update(RunAction::Candidates(9));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((&plan.run.start, plan.run.settings.plan().unwrap().candidates), (&None, 9));
}

#[test]
fn nothing_is_trained_or_scored_in_another_maze_than_that_of_the_weights() {
    let mut state = begun();
    state.update(SharingAction::Open(foreign_link()));
    assert_eq!(train(&mut state), []);
    assert_eq!(state.update(ScoringAction::Play(48)), []);
    assert!(errors(&state)[0].contains("not in the maze of the weights"), "{:?}", state.view.notices());
    let commands = state.update(RunAction::Restart);
    answer_begin(&mut state, &commands);
    assert!(matches!(train(&mut state)[..], [Command::StartTrainer(_)]));
}

#[test]
fn a_link_is_to_the_run_on_display_whatever_is_chosen_next() {
    let of = |state: &State| {
        let link = share::parse(&state.fragment().unwrap()).unwrap().unwrap();
        (weights().hash.starts_with(&link.bundle) && !link.bundle.is_empty(), link.run.start)
    };
    let mut state = begun();
    let commands = state.update(RunAction::Start(Some([2.0, 3.0])));
    answer_begin(&mut state, &commands);
    let start = state.run.plan().run.start.clone();
    assert_eq!(of(&state), (true, start.clone()));
    // Other weights, on their way and here: the run on display is still that of the ones before.
    state.update(DecidingAction::Weights("other.safetensors".into()));
    assert_eq!(of(&state), (true, start.clone()));
    loaded(&mut state, Weights { hash: others().hash, ..weights() });
    assert_eq!(of(&state), (true, start.clone()));
    // A start chosen before the run begins with it.
    let mut state = begun();
    state.update(RunAction::Start(Some([2.0, 3.0])));
    assert_eq!(of(&state), (true, None));
}
