//! Memory that training takes, known before any of it is taken.

use crate::networks::AgentNetworks;
use crate::settings::{DiffusionPrior, Settings};
use crate::spec::TaskSpec;

/// Bytes of a number in single precision.
const NUMBER: f64 = 4.0;
/// Copies of a parameter: the network, its gradient, two moments, and a checkpoint of the network and its moments that is
/// put together and written.
const COPIES: f64 = 12.0;
/// Bytes of a unit of a layer that is trained: its output, its gradient, and what passes between them.
const TRAINED: f64 = 2.5 * NUMBER;
/// Parameters of the transformer that may be trained beside the VAE, whose sizes are fixed.
const TRANSFORMER: f64 = 2e7;

/// Memory of a run on the host at its largest, in bytes, by what it holds: an estimate from the settings,
/// within a fifth of four runs that were measured. Floats hold any
/// size, so that the largest settings can be refused with their figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Recorded steps.
    pub data: f64,
    /// Latents of all windows, those drawn for the critic, and the replay's priorities.
    pub windows: f64,
    /// Parameters with their gradients, moments and checkpoints.
    pub networks: f64,
    /// Output of the layers for the largest batch, on a CPU.
    pub batch: f64,
}

impl Memory {
    /// Of a run that learns from so many recorded steps; `on_cpu` when the host computes.
    #[must_use]
    pub fn of(settings: &Settings, spec: &TaskSpec, rows: usize, on_cpu: bool) -> Self {
        let windows = (rows as f64 / settings.data.stride as f64).ceil();
        let encoded = windows * settings.vae.latent as f64;
        let chosen = settings.critic.windows.map_or(windows, |most| windows.min(most as f64));
        let transformer = match settings.vae.diffusion_prior {
            DiffusionPrior::Off => 0.0,
            DiffusionPrior::Detached | DiffusionPrior::Attached => TRANSFORMER,
        };
        Self {
            data: rows as f64 * row(spec),
            // Means as they are, as later stages see them, and in a checkpoint.
            windows: 3.0 * NUMBER * encoded + learned(settings, chosen),
            networks: COPIES * NUMBER * (AgentNetworks::parameters(settings, spec) + transformer),
            batch: if on_cpu { batch(settings, spec) } else { 0.0 },
        }
    }

    /// Of training the critic again from so many windows that are there already.
    #[must_use]
    pub fn of_critic(settings: &Settings, spec: &TaskSpec, windows: usize, on_cpu: bool) -> Self {
        let chosen = settings.critic.windows.map_or(windows, |most| windows.min(most));
        Self {
            data: 0.0,
            windows: learned(settings, chosen as f64),
            networks: COPIES * NUMBER * AgentNetworks::parameters(settings, spec),
            batch: if on_cpu { critic_batch(settings) } else { 0.0 },
        }
    }

    /// Of a method that learns from single steps: its parameters, and the numbers that its largest step holds.
    #[must_use]
    pub fn of_steps(parameters: f64, largest_step: f64, spec: &TaskSpec, rows: usize, on_cpu: bool) -> Self {
        Self {
            data: rows as f64 * row(spec),
            windows: 0.0,
            networks: COPIES * NUMBER * parameters,
            batch: if on_cpu { TRAINED * largest_step } else { 0.0 },
        }
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.data + self.windows + self.networks + self.batch
    }
}

/// Bytes of a generated row: state, action, reward and goal as numbers, and two flags.
#[must_use]
pub fn row(spec: &TaskSpec) -> f64 {
    NUMBER * (spec.state_dim() + spec.action_dim() + 1 + 2) as f64 + 2.0
}

/// Bytes that the critic keeps of the windows that it learns from.
fn learned(settings: &Settings, windows: f64) -> f64 {
    let critic = &settings.critic;
    let drawn =
        if critic.keep_latents { windows * (critic.latents * settings.vae.latent) as f64 } else { 0.0 };
    // A vector that grows holds up to three times its numbers while it moves; a checkpoint copies them once they are
    // all there. Priorities have a tree of doubles over them.
    3.0 * NUMBER * drawn + windows * (2.0 * NUMBER + 4.0 * 8.0)
}

/// Bytes that the layers of the stage with the largest batch keep until their gradients are known.
fn batch(settings: &Settings, spec: &TaskSpec) -> f64 {
    vae_batch(settings, spec).max(diffusion_batch(settings)).max(critic_batch(settings))
}

fn vae_batch(settings: &Settings, spec: &TaskSpec) -> f64 {
    let vae = &settings.vae;
    // Per step and unit: two embedding layers, three gates and a state in each direction of each GRU layer, and four
    // layers of each policy decoder; every one with its gradient.
    let units = 2 + 8 * vae.gru_layers + 4 * spec.action_dim();
    TRAINED * (vae.train.batch * settings.data.horizon) as f64 * vae.hidden as f64 * units as f64
}

fn diffusion_batch(settings: &Settings) -> f64 {
    let diffusion = &settings.diffusion;
    // Two blocks per level, each with two layers, a state and a modulation of twice the width.
    let units = diffusion.widths.iter().map(|&width| 12.0 * width as f64).sum::<f64>();
    TRAINED * diffusion.train.batch as f64 * (units + 4.0 * diffusion.embedding as f64)
}

fn critic_batch(settings: &Settings) -> f64 {
    let critic = &settings.critic;
    let (rows, width) = (critic.train.batch as f64, settings.vae.latent as f64);
    let candidates = 3.0 * NUMBER * rows * critic.latents as f64 * width;
    let units = 4 * critic.state_hidden + 6 * critic.latent_hidden + 2 * critic.last_hidden;
    candidates + TRAINED * rows * units as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::settings::Preset;

    #[test]
    fn presets_fit_into_ordinary_machines() {
        for task in MAZE2D.iter() {
            let total = |preset| {
                let settings = Settings::preset(preset, &task.basis());
                Memory::of(&settings, &task.spec, settings.data.rows, true).total()
            };
            assert!(total(Preset::Quick) < 1.5e9, "{}: {:e}", task.id(), total(Preset::Quick));
            assert!(total(Preset::Cpu) < 2e9, "{}: {:e}", task.id(), total(Preset::Cpu));
            assert!(total(Preset::Paper) < 4e9, "{}: {:e}", task.id(), total(Preset::Paper));
        }
    }

    /// Each part grows with what it is made of, and any size has a figure.
    #[test]
    fn every_large_setting_shows() {
        let task = &MAZE2D[0];
        let of = |change: fn(&mut Settings)| {
            let mut settings = Settings::preset(Preset::Quick, &task.basis());
            change(&mut settings);
            settings.check().unwrap();
            Memory::of(&settings, &task.spec, settings.data.rows, true)
        };
        let quick = of(|_| {});
        let rows = of(|settings| settings.data.rows *= 1000);
        assert!(rows.data > 999.0 * quick.data && rows.windows > 100.0 * quick.windows);
        assert!(of(|settings| settings.data.stride = 1).windows > quick.windows + 1.4e8);
        let wide = of(|settings| (settings.vae.hidden, settings.vae.gru_layers) = (8192, 32));
        assert!(wide.networks > 1.5e12, "{wide:?}");
        assert!(of(|settings| settings.critic.state_hidden = 8192).networks > 2e9);
        assert!(of(|settings| settings.critic.latents = 60_000).windows > 1e11);
        assert!(of(|settings| settings.vae.train.batch = 1 << 20).batch > 1e11);
        assert!(of(|settings| settings.diffusion.train.batch = 1 << 20).batch > 1e10);
        assert!(of(|settings| settings.critic.train.batch = 1 << 20).batch > 5e9);
        assert!(of(|settings| settings.vae.diffusion_prior = DiffusionPrior::Attached).networks > 7e8);
        let settings = Settings::preset(Preset::Quick, &task.basis());
        assert!(Memory::of(&settings, &task.spec, usize::MAX, true).total() > 1e20);
        let again = Memory::of_critic(&settings, &task.spec, 20_000, true);
        assert!(again.data == 0.0 && again.windows > 3.0 * 4.0 * 20_000.0 * 256.0 && again.total() < 2e8);
    }
}
