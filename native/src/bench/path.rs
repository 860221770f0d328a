//! The hot paths and their sizes.

use diar_core::benchmark::Benchmark;
use diar_core::learn::ENCODED_AT_ONCE;
use diar_core::method::{Recipe, dt};
use diar_core::nn::temporal::UNetSettings;
use diar_core::settings::{Preset, Sampler, SamplerSettings, Settings};
use serde_json::{Value, json};

/// Windows in a batch of the U-Net's training.
const UNET_BATCH: usize = 32;

/// What one repetition does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// One update of the VAE.
    VaeStep,
    /// One update of the denoiser.
    DenoiserStep,
    /// One update of Q and V, latents at the ends of windows drawn before.
    CriticStep,
    /// One update of Diffuser's U-Net, or of Decision Diffuser's with a condition, over windows of so many rows.
    UNetStep {
        /// Rows in time.
        rows: usize,
        /// True with a condition, as wide as the time's code.
        conditioned: bool,
    },
    /// One update of a Decision Transformer of the preset `cpu`; the path's settings are not looked at.
    DtStep,
    /// Sample, rank, predict the end and its value: one decision for each state.
    Decision,
    /// Encode windows, as the stage between VAE and denoiser does.
    Encode,
    /// Decode an action for each state.
    Act,
    /// Answer a whole plan's observations as `diar policy` does: lines of JSON, an observation for each lane.
    Policy,
    /// One step of each environment.
    Environment,
}

/// A hot path at one size.
#[derive(Clone, Debug)]
pub(crate) struct HotPath {
    /// What is done.
    pub work: Work,
    /// Sizes of the networks and of training batches, and the way to decide.
    pub settings: Settings,
    /// States decided for, acted for or stepped at once; training does not look at it.
    pub lanes: usize,
}

/// Every hot path, at the sizes that matter.
pub(crate) fn hot_paths(task: &Benchmark) -> Vec<HotPath> {
    let preset = |preset| Settings::preset(preset, &task.basis());
    let denoiser = |batch| {
        let mut settings = preset(Preset::Paper);
        settings.diffusion.train.batch = batch;
        HotPath::training(Work::DenoiserStep, settings)
    };
    let unet =
        |rows, conditioned| HotPath::training(Work::UNetStep { rows, conditioned }, preset(Preset::Cpu));
    vec![
        HotPath::training(Work::VaeStep, preset(Preset::Paper)),
        HotPath::training(Work::VaeStep, half_width(task)),
        denoiser(128),
        denoiser(1024),
        HotPath::training(Work::CriticStep, critic(task)),
        unet(32, false),
        unet(64, false),
        unet(96, false),
        unet(64, true),
        HotPath::training(Work::DtStep, preset(Preset::Cpu)),
        HotPath::decision(preset(Preset::Paper), 500, preset(Preset::Paper).plan.sampler),
        HotPath::decision(preset(Preset::Paper), 64, few_steps(5)),
        HotPath::decision(preset(Preset::Quick), 64, few_steps(5)),
        HotPath::training(Work::Encode, half_width(task)),
        HotPath { work: Work::Act, settings: preset(Preset::Paper), lanes: 512 },
        HotPath { work: Work::Policy, settings: preset(Preset::Quick), lanes: 1 },
        HotPath { work: Work::Policy, settings: preset(Preset::Quick), lanes: 16 },
        HotPath { work: Work::Policy, settings: preset(Preset::Quick), lanes: 128 },
        HotPath { work: Work::Environment, settings: preset(Preset::Quick), lanes: 512 },
    ]
}

/// A VAE of half the paper's width and depth, which a CPU trains in hours.
pub(crate) fn half_width(task: &Benchmark) -> Settings {
    let mut settings = Settings::preset(Preset::Cpu, &task.basis());
    (settings.vae.hidden, settings.vae.gru_layers) = (128, 2);
    settings
}

/// The critic at paper width with 32 kept latents per window.
pub(crate) fn critic(task: &Benchmark) -> Settings {
    let mut settings = Settings::preset(Preset::Paper, &task.basis());
    settings.critic.latents = 32;
    settings.critic.keep_latents = true;
    settings.critic.windows = Some(4096);
    settings
}

/// The U-Net that a CPU trains in an hour, over rows of so many numbers.
pub(crate) fn unet(channels: usize, conditioned: bool) -> UNetSettings {
    const DIM: usize = 32;
    let condition = if conditioned { DIM } else { 0 };
    UNetSettings { channels, dim: DIM, multipliers: vec![1, 2, 4], condition }
}

/// A sampler of few steps.
pub(crate) fn few_steps(steps: usize) -> SamplerSettings {
    SamplerSettings { kind: Sampler::Sde, steps, extra_steps: 0 }
}

/// The Decision Transformer of the preset `cpu`.
pub(crate) fn transformer(task: &Benchmark) -> dt::Settings {
    <dt::Settings as Recipe>::preset(Preset::Cpu, &task.basis())
}

impl HotPath {
    /// A step of training.
    pub(crate) fn training(work: Work, settings: Settings) -> Self {
        Self { work, settings, lanes: 1 }
    }

    /// A decision for one state.
    pub(crate) fn decision(mut settings: Settings, candidates: usize, sampler: SamplerSettings) -> Self {
        settings.plan.candidates = candidates;
        settings.plan.sampler = sampler;
        Self { work: Work::Decision, settings, lanes: 1 }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self.work {
            Work::VaeStep => "vae_step",
            Work::DenoiserStep => "denoiser_step",
            Work::CriticStep => "critic_step",
            Work::UNetStep { .. } => "unet_step",
            Work::DtStep => "dt_step",
            Work::Decision => "decision",
            Work::Encode => "encode",
            Work::Act => "act",
            Work::Policy => "policy",
            Work::Environment => "environment",
        }
    }

    /// Its sizes, for people.
    pub(crate) fn size(&self) -> String {
        let Settings { vae, diffusion, critic, .. } = &self.settings;
        let batch = self.batch();
        let widths = || diffusion.widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        match self.work {
            Work::VaeStep => format!("hidden {}, {} layers, batch {batch}", vae.hidden, vae.gru_layers),
            Work::DenoiserStep => format!("{}, batch {batch}", widths()),
            Work::CriticStep => {
                format!("width {}, n {}, batch {batch}", critic.state_hidden, critic.latents)
            }
            Work::UNetStep { rows, conditioned } => {
                let UNetSettings { dim, multipliers, .. } = unet(0, conditioned);
                let widths: Vec<String> =
                    multipliers.iter().map(|factor| (factor * dim).to_string()).collect();
                let given = if conditioned { ", with a condition" } else { "" };
                format!("{}, horizon {rows}, batch {batch}{given}", widths.join("-"))
            }
            Work::DtStep => {
                let dt::Settings { policy, sequence, .. } = transformer(super::task());
                let (hidden, blocks) = (policy.hidden, policy.blocks);
                format!("hidden {hidden}, {blocks} blocks, K {}, batch {batch}", sequence.context)
            }
            Work::Decision => {
                let (n, steps) = (self.settings.plan.candidates, self.denoiser_calls());
                format!("{}, n {n}, {steps} steps, states {batch}", widths())
            }
            Work::Encode => format!("hidden {}, {} layers, windows {batch}", vae.hidden, vae.gru_layers),
            Work::Act => format!("hidden {}, states {batch}", vae.hidden),
            Work::Policy => {
                let (n, steps) = (self.settings.plan.candidates, self.denoiser_calls());
                format!("{}, n {n}, {steps} steps, lanes {}", widths(), self.lanes)
            }
            Work::Environment => format!("environments {batch}"),
        }
    }

    /// Latents per state.
    pub(crate) fn candidates(&self) -> Option<usize> {
        match self.work {
            Work::Decision | Work::Policy => Some(self.settings.plan.candidates),
            Work::CriticStep => Some(self.settings.critic.latents),
            _ => None,
        }
    }

    /// Denoiser calls of one decision.
    pub(crate) fn steps(&self) -> Option<usize> {
        matches!(self.work, Work::Decision | Work::Policy).then(|| self.denoiser_calls())
    }

    fn denoiser_calls(&self) -> usize {
        let sampler = self.settings.plan.sampler;
        sampler.steps + sampler.extra_steps
    }

    /// Windows in a batch, or states at once.
    pub(crate) fn batch(&self) -> usize {
        let Settings { vae, diffusion, critic, .. } = &self.settings;
        match self.work {
            Work::VaeStep => vae.train.batch,
            Work::DenoiserStep => diffusion.train.batch,
            Work::CriticStep => critic.train.batch,
            Work::UNetStep { .. } => UNET_BATCH,
            Work::DtStep => transformer(super::task()).policy.train.batch,
            Work::Encode => ENCODED_AT_ONCE,
            Work::Policy => self.lanes * self.settings.plan.exec_horizon,
            Work::Decision | Work::Act | Work::Environment => self.lanes,
        }
    }

    /// Widest layer of the network that takes most of the time.
    pub(crate) fn width(&self) -> Option<usize> {
        let Settings { vae, diffusion, critic, .. } = &self.settings;
        match self.work {
            Work::VaeStep | Work::Encode | Work::Act => Some(vae.hidden),
            Work::DenoiserStep | Work::Decision | Work::Policy => diffusion.widths.first().copied(),
            Work::CriticStep => Some(critic.state_hidden),
            Work::UNetStep { conditioned, .. } => {
                let UNetSettings { dim, multipliers, .. } = unet(0, conditioned);
                multipliers.iter().max().map(|factor| factor * dim)
            }
            Work::DtStep => Some(transformer(super::task()).policy.hidden),
            Work::Environment => None,
        }
    }

    /// What one repetition gets done, where people count that per second.
    pub(crate) fn yields(&self) -> Option<(usize, &'static str)> {
        let unit = match self.work {
            Work::Decision => "decisions",
            Work::Encode => "windows",
            Work::Act | Work::Policy => "actions",
            Work::Environment => "steps",
            Work::VaeStep | Work::DenoiserStep | Work::CriticStep | Work::DtStep | Work::UNetStep { .. } => {
                return None;
            }
        };
        Some((self.batch(), unit))
    }

    /// Whether a rival's variants are different ways to decide, each worth a row, and not ways to run the same thing,
    /// of which the fastest counts.
    pub(crate) fn against_every_variant(&self) -> bool {
        self.work == Work::Decision
    }
}

/// The path as a rival is asked for it, but for the variant; `None` where there is nothing to compare.
pub(crate) fn request(path: &HotPath, task: &Benchmark) -> Option<Value> {
    let Settings { vae, diffusion, critic, plan, .. } = &path.settings;
    let sizes = match path.work {
        Work::VaeStep => json!({
            "hidden": vae.hidden, "gru_layers": vae.gru_layers, "batch": path.batch(),
            "horizon": task.horizon, "action": task.spec.action_dim(),
        }),
        Work::DenoiserStep => json!({
            "widths": diffusion.widths, "embedding": diffusion.embedding, "batch": path.batch(),
        }),
        Work::CriticStep => json!({
            "state_hidden": critic.state_hidden, "latent_hidden": critic.latent_hidden,
            "last_hidden": critic.last_hidden, "latents": critic.latents, "batch": path.batch(),
        }),
        Work::UNetStep { rows, conditioned } => {
            let UNetSettings { channels, dim, multipliers, condition } =
                unet(task.spec.state_dim(), conditioned);
            json!({
                "channels": channels, "dim": dim, "multipliers": multipliers, "condition": condition,
                "horizon": rows, "batch": path.batch(),
            })
        }
        Work::DtStep => {
            let dt::Settings { policy, sequence, .. } = transformer(task);
            json!({
                "hidden": policy.hidden, "blocks": policy.blocks, "heads": policy.heads, "dropout": policy.dropout,
                "decay": policy.decay, "clip": policy.train.clip, "context": sequence.context,
                "times": sequence.longest + sequence.context, "action": task.spec.action_dim(),
                "batch": path.batch(),
            })
        }
        // A rival decides for one state at a time.
        Work::Decision if path.lanes == 1 => json!({
            "candidates": plan.candidates, "steps": plan.sampler.steps, "extra": plan.sampler.extra_steps,
            "kind": plan.sampler.kind, "widths": diffusion.widths, "embedding": diffusion.embedding,
            "state_hidden": critic.state_hidden, "latent_hidden": critic.latent_hidden,
            "last_hidden": critic.last_hidden, "hidden": vae.hidden,
        }),
        _ => return None,
    };
    let mut request = json!({"case": path.name(), "state": task.spec.state_dim(), "latent": vae.latent});
    for (name, value) in sizes.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    Some(request)
}
