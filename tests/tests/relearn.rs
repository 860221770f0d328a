//! Stage 3 again for another goal, with the shipped agent on the CPU.
#![cfg(not(target_arch = "wasm32"))]

use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::Agent;
use diar_core::bundle::Bundle;
use diar_core::data::Experience;
use diar_core::env::maze2d::generate;
use diar_core::learn::{CriticTraining, LearnError, Stage, record};
use diar_core::maze::MazeId;
use diar_core::settings::CriticSettings;
use pollster::block_on;

const BYTES: &[u8] = include_bytes!("../../weights/maze2d-umaze-v1.safetensors");

fn bundle() -> Bundle {
    Bundle::from_bytes(BYTES).expect("the shipped bundle is whole")
}

/// Some of the walk that the agent was trained on, encoded.
fn experience(bundle: &Bundle, count: usize) -> Arc<Experience> {
    let data = generate(MazeId::Umaze, 60_000, bundle.info().settings.seed);
    Arc::new(record(bundle, Arc::new(data), count, &Device::flex()).expect("the data fits"))
}

fn short(bundle: &Bundle, steps: usize) -> CriticSettings {
    let mut settings = bundle.info().settings.critic.relearning();
    settings.latents = 4;
    settings.train.batch = 64;
    settings.train.steps = steps;
    settings
}

fn training(goal: [f64; 2], windows: usize, steps: usize) -> CriticTraining {
    let bundle = bundle();
    let (experience, settings) = (experience(&bundle, windows), short(&bundle, steps));
    CriticTraining::new(bundle, experience, goal, settings, &Device::flex()).expect("it fits")
}

fn run(training: &mut CriticTraining) {
    while training.stage() != Stage::Done {
        let before = training.position();
        training.step(false).expect("a step");
        assert_eq!(training.position(), before + 1);
    }
    assert_eq!(training.position(), training.total());
    training.step(true).expect("a step after the end does nothing");
    assert_eq!(training.position(), training.total());
}

/// States at rest along the U, from one end, (1, 1), to the other, (3, 1).
fn along_the_u() -> Vec<Vec<f32>> {
    [[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [2.0, 3.0], [3.0, 3.0], [3.0, 2.0], [3.0, 1.0]]
        .map(|[x, y]| vec![x, y, 0.0, 0.0])
        .to_vec()
}

/// The value follows the goal: it rises towards it from the other end of the U, wherever it is.
#[test]
fn values_rise_towards_the_goal() {
    let mut training = training([3.0, 1.0], 2_000, 400);
    for (goal, backwards) in [([3.0, 1.0], false), ([1.0, 1.0], true)] {
        training.aim(goal).expect("a goal");
        run(&mut training);
        assert_eq!(training.goal(), goal);
        let mut values = training.values(&along_the_u()).expect("values");
        if backwards {
            values.reverse();
        }
        // So short a training may not tell two neighbours apart; from leg to leg of the U it must.
        let legs: Vec<f32> = values.iter().copied().step_by(2).collect();
        assert!(legs.is_sorted(), "goal {goal:?}: {values:?}");
        assert!(legs[3] > 2.0 * legs[1].max(0.0), "goal {goal:?}: {values:?}");
    }
}

/// The bundle has the new critic, says where it comes from, and everything else is the old one's.
#[test]
fn a_relearned_bundle_has_the_values_that_were_learned() {
    let mut training = training([2.0, 3.0], 300, 20);
    run(&mut training);
    let old = bundle();
    let new = training.bundle().expect("a bundle");
    let relearned = new.info().provenance.relearned.clone().expect("it says so");
    assert_eq!((relearned.goal, relearned.windows), ([2.0, 3.0], 300));
    assert_eq!(relearned.from, old.hash());
    assert!(new.info().scores.is_none() && new.info().settings.critic == short(&old, 20));
    assert_eq!(new.latent_space().unwrap(), old.latent_space().unwrap());
    let changed = |bundle: &Bundle| bundle.tensors().into_keys().collect::<Vec<_>>();
    assert_eq!(changed(&old), changed(&new));
    for (name, tensor) in old.tensors() {
        assert_eq!(tensor == new.tensors()[&name], !name.starts_with("critic."), "{name}");
    }
    let agent = Agent::load(&new, &Device::flex()).expect("an agent");
    let (played, learned) =
        (block_on(agent.values(&along_the_u())).unwrap(), training.values(&along_the_u()).unwrap());
    for (a, b) in played.iter().zip(learned) {
        assert!((a - b).abs() < 1e-4, "{a}, {b}");
    }
}

/// The same windows, goal and settings give the same critic; so does a training that aimed elsewhere before.
#[test]
fn relearning_is_deterministic() {
    let critic = |training: &mut CriticTraining| {
        run(training);
        training.bundle().expect("a bundle").hash().to_owned()
    };
    let first = critic(&mut training([3.0, 1.0], 200, 10));
    assert_eq!(critic(&mut training([3.0, 1.0], 200, 10)), first);
    let mut other = training([1.0, 3.0], 200, 10);
    assert_ne!(critic(&mut other), first);
    other.aim([3.0, 1.0]).expect("a goal");
    assert_eq!(critic(&mut other), first);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (bundle, device) = (bundle(), Device::flex());
    let windows = experience(&bundle, 50);
    let refuse = |experience: &Arc<Experience>, goal, settings| {
        CriticTraining::new(bundle.clone(), Arc::clone(experience), goal, settings, &device).err()
    };
    let lost = refuse(&windows, [f64::NAN, 1.0], short(&bundle, 3));
    assert!(matches!(lost, Some(LearnError::Goal { .. })), "{lost:?}");
    let empty = CriticSettings { latents: 0, ..short(&bundle, 3) };
    assert!(matches!(refuse(&windows, [1.0, 1.0], empty), Some(LearnError::Setting(_))));
    let other = include_bytes!("../../weights/maze2d-medium-v1.safetensors");
    let other = Bundle::from_bytes(other).expect("the shipped bundle is whole");
    let theirs = experience(&other, 50);
    let foreign = refuse(&theirs, [1.0, 1.0], short(&bundle, 3));
    assert!(matches!(foreign, Some(LearnError::OtherAgent { .. })), "{foreign:?}");
}

/// The windows that come with the repository are whole, and of the agents beside them.
#[test]
fn shipped_windows_belong_to_the_shipped_agents() {
    for (weights, windows) in [
        (BYTES, &include_bytes!("../../weights/maze2d-umaze-v1.windows")[..]),
        (
            include_bytes!("../../weights/maze2d-medium-v1.safetensors"),
            include_bytes!("../../weights/maze2d-medium-v1.windows"),
        ),
        (
            include_bytes!("../../weights/maze2d-large-v1.safetensors"),
            include_bytes!("../../weights/maze2d-large-v1.windows"),
        ),
    ] {
        let bundle = Bundle::from_bytes(weights).expect("the shipped bundle is whole");
        let experience = Experience::from_bytes(windows).expect("the shipped windows are whole");
        assert_eq!(experience.latent_space(), bundle.latent_space().unwrap());
        assert!(windows.len() <= 1_000_000 && experience.len() >= 10_000);
        // Their end states are what the decoder predicts from their latents, to its own error.
        let agent = Agent::load(&bundle, &Device::flex()).expect("an agent");
        let (mut starts, mut latents, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for window in (0..experience.len()).step_by(97) {
            starts.extend(experience.first(window));
            latents.extend(experience.latent(window));
            ends.push(experience.last(window));
        }
        agent.normalise(&mut starts);
        let predicted = agent.end(agent.states(starts), agent.latents(latents));
        let mut predicted = predicted.try_into_vec_as::<f32>().unwrap();
        agent.denormalise(&mut predicted);
        let miss = predicted.chunks_exact(4).zip(&ends).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]));
        let mean = miss.sum::<f32>() / ends.len() as f32;
        assert!(mean < 0.1, "{mean} m");
    }
}
