//! Adaptive Revaluation and the lockstep planner, with the shipped agent on the CPU.
#![cfg(not(target_arch = "wasm32"))]

use std::ops::Range;
use std::sync::Arc;

use diar_core::agent::{
    Advance, Agent, Episode, Observed, Outcome, Phase, Planner, Policy, Rollout, RolloutOptions, RunSpec,
    Trace,
};
use diar_core::env::{self, Envs};
use diar_core::link::Link;
use diar_core::score::EpisodeResult;
use diar_core::settings::{PlanSettings, Sampler, SamplerSettings};
use diar_tests::shipped::{agent, settings};
use pollster::block_on;

fn envs(agent: &Agent) -> Box<dyn Envs> {
    env::open(agent.task()).unwrap()
}

fn play(agent: &Arc<Agent>, settings: PlanSettings, index: u64) -> Trace {
    let episode = Episode::random(9, index);
    let options = RolloutOptions { record: true, stop_at_goal: true, shareable: false };
    let mut rollout = Rollout::new(Arc::clone(agent), envs(agent), settings, &[episode], options).unwrap();
    let start = rollout.lanes()[0].state.clone();
    let mut trace = Trace::new(&agent.task().id, RunSpec::new(9, index, settings), start);
    while !rollout.finished() {
        assert_eq!(rollout.phase(0), trace.phase(), "planner and trace agree on what comes next");
        for (_, event) in block_on(rollout.advance()).unwrap() {
            trace.apply(event);
        }
    }
    trace
}

#[test]
fn revaluation_breaks_exactly_when_the_value_exceeds_the_prediction() {
    let agent = agent();
    for retry_cap in [0, 1, 3] {
        let settings = PlanSettings { retry_cap, ..settings(&agent) };
        let mut retries = 0;
        let mut revalued = 0;
        for decision in (0..4).flat_map(|episode| play(&agent, settings, episode).decisions) {
            let v_end = decision.v_end.unwrap();
            for (h, &v_now) in decision.v_now.iter().enumerate() {
                let dropped =
                    decision.outcome == Some(Outcome::Revalued { at: h }) && h + 1 == decision.v_now.len();
                let may_drop = h > 0 || retries < retry_cap;
                assert_eq!(dropped, may_drop && v_now > v_end, "h {h}: {v_now} against {v_end}");
            }
            retries = if decision.outcome == Some(Outcome::Revalued { at: 0 }) { retries + 1 } else { 0 };
            assert!(retries <= retry_cap, "at most {retry_cap} plans in a row give no step");
            revalued += usize::from(matches!(decision.outcome, Some(Outcome::Revalued { .. })));
            let best = decision.q.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(decision.q[decision.chosen.unwrap()], best);
        }
        assert!(revalued > 0, "the rule fired at least once");
    }
}

/// The page's worker makes long decisions bit by bit: the numbers are those of a decision made at once, for one episode
/// and for several in lockstep.
#[test]
fn a_decision_made_bit_by_bit_is_the_same() {
    let agent = agent();
    let settings = settings(&agent);
    let calls = settings.candidates * (settings.sampler.steps + settings.sampler.extra_steps);
    for episodes in [1, 3] {
        let begin = || {
            let episodes: Vec<_> = (0..episodes).map(|index| Episode::random(9, index)).collect();
            let options = RolloutOptions { record: true, stop_at_goal: true, shareable: false };
            Rollout::new(Arc::clone(&agent), envs(&agent), settings, &episodes, options).unwrap()
        };
        // The first numbers, and the calls that were stopped in the middle of a part.
        let numbers = |work: usize| {
            let (mut rollout, mut events, mut midway) = (begin(), Vec::new(), 0);
            while events.len() < 60 {
                events.extend(block_on(rollout.advance_some(work)).unwrap());
                midway += usize::from(rollout.is_midway());
            }
            events.truncate(60);
            (events, midway)
        };
        let (whole, midway) = numbers(usize::MAX);
        assert_eq!(midway, 0);
        for work in [1, calls / 3, calls - 1] {
            let (events, midway) = numbers(work);
            assert!(midway > 0 && events == whole, "{episodes} episodes, {work} calls at a time");
        }
    }
}

#[test]
fn without_revaluation_plans_run_for_the_whole_horizon() {
    let agent = agent();
    for exec_horizon in [30, 7] {
        let trace = play(&agent, PlanSettings { revalue: false, exec_horizon, ..settings(&agent) }, 2);
        let (last, rest) = trace.decisions.split_last().unwrap();
        assert!(rest.iter().all(|d| d.outcome == Some(Outcome::Completed) && d.steps.len() == exec_horizon));
        assert!(matches!(last.outcome, Some(Outcome::Goal | Outcome::TimeLimit)));
        assert_eq!(trace.phase(), Phase::Done);
    }
}

/// A large margin switches the rule off: the same plans as without it.
#[test]
fn a_large_margin_never_drops() {
    let agent = agent();
    let on = play(&agent, PlanSettings { margin: 1e6, ..settings(&agent) }, 3);
    let off = play(&agent, PlanSettings { revalue: false, ..settings(&agent) }, 3);
    assert_eq!(on.decisions, off.decisions);
}

#[test]
fn episodes_do_not_depend_on_their_batch() {
    let agent = agent();
    let settings = settings(&agent);
    let played = |seed, episodes: Range<u64>, stop_at_goal| {
        let episodes: Vec<_> = episodes.map(|index| Episode::random(seed, index)).collect();
        let options = RolloutOptions { record: false, stop_at_goal, shareable: false };
        let rollout = Rollout::new(Arc::clone(&agent), envs(&agent), settings, &episodes, options);
        block_on(rollout.unwrap().finish()).unwrap()
    };
    let together = played(4, 0..13, false);
    let apart: Vec<EpisodeResult> =
        [0..1, 1..8, 8..13].into_iter().flat_map(|range| played(4, range, false)).collect();
    assert_eq!(together, apart);
    assert_eq!(together, played(4, 0..13, false));
    let other = played(5, 0..13, false);
    assert_ne!(together, other, "another seed gives other episodes");
    // Whether an episode ends at the goal does not change how it gets there.
    let contacts = |results: &[EpisodeResult]| results.iter().map(|r| r.first_contact).collect::<Vec<_>>();
    assert_eq!(contacts(&played(4, 0..13, true)), contacts(&together));
}

/// Lanes may begin when they like, and wait while others act: each decides as it does alone.
#[test]
fn lanes_that_begin_apart_decide_as_alone() {
    let agent = agent();
    let settings = settings(&agent);
    let alone = |index: u64| {
        let options = RolloutOptions { record: true, stop_at_goal: true, shareable: false };
        // From the far end of the U.
        let episodes = [Episode::chosen(9, index, Some(&[3.0, 1.0, 0.0, 0.0]))];
        let mut rollout =
            Rollout::new(Arc::clone(&agent), envs(&agent), settings, &episodes, options).unwrap();
        let mut states = vec![rollout.lanes()[0].state.clone()];
        let mut actions = Vec::new();
        while actions.len() < 12 && !rollout.finished() {
            for (_, event) in block_on(rollout.advance()).unwrap() {
                if let diar_core::agent::Event::Followed { action, state, .. } = event {
                    actions.push(action);
                    states.push(state);
                }
            }
        }
        (states, actions)
    };
    let recorded = [0, 1, 2].map(alone);
    let mut planner = Planner::new(Arc::clone(&agent), settings, [], false).unwrap();
    let mut taken = [0; 3];
    for round in 0..16 {
        // Lane k begins in round 2 k, and lane 1 is late for every third answer.
        let ready: Vec<usize> = (0..3)
            .filter(|&k| round >= 2 * k && !(k == 1 && round % 3 == 0) && taken[k] < recorded[k].1.len())
            .collect();
        for &k in &ready {
            let state = &recorded[k].0[taken[k]];
            if taken[k] == 0 {
                planner.begin(k, Episode::random(9, k as u64).plan_key(), state).unwrap();
            } else {
                planner.observe(k, Observed { state, reward: 0.0, ended: None });
            }
        }
        let mut acted = 0;
        while acted < ready.len() {
            if let Advance::Act(actions) = block_on(planner.advance()).unwrap() {
                for (k, action) in actions {
                    assert_eq!(action, recorded[k].1[taken[k]], "lane {k}, step {}", taken[k]);
                    taken[k] += 1;
                    acted += 1;
                }
            }
        }
        assert_eq!(block_on(planner.advance()).unwrap(), Advance::Done, "all wait");
    }
    assert!(taken.iter().all(|&steps| steps > 5), "{taken:?}");
}

/// A link gives the run back: its settings and seed lead to the same decisions again.
#[test]
fn a_link_reproduces_its_run() {
    let agent = agent();
    let traces = (0..).map(|episode| play(&agent, settings(&agent), episode));
    let trace =
        traces.into_iter().find(|trace| trace.decisions.len() > 5).expect("some episodes begin far away");
    let text = Link::of(&trace, "0123456789abcdef", 4).encode().unwrap();
    assert!(text.len() < 2_000, "{} characters", text.len());
    let link = Link::decode(&text).unwrap();
    let settings = *link.run.settings.plan().unwrap();
    let again = play(&agent, settings, link.run.episode);
    let (agree, of) = link.agreement(&again);
    assert_eq!((agree, of), (trace.decisions.len(), trace.decisions.len()));
    let other = play(&agent, PlanSettings { candidates: 3, ..settings }, link.run.episode);
    assert!(link.agreement(&other).0 < of, "other settings lead to other decisions");
}

#[test]
fn bad_settings_are_refused() {
    let agent = agent();
    let refuse = |settings| {
        let episode = Episode::random(1, 0);
        let options = RolloutOptions { record: false, stop_at_goal: false, shareable: false };
        Rollout::new(Arc::clone(&agent), envs(&agent), settings, &[episode], options).unwrap_err().to_string()
    };
    let message = refuse(PlanSettings { candidates: 0, ..settings(&agent) });
    assert!(message.contains("plan.candidates is 0"), "{message}");
    let sampler = SamplerSettings { kind: Sampler::Ddim, steps: 501, extra_steps: 0 };
    let message = refuse(PlanSettings { sampler, ..settings(&agent) });
    assert!(message.contains("1 to 500"), "{message}");
}
