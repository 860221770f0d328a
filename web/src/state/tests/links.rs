//! Links opened and made.

use super::*;

#[test]
fn copying_gives_the_link_to_what_is_shown() {
    let mut state = begun();
    let commands = state.update(CursorAction::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    let fragment = state.fragment().unwrap();
    assert_eq!(state.update(SharingAction::CopyLink), [Command::Copy(fragment)]);
    state.update(SharingAction::Copied(true));
    assert_eq!(state.sharing.copied(), Some(true));
}

#[test]
fn a_run_without_a_link_is_said_to_have_none() {
    let mut recorded = played(&EPISODE);
    recorded.run.settings.plan_mut().unwrap().sampler.extra_steps = usize::MAX;
    let mut state = launch_before_recording("").0;
    state.update(RunAction::Recorded(Ok(recorded.into())));
    assert!(state.trace().is_some() && state.fragment().is_none());
    assert!(state.update(SharingAction::CopyLink).is_empty());
    let notice = state.view.notices().last().unwrap();
    assert_eq!(notice.level, Level::Error);
    assert!(notice.text.contains("plan.sampler.extra_steps is "), "{}", notice.text);
}

#[test]
fn a_link_brings_back_run_and_moment() {
    let mut linked = played(&EPISODE);
    linked.run.settings.plan_mut().unwrap().candidates = 77;
    let moment = timeline::moment_of_step(&linked, 3);
    let fragment = link_to(&linked, &weights().hash, moment);
    let mut state = launch(&fragment).0;
    assert_eq!(state.run.plan().run.settings.plan().unwrap().candidates, 77);
    // It is there before any weights are.
    assert_eq!(describe::badge(&state), "replayed (from the link)");
    assert_eq!(timeline::step_at(state.trace().unwrap(), state.cursor.at()), 3);
    assert_eq!(state.fragment().as_deref(), Some(fragment.as_str()));
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    let commands = answer_begin(&mut state, &commands);
    assert!(state.computing());
    serve(&mut state, commands, &EPISODE);
    assert_eq!(describe::agreement(&state).unwrap(), "recomputed: 3 of 3 decisions agree");
    assert_eq!(timeline::step_at(state.trace().unwrap(), state.cursor.at()), 3);
    assert!(!state.cursor.playing() && !state.computing() && state.view.notices().is_empty());
    assert!(describe::badge(&state).starts_with("computed"));
}

#[test]
fn disagreement_with_a_link_is_counted() {
    let fragment = link_to(&played(&EPISODE), "", 21);
    let mut state = launch(&fragment).0;
    let commands = ready_on(&mut state, gpu());
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands, &[Script::Dropped(2), Script::Goal(4)]);
    assert_eq!(describe::agreement(&state).unwrap(), "recomputed: 1 of 3 decisions agree");
    // The link's own run stays on display until somebody wants to see the other.
    assert_eq!(
        (describe::badge(&state).as_str(), state.trace().unwrap().steps()),
        ("replayed (from the link)", 5)
    );
    assert!(state.run.can_show_recomputed() && !state.computing());
    state.update(SharingAction::ShowRecomputed);
    assert_eq!(state.trace().unwrap().steps(), 6);
    assert!(describe::badge(&state).starts_with("computed") && !state.run.can_show_recomputed());
}

#[test]
fn a_link_opened_in_the_running_page_replaces_the_run() {
    let mut state = begun();
    let mut linked = played(&EPISODE);
    linked.run.seed = 1234;
    let commands = state.update(SharingAction::Open(link_to(&linked, "", 8)));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.run.seed, 1234);
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands, &EPISODE);
    assert_eq!(timeline::step_at(state.trace().unwrap(), state.cursor.at()), 2);
    // A choice leaves the link behind.
    state.update(RunAction::Seed(5));
    assert!(describe::agreement(&state).is_none());
}

#[test]
fn bad_links_say_so_and_the_page_goes_on() {
    for (fragment, words) in [("v1.garbage", "damaged"), ("v99.AAAA", "version 99"), ("x", "damaged")] {
        let mut state = launch(fragment).0;
        assert!(errors(&state)[0].contains(words), "{:?}", state.view.notices());
        let commands = ready_on(&mut state, DeviceInfo::cpu(None));
        answer_begin(&mut state, &commands);
        assert_eq!(state.run.plan().run.settings, settings().into());
        assert!(state.trace().is_some());
    }
    let mut state = begun();
    assert!(idle(&state.update(SharingAction::Open("v1.garbage".into()))));
    assert!(idle(&state.update(SharingAction::Open(String::new()))));
    assert_eq!(errors(&state).len(), 1);
}

#[test]
fn a_link_for_another_task_or_other_weights_says_so() {
    let linked = played(&EPISODE);
    let mut state = launch(&link_to(&linked, "0000000000000000", 0)).0;
    ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(state.view.notices()[0].text.contains("other weights") && state.sharing.opened().is_some());

    let mut linked = played(&[Script::Dropped(2)]);
    linked.task = "maze2d-large-v1".into();
    let mut state = launch(&link_to(&linked, "", 0)).0;
    ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(state.view.notices()[0].text.contains("maze2d-large-v1"), "{:?}", state.view.notices());
    assert_eq!(describe::badge(&state), "replayed (from the link)");
}

#[test]
fn settings_of_a_link_that_the_weights_cannot_use_are_refused() {
    let mut linked = played(&EPISODE);
    linked.run.settings.plan_mut().unwrap().sampler.steps = 900;
    let mut state = launch(&link_to(&linked, "", 0)).0;
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(errors(&state)[0].contains("plan.sampler.steps is 900"), "{:?}", state.view.notices());
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.run.settings, settings().into());
}
