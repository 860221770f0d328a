//! Moving the cursor: stepping, playing, scrubbing.

use super::*;

#[test]
fn stepping_asks_the_worker_for_one_unit_at_a_time() {
    for (unit, stop) in [(Unit::Part, 1), (Unit::Step, 5), (Unit::Decision, 8)] {
        let mut state = begun();
        let commands = state.update(CursorAction::Forward(unit));
        assert_eq!(told(&commands), [ToWorker::Advance { generation: 1, unit }]);
        assert!(state.computing());
        serve(&mut state, commands, &EPISODE);
        assert_eq!((state.cursor.at(), state.cursor.unit(), state.computing()), (stop, unit, false));
    }
}

#[test]
fn steps_asked_for_in_a_hurry_are_all_taken() {
    let mut state = begun();
    let commands = state.update(CursorAction::Forward(Unit::Part));
    for _ in 0..2 {
        assert!(idle(&state.update(CursorAction::Forward(Unit::Part))));
    }
    serve(&mut state, commands, &EPISODE);
    assert_eq!(state.cursor.at(), 3);
    // A key held down does not run away, and another grain replaces what was waiting.
    let commands = state.update(CursorAction::Forward(Unit::Part));
    for _ in 0..100 {
        state.update(CursorAction::Forward(Unit::Part));
    }
    serve(&mut state, commands, &EPISODE);
    assert_eq!(state.cursor.at(), 3 + MOST_WAITING);
    let commands = state.update(CursorAction::Forward(Unit::Part));
    state.update(CursorAction::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    assert_eq!((state.cursor.at(), state.cursor.unit()), (12, Unit::Decision));
}

#[test]
fn scrubbing_goes_back_and_forth_without_the_worker() {
    let mut state = begun();
    for _ in 0..3 {
        let commands = state.update(CursorAction::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
    }
    assert_eq!(state.cursor.at(), 21);
    let mut quiet = |action| {
        assert!(idle(&state.update(action)));
        state.cursor.at()
    };
    assert_eq!(quiet(CursorAction::Back), 12);
    assert_eq!(quiet(CursorAction::Back), 8);
    assert_eq!(quiet(CursorAction::Again), 12);
    assert_eq!(quiet(CursorAction::Forward(Unit::Part)), 13);
    assert_eq!(quiet(CursorAction::Back), 12);
    assert_eq!(quiet(CursorAction::Home), 0);
    assert_eq!(quiet(CursorAction::Back), 0);
    assert_eq!(quiet(CursorAction::NextRevaluation), 8);
    assert_eq!(quiet(CursorAction::NextRevaluation), 12);
    assert_eq!(quiet(CursorAction::NextRevaluation), 12);
    assert_eq!(quiet(CursorAction::PreviousRevaluation), 8);
    assert_eq!(quiet(CursorAction::PreviousRevaluation), 8);
    assert_eq!(quiet(CursorAction::SeekStep(3)), 17);
    assert_eq!(quiet(CursorAction::Back), 12);
    assert_eq!(quiet(CursorAction::Seek(4)), 4);
    assert_eq!(quiet(CursorAction::Seek(999)), 21);
    assert_eq!(quiet(CursorAction::End), 21);
    assert_eq!(quiet(CursorAction::Forward(Unit::Step)), 21);
    assert!(!state.computing());
}

#[test]
fn playing_reaches_the_goal_and_stops() {
    let mut state = begun();
    let commands = state.update(CursorAction::Play);
    assert!(state.cursor.playing());
    serve(&mut state, commands, &EPISODE);
    let mut seen = vec![state.cursor.at()];
    for _ in 0..400 {
        let commands = state.update(CursorAction::Tick(0.05));
        serve(&mut state, commands, &EPISODE);
        seen.push(state.cursor.at());
        if !state.cursor.playing() {
            break;
        }
    }
    assert!(seen.windows(2).all(|pair| pair[1] >= pair[0]));
    assert_eq!((state.cursor.at(), state.cursor.playing()), (21, false));
    assert_eq!(
        describe::outcome(&state),
        format!("Goal reached at step 5: first-contact score {:.1}.", task().spec.normalise(295.0))
    );
    // Once more from the start, without computing anything.
    assert!(idle(&state.update(CursorAction::Play)));
    assert_eq!((state.cursor.at(), state.cursor.playing()), (0, true));
    state.update(CursorAction::Toggle);
    assert!(!state.cursor.playing());
}

#[test]
fn speed_scales_time() {
    let moments = |speed: f64| {
        let mut state = begun();
        state.update(CursorAction::Speed(speed));
        let commands = state.update(CursorAction::Play);
        serve(&mut state, commands, &EPISODE);
        let mut ticks = 0;
        while state.cursor.playing() {
            let commands = state.update(CursorAction::Tick(0.01));
            serve(&mut state, commands, &EPISODE);
            ticks += 1;
        }
        ticks
    };
    let (slow, fast) = (moments(0.5), moments(4.0));
    assert!((7.0..9.0).contains(&(f64::from(slow) / f64::from(fast))), "{slow} {fast}");
    let mut state = begun();
    state.update(CursorAction::Faster);
    assert_eq!(state.cursor.speed(), 2.0);
    for _ in 0..10 {
        state.update(CursorAction::Slower);
    }
    assert_eq!(state.cursor.speed(), SPEEDS[0]);
    state.update(CursorAction::Speed(1e9));
    assert_eq!(state.cursor.speed(), 8.0);
}

#[test]
fn a_long_pause_between_frames_does_not_skip_ahead() {
    let mut state = begun();
    let commands = state.update(CursorAction::Play);
    serve(&mut state, commands, &EPISODE);
    state.update(CursorAction::Tick(3600.0));
    assert_eq!(state.cursor.at(), 1);
}

#[test]
fn with_reduced_motion_playing_goes_decision_by_decision() {
    let mut state = State::new(Launch { reduced_motion: true, ..Launch::default() }).0;
    state.run.take_recording(None);
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    answer_begin(&mut state, &commands);
    let commands = state.update(CursorAction::Play);
    serve(&mut state, commands, &EPISODE);
    let mut stops = Vec::new();
    while state.cursor.playing() {
        state.update(CursorAction::Tick(0.1));
        stops.push(state.cursor.at());
    }
    stops.dedup();
    assert_eq!(stops, [0, 8, 12, 21]);
}
