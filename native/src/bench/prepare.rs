//! Makes a path ready to run, again and again. What is not part of the path is done outside its time.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diar_core::agent::{Advance, Agent, AgentError, Phase, Planner};
use diar_core::bundle::Provenance;
use diar_core::data::Transitions;
use diar_core::env::MazeEnv;
use diar_core::learn::{ENCODED_AT_ONCE, Stage, Training};
use diar_core::rng::Key;
use diar_core::settings::{PlanSettings, Settings};
use diar_core::task::Task;
use pollster::block_on;

use super::BenchError;
use super::path::{HotPath, Work, few_steps};
use crate::device::DeviceName;

/// Rows of the data: as many whole chunks of windows.
pub(crate) const ROWS: usize = 16 * ENCODED_AT_ONCE + super::TASK.horizon - 1;
/// Hidden width of a VAE that only has to give latents.
const SMALL: usize = 8;
/// Sets of random actions.
const ACTIONS: usize = 64;

/// Runs the path once and gives the time it took.
pub(crate) type Repetition = Box<dyn FnMut() -> Result<Duration, BenchError>>;

/// A path ready to run, on the CPU device.
///
/// # Errors
/// When its settings cannot be used.
pub(crate) fn prepare(
    path: &HotPath,
    task: &'static Task,
    data: &Arc<Transitions>,
) -> Result<Repetition, BenchError> {
    let settings = &path.settings;
    match path.work {
        Work::VaeStep => training(Stage::Vae, settings, task, data),
        Work::DenoiserStep => training(Stage::Diffusion, settings, task, data),
        Work::CriticStep => training(Stage::Critic, settings, task, data),
        Work::Encode => training(Stage::Encode, settings, task, data),
        Work::Decision => decision(path, task, data),
        Work::Act => act(path, task, data),
        Work::Environment => Ok(environment(path, task)),
    }
}

/// Steps of one stage; it begins anew when it has come to its end.
fn training(
    stage: Stage,
    settings: &Settings,
    task: &'static Task,
    data: &Arc<Transitions>,
) -> Result<Repetition, BenchError> {
    let (settings, data) = (settings.clone(), Arc::clone(data));
    let mut training = at(stage, settings.clone(), task, &data)?;
    Ok(Box::new(move || {
        if training.stage() != stage {
            training = at(stage, settings.clone(), task, &data)?;
        }
        let begun = Instant::now();
        training.step(false)?;
        Ok(begun.elapsed())
    }))
}

/// A run at a stage. What the stages before it have learned does not change the time, so they learn nothing, and
/// quickly.
fn at(
    stage: Stage,
    mut settings: Settings,
    task: &'static Task,
    data: &Arc<Transitions>,
) -> Result<Training, BenchError> {
    if stage > Stage::Vae {
        settings.vae.train.steps = 0;
    }
    if stage > Stage::Encode {
        settings.vae.hidden = SMALL;
        settings.vae.gru_layers = 1;
    }
    if stage > Stage::Diffusion {
        settings.diffusion.train.steps = 0;
        settings.critic.sampler = few_steps(1);
    }
    let mut training = Training::new(settings, task, Arc::clone(data), &DeviceName::Cpu.open()?)?;
    while training.stage() < stage {
        training.step(false)?;
    }
    Ok(training)
}

/// An agent that has learned nothing.
fn agent(
    settings: &Settings,
    task: &'static Task,
    data: &Arc<Transitions>,
) -> Result<Arc<Agent>, BenchError> {
    let device = DeviceName::Cpu.open()?;
    let mut settings = settings.clone();
    settings.vae.train.steps = 0;
    settings.diffusion.train.steps = 0;
    settings.critic.train.steps = 0;
    settings.critic.keep_latents = false;
    // A single window to encode.
    settings.data.stride = data.len();
    let mut training = Training::new(settings, task, Arc::clone(data), &device)?;
    while training.stage() != Stage::Done {
        training.step(false)?;
    }
    let bundle = training.bundle(Provenance::default())?;
    Ok(Arc::new(Agent::load(&bundle, &device).map_err(BenchError::Bundle)?))
}

/// A planner and the states it plans for, which its actions do not change.
struct Still {
    planner: Planner,
    states: Vec<Vec<f32>>,
}

impl Still {
    fn new(
        path: &HotPath,
        plan: PlanSettings,
        task: &'static Task,
        data: &Arc<Transitions>,
    ) -> Result<Self, BenchError> {
        let states: Vec<Vec<f32>> = environments(task, path.lanes)
            .iter()
            .map(|env| env.state().iter().map(|&x| x as f32).collect())
            .collect();
        let keys = (0..).map(|lane| Key::new(0).named("plan").fold(lane));
        let agent = agent(&path.settings, task, data)?;
        let planner = Planner::new(agent, plan, keys.zip(states.iter().cloned()), false)?;
        Ok(Self { planner, states })
    }

    /// Goes on until all lanes, which are always at the same phase, stand at this one.
    fn reach(&mut self, phase: Phase) -> Result<(), AgentError> {
        while self.planner.phase(0) != phase {
            self.advance()?;
        }
        Ok(())
    }

    /// One part of a decision, or one action. Gives the time of that alone.
    fn advance(&mut self) -> Result<Duration, AgentError> {
        let begun = Instant::now();
        let advance = block_on(self.planner.advance())?;
        let spent = begun.elapsed();
        if let Advance::Act(actions) = advance {
            for (lane, _) in actions {
                self.planner.observe(lane, &self.states[lane], None);
            }
        }
        Ok(spent)
    }
}

/// Everything from a state to a chosen latent with its value.
fn decision(path: &HotPath, task: &'static Task, data: &Arc<Transitions>) -> Result<Repetition, BenchError> {
    // Plans of one step, so that the next decision follows at once.
    let plan = PlanSettings { revalue: false, exec_horizon: 1, ..path.settings.plan };
    let mut still = Still::new(path, plan, task, data)?;
    Ok(Box::new(move || {
        still.reach(Phase::Sample)?;
        let begun = Instant::now();
        still.reach(Phase::Compare)?;
        Ok(begun.elapsed())
    }))
}

/// Actions of plans that never end.
fn act(path: &HotPath, task: &'static Task, data: &Arc<Transitions>) -> Result<Repetition, BenchError> {
    let plan = PlanSettings {
        candidates: 1,
        sampler: few_steps(1),
        exec_horizon: usize::MAX,
        revalue: false,
        ..path.settings.plan
    };
    let mut still = Still::new(path, plan, task, data)?;
    Ok(Box::new(move || {
        still.reach(Phase::Follow)?;
        Ok(still.advance()?)
    }))
}

/// Environments in lockstep, under random actions.
fn environment(path: &HotPath, task: &'static Task) -> Repetition {
    let lanes = path.lanes;
    let mut stream = Key::new(0).named("actions").stream();
    let actions: Vec<[f32; 2]> =
        (0..ACTIONS * lanes).map(|_| [(); 2].map(|()| stream.range(-1.0, 1.0) as f32)).collect();
    let mut envs = environments(task, lanes);
    let mut sets = (0..ACTIONS).cycle();
    Box::new(move || {
        if envs.iter().any(MazeEnv::over) {
            envs = environments(task, lanes);
        }
        let from = sets.next().unwrap_or_default() * lanes;
        let begun = Instant::now();
        for (env, &action) in envs.iter_mut().zip(&actions[from..]) {
            black_box(env.step(action));
            black_box(env.state());
        }
        Ok(begun.elapsed())
    })
}

/// Episodes about to begin, from random starts.
fn environments(task: &'static Task, lanes: usize) -> Vec<MazeEnv> {
    let mut stream = Key::new(0).named("starts").stream();
    (0..lanes).map(|_| MazeEnv::reset(task, &mut stream)).collect()
}
