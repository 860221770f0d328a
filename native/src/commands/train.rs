//! `diar train`: from data to a bundle, with stops on the way.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::Device;
use diar_core::agent::Episode;
use diar_core::bundle::Method;
use diar_core::critic::check_rewards;
use diar_core::data::Transitions;
use diar_core::learn::{Checkpoint, LearnError, Memory, Stage};
use diar_core::method::{Agent, AgentBundle, MethodSettings, learner};
use diar_core::score::Evaluation;
use serde::Serialize;

use super::output;
use crate::cli::TrainArgs;
use crate::dataset::{self, Derived, Description, Inspection};
use crate::device::DeviceName;
use crate::evaluation;
use crate::failure::Failure;
use crate::memory::{self, TooMuch};
use crate::registry::{self, Task};
use crate::run::checkpoints::{Checkpoints, History};
use crate::run::config::{DataSource, Versions};
use crate::run::directory::BUNDLE;
use crate::run::session::{Scores, Trial};
use crate::run::stop::Stop;
use crate::run::tag::Tag;
use crate::run::{Ending, RunConfig, RunDirectory, RunResult, Session, atomic, overrides};
use crate::say::say;
use crate::simulators;

/// Seed and number of the episodes that are played on the way: others than those of scores.
const TRIAL: (u64, u64) = (1000, 20);

/// Trains a task's agent, or resumes training it.
pub(crate) fn train(args: &TrainArgs) -> Result<(), Failure> {
    let stop = Stop::listen().map_err(Failure::Signals)?;
    // Mistakes of the command line come before the data is read.
    let known = args.task.map(Task::from);
    if let Some(task) = &known {
        settings(args, task)?;
    }
    let spec = args.spec.as_deref().map(registry::read_spec).transpose()?;
    let device = args.device.device.open()?;
    let read = args.data.as_deref().map(|path| read(path, args)).transpose()?;
    let task = match (known, spec, &read) {
        (Some(task), ..) => task,
        (None, Some(spec), Some((data, _))) => Task::own(spec, data.len()),
        (None, None, Some((data, description))) => described(data, description),
        (None, _, None) => return Err(Failure::NoTask),
    };
    let settings = settings(args, &task)?;
    if args.eval_every.is_some() {
        // Whatever is missing is said before anything begins.
        simulators::open(&task.spec)?;
    }
    let (data, source) = match read {
        Some((data, description)) => checked(args, &task, &settings, data, description)?,
        None => generated(args, &task, &settings)?,
    };
    let mut config = RunConfig {
        task: task.spec.id.clone(),
        spec: task.benchmark.is_none().then(|| (*task.spec).clone()),
        method: settings.method(),
        preset: args.preset.into(),
        device: args.device.device.to_string(),
        reused: None,
        data: source,
        versions: Versions::current(),
        settings,
        tags: args.tags.iter().map(|Tag { name, value }| (name.clone(), value.clone())).collect(),
        moved: Vec::new(),
    };
    let begin = match &args.reuse {
        Some(other) => {
            let (begin, bundle) = reused(other, &config)?;
            config.reused = Some(bundle);
            Some(begin)
        }
        None => None,
    };
    let path = args.run.clone().unwrap_or_else(|| default_run(&config));
    // Data that cannot be trained on leaves no directory behind.
    let training = learner(config.settings.clone(), task.spec, Arc::new(data), &device)?;
    let run = RunDirectory::open(&path, &config)?;
    say(format_args!("run directory: {}", path.display()));
    let result = if let Some(result) = run.result()? {
        say("this run has finished before");
        result
    } else {
        let every = Duration::from_secs(args.checkpoint_every);
        let session = Session::resume(&run, &config, training, begin, every)?;
        let session = session.with_snapshots(args.snapshot_every.map(|steps| steps as usize));
        let session = session.with_trial(trial(args, &device));
        let session = if args.events { session.with_events()? } else { session };
        match session.train(stop.begin_training())? {
            Ending::Finished(result) => result,
            Ending::Interrupted => {
                return Err(Failure::Interrupted { run: path, exit_code: stop.exit_code() });
            }
        }
    };
    let mut bundle = path.join(BUNDLE);
    if let Some(out) = &args.out {
        copy(&bundle, out)?;
        bundle.clone_from(out);
    }
    let trained = Trained { run: path, bundle, result };
    output::beside(args.out.as_deref(), &trained, args.json)
}

/// Episodes on the way, where they are asked for.
fn trial<'a>(args: &TrainArgs, device: &'a Device) -> Option<Trial<'a>> {
    let every = args.eval_every? as usize;
    let play = |file: &[u8]| -> Scores {
        let bundle = AgentBundle::from_bytes(file)?;
        let agent = Agent::load(&bundle, bundle.settings(), device)?;
        let episodes: Vec<Episode> = (0..TRIAL.1).map(|index| Episode::stratified(TRIAL.0, index)).collect();
        let results = evaluation::lockstep(&agent, &episodes, false)?;
        let scores = Evaluation::of(agent.task(), false, &results).scores(agent.task());
        Ok(scores.into_iter().map(|(kind, score)| (kind.name(), score.mean)).collect())
    };
    Some(Trial { every, play: Box::new(play) })
}

/// The stages of a finished run that another has in common with it, and the SHA-256 of its agent: VAE and diffusion model of
/// DIAR and LDCQ, and the critic of IQL for IDQL. Data and settings up to there must be the same.
fn reused(path: &Path, config: &RunConfig) -> Result<((Checkpoint, History), String), Failure> {
    let (first, later) = match config.method {
        Method::Diar | Method::Ldcq => (Stage::Draw, ["settings.critic.", "settings.plan."]),
        Method::Idql => (Stage::Policy, ["settings.policy.", "settings.act."]),
        method => return Err(Failure::NotReusable { method }),
    };
    let unfinished = || Failure::NoBundle { path: path.to_owned() };
    let recorded = RunConfig::read(path)?.ok_or_else(unfinished)?;
    recorded.must_match_before(later, config, path)?;
    let result = RunResult::read(path)?.ok_or_else(unfinished)?;
    let mut damage = None;
    let newest = Checkpoints::of(path).newest_intact(|error| damage = Some(error));
    let Some((checkpoint, mut history)) = newest else {
        return Err(damage.map_or_else(unfinished, Failure::Run));
    };
    history = history.before(first);
    history.training_seconds = 0.0;
    let checkpoint = checkpoint.back_to(first).ok_or_else(unfinished)?;
    Ok(((checkpoint, history), result.bundle_sha256))
}

/// The preset's settings with everything changed that the command line changes.
fn settings(args: &TrainArgs, task: &Task) -> Result<MethodSettings, Failure> {
    let mut settings = MethodSettings::preset(args.method.into(), args.preset.into(), &task.basis);
    if let Some(seed) = args.seed {
        *settings.seed_mut() = seed;
    }
    let settings = overrides::assign_any(settings, &args.set)?;
    settings.check()?;
    settings.check_for(&task.spec)?;
    Ok(settings)
}

/// Data from a file, with what is known about it.
fn read(path: &Path, args: &TrainArgs) -> Result<(Transitions, Description), Failure> {
    say(format_args!("reading {}", path.display()));
    let (data, description) = dataset::read(path, args.rewards.reward_at)?;
    description.origin.rules().for_each(say);
    Ok((data, description))
}

/// The task that data describes; guesses are said.
fn described(data: &Transitions, description: &Description) -> Task {
    let Derived { spec, guesses } = Derived::of(data, description);
    say(format_args!(
        "task {}: {} numbers in an observation, {} in an action; --spec takes another description",
        spec.id,
        spec.state_dim(),
        spec.action_dim()
    ));
    for guess in guesses {
        say(format_args!("guessed: {guess}"));
    }
    Task::own(spec, data.len())
}

/// Data of a file, once it belongs to the task and fits into memory.
fn checked(
    args: &TrainArgs,
    task: &Task,
    settings: &MethodSettings,
    data: Transitions,
    description: Description,
) -> Result<(Transitions, DataSource), Failure> {
    let path = args.data.as_deref().unwrap_or(Path::new(""));
    dataset::check_task(&data, &task.spec, path)?;
    // The data are there already.
    let memory = Memory { data: 0.0, ..memory_of(args, task, settings, data.len()) };
    require(task, settings, memory, data.len())?;
    if let Some(settings) = settings.latent() {
        check_rewards(&data.rewards, task.spec.reward, &settings.critic).map_err(LearnError::Rewards)?;
    }
    let sha256 = description.summary.sha256.clone();
    // Whoever learns a task of D4RL hears how the data differs from it.
    if task.benchmark.is_some() {
        for warning in Inspection::of(&data, description).warnings(&task.spec) {
            say(format_args!("warning: {warning}"));
        }
    } else {
        for finding in description.origin.findings {
            say(format_args!("warning: {finding}"));
        }
    }
    let (source, reward_at, rows) = (path.display().to_string(), args.rewards.reward_at, data.len());
    Ok((data, DataSource { source, reward_at, rows, sha256 }))
}

/// Data made anew.
fn generated(
    args: &TrainArgs,
    task: &Task,
    settings: &MethodSettings,
) -> Result<(Transitions, DataSource), Failure> {
    let benchmark = task.benchmark.ok_or(Failure::NoTask)?;
    let rows = settings.rows();
    require(task, settings, memory_of(args, task, settings, rows), rows)?;
    let data = dataset::generate(benchmark, rows, settings.seed())?.data;
    let sha256 = dataset::hash(&data);
    let rows = data.len();
    Ok((data, DataSource { source: "generated".to_owned(), reward_at: None, rows, sha256 }))
}

fn memory_of(args: &TrainArgs, task: &Task, settings: &MethodSettings, rows: usize) -> Memory {
    let (spec, on_cpu) = (&task.spec, args.device.device == DeviceName::Cpu);
    match settings.latent() {
        Some(settings) => Memory::of(settings, spec, rows, on_cpu),
        None => Memory::of_steps(settings.parameters(spec), settings.largest_step(), spec, rows, on_cpu),
    }
}

/// Refuses training that takes more memory than there is, and says which settings take most of it.
fn require(task: &Task, settings: &MethodSettings, memory: Memory, rows: usize) -> Result<(), TooMuch> {
    let [networks, batch] = match settings.latent() {
        Some(_) => [
            "lower vae.hidden, vae.gru_layers or the other widths",
            "lower vae.train.batch and the batches of the other stages",
        ],
        None => ["lower the widths of the hidden layers", "lower the batch"],
    };
    let parts = [
        (memory.data, "lower data.rows"),
        (memory.windows, "raise data.stride, or lower critic.windows or critic.latents"),
        (memory.networks, networks),
        (memory.batch, batch),
    ];
    let (_, advice) =
        parts.into_iter().fold((0.0, ""), |most, part| if part.0 > most.0 { part } else { most });
    let work = format!("training {} from {rows} rows", task.spec.id);
    memory::require(work, memory.total(), advice)
}

fn default_run(config: &RunConfig) -> PathBuf {
    // The preset's name as it is written in the configuration.
    let preset = format!("{:?}", config.preset).to_lowercase();
    let method = match config.method {
        Method::Diar => String::new(),
        other => format!("{}-", other.name()),
    };
    Path::new("runs").join(format!("{}-{method}{preset}-{}", config.task, config.settings.seed()))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(from).map_err(Failure::file("read", from))?;
    atomic::write(to, &bytes).map_err(Failure::file("write", to))
}

/// What `diar train` prints in the end.
#[derive(Serialize)]
struct Trained {
    run: PathBuf,
    bundle: PathBuf,
    #[serde(flatten)]
    result: RunResult,
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "trained in  {:.1} s", self.result.training_seconds)?;
        for (name, value) in &self.result.losses {
            writeln!(f, "{name:<24} {value:.5}")?;
        }
        write!(f, "bundle      {}", self.bundle.display())
    }
}
