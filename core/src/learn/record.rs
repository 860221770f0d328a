//! Windows of an agent's data, encoded and put into a small file.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::{ENCODED_AT_ONCE, LearnError, Stage};
use crate::bundle::Bundle;
use crate::data::{Experience, Recorded, Transitions, Windows};
use crate::nn::{load_parameters, tensor};
use crate::rng::Key;
use crate::vae::Vae;

/// `count` windows, evenly spread over the data (all of them, if there are fewer), with the latents that the bundle's
/// encoder gives them.
///
/// # Errors
/// When the data does not belong to the bundle's task, or a latent is not finite.
pub fn record(
    bundle: &Bundle,
    data: Arc<Transitions>,
    count: usize,
    device: &Device,
) -> Result<Experience, LearnError> {
    let info = bundle.info();
    let (task, horizon) = (&info.task, info.settings.data.horizon);
    super::check_data(&data, task)?;
    let windows = Windows::new(data, horizon, info.settings.data.stride)?;
    let vae = Vae::new(Key::new(0), &info.settings.vae, task, device);
    let vae = load_parameters("vae", vae, &mut bundle.tensors())?;

    let count = count.clamp(1, windows.len());
    let chosen: Vec<usize> = (0..count).map(|i| i * windows.len() / count).collect();
    let (mut raw, mut latents) = (Vec::new(), Vec::new());
    for chosen in chosen.chunks(ENCODED_AT_ONCE) {
        let mut batch = windows.gather(chosen.iter().copied(), &info.state_norm, &task.action);
        let shape = |width| [chosen.len(), horizon, width];
        let states: Tensor<3> = tensor(batch.states.clone(), shape(task.state_dim()), device);
        let actions = tensor(batch.actions, shape(task.action_dim()), device);
        let means = vae.encode(states, actions).mean;
        latents
            .extend(means.try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))?);
        info.state_norm.invert(&mut batch.states);
        raw.extend(batch.states);
    }
    if latents.iter().any(|x| !x.is_finite()) {
        return Err(LearnError::NotFinite { what: "a latent", stage: Stage::Encode, step: 0 });
    }
    info.latent_norm.apply(&mut latents);
    let latent = info.settings.vae.latent;
    let recorded = raw.chunks_exact(horizon * task.state_dim()).zip(latents.chunks_exact(latent));
    let recorded = recorded.map(|(states, latent)| Recorded { states, latent });
    Ok(Experience::new(bundle.latent_space()?, horizon, latent, recorded)?)
}
