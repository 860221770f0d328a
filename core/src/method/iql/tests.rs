//! Closed forms that IQL must reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::{CriticSettings, Iql, PolicySettings, Settings};
use crate::benchmark::{ANTMAZE, MAZE2D};
use crate::data::{Normaliser, StepBatch, Steps, Transitions};
use crate::learn::Learner;
use crate::method::golden::{assert_near, recorded};
use crate::method::toy::{bandit, sized, task};
use crate::method::{Classroom, Course, Lessons, Recipe};
use crate::nn::{NamedTensor, tensor};
use crate::settings::{Basis, Preset, Schedule};

/// Parameters of the published sizes, counted by hand.
#[test]
fn published_networks_have_their_sizes() {
    let counted = |[q, v, policy]: [usize; 3]| (2 * q + v + policy) as f64;
    let settings = |basis: &Basis| <Settings as Recipe>::preset(Preset::Paper, basis);
    let maze = &MAZE2D[0];
    assert_eq!(settings(&maze.basis()).parameters(&maze.spec), counted([67_841, 67_329, 67_588]));
    let ant = &ANTMAZE[0];
    assert_eq!(settings(&ant.basis()).parameters(&ant.spec), counted([75_777, 73_729, 75_536]));
}

/// Small networks that learn fast.
fn settings(steps: usize) -> Settings {
    let mut settings = <Settings as Recipe>::preset(Preset::Smoke, &MAZE2D[0].basis());
    settings.data.standardise_states = false;
    settings.critic.hidden = vec![32, 32];
    settings.policy.hidden = vec![32, 32];
    settings.critic.target_rate = 0.05;
    settings.critic.train.steps = steps;
    settings.critic.train.rate = 3e-3;
    settings.critic.train.schedule = Schedule::Cosine;
    settings.policy.rate = 1e-2;
    settings
}

fn trained(settings: Settings, data: Transitions) -> Lessons<Iql> {
    let task = task(data.state_dim);
    let mut lessons = Lessons::<Iql>::new(settings, task, Arc::new(data), &Device::flex()).unwrap();
    while lessons.position() < lessons.total() {
        lessons.step(false).unwrap();
    }
    lessons
}

/// V of states, `[states]`.
fn values(lessons: &Lessons<Iql>, states: Vec<f32>, width: usize) -> Vec<f32> {
    let rows = states.len() / width;
    lessons.course().v(tensor(states, [rows, width], &Device::flex())).try_into_vec_as::<f32>().unwrap()
}

/// With Q(a) = a for a = ±1 alike, V is 2τ - 1, and the policy's mean weighs e^{β(1 - V)} against e^{β(-1 - V)}.
#[test]
fn a_bandit_gives_the_expectile_and_the_weighted_mean() {
    let lessons = trained(settings(4_000), bandit());
    let v = values(&lessons, vec![0.5], 1)[0];
    assert!((v - 0.4).abs() < 0.02, "V is {v}, expected 2 · 0.7 - 1");
    let mean = lessons.course().mean(tensor(vec![0.5], [1, 1], &Device::flex()));
    let mean = mean.try_into_vec_as::<f32>().unwrap()[0];
    assert!((mean - 0.995).abs() < 0.01, "the mean is {mean}, expected 0.995");
}

/// Without weights, it is behaviour cloning: the mean of both actions.
#[test]
fn beta_zero_imitates() {
    let mut settings = settings(1_500);
    settings.policy.beta = 0.0;
    let lessons = trained(settings, bandit());
    let mean = lessons.course().mean(tensor(vec![0.5], [1, 1], &Device::flex()));
    let mean = mean.try_into_vec_as::<f32>().unwrap()[0];
    assert!(mean.abs() < 0.1, "the mean is {mean}, expected 0");
}

/// Five states in a row with reward 1 at the last, where the task ends: V is γ to the number of steps left.
#[test]
fn a_chain_discounts_by_the_step() {
    let (states, rows) = (5, 200);
    let at = |row: usize| row % states;
    let data = Transitions {
        state_dim: states,
        action_dim: 1,
        states: (0..rows)
            .flat_map(|row| (0..states).map(move |i| f32::from(u8::from(i == at(row)))))
            .collect(),
        actions: vec![0.0; rows],
        rewards: (0..rows).map(|row| f32::from(u8::from(at(row) + 1 == states))).collect(),
        terminals: (0..rows).map(|row| at(row) + 1 == states).collect(),
        timeouts: vec![false; rows],
        continuous: false,
        past_terminals: false,
        goals: Vec::new(),
    };
    let mut settings = settings(4_000);
    settings.critic.discount = 0.8;
    let lessons = trained(settings, data);
    let each = (0..states).flat_map(|i| (0..states).map(move |j| f32::from(u8::from(i == j)))).collect();
    for (i, v) in values(&lessons, each, states).into_iter().enumerate() {
        let expected = 0.8_f32.powi((states - 1 - i) as i32);
        assert!((v - expected).abs() < 0.02, "V({i}) is {v}, expected {expected}");
    }
}

/// The slow networks are the online ones' average: after one step they have moved by the rate.
#[test]
fn target_networks_follow() {
    let parameters = |steps| {
        let mut settings = settings(10);
        settings.critic.target_rate = 0.25;
        let mut lessons =
            Lessons::<Iql>::new(settings, task(1), Arc::new(bandit()), &Device::flex()).unwrap();
        for _ in 0..steps {
            lessons.step(false).unwrap();
        }
        let [slow, online] = lessons.course().q().unwrap();
        let flat = |tensors: Vec<NamedTensor>| -> Vec<f32> {
            tensors.into_iter().flat_map(|tensor| tensor.values).collect()
        };
        (flat(slow), flat(online))
    };
    let ((before, same), (after, online)) = (parameters(0), parameters(1));
    assert_eq!(before, same);
    assert_ne!(before, after);
    for ((before, after), online) in before.iter().zip(&after).zip(&online) {
        let expected = 0.75 * before + 0.25 * online;
        assert!((after - expected).abs() < 1e-6, "{after}, expected {expected}");
    }
}

/// A run that is saved and restored goes on as the one that was not.
#[test]
fn restored_lessons_go_on() {
    let start = || Lessons::<Iql>::new(settings(20), task(1), Arc::new(bandit()), &Device::flex()).unwrap();
    let mut whole = start();
    for _ in 0..20 {
        whole.step(false).unwrap();
    }
    let mut first = start();
    for _ in 0..7 {
        first.step(false).unwrap();
    }
    let checkpoint = first.checkpoint_from(crate::learn::Stage::Vae).unwrap();
    let mut second = start();
    second.restore(checkpoint).unwrap();
    assert_eq!(second.position(), 7);
    while second.stage() != crate::learn::Stage::Done {
        second.step(false).unwrap();
    }
    let file = |lessons: &Lessons<Iql>| lessons.file(crate::bundle::Provenance::default()).unwrap();
    assert!(file(&whole) == file(&second));
    let numbers: Tensor<1> = second.course().v(tensor(vec![0.5], [1, 1], &Device::flex()));
    assert_eq!(numbers.dims(), [1]);
}

/// Four steps of all networks, loss by loss, are those of `PyTorch`.
#[test]
fn steps_are_those_of_pytorch() {
    let recorded = recorded();
    let mut settings = settings(4);
    settings.critic.hidden = vec![8, 8];
    settings.policy.hidden = vec![8, 8];
    settings.critic = CriticSettings {
        expectile: 0.7,
        discount: 0.9,
        reward_shift: -0.25,
        target_rate: 0.2,
        ..settings.critic
    };
    settings.critic.train.rate = 1e-2;
    settings.critic.train.schedule = Schedule::Constant;
    settings.policy = PolicySettings {
        beta: 3.0,
        weight_cap: 2.0,
        rate: 2e-2,
        schedule: Schedule::Constant,
        ..settings.policy
    };
    let (task, data) = sized([4, 2]);
    let room = Classroom {
        task,
        steps: Steps::new(Arc::new(data)).unwrap(),
        state_norm: Normaliser::identity(4),
        device: Device::flex(),
    };
    let mut iql = <Iql as Course>::new(&settings, &room).unwrap().with_weights(recorded.clone());
    let rows = |name: &str, step: usize| {
        let array = &recorded[&format!("iql.{name}")];
        let each = array.values.len() / array.shape[0];
        array.values[step * each..(step + 1) * each].to_vec()
    };
    for step in 0..4 {
        let batch = StepBatch {
            states: rows("states", step),
            actions: rows("actions", step),
            rewards: rows("rewards", step),
            next: rows("next", step),
            goes_on: rows("goes_on", step),
        };
        let metrics: BTreeMap<_, _> = iql.learn_from(batch, &room, step).into_iter().collect();
        let found = ["v_loss", "q0_loss", "q1_loss", "policy_loss"].map(|name| metrics[name] as f32);
        assert_near(&format!("losses of step {step}"), &found, &rows("losses", step));
    }
    let states = tensor(rows("states", 0), [6, 4], &Device::flex());
    let mean = iql.mean(states).try_into_vec_as::<f32>().unwrap();
    assert_near("mean", &mean, &recorded["iql.mean"].values);
}
