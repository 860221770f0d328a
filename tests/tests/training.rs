//! Training on the CPU against PyTorch: losses over a few steps of Adam pin gradients, the bound on their norm, the
//! optimiser and the moving targets together.
#![cfg(not(target_arch = "wasm32"))]

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use diar_core::critic::{QNetwork, TwinQ, VNetwork, expectile_loss, importance_weighted, td_targets};
use diar_core::diffusion::{Denoiser, Noise, NoiseSchedule, denoising_loss};
use diar_core::nn::train::{Trained, follow};
use diar_core::nn::{load_parameters, named_parameters};
use diar_core::rng::Key;
use diar_core::vae::{Vae, vae_loss};
use diar_tests::close::assert_close;
use diar_tests::golden::Golden;

const STEPS: usize = 4;
const RATE: f64 = 1e-2;
const CLIP: Option<f64> = Some(1.0);
/// Single precision, after four updates.
const TOLERANCE: f64 = 2e-4;

fn number(tensor: Tensor<1>) -> f32 {
    tensor.without_autodiff().into_scalar()
}

fn assert_losses(what: &str, found: &[f32], golden: &Golden) {
    let expected: Vec<f64> = golden.values(what).iter().map(|&x| f64::from(x)).collect();
    assert_close(what, found, &expected, TOLERANCE);
}

#[test]
fn the_vae_trains_as_in_pytorch() {
    let device = Device::flex().autodiff();
    let golden = Golden::load();
    let (task, settings) = Golden::sizes();
    let vae = Vae::new(Key::new(1), &settings.vae, &task.spec, &device);
    let mut vae = Trained::new(load_parameters("vae", vae, &mut golden.weights()).unwrap());
    let mut losses = Vec::new();
    for _ in 0..STEPS {
        let [states, actions] = ["states", "actions"].map(|name| golden.tensor::<3>(name, &device));
        let loss = vae_loss(vae.net(), states, actions, golden.tensor("noise", &device), &settings.vae);
        vae.update(&mut loss.total.backward(), RATE, CLIP);
        losses.extend([loss.action, loss.divergence, loss.state, loss.total].map(number));
    }
    assert_losses("vae.losses", &losses, &golden);
}

#[test]
fn the_denoiser_trains_as_in_pytorch() {
    let device = Device::flex().autodiff();
    let golden = Golden::load();
    let (task, settings) = Golden::sizes();
    let diffusion = &settings.diffusion;
    let denoiser =
        Denoiser::new(Key::new(1), &diffusion.widths, diffusion.embedding, task.spec.state_dim(), 3, &device);
    let mut denoiser = Trained::new(load_parameters("denoiser", denoiser, &mut golden.weights()).unwrap());
    let schedule = NoiseSchedule::new(500);
    let steps: Vec<usize> = golden.values("t").iter().map(|&t| t as usize).collect();
    let column = |f: &dyn Fn(usize) -> f64| {
        let values: Vec<f32> = steps.iter().map(|&t| f(t) as f32).collect();
        Tensor::<1>::from_floats(values.as_slice(), &device).unsqueeze_dim::<2>(1)
    };
    let noise = Noise {
        steps: steps.clone(),
        signal: column(&|t| schedule.alpha_bar(t).sqrt()),
        level: column(&|t| (1.0 - schedule.alpha_bar(t)).sqrt()),
        weight: column(&|t| schedule.snr(t).min(5.0)),
        noise: golden.tensor("noise", &device),
    };
    let mut losses = Vec::new();
    for _ in 0..STEPS {
        let (latents, states) = (golden.latents(&device), golden.first(&device));
        let loss = denoising_loss(denoiser.net(), latents, states, None, &noise);
        denoiser.update(&mut loss.backward(), RATE, CLIP);
        losses.push(number(loss));
    }
    assert_losses("denoiser.losses", &losses, &golden);
}

#[test]
fn the_critic_trains_as_in_pytorch() {
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let golden = Golden::load();
    let (task, settings) = Golden::sizes();
    let mut weights = golden.weights();
    let online = TwinQ::new(Key::new(1), &settings.critic, task.spec.state_dim(), 3, &device);
    let online = load_parameters("critic", online, &mut weights).unwrap();
    let v = VNetwork::new(Key::new(1), &settings.critic, task.spec.state_dim(), &device);
    let mut v = Trained::new(load_parameters("critic.v", v, &mut weights).unwrap());
    let mut target = online.valid();
    let mut q: [Trained<QNetwork>; 2] = [Trained::new(online.q0), Trained::new(online.q1)];

    let ends = golden.last(&plain);
    let column = |name: &str, device: &Device| golden.tensor::<1>(name, device);
    let mut losses = Vec::new();
    for _ in 0..STEPS {
        let best = target.min(ends.clone(), golden.tensor("candidates", &plain));
        let value = v.net().forward(Tensor::from_inner(ends.clone()));
        let v_loss = expectile_loss(Tensor::from_inner(best), value, 0.9);
        v.update(&mut v_loss.backward(), RATE, CLIP);
        losses.push(number(v_loss));
        let value = v.net().valid().forward(ends.clone());
        let y = td_targets(column("rewards", &plain), column("factors", &plain), value);
        for q in &mut q {
            let latents = golden.latents(&device).unsqueeze_dim::<3>(1);
            let predicted = q.net().forward(golden.first(&device), latents).squeeze_dim::<1>(1);
            let loss =
                importance_weighted(column("importance", &device), Tensor::from_inner(y.clone()), predicted);
            q.update(&mut loss.backward(), RATE, CLIP);
            losses.push(number(loss));
        }
        target = TwinQ {
            q0: follow(target.q0, &q[0].net().valid(), 0.1),
            q1: follow(target.q1, &q[1].net().valid(), 0.1),
        };
    }
    assert_losses("critic.losses", &losses, &golden);
}

/// A saved network and optimiser go on exactly as if they had never been saved.
#[test]
fn saving_changes_nothing() {
    let device = Device::flex().autodiff();
    let golden = Golden::load();
    let (task, settings) = Golden::sizes();
    let v = VNetwork::new(Key::new(5), &settings.critic, task.spec.state_dim(), &device);
    let step = |v: &mut Trained<VNetwork>| {
        let loss = v.net().forward(golden.first(&device)).square().mean();
        v.update(&mut loss.backward(), RATE, CLIP);
    };
    let mut straight = Trained::new(v);
    step(&mut straight);
    step(&mut straight);
    let (net, adam) = straight.save().unwrap();
    let other = VNetwork::new(Key::new(6), &settings.critic, task.spec.state_dim(), &device);
    let mut restored = Trained::new(other);
    restored.load(net, &adam).unwrap();
    step(&mut straight);
    step(&mut restored);
    let parameters = |v: &Trained<VNetwork>| named_parameters("v", &v.net().valid()).unwrap();
    assert_eq!(parameters(&straight), parameters(&restored));
}
