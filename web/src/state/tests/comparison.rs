//! Comparing the run with another one.

use super::*;

#[test]
fn another_run_is_computed_beside_the_first_and_compared() {
    let mut state = finished();
    let before = state.trace().cloned();
    let commands = state.update(ComparisonAction::Choose(Some(Versus::Revaluation)));
    let [ToWorker::Begin { lane: Lane::Compared, plan, .. }] = &told(&commands)[..] else {
        panic!("{commands:?}")
    };
    assert!(!plan.run.settings.plan().unwrap().revalue && plan.run.seed == state.run.plan().run.seed);
    let commands = answer_other(&mut state, &commands);
    assert!(state.computing());
    serve_other(&mut state, commands, &[Script::Completed(4), Script::Goal(8)]);
    assert_eq!(state.trace().cloned(), before);
    assert!(!state.computing());
    let words = describe::difference(&state);
    assert!(words.contains("this run is 7 steps faster"), "{words}");
    // In step with the cursor: the same environment step, and at the end the end.
    let glance = |state: &State| {
        let (trace, moment) = state
            .comparison
            .run()
            .as_ref()
            .unwrap()
            .glance(state.trace().unwrap(), state.cursor.at())
            .unwrap();
        timeline::step_at(trace, moment)
    };
    assert_eq!(glance(&state), 12);
    state.update(CursorAction::SeekStep(3));
    assert_eq!(glance(&state), 3);
    // The link brings both.
    let link = share::parse(&state.fragment().unwrap()).unwrap().unwrap();
    assert!(!share::other(&link, None).unwrap().run.settings.plan().unwrap().revalue);
    let commands = state.update(ComparisonAction::Choose(None));
    assert_eq!(told(&commands), [ToWorker::Drop { lane: Lane::Compared }]);
    assert!(state.comparison.run().is_none());
}

#[test]
fn comparing_with_the_same_is_refused() {
    let mut state = finished();
    let same = state.run.plan().run.settings.plan().unwrap().candidates;
    assert_eq!(told(&state.update(ComparisonAction::Choose(Some(Versus::Candidates(same))))), []);
    assert!(state.comparison.run().is_none() && state.view.notices()[0].text.contains("the same"));
}

#[test]
fn a_dropped_plan_is_followed_in_the_other_run() {
    let mut state = finished();
    state.update(CursorAction::Home);
    state.update(CursorAction::NextRevaluation);
    let commands = state.update(ComparisonAction::Choose(Some(Versus::WhatIf { decision: 0 })));
    let [ToWorker::Begin { plan, .. }] = &told(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(plan.run.scenario.interventions, [Intervention { decision: 0, kind: InterventionKind::Keep }]);
    assert!(state.run.plan().run.scenario.interventions.is_empty());
    assert_eq!(state.cursor.at(), timeline::made(state.trace().unwrap(), 0));
    // It is about this run: another one ends it, while another number of candidates would go on being compared with.
    state.update(RunAction::Seed(8));
    assert!(state.comparison.run().is_none());
    let mut state = finished();
    state.update(ComparisonAction::Choose(Some(Versus::Candidates(9))));
    state.update(RunAction::Seed(8));
    assert_eq!(
        state
            .comparison
            .run()
            .as_ref()
            .map(|other| (other.plan().run.seed, other.plan().run.settings.plan().unwrap().candidates)),
        Some((8, 9))
    );
}
