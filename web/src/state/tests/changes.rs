//! A change while work is under way: of weights, of the device.

use super::*;

/// Other weights, of another maze.
fn others() -> Weights {
    Weights { task: "maze2d-large-v1".into(), hash: "9999999999999999999999".into(), ..weights() }
}

fn loaded(state: &mut State, weights: Weights) -> Vec<Command> {
    state.update(Action::Worker(ToPage::Ready { device: DeviceInfo::cpu(None), weights }))
}

#[test]
fn a_trial_of_webgpu_ends_with_the_worker_beside_which_it_was_made() {
    for (change, next) in [
        (Action::Weights("other.safetensors".into()), others()),
        (Action::Backend(Backend::Cpu), weights()),
        (Action::Backend(Backend::Webgpu), weights()),
    ] {
        let mut state = finished();
        state.update(Action::Adapter);
        let commands = state.update(change.clone());
        assert!(commands.contains(&Command::EndTrial), "{change:?}: {commands:?}");
        loaded(&mut state, next);
        // What the trial still says comes too late.
        let late = [
            Action::Trial(Some(ToPage::Ready { device: gpu(), weights: weights() })),
            Action::Trial(Some(measured(1.0))),
            Action::Worker(measured(9.0)),
        ];
        for message in late {
            let commands = state.update(message);
            assert!(!commands.contains(&Command::AdoptTrial), "{change:?}: {commands:?}");
        }
        assert!(state.ready().is_some_and(|(device, _)| !device.webgpu), "{change:?}");
    }
}

#[test]
fn a_trial_that_was_interrupted_begins_again_with_the_new_weights() {
    let mut state = finished();
    state.update(Action::Adapter);
    state.update(Action::Weights("other.safetensors".into()));
    let commands = loaded(&mut state, others());
    assert!(commands.contains(&Command::StartTrial { bundle: "other.safetensors".into() }), "{commands:?}");
}

#[test]
fn a_trial_with_other_weights_than_those_on_the_page_is_not_adopted() {
    let mut state = finished();
    state.update(Action::Adapter);
    let commands = state.update(Action::Trial(Some(ToPage::Ready { device: gpu(), weights: others() })));
    assert!(commands.contains(&Command::EndTrial) && state.trial.is_none(), "{commands:?}");

    let mut state = finished();
    state.update(Action::Adapter);
    state.update(Action::Trial(Some(ToPage::Ready { device: gpu(), weights: weights() })));
    state.update(Action::Trial(Some(measured(1.0))));
    let foreign = ToPage::Measured { loaded: others().hash, millis: 9.0 };
    assert!(!state.update(Action::Worker(foreign)).contains(&Command::AdoptTrial));
}

#[test]
fn training_ends_with_the_weights_that_it_began_from() {
    let mut state = finished();
    state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: false });
    let commands = state.update(Action::Weights("other.safetensors".into()));
    assert!(commands.contains(&Command::EndTrainer) && state.learning.is_none(), "{commands:?}");
    loaded(&mut state, others());
    let learned = FromTrainer::Learned { from: weights().hash, bundle: vec![7; 3], seconds: 9.0 };
    let commands = state.update(Action::Trainer(learned));
    assert!(
        !told(&commands).iter().any(|message| matches!(message, ToWorker::Critic { .. })),
        "{commands:?}"
    );
    assert_eq!(state.critic, Critic::Shipped);
}

#[test]
fn a_critic_of_other_weights_is_not_handed_to_the_worker() {
    let mut state = finished();
    state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: false });
    let learned = FromTrainer::Learned { from: others().hash, bundle: vec![7; 3], seconds: 9.0 };
    let commands = state.update(Action::Trainer(learned));
    assert_eq!(told(&commands), [ToWorker::Field]);
    assert!(errors(&state)[0].contains("other weights"), "{:?}", state.notices);
    assert_eq!((state.critic, state.learning.is_none()), (Critic::Shipped, true));
}

#[test]
fn a_critic_that_the_worker_refuses_is_not_in_use() {
    let mut state = finished();
    state.update(Action::Learn { expectile: 0.9, discount: 0.99, ldcq: false });
    let learned = FromTrainer::Learned { from: weights().hash, bundle: vec![7; 3], seconds: 9.0 };
    state.update(Action::Trainer(learned));
    assert!(matches!(state.critic, Critic::Trained { .. }));
    let message = "The new critic cannot be used: it is damaged.".to_owned();
    let refused = ToPage::Failed { failure: Failure::Critic, generation: None, message };
    let commands = state.update(Action::Worker(refused));
    assert!(matches!(&told(&commands)[..], [ToWorker::Unlearn, ToWorker::Begin { .. }]), "{commands:?}");
    assert_eq!(state.critic, Critic::Shipped);
}

#[test]
fn a_worker_that_fails_ends_the_trial_beside_it() {
    let mut state = finished();
    state.update(Action::Adapter);
    let commands = state.update(Action::WorkerBroken("it ran out of memory".into()));
    assert!(commands.contains(&Command::EndTrial), "{commands:?}");
    assert!(!state.update(Action::Trial(Some(measured(1.0)))).contains(&Command::AdoptTrial));
}
