//! The device suite: one function per subject, all of them in [`subjects!`](crate::subjects).

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData, activation};
use diar_core::agent::{Agent, Episode, Event, Rollout, RolloutOptions};
use diar_core::bundle::Bundle;
use diar_core::critic::{TwinQ, VNetwork};
use diar_core::diffusion::{Denoiser, LatentSampler, NoiseSchedule, SamplerNoise};
use diar_core::env;
use diar_core::nn::load_parameters;
use diar_core::rng::Key;
use diar_core::settings::{PlanSettings, Sampler, SamplerSettings};
use diar_core::vae::Vae;

use crate::close::{assert_close, numbers};
use crate::golden::{CANDIDATES, Golden};

pub use crate::kernels::{kernels, long_chains};

/// Largest difference from PyTorch in double precision, over networks of a few layers.
const NETWORK: f64 = 2e-5;
/// The same after five denoising steps in a row.
const CHAIN: f64 = 1e-4;
/// Largest difference of a decision's latents, Q and V between a device and the CPU, over the shipped weights.
const DECISION: f64 = 2e-3;

/// Hands the name of every subject to a macro, which makes a test of each.
#[macro_export]
macro_rules! subjects {
    ($make_tests:ident) => {
        $make_tests! { arithmetic, vae, denoiser, sampler, critic, decisions, kernels, long_chains }
    };
}

/// Matrix products, reductions and activations against sums written out in f64.
pub async fn arithmetic(device: &Device) {
    const ROWS: usize = 5;
    const INNER: usize = 37;
    const COLUMNS: usize = 19;
    let left = |i: usize, k: usize| ((i * 7 + k * 3) % 11) as f64 / 11.0 - 0.4;
    let right = |k: usize, j: usize| ((k * 5 + j * 2) % 13) as f64 / 13.0 - 0.5;
    let product = |i: usize, j: usize| (0..INNER).map(|k| left(i, k) * right(k, j)).sum::<f64>();
    let matrix = |rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> f64| {
        let numbers = (0..rows * columns).map(|n| at(n / columns, n % columns) as f32).collect::<Vec<_>>();
        Tensor::<2>::from_data(TensorData::new(numbers, [rows, columns]), device)
    };
    let z = matrix(ROWS, INNER, &left).matmul(matrix(INNER, COLUMNS, &right));

    let expected: Vec<f64> = (0..ROWS * COLUMNS).map(|n| product(n / COLUMNS, n % COLUMNS)).collect();
    assert_close("product", &numbers(z.clone()).await, &expected, 1e-5);

    let softplus: Vec<f64> = expected.iter().map(|x| x.exp().ln_1p()).collect();
    assert_close("softplus", &numbers(activation::softplus(z.clone(), 1.0)).await, &softplus, 1e-5);

    let means: Vec<f64> =
        expected.chunks(COLUMNS).map(|row| row.iter().sum::<f64>() / COLUMNS as f64).collect();
    assert_close("mean", &numbers(z.mean_dim(1)).await, &means, 1e-5);
}

fn assert_golden(what: &str, found: &[f32], golden: &Golden, tolerance: f64) {
    let expected: Vec<f64> = golden.values(what).iter().map(|&x| f64::from(x)).collect();
    assert_close(what, found, &expected, tolerance);
}

/// Encoder and decoders against PyTorch.
pub async fn vae(device: &Device) {
    let golden = Golden::load();
    let (task, settings) = Golden::sizes();
    let vae = Vae::new(Key::new(1), &settings.vae, &task.spec, device);
    let vae = load_parameters("vae", vae, &mut golden.weights()).expect("the recorded weights fit");

    let posterior = vae.encode(golden.tensor("states", device), golden.tensor("actions", device));
    assert_golden("encoded.mean", &numbers(posterior.mean).await, &golden, NETWORK);
    assert_golden("encoded.deviation", &numbers(posterior.deviation).await, &golden, NETWORK);
    let prior = vae.prior.forward(golden.first(device));
    assert_golden("prior.mean", &numbers(prior.mean).await, &golden, NETWORK);
    assert_golden("prior.deviation", &numbers(prior.deviation).await, &golden, NETWORK);
    let actions = vae.decoder.policy.act(golden.first(device), golden.latents(device), None);
    assert_golden("act", &numbers(actions).await, &golden, NETWORK);
    let end = vae.decoder.end(golden.first(device), golden.latents(device));
    assert_golden("end", &numbers(end).await, &golden, NETWORK);
}

fn golden_denoiser(golden: &Golden, device: &Device) -> Denoiser {
    let (task, settings) = Golden::sizes();
    let latent = settings.vae.latent;
    let diffusion = &settings.diffusion;
    let denoiser = Denoiser::new(
        Key::new(1),
        &diffusion.widths,
        diffusion.embedding,
        task.spec.state_dim(),
        latent,
        device,
    );
    load_parameters("denoiser", denoiser, &mut golden.weights()).expect("the recorded weights fit")
}

/// The denoiser, factored over states and steps, against PyTorch's unfactored one.
pub async fn denoiser(device: &Device) {
    let golden = Golden::load();
    let denoiser = golden_denoiser(&golden, device);
    let condition = denoiser.condition(golden.first(device), None);
    let steps: Vec<usize> = golden.values("t").iter().map(|&t| t as usize).collect();
    let time = denoiser.time(&steps);
    let guess = denoiser.forward(golden.tensor("candidates", device), &condition, &time);
    assert_golden("denoised", &numbers(guess).await, &golden, NETWORK);
}

/// Five steps of DDIM from given noise against PyTorch.
pub async fn sampler(device: &Device) {
    let golden = Golden::load();
    let denoiser = golden_denoiser(&golden, device);
    let steps = SamplerSettings { kind: Sampler::Ddim, steps: 5, extra_steps: 0 };
    let sampler = LatentSampler::new(&denoiser, &NoiseSchedule::new(500), steps);
    let start = [golden.values("candidates").to_vec()];
    let drawn = sampler.sample(golden.first(device), CANDIDATES, SamplerNoise::Given(&start));
    assert_golden("ddim", &numbers(drawn).await, &golden, CHAIN);
}

/// Q and V against PyTorch.
pub async fn critic(device: &Device) {
    let golden = Golden::load();
    let (task, settings) = Golden::sizes();
    let q = TwinQ::new(Key::new(1), &settings.critic, task.spec.state_dim(), settings.vae.latent, device);
    let q = load_parameters("critic", q, &mut golden.weights()).expect("the recorded weights fit");
    let v = VNetwork::new(Key::new(1), &settings.critic, task.spec.state_dim(), device);
    let v = load_parameters("critic.v", v, &mut golden.weights()).expect("the recorded weights fit");
    let found = q.min(golden.first(device), golden.tensor("candidates", device));
    assert_golden("q", &numbers(found).await, &golden, NETWORK);
    assert_golden("v", &numbers(v.forward(golden.first(device))).await, &golden, NETWORK);
}

/// Two decisions of the shipped agent: a device agrees with the CPU on latents, Q, V, predicted ends and actions.
pub async fn decisions(device: &Device) {
    let here = first_events(device).await;
    let cpu = first_events(&Device::flex()).await;
    assert_eq!(here.len(), cpu.len());
    for (event, (here, cpu)) in here.iter().zip(&cpu).enumerate() {
        let (found, expected) = (flatten(here), flatten(cpu));
        let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
        assert_close(&format!("event {event}"), &found, &expected, DECISION);
    }
}

/// The parts of the first decision of an episode, and of the environment step after it.
async fn first_events(device: &Device) -> Vec<Event> {
    let bytes = include_bytes!("../../weights/maze2d-umaze-v1.safetensors");
    let bundle = Bundle::from_bytes(bytes).expect("the shipped bundle is whole");
    let agent = Arc::new(Agent::load(&bundle, device).expect("the shipped weights fit"));
    let settings = PlanSettings {
        candidates: 4,
        sampler: SamplerSettings { kind: Sampler::Sde, steps: 2, extra_steps: 0 },
        revalue: false,
        ..agent.settings().plan
    };
    let episodes = [0, 1].map(|index| Episode::random(3, index));
    let options = RolloutOptions { record: true, stop_at_goal: true, shareable: false };
    let envs = env::open(agent.task()).expect("the task has a simulator");
    let mut rollout =
        Rollout::new(agent.clone(), envs, settings, &episodes, options).expect("the settings fit");
    let mut events = Vec::new();
    // Sample, rank, predict, compare, follow.
    for _ in 0..5 {
        let part = rollout.advance().await.expect("the device decides");
        events.extend(part.into_iter().map(|(_, event)| event));
    }
    events
}

/// The numbers of an event.
fn flatten(event: &Event) -> Vec<f32> {
    match event {
        Event::Sampled { latents } => latents.concat(),
        Event::Ranked { q, chosen } => q.iter().copied().chain([*chosen as f32]).collect(),
        Event::Predicted { ends, v_end } => ends.concat().into_iter().chain([*v_end]).collect(),
        Event::Compared { v_now, dropped } => vec![*v_now, f32::from(u8::from(*dropped))],
        Event::Chose(choice) => choice.q.iter().copied().chain([choice.chosen as f32]).collect(),
        Event::Followed { action, state, reward, .. } => {
            let state = state.iter().map(|&x| x as f32);
            action.iter().copied().chain(state).chain([*reward]).collect()
        }
    }
}
