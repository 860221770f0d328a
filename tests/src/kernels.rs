//! Fused kernels against the plain path, over random weights of several sizes.

use burn::tensor::{Device, Tensor, TensorData};
use diar_core::agent::Agent;
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::bundle::{Bundle, Provenance};
use diar_core::critic::{TwinQ, VNetwork};
use diar_core::data::Normaliser;
use diar_core::diffusion::{Denoiser, SamplerNoise};
use diar_core::kernel::reference;
use diar_core::nn::named_parameters;
use diar_core::rng::Key;
use diar_core::settings::{Preset, Sampler, SamplerSettings, Settings};
use diar_core::vae::Vae;

use crate::close::{assert_close, numbers};

/// Largest difference between the two paths, of numbers up to 1 or as a share of larger ones.
const TOLERANCE: f64 = 1e-4;
const STATES: usize = 2;

/// Sizes that fill a tile and sizes that do not, with one level and with several, and no number a multiple of another.
fn sizes(task: &Benchmark) -> Vec<Settings> {
    let sized = |widths: &[usize], embedding, latent, [wide, narrow, last]: [usize; 3], hidden| {
        let mut settings = Settings::preset(Preset::Quick, &task.basis());
        settings.diffusion.widths = widths.to_vec();
        settings.diffusion.embedding = embedding;
        settings.vae.latent = latent;
        settings.vae.hidden = hidden;
        settings.critic.state_hidden = wide;
        settings.critic.latent_hidden = narrow;
        settings.critic.last_hidden = last;
        settings
    };
    vec![
        sized(&[10], 5, 2, [11, 7, 3], 13),
        sized(&[24, 7], 9, 3, [18, 33, 5], 6),
        Settings::preset(Preset::Quick, &task.basis()),
        Settings::preset(Preset::Paper, &task.basis()),
    ]
}

/// An agent of newly drawn weights.
fn agent(task: &Benchmark, settings: &Settings, device: &Device) -> Agent {
    let (key, cpu) = (Key::new(17), Device::flex());
    let (state, latent) = (task.spec.state_dim(), settings.vae.latent);
    let diffusion = &settings.diffusion;
    let denoiser = Denoiser::new(key, &diffusion.widths, diffusion.embedding, state, latent, &cpu);
    let q = TwinQ::new(key, &settings.critic, state, latent, &cpu);
    let tensors = [
        named_parameters("vae", &Vae::new(key, &settings.vae, &task.spec, &cpu)),
        named_parameters("denoiser", &denoiser),
        named_parameters("critic.q0", &q.q0),
        named_parameters("critic.q1", &q.q1),
        named_parameters("critic.v", &VNetwork::new(key, &settings.critic, state, &cpu)),
    ];
    let tensors = tensors.into_iter().flat_map(|part| part.expect("parameters are f32")).collect();
    let norms = [state, latent].map(Normaliser::identity);
    let [state_norm, latent_norm] = norms;
    let bundle = Bundle::new(
        (*task.spec).clone(),
        settings.clone(),
        state_norm,
        latent_norm,
        Provenance::default(),
        tensors,
    );
    Agent::load(&bundle.expect("sizes fit together"), device).expect("the weights fit")
}

fn random<const D: usize>(key: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = Key::new(key).normals(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn latents(agent: &Agent, sampler: SamplerSettings, candidates: usize, device: &Device) -> Tensor<3> {
    let keys: Vec<Key> = (0..STATES as u64).map(|state| Key::new(5).fold(state)).collect();
    let states = random(6, [STATES, agent.task().state_dim()], device);
    agent.sampler(sampler).sample(states, candidates, SamplerNoise::Drawn(&keys))
}

/// Everything a decision computes, named, and how many fused kernels of a GPU it took.
fn decision(agent: &Agent, candidates: usize, device: &Device) -> Vec<(&'static str, u64, Tensor<1>)> {
    let (state, width) = (agent.task().state_dim(), agent.latent());
    let states = || random(6, [STATES, state], device);
    let chosen = || random(7, [STATES, width], device);
    let all = random(8, [STATES, candidates, width], device);
    let noise = || Some(Key::new(9).normals(STATES * agent.task().action_dim()));
    let steps = SamplerSettings { kind: Sampler::Sde, steps: 3, extra_steps: 0 };
    let count = |what, work: &dyn Fn() -> Tensor<1>| {
        let before = launches();
        let result = work();
        (what, launches() - before, result)
    };
    let flat = |x: Tensor<2>| x.flatten(0, 1);
    vec![
        count("latents", &|| latents(agent, steps, candidates, device).flatten(0, 2)),
        count("q", &|| flat(agent.q(states(), all.clone()))),
        count("v", &|| agent.v(states())),
        count("end", &|| flat(agent.end(states(), chosen()))),
        count("mean action", &|| flat(agent.act(states(), chosen(), None))),
        count("action", &|| flat(agent.act(states(), chosen(), noise()))),
    ]
}

#[cfg(feature = "webgpu")]
fn launches() -> u64 {
    diar_core::kernel::launches()
}

#[cfg(not(feature = "webgpu"))]
fn launches() -> u64 {
    0
}

/// The fused kernels of a device give what its plain path gives, and on a GPU they were really taken.
pub async fn kernels(device: &Device) {
    let task = &MAZE2D[0];
    let cpu = *device == Device::flex();
    for settings in sizes(task) {
        let agent = agent(task, &settings, device);
        // Neither a multiple of four nor, for the widest network, a single tile.
        let fused = decision(&agent, 9, device);
        let plain = reference(|| decision(&agent, 9, device));
        for ((what, count, found), (_, none, expected)) in fused.into_iter().zip(plain) {
            let expected_count = match what {
                _ if cpu => 0,
                "latents" => 3,
                "q" | "mean action" | "action" => 2,
                _ => 1,
            };
            assert_eq!((count, none), (expected_count, 0), "kernels launched for {what}");
            let expected: Vec<f64> = numbers(expected).await.into_iter().map(f64::from).collect();
            let what = format!("{what} of {:?}", settings.diffusion.widths);
            assert_close(&what, &numbers(found).await, &expected, TOLERANCE);
        }
    }
}

/// A chain of more updates than one launch takes, noisy and not, against the CPU's plain path.
pub async fn long_chains(device: &Device) {
    let task = &MAZE2D[0];
    let settings = &sizes(task)[0];
    let cpu = Device::flex();
    let (here, there) = (agent(task, settings, device), agent(task, settings, &cpu));
    // Noise for both parts, or for the start alone.
    for (kind, draws) in [(Sampler::Sde, 2), (Sampler::Ddim, 1)] {
        let steps = SamplerSettings { kind, steps: 70, extra_steps: 0 };
        let before = launches();
        let found = latents(&here, steps, 5, device);
        assert_eq!(
            launches() - before,
            if *device == cpu { 0 } else { 3 + draws },
            "conditions, two parts, noise"
        );
        let expected = reference(|| latents(&there, steps, 5, &cpu));
        let expected: Vec<f64> = numbers(expected).await.into_iter().map(f64::from).collect();
        assert_close(&format!("{kind:?}"), &numbers(found).await, &expected, TOLERANCE);
    }
}
