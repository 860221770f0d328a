//! Training Q and V in the page.

use super::*;

#[test]
fn a_critic_is_taught_used_and_given_back() {
    let mut state = finished();
    let commands = state.update(WorldAction::Goal([3.0, 1.0]));
    answer_begin(&mut state, &commands);
    let commands = state.update(RetrainingAction::Begin { expectile: 0.9, discount: 0.99, ldcq: false });
    let [Command::StartTrainer(ToTrainer { bundle, from, windows, settings, world })] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((bundle.as_str(), windows.as_str()), ("weights.safetensors", "weights.windows"));
    assert_eq!(*from, weights().hash);
    assert_eq!((settings.goal, world.goal), ([3.0, 1.0], Some([3.0, 1.0])));
    for (step, losses) in [(1, None), (2, Some([0.5, 2.0])), (3, Some([0.25, 1.0]))] {
        state.update(RetrainingAction::Heard(FromTrainer::Learning { step, total: 3, losses }));
    }
    assert_eq!(state.retraining.job().unwrap().losses, [[0.5, 2.0], [0.25, 1.0]]);
    // Meanwhile decisions go on with the old critic.
    assert!(state.critic_misled());
    let commands = state.update(learned(&weights().hash));
    assert!(commands.contains(&Command::EndTrainer));
    let critic = ToWorker::Critic { bundle: vec![7; 3] };
    let [first, ToWorker::Begin { .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(*first, critic, "the run begins anew, with the new critic");
    assert!(state.retraining.job().is_none() && !state.critic_misled());
    // A new worker is taught it as well.
    state.update(DecidingAction::Backend(Backend::Webgpu));
    let commands = ready_on(&mut state, gpu());
    assert!(told(&commands).contains(&critic));
    let commands = state.update(RetrainingAction::Revert);
    assert!(matches!(&told(&commands)[..], [ToWorker::Unlearn, ToWorker::Begin { .. }]), "{commands:?}");
    assert!(state.critic_misled());
    // Stopped on the way, or broken down, nothing changes.
    state.update(RetrainingAction::Begin { expectile: 0.9, discount: 0.99, ldcq: true });
    let commands = state.update(RetrainingAction::Stop);
    assert_eq!(commands, [Command::EndTrainer, Command::Send(ToWorker::Field)]);
    assert_eq!((state.retraining.job().cloned(), state.retraining.critic()), (None, Critic::Shipped));
    state.update(RetrainingAction::Begin { expectile: 0.9, discount: 0.99, ldcq: true });
    state.update(RetrainingAction::Heard(FromTrainer::Failed { message: "no windows".into() }));
    assert_eq!((state.retraining.job().cloned(), errors(&state)), (None, vec!["no windows"]));
    // A file of the user's brings no windows.
    state.update(DecidingAction::Weights("blob:x".into()));
    ready_on(&mut state, DeviceInfo::cpu(None));
    state.update(RetrainingAction::Begin { expectile: 0.9, discount: 0.99, ldcq: true });
    assert!(
        state.retraining.job().is_none() && errors(&state).last().unwrap().contains("come with the page")
    );
}
