//! What PyTorch computed with small networks of ours (`golden/record_networks.py`).

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::nn::NamedTensor;
use diar_core::settings::{ActionLikelihood, Preset, Settings};
use safetensors::SafeTensors;

/// Windows in the recorded batch.
pub const BATCH: usize = 5;
/// Steps in a recorded window.
pub const HORIZON: usize = 6;
/// Candidate latents per recorded state.
pub const CANDIDATES: usize = 7;

/// Recorded arrays by name: weights under the names that bundles use, inputs, and results.
pub struct Golden(BTreeMap<String, NamedTensor>);

impl Golden {
    /// The recorded arrays.
    pub fn load() -> Self {
        let bytes = include_bytes!("../golden/networks.safetensors");
        let file = SafeTensors::deserialize(bytes).expect("the recorded file is whole");
        let arrays = file.iter().map(|(name, view)| {
            let values = view.data().as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
            (name.to_owned(), NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values })
        });
        Self(arrays.collect())
    }

    /// The task and the settings of the recorded networks.
    pub fn sizes() -> (&'static Benchmark, Settings) {
        let task = &MAZE2D[0];
        let mut settings = Settings::preset(Preset::Quick, &task.basis());
        settings.vae.hidden = 8;
        settings.vae.gru_layers = 2;
        settings.vae.latent = 3;
        settings.vae.sigma_floor = 0.01;
        settings.vae.beta = 0.1;
        settings.vae.action_likelihood = ActionLikelihood::Gaussian;
        settings.diffusion.widths = vec![8, 4, 2];
        settings.diffusion.embedding = 8;
        settings.critic.state_hidden = 8;
        settings.critic.latent_hidden = 6;
        settings.critic.last_hidden = 4;
        (task, settings)
    }

    /// All arrays, for filling networks.
    pub fn weights(&self) -> BTreeMap<String, NamedTensor> {
        self.0.clone()
    }

    /// The numbers of an array.
    pub fn values(&self, name: &str) -> &[f32] {
        &self.0[name].values
    }

    /// An array as a tensor.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let NamedTensor { shape, values, .. } = &self.0[name];
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), device)
    }

    /// The first state of each window, `[batch, state]`.
    pub fn first(&self, device: &Device) -> Tensor<2> {
        self.tensor::<3>("states", device).narrow(1, 0, 1).squeeze_dim(1)
    }

    /// The last state of each window, `[batch, state]`.
    pub fn last(&self, device: &Device) -> Tensor<2> {
        self.tensor::<3>("states", device).narrow(1, HORIZON - 1, 1).squeeze_dim(1)
    }

    /// The first candidate of each state, `[batch, latent]`.
    pub fn latents(&self, device: &Device) -> Tensor<2> {
        self.tensor::<3>("candidates", device).narrow(1, 0, 1).squeeze_dim(1)
    }
}
