//! All of the page's state, and the one pure function that changes it.
//!
//! Every user action and every message of the worker is an [`Action`]; [`State::update`] folds it in and answers with
//! the [`Command`]s to carry out (start a worker, send it a message, copy a link). Nothing here touches a browser, so
//! all of it is tested natively.
//!
//! Two clocks run here. The worker adds parts to the *run*; the user moves the *cursor* ([`State::at`], a count of
//! parts) over the *shown* trace. Most of the time both are the same trace. They differ while a run is computed anew
//! behind one that is on display: a recording, the run of a link, or that of a device that was lost.

mod cursor;
mod insight;
mod lesson;
mod link;
mod rival;
mod run;
mod score;
mod tour;
mod trial;
mod world;

use std::rc::Rc;
use std::sync::Arc;

use diar_core::agent::{InterventionKind, Scenario, Trace};
use diar_core::maze::Layout;
use diar_core::settings::{PlanSettings, Preset, Sampler, SamplerSettings, Settings};
use diar_core::task::{TASKS, Task};

use crate::messages::{
    Backend, Decider, DeviceInfo, Failure, FromTrainer, Lane, Plan, ToPage, ToTrainer, ToWorker, Unit,
    ValueField, Weights,
};
use crate::scale::Ground;
use crate::timeline::{self, Glimpse};

pub use insight::{Insight, neighbour};
pub use lesson::{Critic, Learning};
pub use link::Opened;
pub use rival::{Guest, Rival, Versus};
pub use score::{Mean, Scoreboard};
pub use trial::Trial;
pub use world::Tool;

use run::Run;

/// The speeds on offer; 1 is slow enough to follow with the eye.
pub const SPEEDS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// Parts computed ahead of the cursor while playing.
const AHEAD: usize = 80;

/// Steps that may wait for the worker; a key held down asks for more than anyone wants to see.
const MOST_WAITING: usize = 5;

/// The longest pause between two frames that playing makes up for, in seconds.
const LONGEST_FRAME: f64 = 0.25;

/// What became of the worker and its weights.
#[derive(Clone, Debug, PartialEq)]
pub enum Worker {
    /// Started; nothing heard yet.
    Starting,
    /// Fetching weights.
    Fetching { loaded: f64, total: Option<f64> },
    /// Setting up networks on a device.
    Preparing(DeviceInfo),
    /// Able to decide.
    Ready(DeviceInfo, Weights),
    /// Not able to.
    Failed(String),
}

/// Where the shown trace comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A recording that came with the page.
    Recorded,
    /// The recorded decisions of a link.
    Replayed,
    /// Computed here, on this device.
    Computed(DeviceInfo),
}

/// The trace on display.
#[derive(Clone, Debug)]
pub struct Shown {
    pub trace: Rc<Trace>,
    pub source: Source,
}

/// Whose plan it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// Nobody chose: weights bring their own settings.
    None,
    /// The user's, or a link's.
    Kept,
    /// The user's, changed since the shown run began.
    Changed,
}

/// What is known of the recording that comes with the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recording {
    /// It is on its way: which run comes first is not known before it is there.
    Awaited,
    /// It is there, or it will not come.
    Settled,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

/// What is drawn on the maze besides walls and ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// V over the maze.
    pub values: bool,
    /// The candidates.
    pub plans: bool,
}

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// Something the user must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Action {
    /// The recording has arrived, or not.
    Recorded(Result<Trace, String>),
    /// The fragment of the address has changed.
    Fragment(String),
    /// A message of the worker.
    Worker(ToPage),
    /// The worker broke down without a message.
    WorkerBroken(String),
    /// The browser has a WebGPU adapter that is worth a trial.
    Adapter,
    /// A message of the worker that WebGPU is tried in; none when it broke down.
    Trial(Option<ToPage>),
    /// A message of the worker that trains.
    Trainer(FromTrainer),
    /// Start the worker again.
    Retry,

    Play,
    Pause,
    /// Play or pause, whichever it is not.
    Toggle,
    /// So many seconds have passed.
    Tick(f64),
    Forward(Unit),
    /// Forward by the same grain as last time.
    Again,
    Back,
    Restart,
    /// Go to a moment.
    Seek(usize),
    /// Go to an environment step.
    SeekStep(usize),
    NextRevaluation,
    PreviousRevaluation,
    Home,
    End,
    Speed(f64),
    Slower,
    Faster,

    Revalue(bool),
    Candidates(usize),
    Sampler(Sampler),
    SamplerSteps(usize),
    Seed(u64),
    /// Start here, or where the seed says.
    Start(Option<[f64; 2]>),
    /// Shift the start by so many metres.
    MoveStart([f64; 2]),
    Backend(Backend),
    /// Something was typed that cannot be used.
    Invalid(String),
    /// Take the last choice back.
    Undo,

    /// Look at a candidate of the decision on display.
    Look(Option<usize>),
    /// Follow this candidate instead of the one that Q prefers.
    Take(usize),
    /// Drop the plan here, whatever V says.
    DropHere,
    /// Let the agent decide everything again.
    LeaveAlone,
    /// Scrub the denoising of the decision on display: so many sampler steps done.
    Denoise(Option<usize>),
    /// Compare with another run, or with none.
    Compare(Option<Versus>),
    /// What came of fetching weights to compare with: their address, and their bytes or what went wrong.
    Fetched(String, Result<Vec<u8>, String>),

    /// What the pointer does on the maze.
    Tool(Tool),
    ToggleWall((usize, usize)),
    Goal([f64; 2]),
    MoveGoal([f64; 2]),
    /// The maze as the weights know it.
    ResetWorld,
    /// Train Q and V for the goal where it is now.
    Learn {
        expectile: f64,
        discount: f64,
        ldcq: bool,
    },
    /// Back to the critic that came with the weights.
    Unlearn,
    /// Play so many episodes with and without revaluation.
    Score(usize),
    /// Stop training or scoring.
    Stop,

    /// Go to a step of the guided tour, or end it.
    Tour(Option<usize>),
    Theme(Theme),
    /// The system has turned dark or light.
    SystemDark(bool),
    Layers(Layers),
    SwitchValues,
    /// Show the run computed here instead of the link's.
    ShowRecomputed,
    /// Take weights from a file: its address within the page.
    Weights(String),

    CopyLink,
    /// Save the figure, the episode or the trace.
    Export(Export),
    /// Whether the clipboard took the link.
    Copied(bool),
    Help(bool),
    /// Put a notice away.
    Dismiss(usize),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Replace the worker, if any, by a new one.
    StartWorker { bundle: String, backend: Backend },
    /// Tell the worker.
    Send(ToWorker),
    /// Fetch weights to compare with.
    Fetch { address: String },
    /// Start a second worker, on WebGPU.
    StartTrial { bundle: String },
    /// Tell the second worker.
    SendTrial(ToWorker),
    /// The second worker takes the place of the first.
    AdoptTrial,
    /// End the second worker.
    EndTrial,
    /// Start a worker that trains.
    StartTrainer(ToTrainer),
    /// End it.
    EndTrainer,
    /// Copy the address with this fragment.
    Copy(String),
    /// Make a file of what is on display.
    Export(Export),
    /// Remember a theme for the next visit.
    RememberTheme(Theme),
}

/// A file made of what is on display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    Svg,
    Png,
    Gif,
    Json,
}

/// How the page was opened.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Address of the bundle.
    pub bundle: String,
    /// Address of a second bundle, to compare with.
    pub other: Option<String>,
    /// The device asked for.
    pub backend: Backend,
    /// The fragment of the address, without `#`.
    pub fragment: String,
    /// The user prefers as little motion as possible.
    pub reduced_motion: bool,
    /// The system is dark.
    pub dark: bool,
    /// The theme chosen on an earlier visit.
    pub theme: Theme,
    /// Only the figure, for other pages.
    pub embed: bool,
}

/// The state of the page.
// Each of its flags is about something else.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug)]
pub struct State {
    pub bundle: String,
    pub backend: Backend,
    pub worker: Worker,
    pub plan: Plan,
    pub shown: Option<Shown>,
    pub field: Option<Rc<ValueField>>,
    /// The cursor: parts of the shown trace that have happened.
    pub at: usize,
    /// The grain of the last step, which going back uses too.
    pub unit: Unit,
    pub playing: bool,
    pub speed: f64,
    pub opened: Option<Opened>,
    pub notices: Vec<Notice>,
    pub copied: Option<bool>,
    pub help: bool,
    /// Mean time per decision of the run, in milliseconds.
    pub latency: Option<f64>,
    pub theme: Theme,
    pub layers: Layers,
    pub embed: bool,
    /// The candidate that is looked at.
    pub looked: Option<usize>,
    pub insight: Insight,
    pub rival: Option<Rival>,
    pub guest: Option<Guest>,
    /// Address of the weights that the page was opened to compare with.
    invited: Option<String>,
    pub tool: Tool,
    pub critic: Critic,
    pub learning: Option<Learning>,
    pub scoreboard: Option<Scoreboard>,
    pub tour: Option<usize>,
    /// The figure shows what the tour speaks of.
    arrived: bool,
    pub trial: Option<Trial>,
    /// There is a WebGPU adapter worth a trial.
    adapter: bool,
    dark: bool,
    reduced_motion: bool,
    recording: Recording,
    choice: Choice,
    run: Option<Run>,
    generations: u32,
    tickets: u32,
    /// Plans before the last choices, the newest last.
    history: Vec<Plan>,
    /// The bundle with the critic that was trained here.
    taught: Option<Rc<Vec<u8>>>,
    /// Steps that were asked for but are not computed yet, and how many.
    waiting: Option<(Unit, usize)>,
    /// Seconds played that no part has used up yet.
    carry: f64,
    spent: f64,
}

impl State {
    /// The state at launch, and what to do first.
    pub fn new(launch: Launch) -> (Self, Vec<Command>) {
        let settings = Settings::preset(Preset::Quick, &TASKS[0]).plan;
        let mut state = Self {
            bundle: launch.bundle,
            backend: launch.backend,
            worker: Worker::Starting,
            plan: Plan {
                settings,
                seed: 0,
                episode: 0,
                start: None,
                scenario: Scenario::default(),
                decider: Decider::Own,
                shareable: true,
            },
            shown: None,
            field: None,
            at: 0,
            unit: Unit::Step,
            playing: false,
            speed: 1.0,
            opened: None,
            notices: Vec::new(),
            copied: None,
            help: false,
            latency: None,
            theme: launch.theme,
            layers: Layers { values: true, plans: true },
            embed: launch.embed,
            looked: None,
            insight: Insight::default(),
            rival: None,
            guest: None,
            invited: launch.other,
            tool: Tool::Start,
            critic: Critic::Shipped,
            learning: None,
            scoreboard: None,
            tour: None,
            arrived: false,
            trial: None,
            adapter: false,
            dark: launch.dark,
            reduced_motion: launch.reduced_motion,
            recording: Recording::Awaited,
            choice: Choice::None,
            run: None,
            generations: 0,
            tickets: 0,
            history: Vec::new(),
            taught: None,
            waiting: None,
            carry: 0.0,
            spent: 0.0,
        };
        state.open(&launch.fragment);
        let mut commands = Vec::new();
        state.start_worker(&mut commands);
        if let Some(address) = state.invited.clone().filter(|_| state.rival.is_none()) {
            state.compare(Some(Versus::Weights(address)), &mut commands);
        }
        commands.extend(state.fetch_guest());
        (state, commands)
    }

    /// Folds in what has happened; answers with what is to be done.
    pub fn update(&mut self, action: Action) -> Vec<Command> {
        let mut commands = Vec::new();
        self.fold(action, &mut commands);
        self.settle();
        self.settle_tour();
        commands.extend(self.pump().map(Command::Send));
        commands.extend(self.fetch_guest());
        commands.extend(self.pump_rival().map(Command::Send));
        commands.extend(self.look_into().map(Command::Send));
        commands
    }

    fn fold(&mut self, action: Action, commands: &mut Vec<Command>) {
        if !matches!(action, Action::Tick(_) | Action::Worker(_) | Action::Copied(_)) {
            self.copied = None;
        }
        match action {
            Action::Recorded(recording) => {
                match recording {
                    Ok(trace) => self.show_recording(trace),
                    Err(reason) => {
                        self.notify(Level::Info, format!("The recorded run is not shown: {reason}."));
                    }
                }
                self.recording = Recording::Settled;
                if self.run.is_none() {
                    commands.extend(self.resume());
                }
            }
            Action::Fragment(fragment) => {
                if self.open(&fragment) && self.ready().is_some() {
                    commands.extend(self.resume());
                }
            }
            Action::Worker(message) => self.hear(message, commands),
            Action::Adapter => {
                self.adapter = true;
                self.try_gpu(commands);
            }
            Action::Trial(Some(message)) => self.hear_trial(message, commands),
            Action::Trial(None) => self.end_trial(commands),
            Action::Trainer(message) => self.hear_trainer(message, commands),
            Action::WorkerBroken(reason) => self.fail(Failure::Compute, &reason, commands),
            Action::Retry => {
                self.notices.retain(|notice| notice.level != Level::Error);
                self.start_worker(commands);
            }

            Action::Pause => self.pause(),
            Action::Toggle if self.playing => self.pause(),
            Action::Play | Action::Toggle => self.play(),
            Action::Tick(seconds) => self.tick(seconds),
            Action::Forward(unit) => self.step(unit),
            Action::Again => self.step(self.unit),
            Action::Back => {
                self.pause();
                self.at = self.trace().map_or(0, |trace| timeline::back(trace, self.at, self.unit));
            }
            Action::Restart => commands.extend(self.restart()),
            Action::Seek(moment) => self.seek(moment),
            Action::SeekStep(step) => {
                self.unit = Unit::Step;
                self.seek(self.trace().map_or(0, |trace| timeline::moment_of_step(trace, step)));
            }
            Action::NextRevaluation => {
                if let Some(&stop) = self.revaluations().iter().find(|&&stop| stop > self.at) {
                    self.seek(stop);
                }
            }
            Action::PreviousRevaluation => {
                if let Some(&stop) = self.revaluations().iter().rev().find(|&&stop| stop < self.at) {
                    self.seek(stop);
                }
            }
            Action::Home => self.seek(0),
            Action::End => self.seek(usize::MAX),
            Action::Speed(speed) => self.speed = speed.clamp(SPEEDS[0], SPEEDS[SPEEDS.len() - 1]),
            Action::Slower => {
                self.speed = SPEEDS.into_iter().rev().find(|&s| s < self.speed).unwrap_or(self.speed);
            }
            Action::Faster => {
                self.speed = SPEEDS.into_iter().find(|&s| s > self.speed).unwrap_or(self.speed);
            }

            Action::Revalue(revalue) => {
                self.choose_settings(PlanSettings { revalue, ..self.plan.settings }, commands);
            }
            Action::Candidates(candidates) => {
                self.choose_settings(PlanSettings { candidates, ..self.plan.settings }, commands);
            }
            Action::Sampler(kind) => {
                let sampler = self.sampler(kind);
                self.choose_settings(PlanSettings { sampler, ..self.plan.settings }, commands);
            }
            Action::SamplerSteps(steps) => {
                let sampler = SamplerSettings { steps, ..self.plan.settings.sampler };
                self.choose_settings(PlanSettings { sampler, ..self.plan.settings }, commands);
            }
            Action::Seed(seed) => {
                // Interventions name decisions of the run there was.
                let mut plan = Plan { seed, ..self.plan.clone() };
                plan.scenario.interventions.clear();
                self.choose(plan, commands);
            }
            Action::Start(position) => self.choose_start(position, commands),
            Action::MoveStart([dx, dy]) => {
                let [x, y] = self.start();
                self.choose_start(Some([x + dx, y + dy]), commands);
            }
            Action::Backend(backend) => {
                if backend != self.backend || matches!(self.worker, Worker::Failed(_)) {
                    self.backend = backend;
                    self.start_worker(commands);
                }
            }
            Action::Invalid(text) => self.notify(Level::Error, text),
            Action::Undo => self.undo(commands),

            Action::Look(candidate) => self.looked = candidate,
            Action::Take(candidate) => {
                self.intervene(InterventionKind::Take { candidate: candidate as u16 }, commands);
            }
            Action::DropHere => {
                let at = self.glimpse().map_or(0, |glimpse| glimpse.steps().len());
                self.intervene(InterventionKind::Drop { at: at as u16 }, commands);
            }
            Action::LeaveAlone => self.leave_alone(commands),
            Action::Denoise(step) => self.scrub_denoising(step),
            Action::Compare(versus) => self.compare(versus, commands),
            Action::Fetched(address, bundle) => commands.extend(self.fetched(&address, bundle)),

            Action::Tool(tool) => self.tool = tool,
            Action::ToggleWall(cell) => self.toggle_wall(cell, commands),
            Action::Goal(wish) => self.choose_goal(wish, commands),
            Action::MoveGoal([dx, dy]) => {
                let [x, y] = self.layout().goal_position();
                self.choose_goal([x + dx, y + dy], commands);
            }
            Action::ResetWorld => self.reset_world(commands),
            Action::Learn { expectile, discount, ldcq } => {
                self.learn(expectile, discount, ldcq, commands);
            }
            Action::Unlearn => self.unlearn(commands),
            Action::Score(episodes) => self.score(episodes, commands),
            Action::Stop => self.stop(commands),

            Action::Tour(step) => self.go_on_tour(step),
            Action::Theme(theme) => {
                self.theme = theme;
                commands.push(Command::RememberTheme(theme));
            }
            Action::SystemDark(dark) => self.dark = dark,
            Action::Layers(layers) => self.layers = layers,
            Action::SwitchValues => self.layers.values = !self.layers.values,
            Action::ShowRecomputed => self.show_recomputed(),
            Action::Weights(address) => {
                self.bundle = address;
                self.choice = Choice::None;
                self.plan = Plan { start: None, scenario: Scenario::default(), ..self.plan.clone() };
                self.opened = None;
                self.history.clear();
                self.notices.clear();
                self.critic = Critic::Shipped;
                self.taught = None;
                self.rival = None;
                self.guest = None;
                if self.learning.take().is_some() {
                    commands.push(Command::EndTrainer);
                }
                self.start_worker(commands);
            }

            Action::Export(export) => {
                if self.trace().is_some() {
                    commands.push(Command::Export(export));
                }
            }
            Action::CopyLink => commands.extend(self.fragment().map(Command::Copy)),
            Action::Copied(copied) => self.copied = Some(copied),
            Action::Help(help) => self.help = help,
            Action::Dismiss(index) => {
                if index < self.notices.len() {
                    self.notices.remove(index);
                }
            }
        }
    }

    // What the page shows.

    /// The trace on display.
    pub fn trace(&self) -> Option<&Rc<Trace>> {
        self.shown.as_ref().map(|shown| &shown.trace)
    }

    /// The decision under the cursor.
    pub fn glimpse(&self) -> Option<Glimpse<'_>> {
        Glimpse::at(self.trace()?, self.at)
    }

    /// The device and weights, once decisions can be computed.
    pub fn ready(&self) -> Option<(&DeviceInfo, &Weights)> {
        match &self.worker {
            Worker::Ready(device, weights) => Some((device, weights)),
            _ => None,
        }
    }

    /// The task shown.
    pub fn task(&self) -> &'static Task {
        let shown = self.trace().map(|trace| trace.task.as_str());
        let loaded = self.ready().map(|(_, weights)| weights.task.as_str());
        shown.or(loaded).and_then(|id| Task::find(id).ok()).unwrap_or(&TASKS[0])
    }

    /// The maze shown, with what is changed in it.
    pub fn layout(&self) -> Arc<Layout> {
        let maze = self.task().maze;
        let changed = self.scenario().world.layout(maze);
        changed.unwrap_or_else(|_| Arc::clone(maze.layout()))
    }

    /// What is changed in the run shown; in the next one, where none is.
    pub fn scenario(&self) -> &Scenario {
        self.trace().map_or(&self.plan.scenario, |trace| &trace.scenario)
    }

    /// Whether the page is dark.
    pub fn ground(&self) -> Ground {
        let dark = match self.theme {
            Theme::System => self.dark,
            Theme::Light => false,
            Theme::Dark => true,
        };
        if dark { Ground::Dark } else { Ground::Light }
    }

    /// Whether a choice can be taken back.
    pub fn can_undo(&self) -> bool {
        !self.history.is_empty()
    }

    /// Where the next run starts, as far as it is known.
    pub fn start(&self) -> [f64; 2] {
        if let Some([x, y, ..]) = self.plan.start {
            return [x, y];
        }
        match self.trace().map(|trace| trace.start.as_slice()) {
            Some([x, y, ..]) => [*x, *y],
            _ => self.task().maze.layout().goal_position(),
        }
    }

    /// Diffusion steps T of the denoiser, as far as it is known.
    pub fn diffusion_steps(&self) -> usize {
        self.ready().map_or(500, |(_, weights)| weights.diffusion_steps)
    }

    fn revaluations(&self) -> Vec<usize> {
        self.trace().map(|trace| timeline::revaluations(trace)).unwrap_or_default()
    }

    fn ticket(&mut self) -> u32 {
        self.tickets += 1;
        self.tickets
    }

    fn sampler(&self, kind: Sampler) -> SamplerSettings {
        let mut sampler = self.plan.settings.sampler;
        // DDPM takes every diffusion step; coming back from it, ten are a good number.
        sampler.steps = match (kind, sampler.kind) {
            (Sampler::Ddpm, _) => self.diffusion_steps(),
            (_, Sampler::Ddpm) => 10,
            _ => sampler.steps,
        };
        sampler.extra_steps = 0;
        sampler.kind = kind;
        sampler
    }

    fn notify(&mut self, level: Level, text: String) {
        let notice = Notice { level, text };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

#[cfg(test)]
mod tests;
