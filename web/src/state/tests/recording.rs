//! The recording that comes with the page.

use super::*;

#[test]
fn a_recording_is_alive_until_the_same_run_is_computed() {
    let recording = trace(&EPISODE);
    let mut state = launch("").0;
    state.update(RunAction::Recorded(Ok(recording.clone().into())));
    assert_eq!(describe::badge(&state), "replayed (recorded)");
    assert!(state.cursor.playing());
    for _ in 0..12 {
        state.update(CursorAction::Tick(0.2));
    }
    let at = state.cursor.at();
    assert!(at > 8, "{at}");
    // The weights arrive: the recorded run is computed behind the recording, and takes its place.
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(
        (plan.run.seed, plan.run.settings.clone(), &plan.run.start),
        (recording.run.seed, recording.run.settings, &None)
    );
    let commands = answer_begin(&mut state, &commands);
    assert_eq!((describe::badge(&state).as_str(), state.cursor.at()), ("replayed (recorded)", at));
    serve(&mut state, commands, &EPISODE);
    assert_eq!(describe::badge(&state), "computed on CPU");
    assert_eq!((state.cursor.at(), state.cursor.playing()), (at, true));
}

#[test]
fn weights_that_come_before_the_recording_wait_for_it() {
    for recording in [Ok(std::rc::Rc::new(trace(&EPISODE))), Err("it could not be fetched".to_owned())] {
        let seed = recording.as_ref().map_or(0, |trace| trace.run.seed);
        let mut state = launch_before_recording("").0;
        assert_eq!(ready_on(&mut state, DeviceInfo::cpu(None)), []);
        let commands = state.update(RunAction::Recorded(recording));
        let [ToWorker::Begin { generation: 1, plan, .. }] = &told(&commands)[..] else {
            panic!("{commands:?}")
        };
        assert_eq!(plan.run.seed, seed);
        answer_begin(&mut state, &commands);
    }
}

#[test]
fn whoever_asks_for_a_run_does_not_wait_for_the_recording() {
    let mut state = launch_before_recording("").0;
    ready_on(&mut state, DeviceInfo::cpu(None));
    let commands = state.update(RunAction::Seed(99));
    assert!(matches!(&told(&commands)[..], [ToWorker::Begin { plan, .. }] if plan.run.seed == 99));
    assert_eq!(state.update(RunAction::Recorded(Ok(trace(&EPISODE).into()))), []);
    assert!(state.trace().is_none());
}

#[test]
fn a_recording_does_not_displace_a_run() {
    let mut state = begun();
    state.update(RunAction::Recorded(Ok(trace(&EPISODE).into())));
    assert!(matches!(state.run.source().unwrap(), Source::Computed(_)));
    let mut state = launch("").0;
    state.update(RunAction::Recorded(Err("it is damaged".into())));
    assert!(state.trace().is_none());
    assert!(state.view.notices()[0].text.contains("it is damaged"));
    let mut foreign = trace(&EPISODE);
    foreign.task = "maze2d-huge-v1".into();
    state.update(RunAction::Recorded(Ok(foreign.into())));
    assert!(state.trace().is_none());
    assert!(state.view.notices()[1].text.contains("maze2d-huge-v1"));
}

#[test]
fn a_choice_made_over_a_recording_waits_for_the_weights() {
    let mut state = launch("").0;
    state.update(RunAction::Recorded(Ok(trace(&EPISODE).into())));
    assert!(idle(&state.update(RunAction::Seed(99))));
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.run.seed, 99);
    answer_begin(&mut state, &commands);
    assert_eq!(describe::badge(&state), "computed on CPU");
}
