//! The stages of training in all their modes, on little data: what a mode may change, and that every road ends.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::Agent;
use diar_core::benchmark::MAZE2D;
use diar_core::bundle::Provenance;
use diar_core::env::maze2d::generate;
use diar_core::learn::{Stage, Training};
use diar_core::maze::MazeId;
use diar_core::settings::{DiffusionPrior, Preset, Sampler, SamplerSettings, Settings, Target};
use pollster::block_on;

/// Networks and lengths that take a second.
fn tiny() -> Settings {
    let mut settings = Settings::preset(Preset::Quick, &MAZE2D[0].basis());
    settings.data.rows = 3_000;
    settings.vae.hidden = 8;
    settings.vae.train.batch = 8;
    settings.vae.train.steps = 3;
    settings.diffusion.widths = vec![8, 4];
    settings.diffusion.embedding = 8;
    settings.diffusion.diffusion_steps = 20;
    settings.diffusion.train.batch = 8;
    settings.diffusion.train.steps = 3;
    settings.critic.state_hidden = 8;
    settings.critic.latent_hidden = 8;
    settings.critic.windows = Some(50);
    settings.critic.latents = 4;
    settings.critic.train.batch = 8;
    settings.critic.train.steps = 4;
    settings
}

fn training(settings: Settings) -> Training {
    let data = Arc::new(generate(MazeId::Umaze, settings.data.rows, settings.seed));
    Training::new(settings, Arc::clone(&MAZE2D[0].spec), data, &Device::flex()).expect("the settings fit")
}

/// The losses of the VAE's own parts, step by step.
fn vae_losses(diffusion_prior: DiffusionPrior) -> Vec<f64> {
    let mut settings = tiny();
    settings.vae.diffusion_prior = diffusion_prior;
    let mut training = training(settings);
    let mut losses = Vec::new();
    while training.stage() == Stage::Vae {
        let metrics: BTreeMap<_, _> = training.step(true).expect("a step").into_iter().collect();
        losses.extend(["action", "kl", "state"].map(|name| metrics[name]));
    }
    losses
}

/// A detached prior cannot change the VAE, an attached one does.
#[test]
fn only_an_attached_diffusion_prior_changes_the_vae() {
    let off = vae_losses(DiffusionPrior::Off);
    assert_eq!(off.len(), 9);
    assert_eq!(vae_losses(DiffusionPrior::Detached), off);
    let attached = vae_losses(DiffusionPrior::Attached);
    assert_eq!(attached[..3], off[..3], "before the first update all are the same");
    assert_ne!(attached[3..], off[3..]);
}

/// Every combination of target, kept latents and sampler runs to a bundle whose agent gives finite values, and the
/// target makes a difference.
#[test]
fn every_mode_of_the_critic_ends_in_an_agent() {
    let mut values = Vec::new();
    for target in [Target::Diar, Target::Ldcq] {
        for (keep_latents, kind, steps) in
            [(true, Sampler::Ddim, 3), (false, Sampler::Sde, 3), (false, Sampler::Ddpm, 20)]
        {
            let mut settings = tiny();
            settings.diffusion.drop_probability = 0.3;
            settings.critic.target = target;
            settings.critic.keep_latents = keep_latents;
            settings.critic.terminal_mask = keep_latents;
            settings.critic.sampler = SamplerSettings { kind, steps, extra_steps: 2 };
            settings.plan.sampler = settings.critic.sampler;
            let mut training = training(settings);
            while training.stage() != Stage::Done {
                training.step(false).expect("a step");
            }
            let bundle = training.bundle(Provenance::default()).expect("a bundle");
            let agent = Agent::load(&bundle, &Device::flex()).expect("an agent");
            let q = agent
                .q(agent.states(vec![0.1, 0.2, 0.3, 0.4]), agent.latents(vec![0.5; 16]).unsqueeze_dim(1));
            let v = block_on(agent.values(&[vec![1.0, 1.0, 0.0, 0.0]])).expect("a value");
            values.push((v[0], q.into_scalar::<f32>()));
        }
    }
    assert!(values.iter().all(|(v, q)| v.is_finite() && q.is_finite()));
    let (diar, ldcq) = values.split_at(3);
    for (diar, ldcq) in diar.iter().zip(ldcq) {
        assert_ne!(diar.1, ldcq.1, "Q has another target");
    }
}

/// A bundle is only made of a finished run, and a step after the end changes nothing.
#[test]
fn a_bundle_waits_for_the_end() {
    let mut training = training(tiny());
    training.step(false).expect("a step");
    let error = training.bundle(Provenance::default()).expect_err("not yet").to_string();
    assert!(error.contains("vae"), "{error}");
}
