//! Comparing two bundles.

use diar_core::agent::{ActingSettings, OwnSettings};
use diar_core::link::Link;

use super::*;

const ADDRESS: &str = "https://example.org/other.safetensors?v=2";
const BYTES: [u8; 3] = [1, 2, 3];

/// The address that the page fetches, if any.
fn fetched(commands: &[Command]) -> Option<&str> {
    commands.iter().find_map(|command| match command {
        Command::Fetch { address } => Some(address.as_str()),
        _ => None,
    })
}

fn answer(task: &str, hash: &str) -> DecidingAction {
    read(Ok(Weights { task: task.into(), hash: hash.into(), ..weights() }))
}

fn read(weights: Result<Weights, String>) -> DecidingAction {
    DecidingAction::Heard(ToPage::Second { loaded: super::weights().hash, address: ADDRESS.into(), weights })
}

fn arrive(state: &mut State) -> Vec<Command> {
    let commands = state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(BYTES.to_vec())));
    assert_eq!(told(&commands), [ToWorker::Second { address: ADDRESS.into(), bundle: BYTES.to_vec() }]);
    state.update(answer(task().id(), "fedcba9876543210fedcba"))
}

/// A page that compares its run with one of other weights.
fn compared() -> State {
    let mut state = finished();
    let commands = state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    assert_eq!((fetched(&commands), told(&commands)), (Some(ADDRESS), vec![]));
    let commands = arrive(&mut state);
    let [ToWorker::Begin { lane: Lane::Compared, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    assert_eq!(*plan, Plan { decider: Decider::Second(ADDRESS.into()), ..state.run.plan().clone() });
    let commands = answer_other(&mut state, &commands);
    serve_other(&mut state, commands, &[Script::Completed(4), Script::Goal(8)]);
    state
}

#[test]
fn two_bundles_are_compared_once_the_second_is_here() {
    let state = compared();
    assert!(describe::difference(&state).contains("Other run (the weights other): first contact at step"));
    assert_eq!(state.comparison.second_weights().unwrap().hash, "fedcba9876543210fedcba");
    // It is not fetched twice.
    let mut again = state.clone();
    again.update(ComparisonAction::Choose(None));
    assert!(again.comparison.second_weights().is_none());
    let commands = again.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    assert!(fetched(&commands).is_none());
    assert!(matches!(told(&commands)[..], [ToWorker::Begin { lane: Lane::Compared, .. }]), "{commands:?}");
}

#[test]
fn weights_of_another_method_act_by_their_own_settings() {
    let own: ActingSettings = OwnSettings { method: Method::Iql, act: serde_json::Value::Null }.into();
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(BYTES.to_vec())));
    let other = Weights { method: Method::Iql, settings: own.clone(), diffusion_steps: 0, ..weights() };
    let commands = state.update(read(Ok(Weights { hash: "fedcba9876543210fedcba".into(), ..other })));
    let [ToWorker::Begin { lane: Lane::Compared, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((&plan.run.settings, plan.run.seed), (&own, state.run.plan().run.seed));
    answer_other(&mut state, &commands);
    let other = state.comparison.run().unwrap().trace().unwrap();
    assert!(describe::missing(other).unwrap().contains("IQL has one action for each state"));
    assert!(describe::missing(state.trace().unwrap()).is_none(), "a planner has everything");
    // The link says by which settings the second run was decided.
    let link = Link::decode(&state.fragment().unwrap()).unwrap();
    assert_eq!(link.other.unwrap().settings, own);
}

#[test]
fn an_answer_about_weights_chosen_before_is_not_taken_for_the_new_ones() {
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(BYTES.to_vec())));
    state.update(ComparisonAction::Choose(Some(Versus::Weights("other".into()))));
    let commands = state.update(answer(task().id(), "fedcba9876543210fedcba"));
    assert!(told(&commands).is_empty() && state.comparison.second_weights().is_none());
}

#[test]
fn a_new_worker_is_given_the_other_weights_before_it_plays_them() {
    let mut state = compared();
    state.update(DecidingAction::Backend(Backend::Webgpu));
    let commands = ready_on(&mut state, gpu());
    assert!(
        matches!(&told(&commands)[..], [ToWorker::Second { bundle, .. }, ToWorker::Begin { lane: Lane::Main, .. }] if *bundle == BYTES),
        "{commands:?}"
    );
    let commands = answer_begin(&mut state, &commands);
    let begun = |commands: &[Command]| {
        told(commands).iter().any(|message| matches!(message, ToWorker::Begin { lane: Lane::Compared, .. }))
    };
    assert!(!begun(&commands));
    assert!(begun(&state.update(answer(task().id(), "fedcba9876543210fedcba"))));
}

#[test]
fn weights_that_cannot_be_compared_are_turned_away_and_the_run_stays() {
    let answers: [(Action, &str); 3] = [
        (
            ComparisonAction::Fetched(ADDRESS.into(), Err("404".into())).into(),
            "could not be fetched from https://example.org",
        ),
        (answer("maze2d-large-v1", "00").into(), "are for maze2d-large-v1"),
        (read(Err("it is cut off".into())).into(), "cannot be used: it is cut off"),
    ];
    for (answer, part) in answers {
        let mut state = finished();
        state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
        let before = state.trace().cloned();
        state.update(answer);
        assert!(state.comparison.run().is_none() && state.trace().cloned() == before);
        assert!(errors(&state)[0].contains(part), "{:?}", state.view.notices());
        assert!(!state.computing());
    }
}

#[test]
fn another_run_that_fails_ends_alone() {
    for (failure, words) in [
        (Failure::Run, "The other run cannot begin: DDPM takes"),
        (Failure::Compute, "The other run cannot go on: DDPM takes"),
    ] {
        let mut state = finished();
        state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
        let commands = arrive(&mut state);
        let [ToWorker::Begin { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
        let before = state.trace().cloned();
        let message = "DDPM takes 400 steps".into();
        state.update(DecidingAction::Heard(ToPage::Failed {
            failure,
            generation: Some(generation),
            message,
        }));
        assert!(state.comparison.run().is_none() && state.trace().cloned() == before);
        assert!(errors(&state)[0].contains(words), "{:?}", state.view.notices());
        assert!(!state.computing() && state.ready().is_some());
    }
}

#[test]
fn the_address_of_the_page_can_ask_for_a_comparison() {
    let (mut state, commands) = State::new(Launch {
        bundle: "weights.safetensors".into(),
        other: Some(ADDRESS.into()),
        ..Launch::default()
    });
    assert_eq!(fetched(&commands), Some(ADDRESS));
    state.run.take_recording(None);
    // The other weights may be there first: they wait.
    let commands = state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(BYTES.to_vec())));
    assert_eq!(told(&commands), []);
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    assert_eq!(told(&commands)[0], ToWorker::Second { address: ADDRESS.into(), bundle: BYTES.to_vec() });
    answer_begin(&mut state, &commands);
    let commands = state.update(answer(task().id(), "fedcba9876543210fedcba"));
    let [ToWorker::Begin { lane: Lane::Compared, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    // With the settings that the page's own weights brought.
    assert_eq!(plan.run.settings, settings().into());
}

#[test]
fn a_link_brings_the_comparison_of_two_bundles_and_says_when_the_second_is_another() {
    let link = share::parse(&compared().fragment().unwrap()).unwrap().unwrap();
    assert_eq!(link.other.as_ref().unwrap().bundle, "fedcba9876543210");
    // The same comparison beside a run that the physics allows.
    let plan = Plan { decider: Decider::Second(ADDRESS.into()), ..begun().run.plan().clone() };
    let run = from_there(&played(&EPISODE));
    let other = Some((&plan, "fedcba9876543210fedcba"));
    let fragment = share::compose(&run, &weights().hash, 0, other).unwrap();
    // Without an address, what comes with the page is tried.
    let (mut state, commands) = launch(&fragment);
    assert_eq!(fetched(&commands), Some(format!("weights/{}.ldcq.safetensors", task().id()).as_str()));
    assert_eq!(state.fragment().unwrap(), fragment);
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    answer_begin(&mut state, &commands);
    let weights = Weights { hash: "1111111111111111".into(), ..weights() };
    let address = share::shipped_rival(task().id());
    let loaded = super::weights().hash;
    state.update(DecidingAction::Heard(ToPage::Second { loaded, address, weights: Ok(weights) }));
    assert!(
        state
            .view
            .notices()
            .iter()
            .any(|notice| notice.text.contains("compares with weights that are not here"))
    );

    let (state, commands) = State::new(Launch {
        bundle: "weights.safetensors".into(),
        other: Some(ADDRESS.into()),
        fragment,
        ..Launch::default()
    });
    assert_eq!(fetched(&commands), Some(ADDRESS));
    assert_eq!(*state.comparison.run().unwrap().versus(), Versus::Linked);
}

#[test]
fn a_critic_trained_here_is_compared_with_the_shipped_one() {
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::ShippedCritic)));
    let Some(plan) = state.comparison.run().map(ComparedRun::plan) else {
        panic!("{:?}", state.view.notices())
    };
    assert_eq!(plan.decider, Decider::Shipped);
    // Where there is no other critic, the next run has nothing to be compared with.
    state.update(RunAction::Seed(8));
    assert!(state.comparison.run().is_none());
    state.update(RetrainingAction::Begin { expectile: 0.9, discount: 0.99, ldcq: false });
    state.update(learned(&weights().hash));
    state.update(ComparisonAction::Choose(Some(Versus::ShippedCritic)));
    state.update(RunAction::Seed(9));
    assert_eq!(state.comparison.run().unwrap().plan().run.seed, 9);
}
