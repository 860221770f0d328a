//! Sizes, `PyTorch`'s numbers, causality, and data where the return says what to do.

use std::sync::Arc;

use burn::tensor::Device;

use super::learner::Batch;
use super::network::Steps;
use super::{ActSettings, Actor, Dt, Masks, Settings, Transformer};
use crate::agent::Actor as _;
use crate::benchmark::{ANTMAZE, MAZE2D};
use crate::bundle::Provenance;
use crate::data::{Normaliser, Transitions};
use crate::kernel::reference;
use crate::learn::{Learner, Stage};
use crate::method::toy::{bandit, sized, task};
use crate::method::{Agent, AgentBundle, Classroom, Course, Lessons, Loaded, MethodSettings, Recipe};
use crate::nn::golden::{assert_near, read};
use crate::rng::Key;
use crate::settings::{Basis, Preset, Schedule};
use crate::spec::{Space, TaskSpec};

/// Parameters of the published sizes, counted by hand.
#[test]
fn networks_have_their_sizes() {
    let settings = |preset, basis: &Basis| <Settings as Recipe>::preset(preset, basis);
    let (maze, ant) = (&MAZE2D[0], &ANTMAZE[0]);
    assert_eq!(settings(Preset::Paper, &maze.basis()).parameters(&maze.spec), 727_426.0);
    assert_eq!(settings(Preset::Cpu, &maze.basis()).parameters(&maze.spec), 216_258.0);
    assert_eq!(settings(Preset::Paper, &ant.basis()).parameters(&ant.spec), 732_168.0);
}

/// A small network without dropout.
fn settings() -> Settings {
    let mut settings = <Settings as Recipe>::preset(Preset::Smoke, &MAZE2D[0].basis());
    settings.data.standardise_states = false;
    settings.sequence.context = 4;
    settings.sequence.longest = 8;
    settings.policy.hidden = 8;
    settings.policy.blocks = 2;
    settings.policy.heads = 2;
    settings.policy.dropout = 0.0;
    settings
}

/// Steps drawn at random, for some sequences of 4 steps with 4 and 2 numbers.
fn steps(key: u64, sequences: usize) -> Steps {
    let count = 4 * sequences;
    let normals = |name: &str, count| Key::new(key).named(name).normals(count);
    let mut steps = Steps::none(count, [4, 2]);
    steps.returns = normals("returns", count);
    steps.states = normals("states", 4 * count);
    steps.actions = normals("actions", 2 * count);
    steps.times = (0..count as i64).map(|i| i % 4 + i / 4 % 5).collect();
    steps
}

fn network() -> Transformer {
    let mut settings = settings();
    settings.policy.hidden = 24;
    Transformer::new(Key::new(1), &settings.policy, 12, [4, 2], &Device::flex())
}

fn actions(network: &Transformer, steps: &Steps, sequences: usize) -> Vec<f32> {
    let context = steps.clone().context(sequences, &Device::flex());
    network.forward(context, &Masks::default()).try_into_vec_as::<f32>().unwrap()
}

/// An action depends on no token behind its state's, its own action's included: what is there changes not a bit.
#[test]
fn later_tokens_change_nothing() {
    let network = network();
    let check = || {
        let (one, other) = (steps(2, 3), steps(3, 3));
        let expected = actions(&network, &one, 3);
        for step in 0..4 {
            let mut mixed = one.clone();
            for sequence in 0..3 {
                let at = 4 * sequence + step;
                let end = 4 * sequence + 4;
                mixed.actions[2 * at..2 * end].copy_from_slice(&other.actions[2 * at..2 * end]);
                mixed.returns[at + 1..end].copy_from_slice(&other.returns[at + 1..end]);
                mixed.states[4 * (at + 1)..4 * end].copy_from_slice(&other.states[4 * (at + 1)..4 * end]);
            }
            let found = actions(&network, &mixed, 3);
            for sequence in 0..3 {
                let own = 8 * sequence..8 * sequence + 2 * (step + 1);
                assert_eq!(found[own.clone()], expected[own], "step {step} of sequence {sequence}");
                let behind = 8 * sequence + 2 * (step + 1)..8 * (sequence + 1);
                assert!(step == 3 || found[behind.clone()] != expected[behind], "step {step}");
            }
        }
    };
    check();
    reference(check);
}

/// A sequence of any length gives the same alone as with steps that are not there behind it.
#[test]
fn padding_changes_nothing() {
    let (network, whole) = (network(), steps(4, 1));
    let padded = actions(&network, &whole, 1);
    for length in 1..=4 {
        let mut short = whole.clone();
        short.returns.truncate(length);
        short.states.truncate(4 * length);
        short.actions.truncate(2 * length);
        short.times.truncate(length);
        assert_near("action", &actions(&network, &short, 1), &padded[..2 * length]);
    }
}

/// Actions, and five losses of training with decay, warm-up and a bound on the gradient, are those of `PyTorch`.
#[test]
fn steps_are_those_of_pytorch() {
    let recorded = read(include_bytes!("../../../../tests/golden/dt.safetensors"));
    let values = |name: &str| recorded[&format!("dt.{name}")].values.clone();
    let mut settings = settings();
    settings.policy.decay = 0.5;
    settings.policy.train.rate = 2e-2;
    settings.policy.train.schedule = Schedule::WarmUp { steps: 3 };
    settings.policy.train.clip = Some(0.25);
    let (task, data) = sized([4, 2]);
    let room = Classroom {
        task,
        steps: crate::data::Steps::new(Arc::new(data)).unwrap(),
        state_norm: Normaliser::identity(4),
        device: Device::flex(),
    };
    let batch = || {
        let mut steps = Steps::none(20, [4, 2]);
        steps.returns = values("returns");
        steps.states = values("states");
        steps.actions = values("actions");
        steps.times = values("times").into_iter().map(|time| time as i64).collect();
        Batch { steps, there: values("there") }
    };
    let check = || {
        let mut dt = <Dt as Course>::new(&settings, &room).unwrap().with_weights(recorded.clone());
        let there = |actions: &[f32]| -> Vec<f32> {
            let both = actions.chunks_exact(2).zip(values("there")).filter(|(_, there)| *there > 0.0);
            both.flat_map(|(action, _)| action.to_vec()).collect()
        };
        let found = |dt: &Dt| there(&actions(&dt.net(), &batch().steps, 5));
        assert_near("actions", &found(&dt), &there(&values("found")));
        let losses: Vec<f32> = (0..5)
            .map(|step| dt.learn(batch(), &room, &Masks::default(), step).into_scalar::<f32>())
            .collect();
        assert_near("losses", &losses, &values("losses"));
        assert_near("actions after", &found(&dt), &there(&values("found_after")));
    };
    check();
    reference(check);
}

/// The bandit of one step, action 1 or -1, of which the reward is the action; the second number of an action is the opposite.
fn trained() -> AgentBundle {
    let data = Transitions {
        action_dim: 2,
        actions: bandit().actions.into_iter().flat_map(|action| [action, -action]).collect(),
        ..bandit()
    };
    let task = Arc::new(TaskSpec { action: Space::within(2, -1.0, 1.0), ..(*task(1)).clone() });
    let mut settings = <Settings as Recipe>::preset(Preset::Smoke, &MAZE2D[0].basis());
    settings.data.standardise_states = false;
    let mut lessons = Lessons::<Dt>::new(settings, task, Arc::new(data), &Device::flex()).unwrap();
    while lessons.stage() != Stage::Done {
        lessons.step(false).unwrap();
    }
    AgentBundle::from_bytes(&lessons.file(Provenance::default()).unwrap()).unwrap()
}

fn acting(bundle: &AgentBundle, act: ActSettings) -> Result<Arc<Loaded<Settings>>, String> {
    let MethodSettings::Dt(settings) = bundle.settings() else { return Err("another method".to_owned()) };
    let agent = Agent::load(bundle, MethodSettings::Dt(Settings { act, ..settings }), &Device::flex());
    match agent.map_err(|error| error.to_string())? {
        Agent::Dt(loaded) => Ok(loaded),
        other => Err(format!("{other:?}")),
    }
}

/// Where the return says what was done, the action is the one that earns what is asked for; what training never saw is refused.
#[test]
fn the_action_follows_the_target() {
    let bundle = trained();
    let seen = bundle.seen().unwrap();
    assert_eq!((seen.lowest, seen.highest, seen.best, seen.steps), (-1.0, 1.0, 1.0, 1));
    for (target_return, expected) in [(None, 1.0), (Some(1.0), 1.0), (Some(-1.0), -1.0)] {
        let loaded = acting(&bundle, ActSettings { target_return, extrapolate: false }).unwrap();
        let mut actor = Actor::new(loaded);
        actor.begin(0, Key::new(0));
        let found = actor.act(&[(0, &[0.5])]).unwrap();
        let near = (found[0] - expected).abs() < 0.1 && (found[1] + expected).abs() < 0.1;
        assert!(near, "{found:?} for {target_return:?}, expected {expected} and its opposite");
    }
    let beyond = |extrapolate| acting(&bundle, ActSettings { target_return: Some(140.0), extrapolate });
    let error = beyond(false).unwrap_err();
    assert!(
        error.contains("act.target_return is 140, expected a return that training saw, -1 to 1"),
        "{error}"
    );
    assert!(beyond(true).is_ok());
}

/// Training begins with no target that no sequence has.
#[test]
fn a_target_beyond_the_data_is_refused_before_training() {
    let mut settings = settings();
    settings.act.target_return = Some(2.0);
    let lessons = Lessons::<Dt>::new(settings, task(1), Arc::new(bandit()), &Device::flex());
    let error = lessons.err().unwrap().to_string();
    assert!(error.contains("act.target_return is 2, expected a return that training saw"), "{error}");
}

/// An actor shows the network the last K steps of its own episode with what each still wanted, whatever lanes act beside it.
#[test]
fn an_actor_remembers_its_episode() {
    let loaded = acting(&trained(), ActSettings { target_return: Some(0.5), extrapolate: false }).unwrap();
    let context = loaded.settings.sequence.context;
    let state = |lane: usize, step: usize| f64::from((lane * 7 + step * 3) as u32 % 10) / 10.0;
    let reward = |lane: usize, step: usize| (lane + step) as f32 % 3.0 / 8.0;
    let (lanes, length) = (90, context + 3);
    // All lanes side by side; every third one begins anew two steps before the end.
    let begins = |lane: usize| if lane.is_multiple_of(3) { length - 2 } else { 0 };
    let mut together = Actor::new(Arc::clone(&loaded));
    let mut last = Vec::new();
    for step in 0..length {
        let states: Vec<[f64; 1]> = (0..lanes).map(|lane| [state(lane, step)]).collect();
        for lane in (0..lanes).filter(|&lane| step == 0 || begins(lane) == step) {
            together.begin(lane, Key::new(0));
        }
        let seen: Vec<(usize, &[f64])> = states.iter().map(<[f64; 1]>::as_slice).enumerate().collect();
        last = together.act(&seen).unwrap();
        for (lane, action) in last.chunks_exact(2).enumerate() {
            together.observe(lane, action, reward(lane, step));
        }
    }
    for (lane, beside) in last.chunks_exact(2).enumerate() {
        let mut alone = Actor::new(Arc::clone(&loaded));
        alone.begin(0, Key::new(0));
        let (mut wanted, mut shown) = (0.5, Vec::new());
        let mut found = Vec::new();
        for step in begins(lane)..length {
            found = alone.act(&[(0, &[state(lane, step)])]).unwrap();
            alone.observe(0, &found, reward(lane, step));
            shown.push((wanted as f32, state(lane, step) as f32, found.clone()));
            wanted -= f64::from(reward(lane, step));
        }
        assert_eq!(found, beside, "lane {lane} alone and with others beside it");
        let window = &shown[shown.len().saturating_sub(context)..];
        let mut steps = Steps::none(window.len(), [1, 2]);
        for (at, (wanted, state, action)) in window.iter().enumerate() {
            (steps.returns[at], steps.states[at]) = (*wanted, *state);
            steps.at(at)[1].copy_from_slice(action);
        }
        let by_hand = loaded.network.forward(steps.context(1, &Device::flex()), &Masks::default());
        let by_hand = by_hand.try_into_vec_as::<f32>().unwrap();
        assert_near("action", &found, &by_hand[2 * (window.len() - 1)..]);
    }
}

/// A run that is saved and restored goes on as the one that was not.
#[test]
fn restored_lessons_go_on() {
    let mut settings = settings();
    settings.policy.dropout = 0.2;
    settings.policy.train.steps = 12;
    let start =
        || Lessons::<Dt>::new(settings.clone(), task(1), Arc::new(bandit()), &Device::flex()).unwrap();
    let mut whole = start();
    for _ in 0..12 {
        whole.step(false).unwrap();
    }
    let mut first = start();
    for _ in 0..5 {
        first.step(false).unwrap();
    }
    let mut second = start();
    second.restore(first.checkpoint_from(Stage::Vae).unwrap()).unwrap();
    assert_eq!(second.position(), 5);
    while second.stage() != Stage::Done {
        second.step(false).unwrap();
    }
    let file = |lessons: &Lessons<Dt>| lessons.file(Provenance::default()).unwrap();
    assert!(file(&whole) == file(&second));
}
