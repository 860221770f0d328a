//! Many episodes in lockstep batches, and what they say about an agent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::simulators;
use diar_core::agent::{ActingSettings, Agent, Episode, RolloutOptions};
use diar_core::bundle::{Bundle, BundleError};
use diar_core::method::{Agent as AnyAgent, AgentBundle, MethodSettings};
use diar_core::score::{EpisodeResult, Evaluation};
use diar_core::settings::{PlanSettings, Sampler, Settings};
use diar_core::spec::TaskSpec;

use crate::cli::{EpisodeArgs, PlanArgs};
use crate::failure::Failure;
use crate::memory::{self, TooMuch};
use crate::run::directory::BUNDLE;
use crate::run::overrides;
use crate::run::progress::Progress;
use crate::score::{Method, Report};

/// Results of single episodes, and how fast they were played.
#[derive(Clone, Debug)]
pub struct Played {
    /// One per episode, in order.
    pub results: Vec<EpisodeResult>,
    /// Environment steps per second of all episodes together.
    pub steps_per_second: f64,
}

/// The bundle of an agent with latents, and the file it came from.
#[derive(Debug)]
pub struct BundleFile {
    /// The file.
    pub path: PathBuf,
    /// Its content.
    pub bundle: Bundle,
}

impl BundleFile {
    /// Reads a bundle; of a run directory, the one its training made.
    ///
    /// # Errors
    /// When there is none, it is damaged, or its agent has no latents.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        read(path, Bundle::from_bytes).map(|(path, bundle)| Self { path, bundle })
    }

    /// Its agent on a device.
    ///
    /// # Errors
    /// When the weights do not fit the settings in the bundle.
    pub fn agent(&self, device: &burn::tensor::Device) -> Result<Arc<Agent>, Failure> {
        Agent::load(&self.bundle, device)
            .map(Arc::new)
            .map_err(|source| Failure::Bundle { path: self.path.clone(), source })
    }
}

/// The bundle of an agent of any method, and the file it came from.
#[derive(Debug)]
pub struct AgentFile {
    /// The file.
    pub path: PathBuf,
    /// Its content.
    pub bundle: AgentBundle,
}

impl AgentFile {
    /// Reads a bundle; of a run directory, the one its training made.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        read(path, AgentBundle::from_bytes).map(|(path, bundle)| Self { path, bundle })
    }

    /// Its settings, those of acting changed where the command line says so.
    ///
    /// # Errors
    /// The first setting that does not exist, is not one of acting, cannot be used, or belongs to another method.
    pub fn acting(&self, args: &PlanArgs, no_revalue: bool) -> Result<MethodSettings, Failure> {
        let settings = self.bundle.settings();
        if let MethodSettings::Latent(mut settings) = settings {
            let revalue = settings.plan.revalue && !no_revalue;
            settings.plan = plan(&settings, args, revalue)?;
            return Ok(MethodSettings::Latent(settings));
        }
        let PlanArgs { candidates, sampler, steps, set } = args;
        let given = [
            ("--no-revalue", no_revalue),
            ("--candidates", candidates.is_some()),
            ("--sampler", sampler.is_some()),
            ("--steps", steps.is_some()),
        ];
        if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(Failure::OtherMethod { option, method: self.bundle.method() });
        }
        let settings = overrides::assign_acting(settings, set)?;
        settings.check()?;
        Ok(settings)
    }

    /// Its settings, with those of acting that a run has.
    ///
    /// # Errors
    /// When they are another method's, or break a limit.
    pub fn acting_by(&self, acting: &ActingSettings) -> Result<MethodSettings, Failure> {
        let settings = self.bundle.settings().acting_by(acting);
        settings.map_err(|source| Failure::Bundle { path: self.path.clone(), source })
    }

    /// Its agent on a device, acting by these settings.
    ///
    /// # Errors
    /// When the weights do not fit the settings in the bundle.
    pub fn agent(&self, acting: MethodSettings, device: &burn::tensor::Device) -> Result<AnyAgent, Failure> {
        AnyAgent::load(&self.bundle, acting, device)
            .map_err(|source| Failure::Bundle { path: self.path.clone(), source })
    }
}

/// A bundle's file and its content; of a run directory, of the one its training made.
fn read<B>(
    path: &Path,
    from_bytes: impl FnOnce(&[u8]) -> Result<B, BundleError>,
) -> Result<(PathBuf, B), Failure> {
    let file = if path.is_dir() { path.join(BUNDLE) } else { path.to_owned() };
    if path.is_dir() && !file.exists() {
        return Err(Failure::NoBundle { path: path.to_owned() });
    }
    // As it is, as numbers, and on the device in two forms.
    memory::require_file(&file, 6.0)?;
    let bytes = std::fs::read(&file).map_err(Failure::file("read", &file))?;
    match from_bytes(&bytes) {
        Ok(bundle) => Ok((file, bundle)),
        Err(source) => Err(Failure::Bundle { path: file, source }),
    }
}

/// The bundle's way of deciding, changed where the command line says so.
///
/// # Errors
/// The first setting that does not exist, is not one of deciding, or cannot be used.
pub fn plan(settings: &Settings, args: &PlanArgs, revalue: bool) -> Result<PlanSettings, Failure> {
    let mut plan = overrides::assign_plan(settings, &args.set)?;
    plan.revalue = revalue;
    if let Some(candidates) = args.candidates {
        plan.candidates = candidates;
    }
    if let Some(kind) = args.sampler {
        plan.sampler.kind = kind.into();
        if plan.sampler.kind == Sampler::Ddpm {
            plan.sampler.steps = settings.diffusion.diffusion_steps;
        } else {
            plan.sampler.extra_steps = 0;
        }
    }
    if let Some(steps) = args.steps {
        plan.sampler.steps = steps;
    }
    plan.check(settings.diffusion.diffusion_steps)?;
    Ok(plan)
}

/// Plays episodes, `batch` at a time. The results do not depend on the size of the batch.
///
/// # Errors
/// When the agent cannot decide, or the batch does not fit into memory.
pub fn play(agent: &AnyAgent, args: EpisodeArgs) -> Result<Played, Failure> {
    let begun = Instant::now();
    let results = batches(name(agent), agent, args, Starts::Random, false)?;
    let seconds = begun.elapsed().as_secs_f64();
    let steps: usize = results.iter().map(|episode| episode.steps).sum();
    Ok(Played { results, steps_per_second: steps as f64 / seconds.max(1e-9) })
}

/// Plays episodes whose starts take turns over the free cells, to the time limit or up to the goal.
///
/// # Errors
/// When the agent cannot decide, or the batch does not fit into memory.
pub fn play_stratified(
    agent: &AnyAgent,
    args: EpisodeArgs,
    stop_at_goal: bool,
) -> Result<Vec<EpisodeResult>, Failure> {
    batches(name(agent), agent, args, Starts::InTurn, stop_at_goal)
}

/// Plays episodes up to the first contact with the goal, which is all that the `first_contact` score takes.
///
/// # Errors
/// When the agent cannot decide, or the batch does not fit into memory.
pub fn play_to_goal(name: &str, agent: &AnyAgent, args: EpisodeArgs) -> Result<Vec<EpisodeResult>, Failure> {
    batches(name, agent, args, Starts::Random, true)
}

/// Episodes of an agent, as their progress names them.
fn name(agent: &AnyAgent) -> &'static str {
    match agent {
        AnyAgent::Latent(_, plan) if plan.revalue => "revaluation on",
        AnyAgent::Latent(..) => "revaluation off",
        _ => "episodes",
    }
}

/// Refuses episodes in lockstep that take more memory than there is.
///
/// # Errors
/// When they do not fit.
pub fn require_lockstep(agent: &AnyAgent, episodes: u64) -> Result<(), TooMuch> {
    // An episode has an environment and what is decided for it.
    let each = 4.0 * agent.held_numbers() + 2048.0;
    let work = match agent {
        AnyAgent::Latent(_, plan) => {
            format!("{episodes} episodes in lockstep with {} candidates each", plan.candidates)
        }
        _ => format!("{episodes} episodes in lockstep"),
    };
    memory::require(work, each * episodes as f64, "lower --batch or --candidates")
}

/// Refuses a recorded episode that takes more memory than there is: every decision keeps all its candidates.
///
/// # Errors
/// When it does not fit.
pub fn require_recording(agent: &AnyAgent) -> Result<(), TooMuch> {
    let task = agent.task();
    let AnyAgent::Latent(agent, plan) = agent else {
        let work = format!("a recorded episode of up to {} steps", task.max_steps);
        let numbers = task.max_steps as f64 * agent.held_numbers();
        return memory::require(work, 4.0 * numbers, "lower act.candidates");
    };
    let decisions = task.max_steps as f64 * if plan.revalue { plan.retry_cap as f64 + 1.0 } else { 1.0 };
    // The latent, where it ends, and its Q; the first two are lists of their own.
    let each = 4.0 * (agent.latent() + task.state_dim() + 1) as f64 + 64.0;
    let work =
        format!("a recorded episode of up to {decisions} decisions with {} candidates each", plan.candidates);
    memory::require(work, decisions * each * plan.candidates as f64, "lower --candidates or plan.retry_cap")
}

/// Choice of episodes' starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starts {
    /// As D4RL's reset draws them.
    Random,
    /// In each free cell in turn.
    InTurn,
}

/// Episodes batch by batch, with their progress.
fn batches(
    name: &str,
    agent: &AnyAgent,
    args: EpisodeArgs,
    starts: Starts,
    stop_at_goal: bool,
) -> Result<Vec<EpisodeResult>, Failure> {
    let episode = |index| match starts {
        Starts::Random => Episode::random(args.seed, index),
        Starts::InTurn => Episode::stratified(args.seed, index),
    };
    require_lockstep(agent, args.batch.min(args.episodes))?;
    // Whatever is missing is said before anything begins.
    simulators::open(agent.task())?;
    let mut progress = Progress::new();
    progress.begin(name, 0, args.episodes as usize);
    let mut results = Vec::new();
    while (results.len() as u64) < args.episodes {
        let first = results.len() as u64;
        let batch = first..args.episodes.min(first.saturating_add(args.batch));
        let episodes: Vec<Episode> = batch.map(episode).collect();
        results.extend(lockstep(agent, &episodes, stop_at_goal)?);
        progress.update(results.len(), None);
    }
    progress.end();
    Ok(results)
}

/// Episodes in lockstep to their ends.
///
/// # Errors
/// When the task has no simulator here, or the agent cannot decide.
pub fn lockstep(
    agent: &AnyAgent,
    episodes: &[Episode],
    stop_at_goal: bool,
) -> Result<Vec<EpisodeResult>, Failure> {
    let options = RolloutOptions { record: false, stop_at_goal, shareable: false };
    let mut rollout = agent.rollout(simulators::open(agent.task())?, episodes, options)?;
    Ok(pollster::block_on(rollout.finish())?)
}

/// Scores of episodes played by the agent of a bundle, acting by these settings.
#[must_use]
pub fn report(task: &TaskSpec, path: &Path, acting: &MethodSettings, seed: u64, played: &Played) -> Report {
    let revalue = acting.latent().is_some_and(|settings| settings.plan.revalue);
    let evaluation = Evaluation::of(task, revalue, &played.results);
    Report {
        task: task.id.clone(),
        method: Method::of(acting),
        bundle: Some(path.display().to_string()),
        episodes: played.results.len(),
        seed,
        revalue,
        scores: evaluation.scores(task).into_iter().map(|(kind, score)| (kind.name(), score)).collect(),
        success_rate: evaluation.success_rate,
        mean_first_contact_step: evaluation.mean_first_contact_step,
        decisions_per_episode: evaluation.decisions_per_episode,
        revaluations_per_episode: evaluation.revaluations_per_episode,
        env_steps_per_second: Some(played.steps_per_second),
    }
}
