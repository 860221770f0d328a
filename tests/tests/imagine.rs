//! What a decision was chosen from, seen again: its denoising, and the paths that its latents lead along.
#![cfg(not(target_arch = "wasm32"))]

use std::sync::Arc;

use diar_core::agent::{Agent, AgentError, Episode, Rollout, RolloutOptions, RunSpec, Trace};
use diar_core::env;
use diar_core::maze::World;
use diar_core::settings::{PlanSettings, Sampler, SamplerSettings};
use diar_tests::shipped::agent;
use pollster::block_on;

fn settings(agent: &Agent, kind: Sampler, steps: usize) -> PlanSettings {
    let sampler = SamplerSettings { kind, steps, extra_steps: 0 };
    PlanSettings { candidates: 12, sampler, ..agent.settings().plan }
}

/// An episode with several decisions.
fn play(agent: &Arc<Agent>, settings: PlanSettings) -> (Episode, Trace) {
    let episode = Episode::chosen(5, 0, Some(&[3.0, 1.0, 0.0, 0.0]));
    let options = RolloutOptions { record: true, stop_at_goal: true, shareable: false };
    let mut rollout = Rollout::new(
        Arc::clone(agent),
        env::open(agent.task()).unwrap(),
        settings,
        std::slice::from_ref(&episode),
        options,
    )
    .unwrap();
    let start = rollout.lanes()[0].state.clone();
    let mut trace = Trace::new(&agent.task().id, RunSpec::new(5, 0, settings), start);
    while !rollout.finished() {
        for (_, event) in block_on(rollout.advance()).unwrap() {
            trace.apply(event);
        }
    }
    assert!(trace.decisions.len() > 2, "{} decisions", trace.decisions.len());
    (episode, trace)
}

fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}: {a}, expected {b}");
    }
}

/// The last step of every trail is what the planner ranked, with the Q and ends that it saw.
#[test]
fn a_trail_ends_at_the_latents_that_were_ranked() {
    let agent = agent();
    for (kind, steps) in [(Sampler::Ddim, 5), (Sampler::Sde, 3)] {
        let settings = settings(&agent, kind, steps);
        let (episode, trace) = play(&agent, settings);
        for (number, decision) in trace.decisions.iter().enumerate() {
            let trail = agent.trail(&decision.state, episode.plan_key(), number, &settings);
            let trail = block_on(trail).unwrap();
            assert_eq!([trail.latents.len(), trail.ends.len(), trail.q.len()], [steps + 1; 3]);
            let last = |rows: &[Vec<Vec<f32>>]| rows[steps].concat();
            assert_close("latents", &last(&trail.latents), &decision.latents().concat(), 1e-4);
            assert_close("ends", &last(&trail.ends), &decision.ends.concat(), 1e-3);
            assert_close("Q", &trail.q[steps], &decision.q, 1e-3);
        }
        let other = block_on(agent.trail(&trace.start, episode.plan_key(), 1, &settings)).unwrap();
        assert_ne!(other.latents[0], trace.decisions[0].latents(), "another decision has other noise");
    }
}

/// Followed with mean actions, the chosen latent leads where it was imagined to lead; others lead elsewhere.
#[test]
fn the_chosen_latents_path_is_the_one_taken() {
    let agent = agent();
    let (_, trace) = play(&agent, settings(&agent, Sampler::Ddim, 5));
    for decision in &trace.decisions {
        let mut envs = env::open(agent.task()).unwrap();
        let world = World::default();
        let paths = agent.imagine(&mut *envs, &decision.state, decision.latents(), &world, 30);
        let paths = block_on(paths).unwrap();
        assert!(paths.len() == 12 && paths.iter().all(|path| path.len() == 31));
        assert!(paths.iter().all(|path| path[0] == decision.state));
        let chosen = decision.chosen.unwrap();
        for (step, place) in decision.steps.iter().zip(&paths[chosen][1..]) {
            let miss = (step.state[0] - place[0]).hypot(step.state[1] - place[1]);
            assert!(miss < 1e-4, "{miss} m");
        }
        assert!(paths.iter().any(|path| path[30] != paths[chosen][30]), "latents differ");
    }
}

#[test]
fn what_belongs_to_another_agent_is_refused() {
    let agent = agent();
    let mut envs = env::open(agent.task()).unwrap();
    let mut imagine = |state: &[f64], latents: &[Vec<f32>]| {
        block_on(agent.imagine(&mut *envs, state, latents, &World::default(), 3))
    };
    let refused = imagine(&[1.0, 1.0, 0.0], &[]).unwrap_err();
    assert_eq!(refused, AgentError::Width { what: "a state", found: 3, expected: 4 });
    let refused = imagine(&[1.0; 4], &[vec![0.0; 5]]).unwrap_err();
    assert_eq!(refused, AgentError::Width { what: "a latent", found: 5, expected: agent.latent() });
    assert_eq!(imagine(&[1.0; 4], &[]).unwrap(), Vec::<Vec<Vec<f64>>>::new());
}
