//! A change while work is under way: every [`Cause`] against every kind of work. Each test asks for all causes, without
//! a wildcard, so that a new one must be decided on here as well.

mod comparing;
mod questions;
mod runs;

use super::*;

/// Other weights, of another maze.
fn others() -> Weights {
    Weights { task: "maze2d-large-v1".into(), hash: "9999999999999999999999".into(), ..weights() }
}

fn loaded(state: &mut State, weights: Weights) -> Vec<Command> {
    state.update(DecidingAction::Heard(ToPage::Ready { device: DeviceInfo::cpu(None), weights }))
}

fn train(state: &mut State) -> Vec<Command> {
    state.update(RetrainingAction::Begin { expectile: 0.9, discount: 0.99, ldcq: false })
}

/// A link to a run in another maze than that of the weights.
fn foreign_link() -> String {
    let mut linked = played(&[Script::Dropped(2)]);
    linked.task = others().task;
    link_to(&linked, "", 0)
}

/// Does what leads to a cause, as the user or a worker would; with the next worker, where one begins.
fn change(state: &mut State, cause: Cause) -> Vec<Command> {
    let mut commands = Vec::new();
    match cause {
        Cause::Weights => {
            commands.extend(state.update(DecidingAction::Weights("other.safetensors".into())));
            commands.extend(loaded(state, others()));
        }
        Cause::Device => {
            commands.extend(state.update(DecidingAction::Backend(Backend::Webgpu)));
            commands.extend(ready_on(state, gpu()));
        }
        Cause::Failure => commands.extend(state.update(DecidingAction::Broken("out of memory".into()))),
        Cause::Task => {
            commands.extend(state.update(SharingAction::Open(foreign_link())));
            commands.extend(state.update(RunAction::Restart));
        }
        Cause::Critic if state.retraining.critic() != Critic::Shipped => {
            commands.extend(state.update(RetrainingAction::Revert));
        }
        Cause::Critic => {
            if state.retraining.job().is_none() {
                train(state);
            }
            commands.extend(state.update(learned(&weights().hash)));
        }
        Cause::World => commands.extend(state.update(WorldAction::Goal([3.0, 1.0]))),
        Cause::Run => commands.extend(state.update(RunAction::Seed(99))),
        Cause::Link => {
            commands.extend(state.update(SharingAction::Open(link_to(&played(&EPISODE), "", 8))));
        }
    }
    commands
}

/// The device that decides.
fn device(state: &State) -> Option<DeviceInfo> {
    state.ready().map(|(device, _)| device.clone())
}

fn teaches(commands: &[Command]) -> bool {
    told(commands).iter().any(|message| matches!(message, ToWorker::Critic { .. }))
}

#[test]
fn a_trial_of_webgpu_ends_with_the_worker_beside_which_it_was_made() {
    for cause in Cause::ALL {
        let mut state = finished();
        state.update(DecidingAction::Adapter);
        state.update(DecidingAction::Trial(Some(ToPage::Ready { device: gpu(), weights: weights() })));
        let commands = change(&mut state, cause);
        let ended = match cause {
            Cause::Weights | Cause::Device | Cause::Failure => true,
            Cause::Task | Cause::Critic | Cause::World | Cause::Run | Cause::Link => false,
        };
        assert_eq!(commands.contains(&Command::EndTrial), ended, "{cause:?}: {commands:?}");
        // What the trial of before still says comes too late.
        let before = device(&state);
        let mut late = state.update(DecidingAction::Trial(Some(measured(1.0))));
        late.extend(state.update(DecidingAction::Heard(measured(9.0))));
        assert_eq!(late.contains(&Command::AdoptTrial), !ended, "{cause:?}: {late:?}");
        if ended {
            assert_eq!(device(&state), before, "{cause:?}");
        }
    }
}

#[test]
fn a_trial_that_was_interrupted_begins_again_with_the_new_weights() {
    let mut state = finished();
    state.update(DecidingAction::Adapter);
    let commands = change(&mut state, Cause::Weights);
    assert!(commands.contains(&Command::StartTrial { bundle: "other.safetensors".into() }), "{commands:?}");
}

#[test]
fn a_trial_with_other_weights_than_those_on_the_page_is_not_adopted() {
    let mut state = finished();
    state.update(DecidingAction::Adapter);
    let foreign = ToPage::Ready { device: gpu(), weights: others() };
    let commands = state.update(DecidingAction::Trial(Some(foreign)));
    assert!(commands.contains(&Command::EndTrial) && !state.deciding.tries_gpu(), "{commands:?}");

    let mut state = finished();
    state.update(DecidingAction::Adapter);
    state.update(DecidingAction::Trial(Some(ToPage::Ready { device: gpu(), weights: weights() })));
    state.update(DecidingAction::Trial(Some(measured(1.0))));
    let foreign = ToPage::Measured { loaded: others().hash, millis: 9.0 };
    assert!(!state.update(DecidingAction::Heard(foreign)).contains(&Command::AdoptTrial));
}

#[test]
fn a_trial_that_cannot_be_measured_ends_without_a_word() {
    let mut state = finished();
    state.update(DecidingAction::Adapter);
    let message = "nothing to measure".into();
    let failed = ToPage::Failed { failure: Failure::Measure, generation: None, message };
    let commands = state.update(DecidingAction::Heard(failed));
    assert!(commands.contains(&Command::EndTrial) && state.view.notices().is_empty(), "{commands:?}");
}

#[test]
fn training_ends_with_the_weights_that_it_began_from() {
    for cause in Cause::ALL {
        let mut state = finished();
        train(&mut state);
        let commands = change(&mut state, cause);
        // Only the weights, and being done, end it.
        let (ended, taught) = match cause {
            Cause::Weights => (true, false),
            Cause::Critic => (true, true),
            // The next worker is taught.
            Cause::Failure => (false, false),
            Cause::Device | Cause::Task | Cause::World | Cause::Run | Cause::Link => (false, true),
        };
        assert_eq!(commands.contains(&Command::EndTrainer), ended, "{cause:?}: {commands:?}");
        assert_eq!(state.retraining.job().is_none(), ended, "{cause:?}");
        let late = state.update(learned(&weights().hash));
        assert_eq!(teaches(&commands) || teaches(&late), taught, "{cause:?}: {late:?}");
        assert_eq!(state.retraining.critic() == Critic::Shipped, cause == Cause::Weights, "{cause:?}");
        if cause == Cause::Failure {
            state.update(DecidingAction::Retry);
            assert!(teaches(&ready_on(&mut state, DeviceInfo::cpu(None))));
        }
    }
}

#[test]
fn a_critic_of_other_weights_is_not_handed_to_the_worker() {
    let mut state = finished();
    train(&mut state);
    let commands = state.update(learned(&others().hash));
    assert_eq!(told(&commands), [ToWorker::Field]);
    assert!(errors(&state)[0].contains("other weights"), "{:?}", state.view.notices());
    assert_eq!((state.retraining.critic(), state.retraining.job().is_none()), (Critic::Shipped, true));
}

#[test]
fn a_critic_that_the_worker_refuses_is_not_in_use() {
    let mut state = finished();
    train(&mut state);
    state.update(learned(&weights().hash));
    assert!(matches!(state.retraining.critic(), Critic::Retrained { .. }));
    let message = "The new critic cannot be used: it is damaged.".to_owned();
    let refused = ToPage::Failed { failure: Failure::Critic, generation: None, message };
    let commands = state.update(DecidingAction::Heard(refused));
    assert!(matches!(&told(&commands)[..], [ToWorker::Unlearn, ToWorker::Begin { .. }]), "{commands:?}");
    assert_eq!(state.retraining.critic(), Critic::Shipped);
}

#[test]
fn a_critic_trained_here_goes_with_its_weights() {
    for cause in Cause::ALL {
        let mut state = finished();
        train(&mut state);
        state.update(learned(&weights().hash));
        let mut commands = change(&mut state, cause);
        if cause == Cause::Failure {
            state.update(DecidingAction::Retry);
            commands.extend(ready_on(&mut state, DeviceInfo::cpu(None)));
        }
        let (shipped, taught) = match cause {
            Cause::Weights | Cause::Critic => (true, false),
            Cause::Device | Cause::Failure => (false, true),
            Cause::Task | Cause::World | Cause::Run | Cause::Link => (false, false),
        };
        assert_eq!(state.retraining.critic() == Critic::Shipped, shipped, "{cause:?}");
        assert_eq!(teaches(&commands), taught, "{cause:?}: {commands:?}");
    }
}

#[test]
fn weights_that_changed_at_their_address_are_other_weights() {
    let mut state = finished();
    train(&mut state);
    state.update(learned(&weights().hash));
    change(&mut state, Cause::Failure);
    state.update(DecidingAction::Retry);
    let commands = loaded(&mut state, Weights { hash: others().hash, ..weights() });
    assert!(!teaches(&commands), "{commands:?}");
    assert_eq!(state.retraining.critic(), Critic::Shipped);
    assert!(state.view.notices()[0].text.contains("have changed at their address"));
}

#[test]
fn what_is_learned_is_painted_only_over_the_maze_it_is_for() {
    let mut state = finished();
    train(&mut state);
    let paint = |state: &mut State, x0: f64| {
        let field = field(x0);
        state.update(RetrainingAction::Heard(FromTrainer::Field { field }));
        state.field().map(|field| field.x0)
    };
    assert_eq!(paint(&mut state, 1.0), Some(1.0));
    let commands = state.update(WorldAction::ToggleWall((2, 2)));
    answer_begin(&mut state, &commands);
    assert_eq!(paint(&mut state, 2.0), Some(1.0));
}

fn field(x0: f64) -> crate::messages::ValueField {
    crate::messages::ValueField { spacing: 1.0, x0, y0: 0.0, rows: 1, columns: 1, values: vec![0.5] }
}

#[test]
fn v_over_the_maze_goes_with_its_weights_and_is_shown_in_its_maze() {
    for cause in Cause::ALL {
        let mut state = finished();
        state.update(DecidingAction::Heard(ToPage::Field { field: field(0.0) }));
        assert!(state.field().is_some());
        change(&mut state, cause);
        let kept = match cause {
            // Of another maze is also what a link to one shows, until the run begins in that of the weights.
            Cause::Weights | Cause::Task => false,
            Cause::Device | Cause::Failure | Cause::Critic | Cause::World | Cause::Run | Cause::Link => true,
        };
        assert_eq!(state.field().is_some(), kept, "{cause:?}");
    }
}
