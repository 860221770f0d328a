//! A change while runs are compared.

use super::*;

const ADDRESS: &str = "second.safetensors";

/// A page with another run under way beside a finished one, and the number of the other run.
fn comparing() -> (State, u32) {
    let mut state = finished();
    let commands = state.update(ComparisonAction::Choose(Some(Versus::Revaluation)));
    let [ToWorker::Begin { generation, .. }] = told(&commands)[..] else { panic!("{commands:?}") };
    let commands = answer_other(&mut state, &commands);
    assert!(matches!(told(&commands)[..], [ToWorker::Advance { .. }]), "{commands:?}");
    (state, generation)
}

#[test]
fn another_run_under_way_ends_or_begins_again() {
    for cause in Cause::ALL {
        let (mut state, generation) = comparing();
        change(&mut state, cause);
        let ended = match cause {
            // The link brings its own comparison; this one has none.
            Cause::Weights | Cause::Link | Cause::Task => true,
            Cause::Device | Cause::Failure | Cause::Critic | Cause::World | Cause::Run => false,
        };
        assert_eq!(state.comparison.run().is_none(), ended, "{cause:?}");
        // What is still computed of the run of before is not taken for the new one.
        let late = events(0, Script::Goal(3));
        state.update(DecidingAction::Heard(ToPage::Events { generation, events: late, millis: 1.0 }));
        assert!(state.comparison.run().is_none_or(|run| run.trace().is_none()), "{cause:?}");
        if !ended {
            let plan = state.comparison.run().unwrap().plan();
            assert!(
                !plan.run.settings.plan().unwrap().revalue && plan.run.seed == state.run.plan().run.seed,
                "{cause:?}"
            );
            assert_eq!(plan.run.scenario, state.run.plan().run.scenario, "{cause:?}");
        }
    }
}

/// A page that compares with other weights, which the worker has read.
fn comparing_weights() -> State {
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(vec![1, 2, 3])));
    state.update(read(&weights().hash));
    assert!(state.comparison.second_weights().is_some());
    state
}

/// The worker, which decides with the bundle of this hash, has read the second bundle.
fn read(loaded: &str) -> DecidingAction {
    let (loaded, weights) = (loaded.to_owned(), Ok(Weights { hash: "fedcba".into(), ..weights() }));
    DecidingAction::Heard(ToPage::Second { loaded, address: ADDRESS.into(), weights })
}

#[test]
fn a_second_bundle_is_given_to_every_new_worker_and_goes_with_the_first() {
    for cause in Cause::ALL {
        let mut state = comparing_weights();
        let mut commands = change(&mut state, cause);
        if cause == Cause::Failure {
            state.update(DecidingAction::Retry);
            commands.extend(ready_on(&mut state, DeviceInfo::cpu(None)));
        }
        let second = told(&commands).into_iter().any(|message| matches!(message, ToWorker::Second { .. }));
        let (given, known) = match cause {
            Cause::Weights | Cause::Link | Cause::Task => (false, false),
            // It is known again once the worker has read it.
            Cause::Device | Cause::Failure => (true, false),
            Cause::Critic | Cause::World | Cause::Run => (false, true),
        };
        assert_eq!((second, state.comparison.second_weights().is_some()), (given, known), "{cause:?}");
    }
}

#[test]
fn bytes_fetched_for_weights_of_before_are_not_used() {
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    change(&mut state, Cause::Weights);
    let commands = state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(vec![1, 2, 3])));
    assert_eq!(told(&commands), []);
}

#[test]
fn a_second_bundle_read_beside_other_weights_is_not_used() {
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::Weights(ADDRESS.into()))));
    state.update(ComparisonAction::Fetched(ADDRESS.into(), Ok(vec![1, 2, 3])));
    state.update(read(&others().hash));
    assert!(state.comparison.second_weights().is_none());
    state.update(read(&weights().hash));
    assert!(state.comparison.second_weights().is_some());
}
