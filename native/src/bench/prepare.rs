//! Makes a path ready to run, again and again. What is not part of the path is done outside its time.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use diar_core::agent::{Advance, Agent, AgentError, Observed, Phase, Planner, Policy};
use diar_core::benchmark::Benchmark;
use diar_core::bundle::Provenance;
use diar_core::data::Transitions;
use diar_core::env::{self, Envs, Start};
use diar_core::learn::{ENCODED_AT_ONCE, Stage, Training};
use diar_core::maze::World;
use diar_core::method::{self, MethodSettings, learner};
use diar_core::nn::temporal::{UNet, UNetSettings};
use diar_core::nn::train::Trained;
use diar_core::rng::Key;
use diar_core::settings::{PlanSettings, Settings};

use pollster::block_on;
use serde_json::{Value, json};

use super::BenchError;
use super::path::{HotPath, Work, few_steps, transformer, unet};
use crate::device::DeviceName;
use crate::policy::Server;

/// Rows of the data: as many whole chunks of windows.
pub(crate) const ROWS: usize = 16 * ENCODED_AT_ONCE + HORIZON - 1;
/// H of Maze2D.
const HORIZON: usize = 30;
/// Hidden width of a VAE that only has to give latents.
const SMALL: usize = 8;
/// Adam's rate for the U-Net; small, for the numbers that it learns are noise.
const UNET_RATE: f64 = 1e-5;
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
    task: &'static Benchmark,
    data: &Arc<Transitions>,
) -> Result<Repetition, BenchError> {
    let settings = &path.settings;
    match path.work {
        Work::VaeStep => training(Stage::Vae, settings, task, data),
        Work::DenoiserStep => training(Stage::Diffusion, settings, task, data),
        Work::CriticStep => training(Stage::Critic, settings, task, data),
        Work::UNetStep { rows, conditioned } => {
            unet_step(&unet(task.spec.state_dim(), conditioned), [path.batch(), rows])
        }
        Work::Encode => training(Stage::Encode, settings, task, data),
        Work::DtStep => lessons(task, data),
        Work::Decision => decision(path, task, data),
        Work::Act => act(path, task, data),
        Work::Policy => policy(path, task, data),
        Work::Environment => environment(path, task),
    }
}

/// Steps of one stage; it begins anew when it has come to its end.
fn training(
    stage: Stage,
    settings: &Settings,
    task: &'static Benchmark,
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

/// Forward pass, backward pass and Adam of a U-Net that predicts trajectories of random numbers from others.
fn unet_step(settings: &UNetSettings, [batch, rows]: [usize; 2]) -> Result<Repetition, BenchError> {
    let device = DeviceName::Cpu.open()?.autodiff();
    let mut net = Trained::new(UNet::new(Key::new(0).named("net"), settings, &device));
    let (channels, condition) = (settings.channels, settings.condition);
    let key = Key::new(0).named("batch");
    let normals = |place, width| TensorData::new(key.fold(place).normals(batch * width), [batch, width]);
    let trajectories = |place| {
        Tensor::<2>::from_data(normals(place, rows * channels), &device).reshape([batch, rows, channels])
    };
    let (x, wanted) = (trajectories(0), trajectories(1));
    let condition = (condition > 0).then(|| Tensor::<2>::from_data(normals(2, condition), &device));
    let steps: Vec<f32> = (0..batch).map(|sample| sample as f32).collect();
    let steps = Tensor::<1>::from_data(TensorData::new(steps, [batch]), &device);
    Ok(Box::new(move || {
        let begun = Instant::now();
        let predicted = net.net().forward(x.clone(), steps.clone(), condition.clone());
        let loss = (predicted - wanted.clone()).square().mean();
        net.update(&mut loss.backward(), UNET_RATE, None);
        Ok(begun.elapsed())
    }))
}

/// Steps of the Decision Transformer; it begins anew when it has come to its end.
fn lessons(task: &'static Benchmark, data: &Arc<Transitions>) -> Result<Repetition, BenchError> {
    let data = Arc::clone(data);
    let begin = move || -> Result<_, BenchError> {
        let settings = MethodSettings::Dt(transformer(task));
        Ok(learner(settings, Arc::clone(&task.spec), Arc::clone(&data), &DeviceName::Cpu.open()?)?)
    };
    let mut learner = begin()?;
    Ok(Box::new(move || {
        if learner.stage() == Stage::Done {
            learner = begin()?;
        }
        let begun = Instant::now();
        learner.step(false)?;
        Ok(begun.elapsed())
    }))
}

/// A run at a stage. What the stages before it have learned does not change the time, so they learn nothing, and
/// quickly.
fn at(
    stage: Stage,
    mut settings: Settings,
    task: &'static Benchmark,
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
    let mut training =
        Training::new(settings, Arc::clone(&task.spec), Arc::clone(data), &DeviceName::Cpu.open()?)?;
    while training.stage() < stage {
        training.step(false)?;
    }
    Ok(training)
}

/// An agent that has learned nothing.
fn agent(
    settings: &Settings,
    task: &'static Benchmark,
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
    let mut training = Training::new(settings, Arc::clone(&task.spec), Arc::clone(data), &device)?;
    while training.stage() != Stage::Done {
        training.step(false)?;
    }
    let bundle = training.bundle(Provenance::default())?;
    Ok(Arc::new(Agent::load(&bundle, &device).map_err(BenchError::Bundle)?))
}

/// A planner and the states it plans for, which its actions do not change.
struct Still {
    planner: Planner,
    states: Vec<Vec<f64>>,
}

impl Still {
    fn new(
        path: &HotPath,
        plan: PlanSettings,
        task: &'static Benchmark,
        data: &Arc<Transitions>,
    ) -> Result<Self, BenchError> {
        let states = Lockstep::begin(task, path.lanes)?.states;
        let keys = (0..).map(|lane| Key::new(0).named("plan").fold(lane));
        let agent = agent(&path.settings, task, data)?;
        let planner = Planner::new(agent, plan, keys.zip(states.iter().map(Vec::as_slice)), false)?;
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
                let state = &self.states[lane];
                self.planner.observe(lane, Observed { state, reward: 0.0, ended: None });
            }
        }
        Ok(spent)
    }
}

/// Everything from a state to a chosen latent with its value.
fn decision(
    path: &HotPath,
    task: &'static Benchmark,
    data: &Arc<Transitions>,
) -> Result<Repetition, BenchError> {
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
fn act(path: &HotPath, task: &'static Benchmark, data: &Arc<Transitions>) -> Result<Repetition, BenchError> {
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

/// Lines of observations of many episodes, answered until every plan has been followed to its end.
fn policy(
    path: &HotPath,
    task: &'static Benchmark,
    data: &Arc<Transitions>,
) -> Result<Repetition, BenchError> {
    // Without revaluation, so that every plan is followed to its end whatever the agent has learned.
    let plan = PlanSettings { revalue: false, ..path.settings.plan };
    let mut server = Server::new(method::Agent::Latent(agent(&path.settings, task, data)?, plan))?;
    let states = Lockstep::begin(task, path.lanes)?.states;
    let line = |request: &dyn Fn(usize) -> Value| {
        Value::from((0..path.lanes).map(request).collect::<Vec<_>>()).to_string().into_bytes()
    };
    server.reply(&line(&|lane| json!({"lane": lane, "reset": 0, "episode": lane})));
    let observed = line(&|lane| json!({"lane": lane, "obs": states[lane]}));
    Ok(Box::new(move || {
        let begun = Instant::now();
        for _ in 0..plan.exec_horizon {
            black_box(serde_json::to_string(&server.reply(&observed)).map_err(BenchError::Answer)?);
        }
        Ok(begun.elapsed())
    }))
}

/// Environments in lockstep, under random actions.
fn environment(path: &HotPath, task: &'static Benchmark) -> Result<Repetition, BenchError> {
    let lanes: Vec<usize> = (0..path.lanes).collect();
    let width = task.spec.action_dim();
    let mut stream = Key::new(0).named("actions").stream();
    let mut random = || stream.range(-1.0, 1.0) as f32;
    let sets: Vec<Vec<f32>> =
        (0..ACTIONS).map(|_| (0..path.lanes * width).map(|_| random()).collect()).collect();
    let mut lockstep = Lockstep::begin(task, path.lanes)?;
    let (mut next, mut steps) = (0, Vec::new());
    Ok(Box::new(move || {
        if next == task.spec.max_steps {
            lockstep = Lockstep::begin(task, lanes.len())?;
            next = 0;
        }
        let begun = Instant::now();
        lockstep.envs.step(&lanes, black_box(&sets[next % ACTIONS]), &mut steps)?;
        black_box(&steps);
        next += 1;
        Ok(begun.elapsed())
    }))
}

/// Episodes that have begun, from random starts.
struct Lockstep {
    envs: Box<dyn Envs>,
    states: Vec<Vec<f64>>,
}

impl Lockstep {
    fn begin(task: &Benchmark, lanes: usize) -> Result<Self, AgentError> {
        let mut envs = env::open(&task.spec)?;
        let key = Key::new(0).named("starts");
        let starts: Vec<_> = (0..lanes).map(|lane| (lane, Start::Drawn(key.fold(lane as u64)))).collect();
        let frames = envs.reset(&starts, &World::default())?;
        Ok(Self { envs, states: frames.into_iter().map(|frame| frame.observation).collect() })
    }
}
