//! All of the page's state, and the one pure function that changes it.
//!
//! Every user action and every message of the worker is an [`Action`]; [`State::update`] folds it in and answers with
//! the [`Command`]s to carry out (start a worker, send it a message, copy a link). Nothing here touches a browser, so
//! all of it is tested natively.
//!
//! Two clocks run here. The worker adds parts to the *run*; the user moves the *cursor* ([`State::at`], a count of
//! parts) over the *shown* trace. Most of the time both are the same trace. They differ while a run is computed anew
//! behind one that is on display: a recording, or the run of a device that was lost.

use std::rc::Rc;

use diar_core::agent::{Event, Phase, Scenario, Trace};
use diar_core::link::Link;
use diar_core::settings::{PlanSettings, Preset, Sampler, Settings};
use diar_core::task::{TASKS, Task};

use crate::geometry::nearest_free;
use crate::messages::{Backend, DeviceInfo, Failure, Plan, ToPage, ToWorker, Unit, ValueField, Weights};
use crate::share;
use crate::timeline::{self, Glimpse};

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
    /// Computed here, on this device.
    Computed(DeviceInfo),
}

/// The trace on display.
#[derive(Clone, Debug)]
pub struct Shown {
    pub trace: Rc<Trace>,
    pub source: Source,
}

/// What the run under computation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pursuit {
    /// To be watched as it comes.
    Watch,
    /// To take the place of the shown trace once it has reached the cursor.
    CatchUp,
    /// To come as far as a link's decisions.
    Link,
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

/// The run under computation.
#[derive(Clone, Debug)]
struct Run {
    generation: u32,
    pursuit: Pursuit,
    /// The trace, while it is not the one on display; `None` before the worker has begun and once it is shown.
    hidden: Option<Rc<Trace>>,
    begun: bool,
    busy: bool,
}

/// A link that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    pub link: Link,
    /// Its decisions have been recomputed.
    pub done: bool,
    /// How many of how many recomputed decisions agree.
    pub agreement: (usize, usize),
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

    CopyLink,
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
    /// Copy the address with this fragment.
    Copy(String),
}

/// How the page was opened.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Address of the bundle.
    pub bundle: String,
    /// The device asked for.
    pub backend: Backend,
    /// The fragment of the address, without `#`.
    pub fragment: String,
    /// The user prefers as little motion as possible.
    pub reduced_motion: bool,
}

/// The state of the page.
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
    reduced_motion: bool,
    recording: Recording,
    choice: Choice,
    run: Option<Run>,
    generations: u32,
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
            plan: Plan { settings, seed: 0, episode: 0, start: None },
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
            reduced_motion: launch.reduced_motion,
            recording: Recording::Awaited,
            choice: Choice::None,
            run: None,
            generations: 0,
            waiting: None,
            carry: 0.0,
            spent: 0.0,
        };
        state.open(&launch.fragment);
        let start = state.start_worker(state.backend);
        (state, vec![start])
    }

    /// Folds in what has happened; answers with what is to be done.
    pub fn update(&mut self, action: Action) -> Vec<Command> {
        let mut commands = Vec::new();
        self.fold(action, &mut commands);
        self.settle();
        commands.extend(self.pump().map(Command::Send));
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
            Action::WorkerBroken(reason) => self.fail(Failure::Compute, &reason, commands),
            Action::Retry => {
                self.notices.retain(|notice| notice.level != Level::Error);
                commands.push(self.start_worker(self.backend));
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
                self.choose(
                    Plan { settings: PlanSettings { revalue, ..self.plan.settings }, ..self.plan.clone() },
                    commands,
                );
            }
            Action::Candidates(candidates) => {
                self.choose(
                    Plan { settings: PlanSettings { candidates, ..self.plan.settings }, ..self.plan.clone() },
                    commands,
                );
            }
            Action::Sampler(kind) => {
                let mut plan = self.plan.clone();
                plan.settings.sampler = self.sampler(kind);
                self.choose(plan, commands);
            }
            Action::SamplerSteps(steps) => {
                let mut plan = self.plan.clone();
                plan.settings.sampler.steps = steps;
                self.choose(plan, commands);
            }
            Action::Seed(seed) => self.choose(Plan { seed, ..self.plan.clone() }, commands),
            Action::Start(position) => {
                let start = position.map(|wish| {
                    let [x, y] = nearest_free(self.task().maze.layout(), wish);
                    [x, y, 0.0, 0.0]
                });
                self.choose(Plan { start, ..self.plan.clone() }, commands);
            }
            Action::MoveStart([dx, dy]) => {
                let [x, y] = self.start();
                let [x, y] = nearest_free(self.task().maze.layout(), [x + dx, y + dy]);
                self.choose(Plan { start: Some([x, y, 0.0, 0.0]), ..self.plan.clone() }, commands);
            }
            Action::Backend(backend) => {
                if backend != self.backend || matches!(self.worker, Worker::Failed(_)) {
                    self.backend = backend;
                    commands.push(self.start_worker(backend));
                }
            }
            Action::Invalid(text) => self.notify(Level::Error, text),

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

    /// Whether the cursor waits for parts that are not computed yet.
    pub fn computing(&self) -> bool {
        self.waiting.is_some()
            || self.run.as_ref().is_some_and(|run| !run.begun || run.pursuit != Pursuit::Watch)
            || (self.playing && self.trace().is_some_and(|trace| self.at >= timeline::length(trace)))
    }

    /// What the address is followed by to come back here, once there is a run.
    pub fn fragment(&self) -> Option<String> {
        let trace = self.trace().filter(|_| self.opened.as_ref().is_none_or(|opened| opened.done))?;
        let hash = self.ready().map_or("", |(_, weights)| weights.hash.as_str());
        Some(share::compose(trace, hash, self.plan.start, self.at))
    }

    fn revaluations(&self) -> Vec<usize> {
        self.trace().map(|trace| timeline::revaluations(trace)).unwrap_or_default()
    }

    // The cursor.

    fn seek(&mut self, moment: usize) {
        self.pause();
        self.at = moment.min(self.trace().map_or(0, |trace| timeline::length(trace)));
    }

    fn pause(&mut self) {
        self.playing = false;
        self.waiting = None;
        self.carry = 0.0;
    }

    fn step(&mut self, unit: Unit) {
        let asked = self.waiting.filter(|(waiting, _)| *waiting == unit).map_or(0, |(_, count)| count);
        self.pause();
        self.unit = unit;
        self.waiting = Some((unit, (asked + 1).min(MOST_WAITING)));
    }

    fn play(&mut self) {
        self.pause();
        self.playing = true;
        if let Some(trace) = self.trace()
            && timeline::finished(trace)
            && self.at >= timeline::length(trace)
        {
            self.at = 0;
        }
    }

    fn tick(&mut self, seconds: f64) {
        let Some(trace) = self.trace().cloned().filter(|_| self.playing) else { return };
        if self.run.as_ref().is_some_and(|run| !run.begun && run.pursuit != Pursuit::CatchUp) {
            return;
        }
        self.carry += seconds.clamp(0.0, LONGEST_FRAME) * self.speed;
        let unit = if self.reduced_motion { Unit::Decision } else { Unit::Part };
        while let Some(next) = timeline::forward(&trace, self.at, unit) {
            let needed = if self.reduced_motion { 1.0 } else { duration(&trace, next) };
            if self.carry < needed {
                break;
            }
            self.carry -= needed;
            self.at = next;
        }
        if self.at >= timeline::length(&trace) {
            self.carry = 0.0;
            self.playing = !timeline::finished(&trace);
        }
    }

    // The run.

    /// Takes over a plan and starts anew with it, unless nothing has changed.
    fn choose(&mut self, plan: Plan, commands: &mut Vec<Command>) {
        if let Err(error) = plan.settings.check(self.diffusion_steps()) {
            self.notify(Level::Error, format!("That setting cannot be used: {error}."));
            return;
        }
        self.notices
            .retain(|notice| notice.level != Level::Error || matches!(self.worker, Worker::Failed(_)));
        if plan == self.plan {
            return;
        }
        self.plan = plan;
        self.choice = Choice::Changed;
        commands.extend(self.restart());
    }

    fn restart(&mut self) -> Option<Command> {
        self.opened = None;
        self.waiting = None;
        self.carry = 0.0;
        if self.ready().is_none() {
            self.at = 0;
            return None;
        }
        Some(self.begin(Pursuit::Watch))
    }

    fn begin(&mut self, pursuit: Pursuit) -> Command {
        self.generations += 1;
        if self.choice == Choice::Changed {
            self.choice = Choice::Kept;
        }
        self.latency = None;
        self.spent = 0.0;
        let generation = self.generations;
        self.run = Some(Run { generation, pursuit, hidden: None, begun: false, busy: false });
        Command::Send(ToWorker::Begin { generation, plan: self.plan.clone() })
    }

    /// Begins whatever the state calls for, once decisions can be computed.
    fn resume(&mut self) -> Option<Command> {
        let (_, weights) = self.ready()?;
        let (task, hash) = (weights.task.clone(), weights.hash.clone());
        let (settings, diffusion_steps) = (weights.settings, weights.diffusion_steps);
        if let Some(opened) = &self.opened
            && opened.link.task != task
        {
            let text = format!(
                "This link is for {}, but the weights on this page are for {task}. The page goes on without it.",
                opened.link.task
            );
            self.notify(Level::Error, text);
            self.opened = None;
            self.choice = Choice::None;
        }
        if let Some(opened) = &self.opened
            && !share::same_bundle(&opened.link, &hash)
        {
            let text = "This link was made with other weights: its decisions are computed anew with the ones here, and \
                        some may differ.";
            self.notify(Level::Warning, text.into());
        }
        if self.recording == Recording::Awaited && self.choice == Choice::None {
            return None;
        }
        let recorded = self.shown.as_ref().is_some_and(|shown| shown.source == Source::Recorded);
        let same_task = self.trace().is_some_and(|trace| trace.task == task);
        let recording = recorded && same_task;
        if self.choice == Choice::None && !recording {
            self.plan.settings = settings;
        }
        if let Err(error) = self.plan.settings.check(diffusion_steps) {
            self.notify(
                Level::Error,
                format!(
                    "These weights cannot be used with those settings ({error}); their own are used instead."
                ),
            );
            self.plan.settings = settings;
            self.opened = None;
        }
        let pursuit = if self.opened.as_ref().is_some_and(|opened| !opened.done) {
            Pursuit::Link
        } else if same_task && self.choice != Choice::Changed {
            Pursuit::CatchUp
        } else {
            Pursuit::Watch
        };
        Some(self.begin(pursuit))
    }

    /// The trace the worker adds to.
    fn running(&self) -> Option<&Rc<Trace>> {
        let run = self.run.as_ref().filter(|run| run.begun)?;
        run.hidden.as_ref().or(self.trace())
    }

    /// Moves the cursor to where it was to go, as far as the trace has come.
    fn settle(&mut self) {
        let Some(running) = self.running().cloned() else {
            self.settle_waiting();
            return;
        };
        let Some(run) = &mut self.run else { return };
        let over = timeline::finished(&running);
        match run.pursuit {
            Pursuit::Watch => {}
            Pursuit::CatchUp => {
                if over || timeline::length(&running) >= self.at {
                    run.hidden = None;
                    run.pursuit = Pursuit::Watch;
                    self.at = self.at.min(timeline::length(&running));
                    self.show(running);
                }
            }
            Pursuit::Link => {
                if let Some(opened) = &mut self.opened {
                    opened.agreement = opened.link.agreement(&running);
                    let ended =
                        running.decisions.iter().filter(|decision| decision.outcome.is_some()).count();
                    let moment = share::moment(&opened.link, &running);
                    if over || (ended >= opened.link.decisions.len() && moment.is_some()) {
                        opened.done = true;
                        run.pursuit = Pursuit::Watch;
                        self.at = moment.unwrap_or_else(|| timeline::length(&running));
                    }
                } else {
                    run.pursuit = Pursuit::Watch;
                }
            }
        }
        self.settle_waiting();
    }

    fn settle_waiting(&mut self) {
        while let (Some((unit, count)), Some(trace)) = (self.waiting, self.trace()) {
            if let Some(next) = timeline::forward(trace, self.at, unit) {
                self.at = next;
                self.waiting = (count > 1).then_some((unit, count - 1));
            } else if timeline::finished(trace) {
                self.at = timeline::length(trace);
                self.waiting = None;
            } else {
                break;
            }
        }
    }

    /// Asks the worker for more, where more is needed and it has nothing to do.
    fn pump(&mut self) -> Option<ToWorker> {
        self.ready()?;
        let running = self.running()?;
        if timeline::finished(running) {
            return None;
        }
        let ahead = timeline::length(running).saturating_sub(self.at);
        let run = self.run.as_ref().filter(|run| !run.busy)?;
        let unit = match (run.pursuit, self.waiting) {
            (Pursuit::CatchUp | Pursuit::Link, _) => Unit::Decision,
            (Pursuit::Watch, Some((unit, _))) => unit,
            (Pursuit::Watch, None) if self.playing && ahead < AHEAD => Unit::Decision,
            (Pursuit::Watch, None) => return None,
        };
        let generation = run.generation;
        if let Some(run) = &mut self.run {
            run.busy = true;
        }
        Some(ToWorker::Advance { generation, unit })
    }

    // The worker.

    fn start_worker(&mut self, backend: Backend) -> Command {
        self.worker = Worker::Starting;
        self.run = None;
        Command::StartWorker { bundle: self.bundle.clone(), backend }
    }

    fn hear(&mut self, message: ToPage, commands: &mut Vec<Command>) {
        match message {
            ToPage::Progress { loaded, total } => self.worker = Worker::Fetching { loaded, total },
            ToPage::Preparing { device } => self.worker = Worker::Preparing(device),
            ToPage::Ready { device, weights } => {
                if let Some(note) = &device.note {
                    let level = if device.webgpu || self.backend != Backend::Webgpu {
                        Level::Info
                    } else {
                        Level::Warning
                    };
                    self.notify(level, note.clone());
                }
                self.worker = Worker::Ready(device, weights);
                commands.extend(self.resume());
            }
            ToPage::Field { field } => self.field = Some(Rc::new(field)),
            ToPage::Begun { generation, start } => self.begun(generation, start),
            ToPage::Events { generation, events, millis } => self.extend(generation, events, millis),
            ToPage::Idle { generation } => {
                if let Some(run) = self.run.as_mut().filter(|run| run.generation == generation) {
                    run.busy = false;
                }
            }
            ToPage::Failed { failure, generation, message } => {
                let outdated = generation
                    .is_some_and(|failed| self.run.as_ref().is_none_or(|run| run.generation != failed));
                if !outdated {
                    self.fail(failure, &message, commands);
                }
            }
        }
    }

    fn begun(&mut self, generation: u32, start: Vec<f64>) {
        let Some((_, weights)) = self.ready() else { return };
        let Plan { seed, episode, settings, .. } = self.plan;
        let trace = Trace::new(&weights.task, seed, episode, settings, Scenario::default(), start);
        let Some(run) = self.run.as_mut().filter(|run| run.generation == generation) else { return };
        run.begun = true;
        if run.pursuit == Pursuit::CatchUp {
            run.hidden = Some(Rc::new(trace));
        } else {
            self.at = 0;
            self.show(Rc::new(trace));
        }
    }

    fn extend(&mut self, generation: u32, events: Vec<Event>, millis: f64) {
        let Some(run) = self.run.as_mut().filter(|run| run.generation == generation && run.begun) else {
            return;
        };
        let trace = match (&mut run.hidden, &mut self.shown) {
            (Some(hidden), _) => hidden,
            (None, Some(shown)) => &mut shown.trace,
            (None, None) => return,
        };
        let trace = Rc::make_mut(trace);
        for event in events {
            trace.apply(event);
        }
        self.spent += millis;
        let ended = trace.decisions.iter().filter(|decision| decision.outcome.is_some()).count();
        self.latency = (ended > 0).then(|| self.spent / ended as f64);
    }

    fn fail(&mut self, failure: Failure, message: &str, commands: &mut Vec<Command>) {
        let webgpu = match &self.worker {
            Worker::Preparing(device) | Worker::Ready(device, _) => device.webgpu,
            _ => false,
        };
        match failure {
            Failure::Compute | Failure::DeviceLost if webgpu => {
                self.notify(
                    Level::Warning,
                    format!("WebGPU failed on the way ({message}). The same run goes on on the CPU, from the same seed."),
                );
                self.backend = Backend::Cpu;
                commands.push(self.start_worker(self.backend));
            }
            Failure::Compute | Failure::DeviceLost => {
                self.notify(Level::Error, format!("Computing decisions failed: {message}."));
                self.worker = Worker::Failed(message.to_owned());
                self.run = None;
                self.waiting = None;
            }
            Failure::Weights => {
                self.notify(Level::Error, message.to_owned());
                self.worker = Worker::Failed(message.to_owned());
                self.run = None;
                self.waiting = None;
            }
            Failure::Run => {
                self.notify(Level::Error, format!("This run cannot begin: {message}."));
                self.run = None;
                self.pause();
            }
        }
    }

    fn show(&mut self, trace: Rc<Trace>) {
        let Some((device, _)) = self.ready() else { return };
        self.shown = Some(Shown { trace, source: Source::Computed(device.clone()) });
    }

    fn show_recording(&mut self, trace: Trace) {
        if self.shown.is_some() || self.run.is_some() || self.opened.is_some() || self.choice != Choice::None
        {
            return;
        }
        if let Err(error) = Task::find(&trace.task) {
            self.notify(Level::Info, format!("The recorded run is not shown: {error}."));
            return;
        }
        self.plan = Plan { settings: trace.settings, seed: trace.seed, episode: trace.episode, start: None };
        self.shown = Some(Shown { trace: Rc::new(trace), source: Source::Recorded });
        self.playing = !self.reduced_motion;
    }

    /// Takes over a link; answers whether there is one.
    fn open(&mut self, fragment: &str) -> bool {
        match share::parse(fragment) {
            Ok(None) => false,
            Ok(Some(link)) => {
                self.pause();
                self.plan = share::plan(&link);
                self.choice = Choice::Kept;
                self.opened = Some(Opened { link, done: false, agreement: (0, 0) });
                true
            }
            Err(message) => {
                self.notify(Level::Error, message);
                false
            }
        }
    }

    fn sampler(&self, kind: Sampler) -> diar_core::settings::SamplerSettings {
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

/// How long the part that ends at a moment is shown at speed 1, in seconds.
fn duration(trace: &Trace, moment: usize) -> f64 {
    let Some(glimpse) = Glimpse::at(trace, moment) else { return 0.0 };
    match glimpse.phase() {
        Some(Phase::Sample) => 0.25,
        Some(Phase::Rank | Phase::Predict) => 0.35,
        Some(Phase::Compare) if glimpse.outcome().is_some() => 0.6,
        Some(Phase::Follow) => 0.05,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
