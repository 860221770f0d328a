//! Every number that can be chosen, with its four presets and its limits.
//!
//! `smoke` takes seconds, `quick` three minutes on two CPU cores, `cpu` a quarter of an hour, and `paper` is Tables 3-5 as printed, for a GPU.

pub(crate) mod check;

pub use check::{
    DEEPEST, InvalidSetting, MOST_BATCH, MOST_CALLS, MOST_DIFFUSION_STEPS, MOST_ROWS, MOST_STEPS, WIDEST,
};

use serde::{Deserialize, Serialize};

use crate::data::WindowReturn;
use crate::spec::{RewardKind, ScoreKind};

/// How large a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Every stage in seconds, with tiny networks: a first try of a data set. Its agents are worth nothing.
    Smoke,
    /// Three minutes on two CPU cores.
    Quick,
    /// A quarter of an hour on two CPU cores, for each maze.
    Cpu,
    /// Tables 3-5 of the paper as printed.
    Paper,
}

/// All settings of a run, stage by stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random in the run.
    pub seed: u64,
    /// What the networks see of the data.
    pub data: DataSettings,
    /// Stage 1, the β-VAE (Alg. 3, Table 3).
    pub vae: VaeSettings,
    /// Stage 2, the latent diffusion model (Alg. 4, Table 4).
    pub diffusion: DiffusionSettings,
    /// Stage 3, Q and V (Alg. 1, Table 5).
    pub critic: CriticSettings,
    /// Acting (Alg. 2).
    pub plan: PlanSettings,
}

/// What the networks see of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// Window length H, in environment steps.
    #[serde(default = "thirty")]
    pub horizon: usize,
    /// Rows generated when no file is given.
    pub rows: usize,
    /// Environment steps between the starts of neighbouring windows.
    pub stride: usize,
    /// Give the networks states with mean 0 and deviation 1 (the paper uses them raw).
    pub standardise_states: bool,
}

/// Learning rate over a stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same rate throughout.
    Constant,
    /// Half a cosine, from the rate down to zero at the last step.
    Cosine,
    /// `rate · (1 + cos(π · step / half_period))`: between twice the rate and zero, again and again.
    Cyclic {
        /// Steps from the top to the bottom.
        half_period: usize,
    },
    /// The rate times `factor` to the power of `step / every`, rounded down.
    Step {
        /// Steps between drops.
        every: usize,
        /// Factor of the rate at each drop, at most 1.
        factor: f64,
    },
    /// From `rate / steps` at the first step evenly up to the rate, which then stays.
    WarmUp {
        /// Steps on the way up.
        steps: usize,
    },
}

impl Schedule {
    /// The learning rate of a step (0-based) of a stage of `steps`.
    #[must_use]
    pub fn rate(self, base: f64, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant => base,
            Self::Cosine => {
                let done = step as f64 / steps.max(1) as f64;
                base * 0.5 * (1.0 + libm::cos(core::f64::consts::PI * done))
            }
            Self::Cyclic { half_period } => {
                base * (1.0 + libm::cos(core::f64::consts::PI * step as f64 / half_period as f64))
            }
            Self::Step { every, factor } => base * libm::pow(factor, (step / every) as f64),
            Self::WarmUp { steps } => base * ((step + 1) as f64 / steps as f64).min(1.0),
        }
    }
}

/// Length and optimiser of a stage. Adam with epsilon 1e-8 throughout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// Learning rate of Adam.
    pub rate: f64,
    /// How it changes.
    pub schedule: Schedule,
    /// Windows in a batch.
    pub batch: usize,
    /// Updates in the stage.
    pub steps: usize,
    /// Largest norm of all gradients of a network together; `None` leaves them alone.
    pub clip: Option<f64>,
}

/// The diffusion prior inside VAE training (Alg. 3, line 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiffusionPrior {
    /// Not trained.
    Off,
    /// Trained beside the VAE on detached latents: it cannot change the VAE (what the ancestor's code does).
    Detached,
    /// Trained with the VAE, whose latents feel its loss (what Algorithm 3 says).
    Attached,
}

/// What the policy decoder takes a recorded action at a bound for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionLikelihood {
    /// A number like any other: `log N(a; μ, σ)`, as the paper has it.
    #[default]
    Gaussian,
    /// Whatever lies at or beyond the bound, since actions are clipped to it: `log P(a ≤ -1)` or `log P(a ≥ 1)` there.
    /// The mean is then that of the action before it was clipped.
    Censored,
}

/// The β-VAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeSettings {
    /// Width of every hidden layer.
    pub hidden: usize,
    /// Bidirectional GRU layers of the encoder.
    pub gru_layers: usize,
    /// Numbers in a latent z.
    pub latent: usize,
    /// Weight of the KL term, β.
    pub beta: f64,
    /// Added to every standard deviation, which keeps the likelihood bounded.
    pub sigma_floor: f64,
    /// What the policy decoder takes a recorded action at a bound for.
    #[serde(default)]
    pub action_likelihood: ActionLikelihood,
    /// The transformer diffusion prior.
    pub diffusion_prior: DiffusionPrior,
    /// Diffusion steps of that prior.
    pub diffusion_prior_steps: usize,
    /// Length and optimiser.
    pub train: TrainSettings,
}

/// The latent diffusion model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiffusionSettings {
    /// Widths of the U-Net's levels, widest first.
    pub widths: Vec<usize>,
    /// Width of the time and state embeddings.
    pub embedding: usize,
    /// Diffusion steps T.
    pub diffusion_steps: usize,
    /// γ of Min-SNR-γ: the loss weight of a step is `min(SNR, γ)`.
    pub min_snr: f64,
    /// Share of windows whose state is hidden from the denoiser while training (sampling always shows it).
    pub drop_probability: f64,
    /// Give the denoiser latents with mean 0 and deviation 1.
    pub standardise_latents: bool,
    /// Length and optimiser.
    pub train: TrainSettings,
}

/// What the value of a window's end is discounted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapDiscount {
    /// γ per window, as Eq. 7 and the ancestor's code have it.
    Gamma,
    /// γ^H per window: γ per environment step, as Eq. 9 has it.
    GammaPowH,
}

/// What Q learns to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// `R + g·V(s_end)` (Eq. 7).
    Diar,
    /// `R + g·max_z min(Q̂0, Q̂1)(s_end, z)` over sampled latents, no V (Eq. 3): the LDCQ baseline.
    /// V is still trained, on the same samples, so that revaluation can be switched on for it too.
    Ldcq,
}

/// Q and V.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticSettings {
    /// Width of the state tower.
    pub state_hidden: usize,
    /// Width of the latent tower, and of the first joint layer.
    pub latent_hidden: usize,
    /// Width of the last hidden layer.
    pub last_hidden: usize,
    /// τ of the expectile loss (Eq. 5).
    pub expectile: f64,
    /// γ.
    pub discount: f64,
    /// γ or γ^H per window.
    pub bootstrap_discount: BootstrapDiscount,
    /// What a window that reaches the goal earns.
    #[serde(default)]
    pub window_return: WindowReturn,
    /// A reward inside a window ends it: nothing is bootstrapped beyond.
    pub terminal_mask: bool,
    /// What Q learns to predict.
    pub target: Target,
    /// Share of the online network that enters the target network at each step, ρ.
    pub target_rate: f64,
    /// Exponent of the replay priorities, α.
    pub replay_alpha: f64,
    /// First exponent of the importance weights, β.
    pub replay_beta: f64,
    /// What is added to β every `unit` steps, up to 1.
    pub replay_beta_step: f64,
    /// Steps in a unit.
    pub unit: usize,
    /// Windows learned from; `None` means all of them.
    pub windows: Option<usize>,
    /// Latents per window end, n of Alg. 1.
    pub latents: usize,
    /// Draw those latents once and keep them (memory: windows · latents · 16 numbers), or anew at each step.
    pub keep_latents: bool,
    /// How those latents are sampled.
    pub sampler: SamplerSettings,
    /// Length and optimiser.
    pub train: TrainSettings,
}

impl CriticSettings {
    /// The same critic, trained again for another goal from a few thousand windows, with networks of at
    /// most half the width of `cpu`'s: for a browser's one thread (docs/experiments.md).
    #[must_use]
    pub fn relearning(&self) -> Self {
        Self {
            state_hidden: self.state_hidden.min(128),
            latent_hidden: self.latent_hidden.min(64),
            windows: None,
            latents: 8,
            keep_latents: true,
            sampler: SamplerSettings { kind: Sampler::Ddim, steps: 5, extra_steps: 0 },
            target_rate: 0.02,
            unit: 75,
            train: TrainSettings {
                rate: 1e-3,
                schedule: Schedule::Cosine,
                batch: 128,
                steps: 1_500,
                clip: Some(1.0),
            },
            ..self.clone()
        }
    }
}

/// How the reverse diffusion runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// Ancestral sampling over all T steps; `steps` must equal T.
    Ddpm,
    /// Deterministic, over any number of steps.
    Ddim,
    /// First-order stochastic DPM-Solver++, over any number of steps.
    Sde,
}

/// A sampler and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerSettings {
    /// Which sampler.
    pub kind: Sampler,
    /// Network calls on the way from noise to latent.
    pub steps: usize,
    /// Further calls at diffusion step 1 (DDPM only).
    pub extra_steps: usize,
}

/// Acting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSettings {
    /// Latents sampled per decision, n of Alg. 2.
    pub candidates: usize,
    /// How they are sampled.
    pub sampler: SamplerSettings,
    /// Environment steps a plan is followed at most.
    pub exec_horizon: usize,
    /// Adaptive Revaluation on or off.
    pub revalue: bool,
    /// Plans that may be dropped in a row before their first step.
    pub retry_cap: usize,
    /// A plan is dropped when `V(now) > V(predicted end) + margin`.
    pub margin: f32,
    /// Act with the decoder's mean instead of a sample.
    pub mean_action: bool,
}

/// Facts of a task and its data that presets are sized by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Rows of the data.
    pub rows: usize,
    /// Window length H, in environment steps.
    pub horizon: usize,
    /// Time limit of an episode, in environment steps.
    pub max_steps: usize,
    /// Meaning of the rewards.
    pub reward: RewardKind,
    /// The score that counts. Where it is [`ScoreKind::Success`], whatever follows the first contact with the goal is worth
    /// nothing.
    pub score: ScoreKind,
}

/// H of the runs and bundles from before it was a setting: Maze2D's.
fn thirty() -> usize {
    30
}

impl Settings {
    /// The settings of a preset for a task and its data.
    #[must_use]
    pub fn preset(preset: Preset, basis: &Basis) -> Self {
        match preset {
            Preset::Smoke => Self::smoke(basis),
            Preset::Quick => Self::quick(basis),
            Preset::Cpu => Self::cpu(basis),
            Preset::Paper => Self::paper(basis),
        }
    }

    fn paper(basis: &Basis) -> Self {
        let batch = 128;
        let epoch = (basis.rows / batch).max(1);
        let sampler = SamplerSettings { kind: Sampler::Ddpm, steps: 500, extra_steps: 5 };
        Self {
            seed: 0,
            data: DataSettings {
                horizon: basis.horizon,
                rows: basis.rows,
                stride: 1,
                standardise_states: false,
            },
            vae: VaeSettings {
                hidden: 256,
                gru_layers: 4,
                latent: 16,
                beta: 0.1,
                sigma_floor: 1e-3,
                action_likelihood: ActionLikelihood::Gaussian,
                diffusion_prior: DiffusionPrior::Off,
                diffusion_prior_steps: 200,
                train: TrainSettings {
                    rate: 5e-5,
                    schedule: Schedule::Constant,
                    batch,
                    steps: 100 * epoch,
                    clip: None,
                },
            },
            diffusion: DiffusionSettings {
                widths: vec![128, 32, 16, 8],
                embedding: 256,
                diffusion_steps: 500,
                min_snr: 5.0,
                drop_probability: 0.1,
                standardise_latents: false,
                train: TrainSettings {
                    rate: 1e-4,
                    schedule: Schedule::Cyclic { half_period: 75 * epoch },
                    batch,
                    steps: 450 * epoch,
                    clip: None,
                },
            },
            critic: CriticSettings {
                state_hidden: 256,
                latent_hidden: 128,
                last_hidden: 32,
                expectile: 0.9,
                discount: 0.995,
                bootstrap_discount: BootstrapDiscount::Gamma,
                window_return: if basis.score == ScoreKind::Success {
                    WindowReturn::Held
                } else {
                    WindowReturn::Recorded
                },
                // No reward of another kind ends a window.
                terminal_mask: basis.reward != RewardKind::Dense,
                target: Target::Diar,
                target_rate: 0.005,
                replay_alpha: 0.7,
                replay_beta: 0.3,
                replay_beta_step: 0.03,
                unit: 3_000,
                windows: None,
                latents: 500,
                keep_latents: false,
                sampler,
                train: TrainSettings {
                    rate: 5e-4,
                    schedule: Schedule::Step { every: 150_000, factor: 0.3 },
                    batch,
                    steps: 300_000,
                    clip: Some(1.0),
                },
            },
            plan: PlanSettings {
                candidates: 500,
                sampler,
                exec_horizon: basis.horizon,
                revalue: true,
                retry_cap: 1,
                margin: 0.0,
                mean_action: false,
            },
        }
    }

    fn cpu(basis: &Basis) -> Self {
        let mut settings = Self::quick(basis);
        if basis.score == ScoreKind::Success {
            // A far goal takes a longer view and a critic that tells directions apart (docs/experiments.md, AntMaze).
            settings.critic.state_hidden = 256;
            settings.critic.latent_hidden = 128;
            settings.critic.windows = Some(190_000);
            settings.critic.train.steps = 60_000;
            settings.critic.discount = 0.999;
            settings.critic.expectile = 0.97;
            settings.plan.exec_horizon = basis.horizon.div_ceil(2);
            return settings;
        }
        settings.vae.train.steps = 10_000;
        settings.diffusion.widths = vec![128, 64, 32];
        settings.diffusion.embedding = 128;
        settings.diffusion.train.steps = 20_000;
        settings.critic.state_hidden = 256;
        settings.critic.latent_hidden = 128;
        settings.critic.windows = Some(200_000);
        settings.critic.train = TrainSettings { rate: 5e-4, steps: 20_000, ..settings.critic.train };
        settings
    }

    fn smoke(basis: &Basis) -> Self {
        let mut settings = Self::quick(basis);
        let short = |train: &mut TrainSettings, steps| (train.steps, train.batch) = (steps, 64);
        settings.vae.hidden = 16;
        settings.vae.latent = 4;
        short(&mut settings.vae.train, 100);
        settings.diffusion.widths = vec![16, 8];
        settings.diffusion.embedding = 16;
        short(&mut settings.diffusion.train, 200);
        settings.critic.state_hidden = 16;
        settings.critic.latent_hidden = 16;
        settings.critic.last_hidden = 8;
        settings.critic.windows = Some(1_000);
        settings.critic.latents = 4;
        settings.critic.unit = 20;
        settings.critic.sampler.steps = 3;
        short(&mut settings.critic.train, 200);
        settings.plan.candidates = 16;
        settings.plan.sampler.steps = 2;
        settings
    }

    fn quick(basis: &Basis) -> Self {
        let sampler = SamplerSettings { kind: Sampler::Sde, steps: 10, extra_steps: 0 };
        // The cheapest that scores as well as the whole chain (docs/results.md).
        let acting = SamplerSettings { kind: Sampler::Ddim, steps: 5, extra_steps: 0 };
        Self {
            data: DataSettings { stride: 5, standardise_states: true, ..Self::paper(basis).data },
            vae: VaeSettings {
                hidden: 64,
                gru_layers: 1,
                beta: 0.02,
                sigma_floor: 1e-2,
                action_likelihood: ActionLikelihood::Censored,
                train: TrainSettings {
                    rate: 1e-3,
                    schedule: Schedule::Cosine,
                    batch: 128,
                    steps: 5_000,
                    clip: Some(1.0),
                },
                ..Self::paper(basis).vae
            },
            diffusion: DiffusionSettings {
                widths: vec![64, 32, 16],
                embedding: 64,
                drop_probability: 0.0,
                standardise_latents: true,
                train: TrainSettings {
                    rate: 1e-3,
                    schedule: Schedule::Cosine,
                    batch: 256,
                    steps: 10_000,
                    clip: Some(1.0),
                },
                ..Self::paper(basis).diffusion
            },
            critic: CriticSettings {
                state_hidden: 64,
                latent_hidden: 64,
                discount: 0.99,
                bootstrap_discount: BootstrapDiscount::GammaPowH,
                terminal_mask: basis.score == ScoreKind::Success,
                windows: Some(60_000),
                latents: 16,
                keep_latents: true,
                sampler,
                unit: 500,
                train: TrainSettings {
                    rate: 1e-3,
                    schedule: Schedule::Cosine,
                    batch: 256,
                    steps: 10_000,
                    clip: Some(1.0),
                },
                ..Self::paper(basis).critic
            },
            plan: PlanSettings {
                candidates: 128,
                sampler: acting,
                mean_action: true,
                ..Self::paper(basis).plan
            },
            ..Self::paper(basis)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;

    #[test]
    fn presets_are_valid_and_survive_serialisation() {
        for task in MAZE2D.iter() {
            for preset in [Preset::Smoke, Preset::Quick, Preset::Cpu, Preset::Paper] {
                let settings = Settings::preset(preset, &task.basis());
                settings.check().unwrap();
                let text = serde_json::to_string(&settings).unwrap();
                assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
            }
        }
    }

    #[test]
    fn the_paper_preset_is_tables_3_to_5() {
        let paper = Settings::preset(Preset::Paper, &MAZE2D[0].basis());
        assert_eq!((paper.vae.train.rate, paper.vae.train.batch), (5e-5, 128));
        assert_eq!((paper.vae.latent, paper.vae.beta), (16, 0.1));
        assert_eq!(paper.vae.train.steps, 781_200);
        assert_eq!((paper.diffusion.train.rate, paper.diffusion.diffusion_steps), (1e-4, 500));
        assert_eq!((paper.diffusion.drop_probability, paper.diffusion.min_snr), (0.1, 5.0));
        assert_eq!((paper.critic.train.rate, paper.critic.discount), (5e-4, 0.995));
        assert_eq!((paper.critic.replay_alpha, paper.critic.replay_beta), (0.7, 0.3));
        assert_eq!((paper.critic.latents, paper.critic.expectile), (500, 0.9));
        assert_eq!((paper.plan.candidates, paper.plan.sampler.extra_steps), (500, 5));
    }

    #[test]
    fn the_cyclic_rate_peaks_at_twice_the_base() {
        let epoch = 7_812;
        let schedule = Schedule::Cyclic { half_period: 75 * epoch };
        let at = |n: usize| schedule.rate(1e-4, n * epoch, 450 * epoch);
        for (peak, trough) in [(0, 75), (150, 225), (300, 375)] {
            assert!((at(peak) - 2e-4).abs() < 1e-12);
            assert!(at(trough).abs() < 1e-12);
        }
    }
}
