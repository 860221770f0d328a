//! Sizes, and samples that must be right.

use super::Settings;
use crate::benchmark::{ANTMAZE, MAZE2D};
use crate::method::Recipe;
use crate::settings::{Basis, Preset};

/// Parameters of the actor, counted by hand, beside those of the critic.
#[test]
fn networks_have_their_sizes() {
    let settings = |preset, basis: &Basis| <Settings as Recipe>::preset(preset, basis);
    let actor = |settings: Settings, task: &crate::benchmark::Benchmark| {
        let shapes = settings.shapes(&task.spec).into_iter().filter(|(name, _)| name.starts_with("policy."));
        shapes.map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>()
    };
    let maze = &MAZE2D[0];
    assert_eq!(actor(settings(Preset::Paper, &maze.basis()), maze), 1_638_178);
    assert_eq!(actor(settings(Preset::Cpu, &maze.basis()), maze), 281_634);
    let ant = &ANTMAZE[0];
    assert_eq!(actor(settings(Preset::Paper, &ant.basis()), ant), 1_647_656);
}

/// An agent of the bandit: one step each, action 1 or -1, of which the reward is the action.
#[cfg(feature = "train")]
fn trained(candidates: usize) -> crate::method::Agent {
    use std::sync::Arc;

    use burn::tensor::Device;

    use super::Idql;
    use crate::learn::{Learner, Stage};
    use crate::method::toy::{bandit, task};
    use crate::method::{Agent, AgentBundle, Lessons};

    let mut settings = <Settings as Recipe>::preset(Preset::Smoke, &MAZE2D[0].basis());
    settings.data.standardise_states = false;
    settings.critic.hidden = vec![32, 32];
    settings.critic.train.rate = 3e-3;
    settings.critic.train.steps = 1_000;
    settings.policy.hidden = 32;
    settings.policy.train.rate = 2e-3;
    settings.policy.train.steps = 3_000;
    settings.policy.average_rate = 0.01;
    settings.act.candidates = candidates;
    let device = Device::flex();
    let mut lessons = Lessons::<Idql>::new(settings, task(1), Arc::new(bandit()), &device).unwrap();
    while lessons.stage() != Stage::Done {
        lessons.step(false).unwrap();
    }
    let bundle =
        AgentBundle::from_bytes(&lessons.file(crate::bundle::Provenance::default()).unwrap()).unwrap();
    Agent::load(&bundle, bundle.settings(), &device).unwrap()
}

/// Actions of many episodes in the bandit's state.
#[cfg(feature = "train")]
fn actions(agent: &crate::method::Agent, count: usize) -> Vec<f32> {
    use crate::agent::Actor as _;
    use crate::rng::Key;

    let crate::method::Agent::Idql(loaded) = agent else { return Vec::new() };
    let mut actor = super::Actor::new(std::sync::Arc::clone(loaded));
    for lane in 0..count {
        actor.begin(lane, Key::new(9).fold(lane as u64));
    }
    let lanes: Vec<(usize, &[f64])> = (0..count).map(|lane| (lane, [0.5].as_slice())).collect();
    actor.act(&lanes).unwrap()
}

/// One candidate is a sample of the data's actions, as sharp as a small network makes it; the best of many is the one with the
/// highest Q.
#[cfg(feature = "train")]
#[test]
fn one_candidate_imitates_and_many_choose() {
    let single = actions(&trained(1), 400);
    let right = single.iter().filter(|&&action| action > 0.0).count();
    let near = single.iter().filter(|&&action| action.abs() > 0.5).count();
    assert!((140..=260).contains(&right), "{right} of 400 samples are positive, expected half");
    assert!(near > 300, "{near} of 400 samples are nearer to ±1 than to 0");
    for action in actions(&trained(64), 20) {
        assert!(action > 0.95, "{action}, expected 1");
    }
}

/// The network's output and four losses of its training, without dropout, are those of `PyTorch`.
#[cfg(feature = "train")]
#[test]
fn the_network_is_that_of_pytorch() {
    use burn::module::Module;
    use burn::tensor::{Device, Tensor};

    use super::NoiseNet;
    use crate::method::golden::{assert_near, recorded};
    use crate::nn::train::Trained;
    use crate::nn::{load_parameters, tensor};
    use crate::rng::Key;

    let recorded = recorded();
    let device = Device::flex().autodiff();
    let mut settings = <Settings as Recipe>::preset(Preset::Smoke, &MAZE2D[0].basis()).policy;
    (settings.hidden, settings.blocks, settings.features, settings.time_hidden) = (8, 2, 6, 10);
    let net = NoiseNet::new(Key::new(0), &settings, [4, 2], &device);
    let mut net = Trained::new(load_parameters("noise", net, &mut recorded.clone()).unwrap());
    let values = |name: &str| recorded[&format!("idql.{name}")].values.clone();
    let actions: Tensor<3> = tensor(values("actions"), [6, 1, 2], &device);
    let states: Tensor<2> = tensor(values("states"), [6, 4], &device);
    let steps: Tensor<2> = tensor(values("steps"), [6, 1], &device);
    let noise: Tensor<3> = tensor(values("noise"), [6, 1, 2], &device);
    let mut losses = Vec::new();
    for step in 0..4 {
        let share = net.net().share(states.clone(), steps.clone());
        let predicted = net.net().forward(actions.clone(), share, &[]);
        if step == 0 {
            let found = predicted.clone().inner().try_into_vec_as::<f32>().unwrap();
            assert_near("predicted noise", &found, &values("predicted"));
        }
        let loss = (noise.clone() - predicted).square().sum_dim(2).mean();
        net.update(&mut loss.backward(), 1e-2, None);
        losses.extend(loss.inner().try_into_vec_as::<f32>().unwrap());
    }
    assert_near("losses", &losses, &values("losses"));
    assert_eq!(net.net().valid().num_params(), recorded_parameters(&recorded));
}

/// Numbers in the recorded network.
#[cfg(feature = "train")]
fn recorded_parameters(recorded: &std::collections::BTreeMap<String, crate::nn::NamedTensor>) -> usize {
    recorded.iter().filter(|(name, _)| name.starts_with("noise.")).map(|(_, array)| array.values.len()).sum()
}
