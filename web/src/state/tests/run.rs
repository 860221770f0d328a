//! The run: choices, decisions in the agent's place.

use super::*;

#[test]
fn a_launch_starts_a_worker_with_the_weights_asked_for() {
    let (state, commands) =
        State::new(Launch { bundle: "other.safetensors".into(), backend: Backend::Cpu, ..Launch::default() });
    assert_eq!(
        commands,
        [Command::StartWorker { bundle: "other.safetensors".into(), backend: Backend::Cpu }]
    );
    assert_eq!(
        (state.deciding.worker().clone(), state.cursor.at(), state.cursor.playing()),
        (Worker::Starting, 0, false)
    );
    assert!(state.view.notices().is_empty());
    assert_eq!(describe::badge(&state), "nothing computed yet");
}

#[test]
fn loading_shows_bytes_then_readiness() {
    let mut state = launch("").0;
    state.update(DecidingAction::Heard(ToPage::Progress { loaded: 150_000.0, total: Some(600_000.0) }));
    assert_eq!(describe::status(&state), "Loading weights: 150 kB of 600 kB");
    assert_eq!(describe::progress(&state), Some(0.25));
    state.update(DecidingAction::Heard(ToPage::Progress { loaded: 150_000.0, total: None }));
    assert_eq!(describe::status(&state), "Loading weights: 150 kB");
    state.update(DecidingAction::Heard(ToPage::Preparing { device: gpu() }));
    assert!(describe::status(&state).starts_with("Compiling kernels for WebGPU"));
    let commands = ready_on(&mut state, gpu());
    assert!(matches!(told(&commands)[..], [ToWorker::Begin { generation: 1, .. }]));
    answer_begin(&mut state, &commands);
    assert_eq!(describe::badge(&state), "computed on WebGPU");
}

#[test]
fn a_choice_starts_the_run_anew_and_drops_the_old_one() {
    type Holds = fn(&Plan) -> bool;
    let choices: [(RunAction, Holds); 7] = [
        (RunAction::Revalue(false), |plan| !plan.run.settings.plan().unwrap().revalue),
        (RunAction::Candidates(32), |plan| plan.run.settings.plan().unwrap().candidates == 32),
        (RunAction::Sampler(Sampler::Sde), |plan| {
            plan.run.settings.plan().unwrap().sampler.kind == Sampler::Sde
        }),
        (RunAction::SamplerSteps(7), |plan| plan.run.settings.plan().unwrap().sampler.steps == 7),
        (RunAction::Seed(u64::MAX), |plan| plan.run.seed == u64::MAX),
        (RunAction::Start(Some([2.0, 3.0])), |plan| plan.run.start == Some(vec![2.0, 3.0, 0.0, 0.0])),
        (RunAction::MoveStart([0.0, 0.1]), |plan| plan.run.start == Some(vec![3.0, 1.1, 0.0, 0.0])),
    ];
    for (action, holds) in choices {
        let mut state = begun();
        let commands = state.update(CursorAction::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
        let commands = state.update(action.clone());
        let [ToWorker::Begin { generation: 2, plan, .. }] = &told(&commands)[..] else {
            panic!("{action:?} gives {commands:?}")
        };
        assert!(holds(plan), "{action:?} gives {plan:?}");
        // What the old run still sends is ignored.
        let before = state.trace().cloned();
        state.update(DecidingAction::Heard(ToPage::Events {
            generation: 1,
            events: events(2, Script::Goal(1)),
            millis: 1.0,
        }));
        assert_eq!(state.trace().cloned(), before);
        answer_begin(&mut state, &commands);
        assert_eq!((state.cursor.at(), timeline::length(state.trace().unwrap())), (0, 0));
    }
}

#[test]
fn a_choice_that_changes_nothing_does_nothing() {
    let mut state = begun();
    let revalue = state.run.plan().run.settings.plan().unwrap().revalue;
    assert!(idle(&state.update(RunAction::Revalue(revalue))));
    assert!(idle(&state.update(RunAction::Start(None))));
}

#[test]
fn ddpm_takes_every_diffusion_step_and_leaving_it_few() {
    let mut state = begun();
    state.update(RunAction::Sampler(Sampler::Ddpm));
    assert_eq!(state.run.plan().run.settings.plan().unwrap().sampler.steps, 500);
    state.update(RunAction::Sampler(Sampler::Sde));
    assert_eq!(state.run.plan().run.settings.plan().unwrap().sampler.steps, 10);
}

#[test]
fn a_choice_that_cannot_be_used_is_refused_in_words() {
    let mut state = begun();
    for (action, words) in [
        (Action::from(RunAction::Candidates(0)), "plan.candidates is 0, expected 1 to 4096"),
        (RunAction::SamplerSteps(501).into(), "plan.sampler.steps is 501, expected 1 to 500"),
        (ViewAction::Invalid("Seed is 'x'".into()).into(), "Seed is 'x'"),
    ] {
        let plan = state.run.plan().clone();
        assert!(idle(&state.update(action)));
        assert!(errors(&state).iter().any(|text| text.contains(words)), "{:?}", state.view.notices());
        assert_eq!(*state.run.plan(), plan);
    }
    let count = state.view.notices().len();
    state.update(ViewAction::Dismiss(0));
    assert_eq!(state.view.notices().len(), count - 1);
    state.update(ViewAction::Dismiss(99));
    // A choice that works puts the errors away.
    state.update(RunAction::Candidates(8));
    assert!(errors(&state).is_empty());
}

#[test]
fn a_start_inside_a_wall_moves_to_where_the_ball_fits() {
    let mut state = begun();
    state.update(RunAction::Start(Some([-5.0, 2.0])));
    let Some(&[x, y, ..]) = state.run.plan().run.start.as_deref() else { panic!("a start was chosen") };
    assert!(task().maze().layout().contains_free(x, y));
    assert_eq!(state.start(), [x, y]);
    // At a wall the arrow keys go no further.
    let mut state = begun();
    for _ in 0..20 {
        state.update(RunAction::MoveStart([0.1, 0.0]));
    }
    let [x, y] = state.start();
    assert!(task().maze().layout().contains_free(x, y) && x < 3.3, "{x} {y}");
}

#[test]
fn restarting_begins_the_same_plan_again() {
    let mut state = begun();
    let commands = state.update(CursorAction::Forward(Unit::Decision));
    serve(&mut state, commands, &EPISODE);
    let commands = state.update(RunAction::Restart);
    assert_eq!(
        told(&commands),
        [ToWorker::Begin { generation: 2, lane: Lane::Main, plan: state.run.plan().clone() }]
    );
}

#[test]
fn a_run_that_cannot_begin_says_why() {
    let mut state = begun();
    let commands = state.update(RunAction::Seed(3));
    let [ToWorker::Begin { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    state.update(DecidingAction::Heard(ToPage::Failed {
        failure: Failure::Run,
        generation: Some(generation),
        message: "plan.candidates is 0".into(),
    }));
    assert!(errors(&state)[0].contains("plan.candidates is 0"));
    assert!(!state.computing() && state.ready().is_some());
}

#[test]
fn latency_is_the_mean_over_decisions() {
    let mut state = begun();
    for _ in 0..2 {
        let commands = state.update(CursorAction::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
    }
    assert_eq!(state.run.latency(), Some(4.0));
    assert_eq!(describe::status(&state), "Ready on CPU (Flex, SIMD) · 4 ms per decision");
}

#[test]
fn taking_another_plan_keeps_what_came_before_and_the_run_it_would_have_been() {
    let mut state = finished();
    state.update(CursorAction::Home);
    state.update(CursorAction::Forward(Unit::Decision));
    let moment = timeline::made(state.trace().unwrap(), 1);
    state.update(CursorAction::Seek(moment));
    let commands = state.update(RunAction::Take(2));
    let [ToWorker::Begin { lane: Lane::Main, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    let taken = Intervention { decision: 1, kind: InterventionKind::Take { candidate: 2 } };
    assert_eq!(plan.run.scenario.interventions, [taken]);
    // The old run stays on display until the new one has come as far.
    assert_eq!(state.cursor.at(), moment);
    let commands = answer_begin(&mut state, &commands);
    serve(&mut state, commands.clone(), &EPISODE);
    assert_eq!(state.cursor.at(), moment);
    assert!(
        state.comparison.run().as_ref().is_some_and(|other| other
            .plan()
            .run
            .scenario
            .interventions
            .is_empty())
    );
    let commands = state.update(RunAction::Undo);
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert!(plan.run.scenario.interventions.is_empty());
}
