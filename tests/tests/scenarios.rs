//! Changed mazes and changed decisions, with the shipped agent on the CPU.
#![cfg(not(target_arch = "wasm32"))]

use std::sync::Arc;

use diar_core::agent::{
    Agent, AgentError, Episode, Intervention, InterventionKind, Outcome, Rollout, RolloutOptions, RunSpec,
    Scenario, Trace,
};
use diar_core::env::{self, EnvError};
use diar_core::maze::World;
use diar_core::settings::PlanSettings;
use diar_tests::shipped::{agent, settings};
use pollster::block_on;

/// From the far end of the U.
fn episode() -> Episode {
    Episode::chosen(9, 0, Some(&[3.0, 1.0, 0.0, 0.0]))
}

fn begin(
    agent: &Arc<Agent>,
    settings: PlanSettings,
    scenario: &Scenario,
    record: bool,
) -> Result<Rollout, AgentError> {
    let options = RolloutOptions { record, stop_at_goal: true, shareable: false };
    let envs = env::open(agent.task()).unwrap();
    Rollout::in_scenario(Arc::clone(agent), envs, settings, &[episode()], options, scenario)
}

fn play(agent: &Arc<Agent>, settings: PlanSettings, scenario: &Scenario) -> Trace {
    let mut rollout = begin(agent, settings, scenario, true).unwrap();
    let start = rollout.lanes()[0].state.clone();
    let mut trace = Trace::new(
        &agent.task().id,
        RunSpec { scenario: scenario.clone(), ..RunSpec::new(9, 0, settings) },
        start,
    );
    while !rollout.finished() {
        assert_eq!(rollout.phase(0), trace.phase(), "planner and trace agree on what comes next");
        for (_, event) in block_on(rollout.advance()).unwrap() {
            trace.apply(event);
        }
    }
    // What is recorded makes no difference to what happens.
    let mut unrecorded = begin(agent, settings, scenario, false).unwrap();
    while !unrecorded.finished() {
        block_on(unrecorded.advance()).unwrap();
    }
    assert_eq!(unrecorded.lanes()[0].state, trace.state());
    assert_eq!(unrecorded.decisions(0), trace.decisions.len());
    trace
}

fn interventions(list: &[(u32, InterventionKind)]) -> Scenario {
    let interventions = list.iter().map(|&(decision, kind)| Intervention { decision, kind }).collect();
    Scenario { interventions, ..Scenario::default() }
}

/// The plain run, and a decision on its way that is followed for a while.
fn plain(agent: &Arc<Agent>, settings: PlanSettings) -> (Trace, usize) {
    let plain = play(agent, settings, &Scenario::default());
    let followed = (1..plain.decisions.len()).find(|&i| plain.decisions[i].steps.len() > 5);
    (plain, followed.expect("revaluation keeps some plans"))
}

#[test]
fn a_taken_candidate_is_followed() {
    let agent = agent();
    let settings = settings(&agent);
    let (plain, at) = plain(&agent, settings);
    let own = plain.decisions[at].chosen.unwrap();
    let other = (own + 1) % settings.candidates;
    let take = InterventionKind::Take { candidate: other as u16 };
    let changed = play(&agent, settings, &interventions(&[(at as u32, take)]));
    assert_eq!(changed.decisions[..at], plain.decisions[..at], "the past stays as it was");

    let (decision, before) = (&changed.decisions[at], &plain.decisions[at]);
    assert_eq!(decision.chosen, Some(other));
    assert_eq!(
        (&decision.latents(), &decision.q, &decision.ends),
        (&before.latents(), &before.q, &before.ends)
    );
    // The value is that of the end predicted for it.
    let values = block_on(agent.values(&[decision.ends[other].clone()])).unwrap();
    assert!((values[0] - decision.v_end.unwrap()).abs() < 1e-4, "{values:?} {:?}", decision.v_end);

    let kept =
        play(&agent, settings, &interventions(&[(at as u32, take), (at as u32, InterventionKind::Keep)]));
    assert_ne!(kept.decisions[at].steps[0].action, before.steps[0].action);

    // To take what is followed anyway changes nothing.
    let same = InterventionKind::Take { candidate: own as u16 };
    assert_eq!(play(&agent, settings, &interventions(&[(at as u32, same)])).decisions, plain.decisions);
}

#[test]
fn a_kept_plan_is_followed_to_its_horizon() {
    let agent = agent();
    let settings = settings(&agent);
    let plain = play(&agent, settings, &Scenario::default());
    let dropped = plain
        .decisions
        .iter()
        .position(|decision| matches!(decision.outcome, Some(Outcome::Revalued { at }) if at > 0));
    let dropped = dropped.expect("revaluation drops a plan on the way");
    let changed = play(&agent, settings, &interventions(&[(dropped as u32, InterventionKind::Keep)]));
    assert_eq!(changed.decisions[..dropped], plain.decisions[..dropped]);
    let (decision, before) = (&changed.decisions[dropped], &plain.decisions[dropped]);
    assert!(matches!(decision.outcome, Some(Outcome::Completed | Outcome::Goal)), "{:?}", decision.outcome);
    assert_eq!(decision.steps[..before.steps.len()], before.steps[..]);
    assert!(decision.steps.len() > before.steps.len());
}

#[test]
fn a_plan_is_dropped_when_told() {
    let agent = agent();
    for revalue in [true, false] {
        let settings = PlanSettings { revalue, retry_cap: 0, ..settings(&agent) };
        let plain = play(&agent, settings, &Scenario::default());
        let longest = (0..plain.decisions.len()).max_by_key(|&i| plain.decisions[i].steps.len()).unwrap();
        for at in [0, 1, plain.decisions[longest].steps.len() - 1] {
            let kind = InterventionKind::Drop { at: at as u16 };
            let changed = play(&agent, settings, &interventions(&[(longest as u32, kind)]));
            assert_eq!(changed.decisions[..longest], plain.decisions[..longest]);
            let decision = &changed.decisions[longest];
            assert_eq!(decision.outcome, Some(Outcome::Revalued { at }));
            assert_eq!(decision.steps[..], plain.decisions[longest].steps[..at]);
            assert_eq!(decision.chosen, plain.decisions[longest].chosen);
        }
    }
}

/// Kept and dropped together, a plan is followed for exactly so many steps.
#[test]
fn interventions_of_several_kinds_go_together() {
    let agent = agent();
    let settings = settings(&agent);
    let scenario = interventions(&[
        (1, InterventionKind::Keep),
        (1, InterventionKind::Take { candidate: 3 }),
        (1, InterventionKind::Drop { at: 20 }),
    ]);
    let decision = &play(&agent, settings, &scenario).decisions[1];
    assert_eq!((decision.chosen, decision.outcome), (Some(3), Some(Outcome::Revalued { at: 20 })));
}

#[test]
fn interventions_that_cannot_happen_are_refused() {
    let agent = agent();
    let settings = settings(&agent);
    let refuse = |list: &[(u32, InterventionKind)]| {
        begin(&agent, settings, &interventions(list), true).unwrap_err().to_string()
    };
    let message = refuse(&[(0, InterventionKind::Take { candidate: 8 })]);
    assert_eq!(message, "candidate of an intervention is 8, expected 0 to 7");
    let message = refuse(&[(0, InterventionKind::Drop { at: 30 })]);
    assert_eq!(message, "step of an intervention is 30, expected 0 to 29");
    let message = refuse(&[(4, InterventionKind::Keep), (4, InterventionKind::Keep)]);
    assert!(message.contains("4 twice"), "{message}");
    let world = World { toggled: vec![(0, 0)], goal: None };
    let refused = begin(&agent, settings, &Scenario { world, ..Scenario::default() }, true).unwrap_err();
    assert!(matches!(refused, AgentError::Env(EnvError::World(_))), "{refused:?}");
}

/// With the goal beside the start the same plans earn their reward at once.
#[test]
fn the_reward_follows_the_goal() {
    let agent = agent();
    let world = World { toggled: Vec::new(), goal: Some([3.0, 1.6]) };
    let scenario = Scenario { world, ..Scenario::default() };
    let [near, far] = [&scenario, &Scenario::default()].map(|s| play(&agent, settings(&agent), s));
    assert_eq!(near.decisions[0].latents(), far.decisions[0].latents());
    assert!(near.first_contact() < far.first_contact());
    let contact = near.state();
    assert!((contact[0] - 3.0).hypot(contact[1] - 1.6) <= 0.5);
}
