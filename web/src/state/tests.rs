mod changes;
mod guests;

use diar_core::agent::{Event, Intervention};
use diar_core::settings::Sampler;

use super::*;
use crate::describe;
use crate::messages::{FromTrainer, ToTrainer, Trail};
use crate::sample::{Script, events, played, settings, task, trace};
use crate::share;

const START: [f64; 4] = [3.0, 1.0, 0.0, 0.0];

fn weights() -> Weights {
    Weights {
        task: task().id.into(),
        hash: "abcdef0123456789abcdef".into(),
        settings: settings(),
        diffusion_steps: 500,
        training_seconds: 60.0,
        scores: None,
    }
}

fn gpu() -> DeviceInfo {
    DeviceInfo { webgpu: true, name: "test adapter".into(), software: false, note: None }
}

fn measured(millis: f64) -> ToPage {
    ToPage::Measured { loaded: weights().hash, millis }
}

/// A page whose recording is not coming.
fn launch(fragment: &str) -> (State, Vec<Command>) {
    let (mut state, commands) = launch_before_recording(fragment);
    state.recording = Recording::Settled;
    (state, commands)
}

fn launch_before_recording(fragment: &str) -> (State, Vec<Command>) {
    State::new(Launch {
        bundle: "weights.safetensors".into(),
        fragment: fragment.into(),
        ..Launch::default()
    })
}

fn told(commands: &[Command]) -> Vec<ToWorker> {
    commands
        .iter()
        .filter_map(|command| match command {
            // What is asked about the decision on display is no part of a run.
            Command::Send(ToWorker::Imagine { .. }) => None,
            Command::Send(message) => Some(message.clone()),
            _ => None,
        })
        .collect()
}

/// Whether some commands do nothing but ask about the decision on display.
fn idle(commands: &[Command]) -> bool {
    commands.iter().all(|command| matches!(command, Command::Send(ToWorker::Imagine { .. })))
}

fn ready_on(state: &mut State, device: DeviceInfo) -> Vec<Command> {
    state.update(Action::Worker(ToPage::Ready { device, weights: weights() }))
}

/// A page with a run that has just begun.
fn begun() -> State {
    let mut state = launch("").0;
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    answer_begin(&mut state, &commands);
    state
}

/// Answers the begin among some commands, as the worker would.
fn answer_begin(state: &mut State, commands: &[Command]) -> Vec<Command> {
    let generation = told(commands)
        .into_iter()
        .find_map(|message| match message {
            ToWorker::Begin { generation, .. } => Some(generation),
            _ => None,
        })
        .expect("a run begins");
    state.update(Action::Worker(ToPage::Begun { generation, start: START.to_vec() }))
}

/// Plays the worker: serves every advance from a script, until nothing more is asked for.
fn serve(state: &mut State, mut commands: Vec<Command>, script: &[Script]) {
    let whole = trace(script);
    let all: Vec<Event> = {
        let mut t = 0;
        let mut all = Vec::new();
        for (&one, decision) in script.iter().zip(&whole.decisions) {
            all.extend(events(t, one));
            t += decision.steps.len();
        }
        all
    };
    while let Some((generation, unit)) = told(&commands).into_iter().find_map(|message| match message {
        ToWorker::Advance { generation, unit } => Some((generation, unit)),
        _ => None,
    }) {
        let from = state.running().map_or(0, |trace| timeline::length(trace));
        let mut batch = Vec::new();
        for event in &all[from.min(all.len())..] {
            batch.push(event.clone());
            if unit.completed_by(event) {
                break;
            }
        }
        assert!(!batch.is_empty(), "the page asks for more than the episode has");
        state.update(Action::Worker(ToPage::Events { generation, events: batch, millis: 4.0 }));
        commands = state.update(Action::Worker(ToPage::Idle { generation }));
    }
}

fn errors(state: &State) -> Vec<&str> {
    state
        .notices
        .iter()
        .filter(|notice| notice.level == Level::Error)
        .map(|notice| notice.text.as_str())
        .collect()
}

const EPISODE: [Script; 3] = [Script::Dropped(2), Script::Dropped(0), Script::Goal(3)];

#[test]
fn a_launch_starts_a_worker_with_the_weights_asked_for() {
    let (state, commands) =
        State::new(Launch { bundle: "other.safetensors".into(), backend: Backend::Cpu, ..Launch::default() });
    assert_eq!(
        commands,
        [Command::StartWorker { bundle: "other.safetensors".into(), backend: Backend::Cpu }]
    );
    assert_eq!((state.worker.clone(), state.at, state.playing), (Worker::Starting, 0, false));
    assert!(state.notices.is_empty());
    assert_eq!(describe::badge(&state), "nothing computed yet");
}

#[test]
fn loading_shows_bytes_then_readiness() {
    let mut state = launch("").0;
    state.update(Action::Worker(ToPage::Progress { loaded: 150_000.0, total: Some(600_000.0) }));
    assert_eq!(describe::status(&state), "Loading weights: 150 kB of 600 kB");
    assert_eq!(describe::progress(&state), Some(0.25));
    state.update(Action::Worker(ToPage::Progress { loaded: 150_000.0, total: None }));
    assert_eq!(describe::status(&state), "Loading weights: 150 kB");
    state.update(Action::Worker(ToPage::Preparing { device: gpu() }));
    assert!(describe::status(&state).starts_with("Compiling kernels for WebGPU"));
    let commands = ready_on(&mut state, gpu());
    assert!(matches!(told(&commands)[..], [ToWorker::Begin { generation: 1, .. }]));
    answer_begin(&mut state, &commands);
    assert_eq!(describe::badge(&state), "computed on WebGPU");
}

#[test]
fn stepping_asks_the_worker_for_one_unit_at_a_time() {
    for (unit, stop) in [(Unit::Part, 1), (Unit::Step, 5), (Unit::Decision, 8)] {
        let mut state = begun();
        let commands = state.update(Action::Forward(unit));
        assert_eq!(told(&commands), [ToWorker::Advance { generation: 1, unit }]);
        assert!(state.computing());
        serve(&mut state, commands, &EPISODE);
        assert_eq!((state.at, state.unit, state.computing()), (stop, unit, false));
    }
}

#[test]
fn steps_asked_for_in_a_hurry_are_all_taken() {
    let mut state = begun();
    let commands = state.update(Action::Forward(Unit::Part));
    for _ in 0..2 {
        assert!(idle(&state.update(Action::Forward(Unit::Part))));
    }
    serve(&mut state, commands, &EPISODE);
    assert_eq!(state.at, 3);
    // A key held down does not run away, and another grain replaces what was waiting.
    let commands = state.update(Action::Forward(Unit::Part));
    for _ in 0..100 {
        state.update(Action::Forward(Unit::Part));
    }
    serve(&mut state, commands, &EPISODE);
    assert_eq!(state.at, 3 + MOST_WAITING);
    let commands = state.update(Action::Forward(Unit::Part));
    state.update(Action::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    assert_eq!((state.at, state.unit), (12, Unit::Decision));
}

#[test]
fn scrubbing_goes_back_and_forth_without_the_worker() {
    let mut state = begun();
    for _ in 0..3 {
        let commands = state.update(Action::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
    }
    assert_eq!(state.at, 21);
    let mut quiet = |action| {
        assert!(idle(&state.update(action)));
        state.at
    };
    assert_eq!(quiet(Action::Back), 12);
    assert_eq!(quiet(Action::Back), 8);
    assert_eq!(quiet(Action::Again), 12);
    assert_eq!(quiet(Action::Forward(Unit::Part)), 13);
    assert_eq!(quiet(Action::Back), 12);
    assert_eq!(quiet(Action::Home), 0);
    assert_eq!(quiet(Action::Back), 0);
    assert_eq!(quiet(Action::NextRevaluation), 8);
    assert_eq!(quiet(Action::NextRevaluation), 12);
    assert_eq!(quiet(Action::NextRevaluation), 12);
    assert_eq!(quiet(Action::PreviousRevaluation), 8);
    assert_eq!(quiet(Action::PreviousRevaluation), 8);
    assert_eq!(quiet(Action::SeekStep(3)), 17);
    assert_eq!(quiet(Action::Back), 12);
    assert_eq!(quiet(Action::Seek(4)), 4);
    assert_eq!(quiet(Action::Seek(999)), 21);
    assert_eq!(quiet(Action::End), 21);
    assert_eq!(quiet(Action::Forward(Unit::Step)), 21);
    assert!(!state.computing());
}

#[test]
fn playing_reaches_the_goal_and_stops() {
    let mut state = begun();
    let commands = state.update(Action::Play);
    assert!(state.playing);
    serve(&mut state, commands, &EPISODE);
    let mut seen = vec![state.at];
    for _ in 0..400 {
        let commands = state.update(Action::Tick(0.05));
        serve(&mut state, commands, &EPISODE);
        seen.push(state.at);
        if !state.playing {
            break;
        }
    }
    assert!(seen.windows(2).all(|pair| pair[1] >= pair[0]));
    assert_eq!((state.at, state.playing), (21, false));
    assert_eq!(
        describe::outcome(&state),
        format!("Goal reached at step 5: first-contact score {:.1}.", task().normalise(295.0))
    );
    // Once more from the start, without computing anything.
    assert!(idle(&state.update(Action::Play)));
    assert_eq!((state.at, state.playing), (0, true));
    state.update(Action::Toggle);
    assert!(!state.playing);
}

#[test]
fn speed_scales_time() {
    let moments = |speed: f64| {
        let mut state = begun();
        state.update(Action::Speed(speed));
        let commands = state.update(Action::Play);
        serve(&mut state, commands, &EPISODE);
        let mut ticks = 0;
        while state.playing {
            let commands = state.update(Action::Tick(0.01));
            serve(&mut state, commands, &EPISODE);
            ticks += 1;
        }
        ticks
    };
    let (slow, fast) = (moments(0.5), moments(4.0));
    assert!((7.0..9.0).contains(&(f64::from(slow) / f64::from(fast))), "{slow} {fast}");
    let mut state = begun();
    state.update(Action::Faster);
    assert_eq!(state.speed, 2.0);
    for _ in 0..10 {
        state.update(Action::Slower);
    }
    assert_eq!(state.speed, SPEEDS[0]);
    state.update(Action::Speed(1e9));
    assert_eq!(state.speed, 8.0);
}

#[test]
fn a_long_pause_between_frames_does_not_skip_ahead() {
    let mut state = begun();
    let commands = state.update(Action::Play);
    serve(&mut state, commands, &EPISODE);
    state.update(Action::Tick(3600.0));
    assert_eq!(state.at, 1);
}

#[test]
fn with_reduced_motion_playing_goes_decision_by_decision() {
    let mut state = State::new(Launch { reduced_motion: true, ..Launch::default() }).0;
    state.recording = Recording::Settled;
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    answer_begin(&mut state, &commands);
    let commands = state.update(Action::Play);
    serve(&mut state, commands, &EPISODE);
    let mut stops = Vec::new();
    while state.playing {
        state.update(Action::Tick(0.1));
        stops.push(state.at);
    }
    stops.dedup();
    assert_eq!(stops, [0, 8, 12, 21]);
}

#[test]
fn a_choice_starts_the_run_anew_and_drops_the_old_one() {
    type Holds = fn(&Plan) -> bool;
    let choices: [(Action, Holds); 7] = [
        (Action::Revalue(false), |plan| !plan.settings.revalue),
        (Action::Candidates(32), |plan| plan.settings.candidates == 32),
        (Action::Sampler(Sampler::Sde), |plan| plan.settings.sampler.kind == Sampler::Sde),
        (Action::SamplerSteps(7), |plan| plan.settings.sampler.steps == 7),
        (Action::Seed(u64::MAX), |plan| plan.seed == u64::MAX),
        (Action::Start(Some([2.0, 3.0])), |plan| plan.start == Some([2.0, 3.0, 0.0, 0.0])),
        (Action::MoveStart([0.0, 0.1]), |plan| plan.start == Some([3.0, 1.1, 0.0, 0.0])),
    ];
    for (action, holds) in choices {
        let mut state = begun();
        let commands = state.update(Action::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
        let commands = state.update(action.clone());
        let [ToWorker::Begin { generation: 2, plan, .. }] = &told(&commands)[..] else {
            panic!("{action:?} gives {commands:?}")
        };
        assert!(holds(plan), "{action:?} gives {plan:?}");
        // What the old run still sends is ignored.
        let before = state.trace().cloned();
        state.update(Action::Worker(ToPage::Events {
            generation: 1,
            events: events(2, Script::Goal(1)),
            millis: 1.0,
        }));
        assert_eq!(state.trace().cloned(), before);
        answer_begin(&mut state, &commands);
        assert_eq!((state.at, timeline::length(state.trace().unwrap())), (0, 0));
    }
}

#[test]
fn a_choice_that_changes_nothing_does_nothing() {
    let mut state = begun();
    let revalue = state.plan.settings.revalue;
    assert!(idle(&state.update(Action::Revalue(revalue))));
    assert!(idle(&state.update(Action::Start(None))));
}

#[test]
fn ddpm_takes_every_diffusion_step_and_leaving_it_few() {
    let mut state = begun();
    state.update(Action::Sampler(Sampler::Ddpm));
    assert_eq!(state.plan.settings.sampler.steps, 500);
    state.update(Action::Sampler(Sampler::Sde));
    assert_eq!(state.plan.settings.sampler.steps, 10);
}

#[test]
fn a_choice_that_cannot_be_used_is_refused_in_words() {
    let mut state = begun();
    for (action, words) in [
        (Action::Candidates(0), "plan.candidates is 0, expected 1 to 4096"),
        (Action::SamplerSteps(501), "plan.sampler.steps is 501, expected 1 to 500"),
        (Action::Invalid("Seed is 'x'".into()), "Seed is 'x'"),
    ] {
        let plan = state.plan.clone();
        assert!(idle(&state.update(action)));
        assert!(errors(&state).iter().any(|text| text.contains(words)), "{:?}", state.notices);
        assert_eq!(state.plan, plan);
    }
    let count = state.notices.len();
    state.update(Action::Dismiss(0));
    assert_eq!(state.notices.len(), count - 1);
    state.update(Action::Dismiss(99));
    // A choice that works puts the errors away.
    state.update(Action::Candidates(8));
    assert!(errors(&state).is_empty());
}

#[test]
fn a_start_inside_a_wall_moves_to_where_the_ball_fits() {
    let mut state = begun();
    state.update(Action::Start(Some([-5.0, 2.0])));
    let [x, y, ..] = state.plan.start.unwrap();
    assert!(task().maze.layout().contains_free(x, y));
    assert_eq!(state.start(), [x, y]);
    // At a wall the arrow keys go no further.
    let mut state = begun();
    for _ in 0..20 {
        state.update(Action::MoveStart([0.1, 0.0]));
    }
    let [x, y] = state.start();
    assert!(task().maze.layout().contains_free(x, y) && x < 3.3, "{x} {y}");
}

#[test]
fn restarting_begins_the_same_plan_again() {
    let mut state = begun();
    let commands = state.update(Action::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    let commands = state.update(Action::Restart);
    assert_eq!(
        told(&commands),
        [ToWorker::Begin { generation: 2, lane: Lane::Main, plan: state.plan.clone() }]
    );
}

#[test]
fn a_recording_is_alive_until_the_same_run_is_computed() {
    let recording = trace(&EPISODE);
    let mut state = launch("").0;
    state.update(Action::Recorded(Ok(recording.clone())));
    assert_eq!(describe::badge(&state), "replayed (recorded)");
    assert!(state.playing);
    for _ in 0..12 {
        state.update(Action::Tick(0.2));
    }
    let at = state.at;
    assert!(at > 8, "{at}");
    // The weights arrive: the recorded run is computed behind the recording, and takes its place.
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((plan.seed, plan.settings, plan.start), (recording.seed, recording.settings, None));
    let commands = answer_begin(&mut state, &commands);
    assert_eq!((describe::badge(&state).as_str(), state.at), ("replayed (recorded)", at));
    serve(&mut state, commands, &EPISODE);
    assert_eq!(describe::badge(&state), "computed on CPU");
    assert_eq!((state.at, state.playing), (at, true));
}

#[test]
fn weights_that_come_before_the_recording_wait_for_it() {
    for recording in [Ok(trace(&EPISODE)), Err("it could not be fetched".to_owned())] {
        let seed = recording.as_ref().map_or(0, |trace| trace.seed);
        let mut state = launch_before_recording("").0;
        assert_eq!(ready_on(&mut state, DeviceInfo::cpu(None)), []);
        let commands = state.update(Action::Recorded(recording));
        let [ToWorker::Begin { generation: 1, plan, .. }] = &told(&commands)[..] else {
            panic!("{commands:?}")
        };
        assert_eq!(plan.seed, seed);
        answer_begin(&mut state, &commands);
    }
}

#[test]
fn whoever_asks_for_a_run_does_not_wait_for_the_recording() {
    let mut state = launch_before_recording("").0;
    ready_on(&mut state, DeviceInfo::cpu(None));
    let commands = state.update(Action::Seed(99));
    assert!(matches!(&told(&commands)[..], [ToWorker::Begin { plan, .. }] if plan.seed == 99));
    assert_eq!(state.update(Action::Recorded(Ok(trace(&EPISODE)))), []);
    assert!(state.trace().is_none());
}

#[test]
fn a_recording_does_not_displace_a_run() {
    let mut state = begun();
    state.update(Action::Recorded(Ok(trace(&EPISODE))));
    assert!(matches!(state.shown.as_ref().unwrap().source, Source::Computed(_)));
    let mut state = launch("").0;
    state.update(Action::Recorded(Err("it is damaged".into())));
    assert!(state.trace().is_none());
    assert!(state.notices[0].text.contains("it is damaged"));
    let mut foreign = trace(&EPISODE);
    foreign.task = "maze2d-huge-v1".into();
    state.update(Action::Recorded(Ok(foreign)));
    assert!(state.trace().is_none());
    assert!(state.notices[1].text.contains("maze2d-huge-v1"));
}

#[test]
fn a_choice_made_over_a_recording_waits_for_the_weights() {
    let mut state = launch("").0;
    state.update(Action::Recorded(Ok(trace(&EPISODE))));
    assert!(idle(&state.update(Action::Seed(99))));
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.seed, 99);
    answer_begin(&mut state, &commands);
    assert_eq!(describe::badge(&state), "computed on CPU");
}

/// The link to a moment of an episode.
fn link_to(trace: &Trace, hash: &str, at: usize) -> String {
    let start = trace.start.as_slice().try_into().unwrap();
    share::compose(trace, hash, Some(start), at, None)
}

#[test]
fn copying_gives_the_link_to_what_is_shown() {
    let mut state = begun();
    let commands = state.update(Action::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    let fragment = state.fragment().unwrap();
    assert_eq!(state.update(Action::CopyLink), [Command::Copy(fragment)]);
    state.update(Action::Copied(true));
    assert_eq!(state.copied, Some(true));
}

#[test]
fn a_link_brings_back_run_and_moment() {
    let mut linked = played(&EPISODE);
    linked.settings.candidates = 77;
    let moment = timeline::moment_of_step(&linked, 3);
    let fragment = link_to(&linked, &weights().hash, moment);
    let mut state = launch(&fragment).0;
    assert_eq!(state.plan.settings.candidates, 77);
    // It is there before any weights are.
    assert_eq!(describe::badge(&state), "replayed (from the link)");
    assert_eq!(timeline::step_at(state.trace().unwrap(), state.at), 3);
    assert_eq!(state.fragment().as_deref(), Some(fragment.as_str()));
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    let commands = answer_begin(&mut state, &commands);
    assert!(state.computing());
    serve(&mut state, commands, &EPISODE);
    assert_eq!(describe::agreement(&state).unwrap(), "recomputed: 3 of 3 decisions agree");
    assert_eq!(timeline::step_at(state.trace().unwrap(), state.at), 3);
    assert!(!state.playing && !state.computing() && state.notices.is_empty());
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
    assert!(state.can_show_recomputed() && !state.computing());
    state.update(Action::ShowRecomputed);
    assert_eq!(state.trace().unwrap().steps(), 6);
    assert!(describe::badge(&state).starts_with("computed") && !state.can_show_recomputed());
}

#[test]
fn a_link_opened_in_the_running_page_replaces_the_run() {
    let mut state = begun();
    let mut linked = played(&EPISODE);
    linked.seed = 1234;
    let commands = state.update(Action::Fragment(link_to(&linked, "", 8)));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.seed, 1234);
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands, &EPISODE);
    assert_eq!(timeline::step_at(state.trace().unwrap(), state.at), 2);
    // A choice leaves the link behind.
    state.update(Action::Seed(5));
    assert!(describe::agreement(&state).is_none());
}

#[test]
fn bad_links_say_so_and_the_page_goes_on() {
    for (fragment, words) in [("v1.garbage", "damaged"), ("v99.AAAA", "version 99"), ("x", "damaged")] {
        let mut state = launch(fragment).0;
        assert!(errors(&state)[0].contains(words), "{:?}", state.notices);
        let commands = ready_on(&mut state, DeviceInfo::cpu(None));
        answer_begin(&mut state, &commands);
        assert_eq!(state.plan.settings, settings());
        assert!(state.trace().is_some());
    }
    let mut state = begun();
    assert!(idle(&state.update(Action::Fragment("v1.garbage".into()))));
    assert!(idle(&state.update(Action::Fragment(String::new()))));
    assert_eq!(errors(&state).len(), 1);
}

#[test]
fn a_link_for_another_task_or_other_weights_says_so() {
    let linked = played(&EPISODE);
    let mut state = launch(&link_to(&linked, "0000000000000000", 0)).0;
    ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(state.notices[0].text.contains("other weights") && state.opened.is_some());

    let mut linked = played(&[Script::Dropped(2)]);
    linked.task = "maze2d-large-v1".into();
    let mut state = launch(&link_to(&linked, "", 0)).0;
    ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(state.notices[0].text.contains("maze2d-large-v1"), "{:?}", state.notices);
    assert_eq!(describe::badge(&state), "replayed (from the link)");
}

#[test]
fn settings_of_a_link_that_the_weights_cannot_use_are_refused() {
    let mut linked = played(&EPISODE);
    linked.settings.sampler.steps = 900;
    let mut state = launch(&link_to(&linked, "", 0)).0;
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    assert!(errors(&state)[0].contains("plan.sampler.steps is 900"), "{:?}", state.notices);
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.settings, settings());
}

#[test]
fn weights_that_do_not_come_leave_the_recording_playing() {
    let mut state = launch("").0;
    state.update(Action::Recorded(Ok(trace(&EPISODE))));
    let message = "The weights are not there: weights.safetensors answered 404 Not Found.";
    let failed = ToPage::Failed { failure: Failure::Weights, generation: None, message: message.into() };
    assert!(idle(&state.update(Action::Worker(failed))));
    assert_eq!(errors(&state), [message]);
    state.update(Action::Tick(0.25));
    assert!(state.playing && state.at > 0);
    let commands = state.update(Action::Retry);
    assert!(matches!(commands[..], [Command::StartWorker { .. }]));
    assert!(errors(&state).is_empty());
}

#[test]
fn a_lost_device_is_replaced_by_the_cpu_for_the_same_run() {
    for action in [
        Action::Worker(ToPage::Failed {
            failure: Failure::DeviceLost,
            generation: None,
            message: "destroyed".into(),
        }),
        Action::Worker(ToPage::Failed {
            failure: Failure::Compute,
            generation: Some(1),
            message: "destroyed".into(),
        }),
        Action::WorkerBroken("destroyed".into()),
    ] {
        let mut state = launch("").0;
        let commands = ready_on(&mut state, gpu());
        answer_begin(&mut state, &commands);
        let commands = state.update(Action::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
        let (at, plan) = (state.at, state.plan.clone());

        let commands = state.update(action);
        assert_eq!(
            commands,
            [Command::StartWorker { bundle: "weights.safetensors".into(), backend: Backend::Cpu }]
        );
        assert!(state.notices[0].text.contains("destroyed") && state.notices[0].text.contains("CPU"));
        assert_eq!(describe::badge(&state), "computed on WebGPU");

        let commands = ready_on(&mut state, DeviceInfo::cpu(None));
        let [ToWorker::Begin { plan: again, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
        assert_eq!(again, &plan);
        let commands = answer_begin(&mut state, &commands);
        serve(&mut state, commands, &EPISODE);
        assert_eq!((describe::badge(&state).as_str(), state.at), ("computed on CPU", at));
        assert_eq!(state.backend, Backend::Cpu);
    }
}

#[test]
fn a_failure_on_the_cpu_is_told_and_can_be_retried() {
    let mut state = begun();
    state.update(Action::Forward(Unit::Decision));
    let failed =
        ToPage::Failed { failure: Failure::Compute, generation: Some(1), message: "q is not finite".into() };
    assert!(idle(&state.update(Action::Worker(failed.clone()))));
    assert!(errors(&state)[0].contains("q is not finite"));
    assert!(!state.computing() && matches!(state.worker, Worker::Failed(_)));
    assert!(matches!(state.update(Action::Retry)[..], [Command::StartWorker { .. }]));
    // A failure of a run that is no longer wanted is no news.
    let mut state = begun();
    state.update(Action::Restart);
    assert!(idle(&state.update(Action::Worker(failed))));
    assert!(errors(&state).is_empty());
}

#[test]
fn a_run_that_cannot_begin_says_why() {
    let mut state = begun();
    let commands = state.update(Action::Seed(3));
    let [ToWorker::Begin { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    state.update(Action::Worker(ToPage::Failed {
        failure: Failure::Run,
        generation: Some(generation),
        message: "plan.candidates is 0".into(),
    }));
    assert!(errors(&state)[0].contains("plan.candidates is 0"));
    assert!(!state.computing() && state.ready().is_some());
}

#[test]
fn choosing_a_device_starts_a_worker_and_keeps_the_run() {
    let mut state = begun();
    let commands = state.update(Action::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    let commands = state.update(Action::Backend(Backend::Webgpu));
    assert!(matches!(commands[..], [Command::StartWorker { backend: Backend::Webgpu, .. }]));
    assert!(idle(&state.update(Action::Backend(Backend::Webgpu))));
    let note = "WebGPU was asked for, but this browser has none. The CPU is used instead.";
    let commands = ready_on(&mut state, DeviceInfo::cpu(Some(note.into())));
    assert_eq!(state.notices, [Notice { level: Level::Warning, text: note.into() }]);
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands, &EPISODE);
    assert_eq!(state.at, 8);
}

#[test]
fn help_opens_and_closes() {
    let mut state = begun();
    state.update(Action::Help(true));
    assert!(state.help);
    state.update(Action::Help(false));
    assert!(!state.help);
}

#[test]
fn latency_is_the_mean_over_decisions() {
    let mut state = begun();
    for _ in 0..2 {
        let commands = state.update(Action::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
    }
    assert_eq!(state.latency, Some(4.0));
    assert_eq!(describe::status(&state), "Ready on CPU (Flex, SIMD) · 4 ms per decision");
}

/// Answers what was begun in the other lane.
fn answer_rival(state: &mut State, commands: &[Command]) -> Vec<Command> {
    let generation = told(commands)
        .into_iter()
        .find_map(|message| match message {
            ToWorker::Begin { generation, lane: Lane::Rival, .. } => Some(generation),
            _ => None,
        })
        .expect("another run begins");
    state.update(Action::Worker(ToPage::Begun { generation, start: START.to_vec() }))
}

/// Plays the worker for the other run.
fn serve_rival(state: &mut State, mut commands: Vec<Command>, script: &[Script]) {
    for (index, &one) in script.iter().enumerate() {
        let asked = told(&commands).into_iter().find_map(|message| match message {
            ToWorker::Advance { generation, unit: Unit::Decision } => Some(generation),
            _ => None,
        });
        let generation = asked.unwrap_or_else(|| panic!("decision {index} is asked for: {commands:?}"));
        let t = state.rival.as_ref().unwrap().trace.as_ref().unwrap().steps();
        state.update(Action::Worker(ToPage::Events { generation, events: events(t, one), millis: 1.0 }));
        commands = state.update(Action::Worker(ToPage::Idle { generation }));
    }
    assert_eq!(told(&commands), []);
}

/// A page with a whole run on display.
fn finished() -> State {
    let mut state = begun();
    for _ in 0..3 {
        let commands = state.update(Action::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
    }
    state
}

#[test]
fn another_run_is_computed_beside_the_first_and_compared() {
    let mut state = finished();
    let before = state.trace().cloned();
    let commands = state.update(Action::Compare(Some(Versus::Revaluation)));
    let [ToWorker::Begin { lane: Lane::Rival, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    assert!(!plan.settings.revalue && plan.seed == state.plan.seed);
    let commands = answer_rival(&mut state, &commands);
    assert!(state.computing());
    serve_rival(&mut state, commands, &[Script::Completed(4), Script::Goal(8)]);
    assert_eq!(state.trace().cloned(), before);
    assert!(!state.computing());
    let words = describe::difference(&state);
    assert!(words.contains("this run is 7 steps faster"), "{words}");
    // In step with the cursor: the same environment step, and at the end the end.
    let glance = |state: &State| {
        let (trace, moment) = state.rival.as_ref().unwrap().glance(state.trace().unwrap(), state.at).unwrap();
        timeline::step_at(trace, moment)
    };
    assert_eq!(glance(&state), 12);
    state.update(Action::SeekStep(3));
    assert_eq!(glance(&state), 3);
    // The link brings both.
    let link = share::parse(&state.fragment().unwrap()).unwrap().unwrap();
    assert!(!share::other(&link, None).unwrap().settings.revalue);
    let commands = state.update(Action::Compare(None));
    assert_eq!(told(&commands), [ToWorker::Drop { lane: Lane::Rival }]);
    assert!(state.rival.is_none());
}

#[test]
fn comparing_with_the_same_is_refused() {
    let mut state = finished();
    let same = state.plan.settings.candidates;
    assert_eq!(told(&state.update(Action::Compare(Some(Versus::Candidates(same))))), []);
    assert!(state.rival.is_none() && state.notices[0].text.contains("the same"));
}

#[test]
fn a_dropped_plan_is_followed_in_the_other_run() {
    let mut state = finished();
    state.update(Action::Home);
    state.update(Action::NextRevaluation);
    let commands = state.update(Action::Compare(Some(Versus::WhatIf { decision: 0 })));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.scenario.interventions, [Intervention { decision: 0, kind: InterventionKind::Keep }]);
    assert!(state.plan.scenario.interventions.is_empty());
    assert_eq!(state.at, timeline::made(state.trace().unwrap(), 0));
    // It is about this run: another one ends it, while another number of candidates would go on being compared with.
    state.update(Action::Seed(8));
    assert!(state.rival.is_none());
    let mut state = finished();
    state.update(Action::Compare(Some(Versus::Candidates(9))));
    state.update(Action::Seed(8));
    assert_eq!(
        state.rival.as_ref().map(|rival| (rival.plan.seed, rival.plan.settings.candidates)),
        Some((8, 9))
    );
}

#[test]
fn taking_another_plan_keeps_what_came_before_and_the_run_it_would_have_been() {
    let mut state = finished();
    state.update(Action::Home);
    state.update(Action::Forward(Unit::Decision));
    let moment = timeline::made(state.trace().unwrap(), 1);
    state.update(Action::Seek(moment));
    let commands = state.update(Action::Take(2));
    let [ToWorker::Begin { lane: Lane::Main, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    let taken = Intervention { decision: 1, kind: InterventionKind::Take { candidate: 2 } };
    assert_eq!(plan.scenario.interventions, [taken]);
    // The old run stays on display until the new one has come as far.
    assert_eq!(state.at, moment);
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands.clone(), &EPISODE);
    assert_eq!(state.at, moment);
    assert!(state.rival.as_ref().is_some_and(|rival| rival.plan.scenario.interventions.is_empty()));
    let commands = state.update(Action::Undo);
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert!(plan.scenario.interventions.is_empty());
}

#[test]
fn the_goal_and_walls_move_and_come_back() {
    let mut state = finished();
    let commands = state.update(Action::Goal([3.0, 1.0]));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.scenario.world.goal, Some([3.0, 1.0]));
    answer_begin(&mut state, &commands);
    assert!(state.critic_misled() && describe::world_warning(&state).unwrap().contains("goal has moved"));
    state.update(Action::ToggleWall((2, 2)));
    assert_eq!(state.plan.scenario.world.toggled, [(2, 2)]);
    // A wall around the goal, and a border cell: refused, and nothing is lost.
    for cell in [(3, 1), (0, 0), (900, 2)] {
        state.update(Action::ToggleWall(cell));
        assert_eq!(state.plan.scenario.world.toggled, [(2, 2)], "{cell:?}");
    }
    assert_eq!(errors(&state).len(), 2);
    // The start is not left inside a wall.
    state.update(Action::Start(Some([1.0, 3.0])));
    state.update(Action::ToggleWall((1, 3)));
    let [x, y, ..] = state.plan.start.unwrap();
    assert!(state.plan.scenario.world.layout(task().maze).unwrap().contains_free(x, y), "{x} {y}");
    state.update(Action::ResetWorld);
    assert!(state.plan.scenario.world.is_original());
    for _ in 0..20 {
        state.update(Action::Undo);
    }
    assert!(state.plan.scenario.world.is_original() && !state.can_undo());
}

#[test]
fn a_critic_is_taught_used_and_given_back() {
    let mut state = finished();
    let commands = state.update(Action::Goal([3.0, 1.0]));
    answer_begin(&mut state, &commands);
    let commands = state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: false });
    let [Command::StartTrainer(ToTrainer { bundle, from, windows, lesson, world })] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((bundle.as_str(), windows.as_str()), ("weights.safetensors", "weights.windows"));
    assert_eq!(*from, weights().hash);
    assert_eq!((lesson.goal, world.goal), ([3.0, 1.0], Some([3.0, 1.0])));
    for (step, losses) in [(1, None), (2, Some([0.5, 2.0])), (3, Some([0.25, 1.0]))] {
        state.update(Action::Trainer(FromTrainer::Learning { step, total: 3, losses }));
    }
    assert_eq!(state.learning.as_ref().unwrap().losses, [[0.5, 2.0], [0.25, 1.0]]);
    // Meanwhile decisions go on with the old critic.
    assert!(state.critic_misled());
    let commands = state.update(Action::Trainer(FromTrainer::Learned {
        from: weights().hash,
        bundle: vec![7; 3],
        seconds: 9.0,
    }));
    assert!(commands.contains(&Command::EndTrainer));
    let critic = ToWorker::Critic { bundle: vec![7; 3] };
    let [first, ToWorker::Begin { .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(*first, critic, "the run begins anew, with the new critic");
    assert!(state.learning.is_none() && !state.critic_misled());
    // A new worker is taught it as well.
    state.update(Action::Backend(Backend::Webgpu));
    let commands = ready_on(&mut state, gpu());
    assert!(told(&commands).contains(&critic));
    let commands = state.update(Action::Unlearn);
    assert!(matches!(&told(&commands)[..], [ToWorker::Unlearn, ToWorker::Begin { .. }]), "{commands:?}");
    assert!(state.critic_misled());
    // Stopped on the way, or broken down, nothing changes.
    state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: true });
    let commands = state.update(Action::Stop);
    assert_eq!(commands, [Command::EndTrainer, Command::Send(ToWorker::Field)]);
    assert_eq!((state.learning.clone(), state.critic), (None, Critic::Shipped));
    state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: true });
    state.update(Action::Trainer(FromTrainer::Failed { message: "no windows".into() }));
    assert_eq!((state.learning.clone(), errors(&state)), (None, vec!["no windows"]));
    // A file of the user's brings no windows.
    state.update(Action::Weights("blob:x".into()));
    ready_on(&mut state, DeviceInfo::cpu(None));
    state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: true });
    assert!(state.learning.is_none() && errors(&state).last().unwrap().contains("come with the page"));
}

#[test]
fn a_scoreboard_takes_what_comes_until_it_is_stopped() {
    let mut state = finished();
    let commands = state.update(Action::Score(48));
    let [ToWorker::Score { ticket, episodes: 48, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    let contacts = [vec![Some(50), None], vec![Some(60), Some(300)]];
    state.update(Action::Worker(ToPage::Scored { ticket, contacts, done: false }));
    let board = state.scoreboard.clone().unwrap();
    assert_eq!((board.reached(0), board.reached(1)), ((1, 2), (2, 2)));
    let gains = board.gains(task());
    let expected = [task().normalise(250.0) - task().normalise(240.0), 0.0];
    assert!(gains.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{gains:?}");
    assert_eq!(told(&state.update(Action::Stop)), [ToWorker::Stop]);
    assert!(state.scoreboard.as_ref().unwrap().done);
}

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
    let commands = state.update(Action::Home);
    assert_eq!(asks(&commands), 0, "the last decision's question is not answered yet");
    let answer = |state: &mut State, ticket: u32| {
        let ways = vec![vec![[0.0, 0.0], [1.0, 1.0]]; 3];
        state.update(Action::Worker(ToPage::Imagined { ticket, ways, values: vec![1.0, 2.0, 3.0] }))
    };
    // The answer to the question about the last decision comes when the cursor is elsewhere.
    let late = answer(&mut state, 1);
    assert!(state.insight.ways.is_none());
    let commands = if asks(&late) == 1 { late } else { state.update(Action::Forward(Unit::Part)) };
    answer(&mut state, ticket(&commands).unwrap());
    assert_eq!(state.insight.ways.as_ref().map(|ways| ways.len()), Some(3));
    assert_eq!(asks(&state.update(Action::Forward(Unit::Part))), 0, "it is known now");
    // Scrubbing the denoising asks for every step of it, once.
    let commands = state.update(Action::Denoise(Some(0)));
    let ticket = ticket(&commands).unwrap();
    let trail = Trail {
        latents: vec![vec![vec![0.0; 2]; 3]; 6],
        ends: vec![vec![[0.0; 2]; 3]; 6],
        q: vec![vec![0.0; 3]; 6],
    };
    assert_eq!(state.update(Action::Worker(ToPage::Denoised { ticket, trail })), []);
    state.update(Action::Denoise(Some(99)));
    assert_eq!(state.insight.step, Some(5));
}

#[test]
fn webgpu_takes_over_where_it_is_faster() {
    for (cpu, gpu_millis, adopted) in [(9.0, 2.0, true), (9.0, 40.0, false)] {
        let mut state = finished();
        let commands = state.update(Action::Adapter);
        assert!(commands.contains(&Command::StartTrial { bundle: "weights.safetensors".into() }));
        let commands = state.update(Action::Trial(Some(ToPage::Ready { device: gpu(), weights: weights() })));
        assert!(matches!(
            &commands[..2],
            [Command::SendTrial(ToWorker::Measure { .. }), Command::Send(ToWorker::Measure { .. })]
        ));
        state.update(Action::Trial(Some(measured(gpu_millis))));
        let at = state.at;
        let commands = state.update(Action::Worker(measured(cpu)));
        assert_eq!(commands.contains(&Command::AdoptTrial), adopted, "{commands:?}");
        assert_eq!(commands.contains(&Command::EndTrial), !adopted);
        assert!(state.notices.last().unwrap().text.contains("9.0 ms"));
        if adopted {
            // The run on display goes on where it was.
            let commands = answer_begin(&mut state, &commands);
            serve(&mut state, commands, &EPISODE);
            assert_eq!((describe::badge(&state).as_str(), state.at), ("computed on WebGPU", at));
        }
        // Once is enough.
        assert!(state.trial.is_none());
    }
    // Whoever chose a device keeps it, and a trial that fails is no news.
    let mut state = finished();
    state.backend = Backend::Cpu;
    assert!(idle(&state.update(Action::Adapter)));
    let mut state = finished();
    state.update(Action::Adapter);
    assert_eq!(state.update(Action::Trial(None)), [Command::EndTrial]);
    assert!(state.notices.is_empty());
}

#[test]
fn the_tour_moves_the_cursor_and_ends() {
    let mut state = finished();
    for step in 0..crate::story::STEPS.len() {
        state.update(Action::Tour(Some(step)));
        assert_eq!(state.tour, Some(step));
    }
    state.update(Action::Tour(Some(5)));
    assert_eq!(state.at, timeline::revaluations(state.trace().unwrap())[0]);
    state.update(Action::Tour(None));
    assert_eq!(state.tour, None);
    state.update(Action::Fragment("tour=2".into()));
    assert_eq!(state.tour, Some(1));
    state.update(Action::Tour(Some(99)));
    assert_eq!(state.tour, None);
}

#[test]
fn the_theme_is_the_systems_until_one_is_chosen() {
    let mut state = begun();
    assert_eq!(state.ground(), Ground::Light);
    state.update(Action::SystemDark(true));
    assert_eq!(state.ground(), Ground::Dark);
    assert!(state.update(Action::Theme(Theme::Light)).contains(&Command::RememberTheme(Theme::Light)));
    assert_eq!(state.ground(), Ground::Light);
}
