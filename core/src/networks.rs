//! All networks of an agent: their sizes follow from the settings.

use std::collections::BTreeMap;

use burn::tensor::Device;

use crate::critic::{TwinQ, VNetwork};
use crate::diffusion::Denoiser;
use crate::nn::{LoadError, NamedTensor, check_shapes, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::Settings;
use crate::spec::TaskSpec;
use crate::vae::Vae;

/// Names that the parameters of each network begin with.
const VAE: &str = "vae";
const DENOISER: &str = "denoiser";
const Q: [&str; 2] = ["critic.q0", "critic.q1"];
const V: &str = "critic.v";

/// The networks that a bundle holds.
#[derive(Debug)]
pub struct AgentNetworks {
    /// Encoder, decoders and state prior.
    pub vae: Vae,
    /// The denoiser of latents.
    pub denoiser: Denoiser,
    /// Q0 and Q1.
    pub q: TwinQ,
    /// V.
    pub v: VNetwork,
}

impl AgentNetworks {
    /// Networks of a task on a device. Their values are drawn when they are first used: sizes cost nothing.
    #[must_use]
    pub fn new(settings: &Settings, spec: &TaskSpec, device: &Device) -> Self {
        let key = Key::new(settings.seed);
        let (state, latent) = (spec.state_dim(), settings.vae.latent);
        let Settings { diffusion, critic, .. } = settings;
        Self {
            vae: Vae::new(key, &settings.vae, spec, device),
            denoiser: Denoiser::new(key, &diffusion.widths, diffusion.embedding, state, latent, device),
            q: TwinQ::new(key, critic, state, latent, device),
            v: VNetwork::new(key, critic, state, device),
        }
    }

    /// The shape of every parameter by its name.
    #[must_use]
    pub fn shapes(settings: &Settings, spec: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        // The device does not matter, as nothing is put on it.
        let Self { vae, denoiser, q, v } = Self::new(settings, spec, &Device::flex());
        let critic = [parameter_shapes(Q[0], &q.q0), parameter_shapes(Q[1], &q.q1), parameter_shapes(V, &v)];
        let others = [parameter_shapes(VAE, &vae), parameter_shapes(DENOISER, &denoiser)];
        others.into_iter().chain(critic).flatten().collect()
    }

    /// Numbers in all parameters together, as a float: sizes that fit no machine fit it.
    #[must_use]
    pub fn parameters(settings: &Settings, spec: &TaskSpec) -> f64 {
        let numbers = |shape: &Vec<usize>| shape.iter().map(|&size| size as f64).product::<f64>();
        Self::shapes(settings, spec).values().map(numbers).sum()
    }

    /// Checks the shapes of parameters against those that the settings ask for.
    ///
    /// # Errors
    /// When a parameter is missing, has another shape, or belongs to no network.
    pub fn check_shapes<'a>(
        settings: &Settings,
        spec: &TaskSpec,
        found: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Result<(), LoadError> {
        check_shapes(Self::shapes(settings, spec), found)
    }

    /// The networks filled with parameters.
    ///
    /// # Errors
    /// When a parameter is missing, has another shape, or belongs to no network.
    pub fn load(
        settings: &Settings,
        spec: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let Self { vae, denoiser, q, v } = Self::new(settings, spec, device);
        let filled = Self {
            vae: load_parameters(VAE, vae, &mut tensors)?,
            denoiser: load_parameters(DENOISER, denoiser, &mut tensors)?,
            q: TwinQ {
                q0: load_parameters(Q[0], q.q0, &mut tensors)?,
                q1: load_parameters(Q[1], q.q1, &mut tensors)?,
            },
            v: load_parameters(V, v, &mut tensors)?,
        };
        tensors.into_keys().next().map_or(Ok(filled), |name| Err(LoadError::Unknown(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::nn::named_parameters;
    use crate::settings::Preset;

    /// The shapes are those of the networks once they are drawn.
    #[test]
    fn shapes_are_known_without_drawing() {
        for preset in [Preset::Quick, Preset::Cpu] {
            let settings = Settings::preset(preset, &MAZE2D[0].basis());
            let AgentNetworks { vae, denoiser, q, v } =
                AgentNetworks::new(&settings, &MAZE2D[0].spec, &Device::flex());
            let drawn = [
                named_parameters(VAE, &vae),
                named_parameters(DENOISER, &denoiser),
                named_parameters(Q[0], &q.q0),
                named_parameters(Q[1], &q.q1),
                named_parameters(V, &v),
            ];
            let drawn: Vec<NamedTensor> = drawn.into_iter().flat_map(Result::unwrap).collect();
            let numbers: usize = drawn.iter().map(|tensor| tensor.values.len()).sum();
            assert_eq!(AgentNetworks::parameters(&settings, &MAZE2D[0].spec), numbers as f64);
            let found = || drawn.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice()));
            AgentNetworks::check_shapes(&settings, &MAZE2D[0].spec, found()).unwrap();

            let first = drawn[0].name.clone();
            let missing = AgentNetworks::check_shapes(&settings, &MAZE2D[0].spec, found().skip(1));
            assert_eq!(missing, Err(LoadError::Missing(first)));
            let other = found().chain([("vae.other", [3_usize].as_slice())]);
            let unknown = AgentNetworks::check_shapes(&settings, &MAZE2D[0].spec, other);
            assert_eq!(unknown, Err(LoadError::Unknown("vae.other".to_owned())));
        }
    }

    /// Sizes at every limit at once take no memory until a value is used.
    #[test]
    fn the_largest_networks_can_be_measured() {
        let mut settings = Settings::preset(Preset::Quick, &MAZE2D[0].basis());
        settings.vae.hidden = 8192;
        settings.vae.gru_layers = 32;
        settings.check().unwrap();
        let parameters = AgentNetworks::parameters(&settings, &MAZE2D[0].spec);
        assert!((3.8e10..4e10).contains(&parameters), "{parameters}");
    }
}
