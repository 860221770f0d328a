//! The worker: loading, failing, another device, the trial of WebGPU.

use super::*;

#[test]
fn weights_that_do_not_come_leave_the_recording_playing() {
    let mut state = launch("").0;
    state.update(RunAction::Recorded(Ok(trace(&EPISODE).into())));
    let message = "The weights are not there: weights.safetensors answered 404 Not Found.";
    let failed = ToPage::Failed { failure: Failure::Weights, generation: None, message: message.into() };
    assert!(idle(&state.update(DecidingAction::Heard(failed))));
    assert_eq!(errors(&state), [message]);
    state.update(CursorAction::Tick(0.25));
    assert!(state.cursor.playing() && state.cursor.at() > 0);
    let commands = state.update(DecidingAction::Retry);
    assert!(matches!(commands[..], [Command::StartWorker { .. }]));
    assert!(errors(&state).is_empty());
}

#[test]
fn a_lost_device_is_replaced_by_the_cpu_for_the_same_run() {
    for action in [
        DecidingAction::Heard(ToPage::Failed {
            failure: Failure::DeviceLost,
            generation: None,
            message: "destroyed".into(),
        }),
        DecidingAction::Heard(ToPage::Failed {
            failure: Failure::Compute,
            generation: Some(1),
            message: "destroyed".into(),
        }),
        DecidingAction::Broken("destroyed".into()),
    ] {
        let mut state = launch("").0;
        let commands = ready_on(&mut state, gpu());
        answer_begin(&mut state, &commands);
        let commands = state.update(CursorAction::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
        let (at, plan) = (state.cursor.at(), state.run.plan().clone());

        let commands = state.update(action);
        assert_eq!(
            commands,
            [Command::StartWorker { bundle: "weights.safetensors".into(), backend: Backend::Cpu }]
        );
        assert!(
            state.view.notices()[0].text.contains("destroyed")
                && state.view.notices()[0].text.contains("CPU")
        );
        assert_eq!(describe::badge(&state), "computed on WebGPU");

        let commands = ready_on(&mut state, DeviceInfo::cpu(None));
        let [ToWorker::Begin { plan: again, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
        assert_eq!(again, &plan);
        let commands = answer_begin(&mut state, &commands);
        serve(&mut state, commands, &EPISODE);
        assert_eq!((describe::badge(&state).as_str(), state.cursor.at()), ("computed on CPU", at));
        assert_eq!(state.deciding.backend(), Backend::Cpu);
    }
}

#[test]
fn a_failure_on_the_cpu_is_told_and_can_be_retried() {
    let mut state = begun();
    state.update(CursorAction::Forward(Unit::Decision));
    let failed =
        ToPage::Failed { failure: Failure::Compute, generation: Some(1), message: "q is not finite".into() };
    assert!(idle(&state.update(DecidingAction::Heard(failed.clone()))));
    assert!(errors(&state)[0].contains("q is not finite"));
    assert!(!state.computing() && state.deciding.failed());
    assert!(matches!(state.update(DecidingAction::Retry)[..], [Command::StartWorker { .. }]));
    // A failure of a run that is no longer wanted is no news.
    let mut state = begun();
    state.update(RunAction::Restart);
    assert!(idle(&state.update(DecidingAction::Heard(failed))));
    assert!(errors(&state).is_empty());
}

#[test]
fn choosing_a_device_starts_a_worker_and_keeps_the_run() {
    let mut state = begun();
    let commands = state.update(CursorAction::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    let commands = state.update(DecidingAction::Backend(Backend::Webgpu));
    assert!(matches!(commands[..], [Command::StartWorker { backend: Backend::Webgpu, .. }]));
    assert!(idle(&state.update(DecidingAction::Backend(Backend::Webgpu))));
    let note = "WebGPU was asked for, but this browser has none. The CPU is used instead.";
    let commands = ready_on(&mut state, DeviceInfo::cpu(Some(note.into())));
    assert_eq!(state.view.notices(), [Notice { level: Level::Warning, text: note.into() }]);
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands, &EPISODE);
    assert_eq!(state.cursor.at(), 8);
}

#[test]
fn webgpu_takes_over_where_it_is_faster() {
    for (cpu, gpu_millis, adopted) in [(9.0, 2.0, true), (9.0, 40.0, false)] {
        let mut state = finished();
        let commands = state.update(DecidingAction::Adapter);
        assert!(commands.contains(&Command::StartTrial { bundle: "weights.safetensors".into() }));
        let commands =
            state.update(DecidingAction::Trial(Some(ToPage::Ready { device: gpu(), weights: weights() })));
        assert!(matches!(
            &commands[..2],
            [Command::SendTrial(ToWorker::Measure { .. }), Command::Send(ToWorker::Measure { .. })]
        ));
        state.update(DecidingAction::Trial(Some(measured(gpu_millis))));
        let at = state.cursor.at();
        let commands = state.update(DecidingAction::Heard(measured(cpu)));
        assert_eq!(commands.contains(&Command::AdoptTrial), adopted, "{commands:?}");
        assert_eq!(commands.contains(&Command::EndTrial), !adopted);
        assert!(state.view.notices().last().unwrap().text.contains("9.0 ms"));
        if adopted {
            // The run on display goes on where it was.
            let commands = answer_begin(&mut state, &commands);
            serve(&mut state, commands, &EPISODE);
            assert_eq!((describe::badge(&state).as_str(), state.cursor.at()), ("computed on WebGPU", at));
        }
        // Once is enough.
        assert!(!state.deciding.tries_gpu());
    }
    // Whoever chose a device keeps it, and a trial that fails is no news.
    let mut state = finished();
    state.update(DecidingAction::Backend(Backend::Cpu));
    ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(idle(&state.update(DecidingAction::Adapter)));
    let mut state = finished();
    state.update(DecidingAction::Adapter);
    assert_eq!(state.update(DecidingAction::Trial(None)), [Command::EndTrial]);
    assert!(state.view.notices().is_empty());
}
