//! Stage 3 again, for another goal: the VAE and the diffusion model do not depend on it, Q and V do.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::critic::{CriticStage, Lesson, Sizes};
use super::{LearnError, Metrics, Stage};
use crate::bundle::{Bundle, Relearned};
use crate::data::{Experience, Normaliser, window_return};
use crate::diffusion::{Denoiser, LatentSampler, NoiseSchedule, SamplerNoise};
use crate::maze::reaches;
use crate::nn::{load_parameters, tensor};
use crate::rng::Key;
use crate::settings::{CriticSettings, Settings};
use crate::spec::{RewardKind, TaskSpec};

/// Latents drawn in one step: a fraction of a second on one slow CPU.
const AT_ONCE: usize = 128;

/// Q and V trained for a goal, from windows whose rewards are worked out anew; one short step at a time.
///
/// Latents at the windows' ends are drawn first, once, then Q and V learn as in [`Training`](super::Training).
pub struct CriticTraining {
    bundle: Bundle,
    settings: Settings,
    goal: [f64; 2],
    sampler: LatentSampler,
    lessons: Lessons,
    critic: CriticStage,
    losses: Metrics,
}

/// What is learned from.
struct Lessons {
    experience: Arc<Experience>,
    state_norm: Normaliser,
    device: Device,
    /// Windows learned from.
    windows: usize,
    /// Latents drawn at the end of each.
    latents: usize,
    /// Those drawn so far, `[windows drawn for, latents, latent]`.
    drawn: Vec<f32>,
    /// What each window earns, `[windows]`.
    returns: Vec<f32>,
    /// Nothing is bootstrapped beyond a window that touches the goal.
    masked: bool,
}

impl CriticTraining {
    /// A critic about to be trained for a goal (m) with `critic` settings, on a plain (not autodiff) device. Everything
    /// random comes from the bundle's seed.
    ///
    /// # Errors
    /// When a setting or the goal cannot be used, or the windows are not of the bundle's agent.
    pub fn new(
        bundle: Bundle,
        experience: Arc<Experience>,
        goal: [f64; 2],
        critic: CriticSettings,
        device: &Device,
    ) -> Result<Self, LearnError> {
        let info = bundle.info();
        let settings = Settings { critic, ..info.settings.clone() };
        settings.check()?;
        let sizes = Sizes::of(&settings, &info.task);
        let (latent, expected) = (settings.vae.latent, bundle.latent_space()?);
        let fits = (experience.horizon(), experience.latent_dim()) == (settings.data.horizon, latent);
        if experience.latent_space() != expected || !fits {
            return Err(LearnError::OtherAgent { found: experience.latent_space().to_owned(), expected });
        }
        let diffusion = &settings.diffusion;
        let denoiser =
            Denoiser::new(Key::new(0), &diffusion.widths, diffusion.embedding, sizes.state, latent, device);
        let denoiser = load_parameters("denoiser", denoiser, &mut bundle.tensors())?;
        let schedule = NoiseSchedule::new(diffusion.diffusion_steps);
        let all = experience.len();
        let windows = settings.critic.windows.map_or(all, |windows| windows.clamp(1, all));
        let key = Key::new(settings.seed).named("critic");
        let mut training = Self {
            sampler: LatentSampler::new(&denoiser, &schedule, settings.critic.sampler),
            critic: CriticStage::new(key, &settings.critic, sizes, windows, device),
            lessons: Lessons {
                experience,
                state_norm: info.state_norm.clone(),
                device: device.clone(),
                windows,
                latents: settings.critic.latents,
                drawn: Vec::new(),
                returns: Vec::new(),
                masked: settings.critic.terminal_mask,
            },
            bundle,
            settings,
            goal,
            losses: Metrics::new(),
        };
        training.aim(goal)?;
        Ok(training)
    }

    /// Begins anew for another goal (m). The latents drawn so far stay: they do not depend on it.
    ///
    /// # Errors
    /// When the goal is no place.
    pub fn aim(&mut self, goal: [f64; 2]) -> Result<(), LearnError> {
        if goal.iter().any(|x| !x.is_finite()) {
            return Err(LearnError::Goal { found: format!("{goal:?}") });
        }
        let critic = &self.settings.critic;
        let earned = |position: [f64; 2]| f32::from(u8::from(reaches(goal, position)));
        let Lessons { experience, windows, device, .. } = &self.lessons;
        let returns = (0..*windows).map(|i| {
            let rewards: Vec<f32> = experience.path(self.lessons.window(i)).map(earned).collect();
            window_return(critic.window_return, RewardKind::AtGoal, &rewards, critic.discount)
        });
        let returns = returns.collect();
        let key = Key::new(self.settings.seed).named("critic");
        self.critic = CriticStage::new(key, critic, self.sizes(), *windows, device);
        self.lessons.returns = returns;
        self.goal = goal;
        self.losses.clear();
        Ok(())
    }

    /// The task it is for.
    pub fn task(&self) -> &TaskSpec {
        &self.bundle.info().task
    }

    fn sizes(&self) -> Sizes {
        Sizes::of(&self.settings, self.task())
    }

    /// The goal, m.
    pub fn goal(&self) -> [f64; 2] {
        self.goal
    }

    /// The stage the next step belongs to: latents are drawn, Q and V learn, or all is done.
    pub fn stage(&self) -> Stage {
        if self.lessons.drawn_for() < self.lessons.windows {
            Stage::Draw
        } else if self.critic.position() < self.settings.critic.train.steps {
            Stage::Critic
        } else {
            Stage::Done
        }
    }

    /// Steps done, of both stages together.
    pub fn position(&self) -> usize {
        self.lessons.drawn_for().div_ceil(self.lessons.chunk()) + self.critic.position()
    }

    /// Steps in all.
    pub fn total(&self) -> usize {
        self.lessons.windows.div_ceil(self.lessons.chunk()) + self.settings.critic.train.steps
    }

    /// Does one step; after the last one nothing. Metrics are empty unless wanted, and while latents are drawn.
    ///
    /// # Errors
    /// When a number is not finite or the device fails.
    pub fn step(&mut self, want_metrics: bool) -> Result<Metrics, LearnError> {
        match self.stage() {
            Stage::Draw => self.draw().map(|()| Metrics::new()),
            Stage::Critic => {
                let last = self.critic.position() + 1 == self.settings.critic.train.steps;
                let lessons = &self.lessons;
                let metrics = self.critic.step(|chosen, _| lessons.lesson(chosen), want_metrics || last)?;
                if last {
                    self.losses.clone_from(&metrics);
                }
                Ok(metrics)
            }
            _ => Ok(Metrics::new()),
        }
    }

    /// `V` of raw states, as far as it has come: `rows` times `[state]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn values(&self, states: &[Vec<f32>]) -> Result<Vec<f32>, LearnError> {
        if states.is_empty() {
            return Ok(Vec::new());
        }
        let mut flat = states.concat();
        self.lessons.state_norm.apply(&mut flat);
        let states = tensor(flat, [states.len(), self.sizes().state], &self.lessons.device);
        self.critic.v(states).try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))
    }

    /// The bundle with Q and V as far as they have come. It says so, and has no scores.
    ///
    /// # Errors
    /// When a tensor cannot be read back.
    pub fn bundle(&self) -> Result<Bundle, LearnError> {
        let mut provenance = self.bundle.info().provenance.clone();
        provenance.losses.retain(|name, _| !name.starts_with("critic."));
        provenance.losses.extend(self.losses.iter().map(|(name, loss)| (format!("critic.{name}"), *loss)));
        provenance.relearned = Some(Relearned {
            from: self.bundle.hash().to_owned(),
            goal: self.goal,
            windows: self.lessons.windows,
        });
        let critic = self.settings.critic.clone();
        Ok(self.bundle.with_critic(critic, provenance, self.critic.parameters()?)?)
    }

    fn draw(&mut self) -> Result<(), LearnError> {
        let state = self.sizes().state;
        let lessons = &mut self.lessons;
        let from = lessons.drawn_for();
        let chosen = from..(from + lessons.chunk()).min(lessons.windows);
        let key = Key::new(self.settings.seed).named("draw");
        let keys: Vec<Key> = chosen.clone().map(|i| key.fold(i as u64)).collect();
        let ends = lessons.states(chosen.map(|i| lessons.experience.last(lessons.window(i))));
        let ends: Tensor<2> = tensor(ends, [keys.len(), state], &lessons.device);
        let drawn = self.sampler.sample(ends, lessons.latents, SamplerNoise::Drawn(&keys));
        let drawn = drawn.try_into_vec_as::<f32>().map_err(|error| LearnError::Device(error.to_string()))?;
        if drawn.iter().any(|x| !x.is_finite()) {
            return Err(LearnError::NotFinite {
                what: "a drawn latent",
                stage: Stage::Diffusion,
                step: from,
            });
        }
        lessons.drawn.extend(drawn);
        Ok(())
    }
}

impl Lessons {
    /// Window number `i` of those learned from, evenly spread over all.
    fn window(&self, i: usize) -> usize {
        i * self.experience.len() / self.windows
    }

    /// Numbers drawn for a window.
    fn width(&self) -> usize {
        self.latents * self.experience.latent_dim()
    }

    /// Windows drawn for so far.
    fn drawn_for(&self) -> usize {
        self.drawn.len() / self.width()
    }

    /// Windows that latents are drawn for in one step.
    fn chunk(&self) -> usize {
        AT_ONCE.div_ceil(self.latents)
    }

    /// Normalised states, side by side.
    fn states(&self, states: impl Iterator<Item = [f32; 4]>) -> Vec<f32> {
        let mut flat: Vec<f32> = states.flatten().collect();
        self.state_norm.apply(&mut flat);
        flat
    }

    fn lesson(&self, chosen: &[usize]) -> Lesson {
        let width = self.width();
        let windows = || chosen.iter().map(|&i| self.window(i));
        let candidates = chosen.iter().flat_map(|i| &self.drawn[i * width..(i + 1) * width]);
        let shape = [chosen.len(), self.latents, self.experience.latent_dim()];
        Lesson {
            starts: self.states(windows().map(|window| self.experience.first(window))),
            ends: self.states(windows().map(|window| self.experience.last(window))),
            latents: windows().flat_map(|window| self.experience.latent(window)).collect(),
            returns: chosen.iter().map(|&i| self.returns[i]).collect(),
            // A window that touches the goal earns something.
            terminals: chosen.iter().map(|&i| self.masked && self.returns[i] != 0.0).collect(),
            candidates: tensor(candidates.copied().collect(), shape, &self.device),
        }
    }
}
