//! The run under computation, and the worker that computes it.

use std::rc::Rc;

use diar_core::agent::{Event, Trace};
use diar_core::settings::PlanSettings;
use diar_core::task::Task;

use super::{
    AHEAD, Choice, Command, Failure, Lane, Level, Plan, Recording, Rival, Shown, Source, State, ToPage,
    ToWorker, Unit, Worker,
};
use crate::geometry::nearest_free;
use crate::messages::{Backend, Decider};
use crate::share;
use crate::timeline;

/// What the run under computation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pursuit {
    /// To be watched as it comes.
    Watch,
    /// To take the place of the shown trace once it has reached the cursor.
    CatchUp,
    /// To be held against a link's decisions, and take the place of its replay if they agree.
    Verify,
    /// It did not agree: it waits, in case somebody wants to see it.
    Aside,
}

/// The run under computation.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub generation: u32,
    pub pursuit: Pursuit,
    /// The trace, while it is not the one on display; `None` before the worker has begun and once it is shown.
    pub hidden: Option<Rc<Trace>>,
    pub begun: bool,
    pub busy: bool,
}

impl Run {
    /// Whether another trace is on display meanwhile.
    pub fn hides(&self) -> bool {
        self.pursuit != Pursuit::Watch
    }
}

impl State {
    /// Whether the cursor waits for parts that are not computed yet.
    pub fn computing(&self) -> bool {
        self.waiting.is_some()
            || self.tour_waits() && self.ready().is_some()
            || self
                .run
                .as_ref()
                .is_some_and(|run| !run.begun || matches!(run.pursuit, Pursuit::CatchUp | Pursuit::Verify))
            || self.rival.as_ref().is_some_and(|rival| !rival.finished()) && self.ready().is_some()
            || (self.playing && self.trace().is_some_and(|trace| self.at >= timeline::length(trace)))
    }

    pub(super) fn choose_settings(&mut self, settings: PlanSettings, commands: &mut Vec<Command>) {
        let mut plan = Plan { settings, ..self.plan.clone() };
        // What the user decided may not be possible any more, such as a candidate that is not sampled now.
        if plan.scenario.check(self.task().maze, &settings).is_err() {
            plan.scenario.interventions.clear();
        }
        self.choose(plan, commands);
    }

    pub(super) fn choose_start(&mut self, wish: Option<[f64; 2]>, commands: &mut Vec<Command>) {
        let start = wish.map(|wish| {
            let [x, y] = nearest_free(&self.layout(), wish);
            [x, y, 0.0, 0.0]
        });
        let mut plan = Plan { start, ..self.plan.clone() };
        // Interventions name decisions of the run there was.
        plan.scenario.interventions.clear();
        self.choose(plan, commands);
    }

    /// Takes over a plan and starts anew with it, unless nothing has changed.
    pub(super) fn choose(&mut self, plan: Plan, commands: &mut Vec<Command>) {
        if let Err(error) = plan.settings.check(self.diffusion_steps()) {
            self.notify(Level::Error, format!("That setting cannot be used: {error}."));
            return;
        }
        self.forgive();
        if plan == self.plan {
            return;
        }
        let plan = Plan { shareable: true, ..plan };
        self.history.push(std::mem::replace(&mut self.plan, plan));
        self.choice = Choice::Changed;
        commands.extend(self.restart());
    }

    pub(super) fn undo(&mut self, commands: &mut Vec<Command>) {
        if let Some(plan) = self.history.pop() {
            self.forgive();
            self.plan = plan;
            self.choice = Choice::Changed;
            commands.extend(self.restart());
        }
    }

    /// Puts away errors that the next choice may mend.
    fn forgive(&mut self) {
        self.notices
            .retain(|notice| notice.level != Level::Error || matches!(self.worker, Worker::Failed(_)));
    }

    pub(super) fn restart(&mut self) -> Option<Command> {
        self.opened = None;
        self.waiting = None;
        self.carry = 0.0;
        self.renew_rival();
        if self.ready().is_none() {
            self.at = 0;
            return None;
        }
        Some(self.begin(Pursuit::Watch))
    }

    /// Computes the plan anew behind what is on display, up to the cursor.
    pub(super) fn follow(&mut self) -> Option<Command> {
        self.opened = None;
        self.waiting = None;
        self.ready()?;
        Some(self.begin(Pursuit::CatchUp))
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
        Command::Send(ToWorker::Begin { generation, lane: Lane::Main, plan: self.plan.clone() })
    }

    /// Begins whatever the state calls for, once decisions can be computed.
    pub(super) fn resume(&mut self) -> Option<Command> {
        let (_, weights) = self.ready()?;
        let (task, hash) = (weights.task.clone(), weights.hash.clone());
        let (settings, diffusion_steps) = (weights.settings, weights.diffusion_steps);
        if let Some(opened) = &self.opened
            && opened.link.task != task
        {
            let text = format!(
                "This link is for {}, but the weights on this page are for {task}. Its recorded decisions are shown; they \
                 cannot be computed anew.",
                opened.link.task
            );
            self.notify(Level::Warning, text);
            return None;
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
            Pursuit::Verify
        } else if same_task && self.choice != Choice::Changed {
            Pursuit::CatchUp
        } else {
            Pursuit::Watch
        };
        self.renew_rival();
        Some(self.begin(pursuit))
    }

    /// The trace the worker adds to.
    pub(super) fn running(&self) -> Option<&Rc<Trace>> {
        let run = self.run.as_ref().filter(|run| run.begun)?;
        run.hidden.as_ref().or(self.trace())
    }

    /// Moves the cursor to where it was to go, as far as the trace has come.
    pub(super) fn settle(&mut self) {
        let Some(running) = self.running().cloned() else {
            self.settle_waiting();
            return;
        };
        let Some(run) = &mut self.run else { return };
        let over = timeline::finished(&running);
        let arrived = over || timeline::length(&running) >= self.at;
        match run.pursuit {
            Pursuit::CatchUp if arrived => self.uncover(running),
            Pursuit::Verify => {
                let Some(opened) = &mut self.opened else {
                    run.pursuit = Pursuit::CatchUp;
                    return;
                };
                opened.agreement = opened.link.agreement(&running);
                let ended = running.decisions.iter().filter(|decision| decision.outcome.is_some()).count();
                if over || (ended >= opened.agreement.1 && arrived) {
                    opened.done = true;
                    if opened.agrees() {
                        self.uncover(running);
                    } else {
                        run.pursuit = Pursuit::Aside;
                    }
                }
            }
            // Whoever wants to go on from an unfinished replay goes on with what can be computed here.
            Pursuit::Aside if self.waiting.is_some() => self.show_recomputed(),
            Pursuit::Watch | Pursuit::CatchUp | Pursuit::Aside => {}
        }
        self.settle_waiting();
    }

    /// Puts the run on display.
    pub(super) fn uncover(&mut self, running: Rc<Trace>) {
        if let Some(run) = &mut self.run {
            run.hidden = None;
            run.pursuit = Pursuit::Watch;
        }
        self.at = self.at.min(timeline::length(&running));
        self.show(running);
    }

    /// Asks the worker for more, where more is needed and it has nothing to do.
    pub(super) fn pump(&mut self) -> Option<ToWorker> {
        self.ready()?;
        let running = self.running()?;
        if timeline::finished(running) {
            return None;
        }
        let ahead = timeline::length(running).saturating_sub(self.at);
        let run = self.run.as_ref().filter(|run| !run.busy)?;
        let unit = match (run.pursuit, self.waiting) {
            (Pursuit::CatchUp | Pursuit::Verify, _) => Unit::Decision,
            (Pursuit::Watch, Some((unit, _))) => unit,
            (Pursuit::Watch, None) if self.playing && ahead < AHEAD || self.tour_waits() => Unit::Decision,
            (Pursuit::Watch, None) | (Pursuit::Aside, _) => return None,
        };
        let generation = run.generation;
        if let Some(run) = &mut self.run {
            run.busy = true;
        }
        Some(ToWorker::Advance { generation, unit })
    }

    // The worker.

    /// Replaces the worker. A trial of WebGPU was made beside the old one, perhaps with other weights: it ends, and
    /// begins again once the new worker is ready.
    pub(super) fn start_worker(&mut self, commands: &mut Vec<Command>) {
        self.interrupt_trial(commands);
        self.worker = Worker::Starting;
        self.run = None;
        self.renew_rival();
        self.forget_insight();
        // What a new worker was not asked, it does not answer.
        if let Some(scoreboard) = &mut self.scoreboard {
            scoreboard.done = true;
        }
        commands.push(Command::StartWorker { bundle: self.bundle.clone(), backend: self.backend });
    }

    pub(super) fn hear(&mut self, message: ToPage, commands: &mut Vec<Command>) {
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
                commands.extend(self.teach());
                commands.extend(self.introduce());
                commands.extend(self.resume());
                self.try_gpu(commands);
            }
            ToPage::Guest { address, weights } => self.welcome(&address, weights),
            ToPage::Measured { loaded, millis } => self.measured(&loaded, millis, commands),
            ToPage::Field { field } => self.field = Some(Rc::new(field)),
            ToPage::Begun { generation, start } => self.begun(generation, start),
            ToPage::Events { generation, events, millis } => self.extend(generation, events, millis),
            ToPage::Idle { generation } => {
                if let Some(run) = self.run.as_mut().filter(|run| run.generation == generation) {
                    run.busy = false;
                }
                if let Some(rival) = self.rival.as_mut().filter(|rival| rival.generation == generation) {
                    rival.busy = false;
                }
            }
            ToPage::Imagined { ticket, ways, values } => self.imagined(ticket, ways, values),
            ToPage::Denoised { ticket, trail } => self.denoised(ticket, trail),
            ToPage::Scored { ticket, contacts, done } => self.scored(ticket, contacts, done),
            ToPage::Failed { failure, generation, message } => {
                let of_rival = |rival: &Rival| generation == Some(rival.generation);
                let outdated = generation
                    .is_some_and(|failed| self.run.as_ref().is_none_or(|run| run.generation != failed));
                if self.rival.as_ref().is_some_and(of_rival) && failure == Failure::Run {
                    self.rival = None;
                    self.notify(Level::Error, format!("The other run cannot begin: {message}."));
                } else if !outdated {
                    self.fail(failure, &message, commands);
                }
            }
        }
    }

    fn begun(&mut self, generation: u32, start: Vec<f64>) {
        let Some((_, weights)) = self.ready() else { return };
        let task = weights.task.clone();
        let trace = |plan: &Plan| {
            Rc::new(Trace::new(&task, plan.seed, plan.episode, plan.settings, plan.scenario.clone(), start))
        };
        if let Some(rival) = self.rival.as_mut().filter(|rival| rival.generation == generation) {
            rival.trace = Some(trace(&rival.plan));
            return;
        }
        let Some(run) = self.run.as_mut().filter(|run| run.generation == generation) else { return };
        run.begun = true;
        let trace = trace(&self.plan);
        if run.hides() {
            run.hidden = Some(trace);
        } else {
            self.at = 0;
            self.show(trace);
        }
    }

    fn extend(&mut self, generation: u32, events: Vec<Event>, millis: f64) {
        if let Some(rival) = self.rival.as_mut().filter(|rival| rival.generation == generation) {
            rival.extend(events);
            return;
        }
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

    pub(super) fn fail(&mut self, failure: Failure, message: &str, commands: &mut Vec<Command>) {
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
                self.start_worker(commands);
            }
            Failure::Compute | Failure::DeviceLost => {
                self.interrupt_trial(commands);
                self.notify(Level::Error, format!("Computing decisions failed: {message}."));
                self.worker = Worker::Failed(message.to_owned());
                self.run = None;
                self.waiting = None;
            }
            Failure::Weights => {
                self.interrupt_trial(commands);
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
            Failure::Critic => {
                self.notify(Level::Error, message.to_owned());
                self.unlearn(commands);
            }
            Failure::Side => {
                self.notify(Level::Error, message.to_owned());
                self.insight.missed();
                if let Some(scoreboard) = &mut self.scoreboard {
                    scoreboard.done = true;
                }
            }
        }
    }

    fn show(&mut self, trace: Rc<Trace>) {
        let Some((device, _)) = self.ready() else { return };
        self.shown = Some(Shown { trace, source: Source::Computed(device.clone()) });
    }

    pub(super) fn show_recording(&mut self, trace: Trace) {
        if self.shown.is_some() || self.run.is_some() || self.opened.is_some() || self.choice != Choice::None
        {
            return;
        }
        if let Err(error) = Task::find(&trace.task) {
            self.notify(Level::Info, format!("The recorded run is not shown: {error}."));
            return;
        }
        self.plan = Plan {
            settings: trace.settings,
            seed: trace.seed,
            episode: trace.episode,
            start: None,
            scenario: trace.scenario.clone(),
            decider: Decider::Own,
            shareable: true,
        };
        self.shown = Some(Shown { trace: Rc::new(trace), source: Source::Recorded });
        self.playing = !self.reduced_motion;
    }
}
