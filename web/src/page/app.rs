//! The root component: holds the state, folds actions in, carries out commands.

use std::cell::Cell;
use std::rc::Rc;

use diar_core::agent::Trace;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, Event, HashChangeEvent, KeyboardEvent};
use yew::prelude::*;

use super::running::Running;
use super::{export, hook};
use crate::adapter;
use crate::describe;
use crate::host::browser;
use crate::host::build::Program;
use crate::keys;
use crate::messages::{Backend, Failure, FromTrainer, Plan, ToPage, ToTrainer, ToWorker};
use crate::state::{
    Action, Command, ComparedRun, ComparisonAction, CursorAction, DecidingAction, Level, RetrainingAction,
    RunAction, SharingAction, Source, State, ViewAction,
};
use crate::{recording, share, view};

/// The recorded run that comes with the page.
const RECORDING: &str = "assets/recorded.bin";

/// Milliseconds of rest before the address bar is brought up to date.
const REST: i32 = 300;

/// What reaches the root component.
pub(crate) enum Message {
    Act(Action),
    /// An animation frame, with its time in milliseconds.
    Frame(f64),
    /// Size or colours of the page have changed.
    Repaint,
    /// Nothing has happened for a while.
    Rested,
    /// It is known which module the worker with this number is to run.
    Start {
        number: u32,
        program: Program,
        bundle: String,
        backend: Backend,
        /// Why it is not the device that was asked for, if so.
        note: Option<String>,
    },
    /// The fragment of the address has changed.
    Moved,
}

/// The root component.
pub(crate) struct App {
    state: Rc<State>,
    /// Always the same, so that components can tell that nothing has changed for them.
    dispatch: Callback<Action>,
    worker: Option<Deciding>,
    /// A second worker, in which WebGPU is tried.
    trial: Option<Deciding>,
    /// The worker that trains, while it does.
    trainer: Option<Running>,
    /// Counts workers: one that was asked for may be outdated before it can start.
    workers: u32,
    /// Counts repaints, so that painters know.
    paint: u32,
    clock: Clock,
    /// The link to what is on display.
    link: Option<Linked>,
    rest: Option<Rest>,
}

/// A fragment, and what it was made from.
struct Linked {
    trace: Rc<Trace>,
    at: usize,
    other: Option<Plan>,
    /// Whether it was known which weights the other run has.
    second: bool,
    fragment: String,
}

/// A worker that decides.
struct Deciding {
    running: Running,
    /// Whose messages these are; the second worker may become the first.
    place: Rc<Cell<Place>>,
}

/// Which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Trial,
}

/// The clock of playing: asks for animation frames, one at a time, while there is something to move.
struct Clock {
    tick: Closure<dyn FnMut(f64)>,
    /// A frame was asked for.
    pending: bool,
    /// Time of the frame before, while playing goes on.
    last: Option<f64>,
}

impl Clock {
    fn new(tick: Callback<f64>) -> Self {
        Self { tick: Closure::new(move |now| tick.emit(now)), pending: false, last: None }
    }

    fn request(&mut self) {
        if !self.pending {
            let function = self.tick.as_ref().unchecked_ref();
            self.pending = browser::window().request_animation_frame(function).is_ok();
        }
    }
}

struct Rest {
    timer: i32,
    _callback: Closure<dyn FnMut()>,
}

impl Component for App {
    type Message = Message;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let (state, commands) = State::new(browser::launch());
        let clock = Clock::new(ctx.link().callback(Message::Frame));
        let state = Rc::new(state);
        let mut app = Self {
            state,
            dispatch: ctx.link().callback(Message::Act),
            worker: None,
            trial: None,
            trainer: None,
            workers: 0,
            paint: 0,
            clock,
            link: None,
            rest: None,
        };
        hook::publish(&app.state);
        hook::install();
        listen(ctx);
        let act = ctx.link().callback(Message::Act);
        spawn_local(async move {
            let recording = browser::bytes(RECORDING).await;
            let trace =
                recording.and_then(|bytes| recording::decode(&bytes).map_err(|error| error.to_string()));
            act.emit(RunAction::Recorded(trace.map(Rc::new)).into());
        });
        for command in commands {
            app.carry_out(ctx, command);
        }
        let act = ctx.link().callback(Message::Act);
        spawn_local(async move {
            if adapter::choose(Backend::Auto).await.is_ok() {
                act.emit(DecidingAction::Adapter.into());
            }
        });
        app
    }

    fn update(&mut self, ctx: &Context<Self>, message: Message) -> bool {
        match message {
            Message::Act(action) => self.act(ctx, action),
            Message::Frame(now) => {
                self.clock.pending = false;
                if !self.state.cursor.playing() {
                    return false;
                }
                let last = self.clock.last.replace(now);
                self.act(ctx, CursorAction::Tick(last.map_or(0.0, |last| (now - last) / 1000.0)).into());
            }
            Message::Repaint => self.paint = self.paint.wrapping_add(1),
            Message::Rested => {
                // A recording is no run of this address: opening the page again shows it anyway.
                let computed = matches!(self.state.run.source(), Some(Source::Computed(_)));
                let tour = self.state.tour.step().is_some();
                // A link that was refused stays in the address bar as long as its notice stands.
                let complaint = self.state.view.notices().iter().any(|notice| notice.level == Level::Error);
                let refused = complaint && share::parse(&browser::fragment()).is_err();
                if let Some(link) = self.link.as_ref().filter(|_| computed && !tour && !refused) {
                    browser::replace_fragment(&link.fragment);
                }
                browser::set_title(&describe::title(&self.state));
                return false;
            }
            Message::Moved => {
                let fragment = browser::fragment();
                let task = share::task_of(&fragment);
                if task.is_some_and(|task| task.id() != self.state.task().id()) && !browser::has_bundle() {
                    // The link is for another maze, and the page opens with the weights for that.
                    browser::reload();
                    return false;
                }
                self.act(ctx, SharingAction::Open(fragment).into());
            }
            Message::Start { number, program, bundle, backend, note } => {
                if number != self.workers {
                    return false;
                }
                match start_worker(ctx, program, &bundle, backend, Place::First, note) {
                    Ok(worker) => self.worker = Some(worker),
                    Err(reason) => self.act(ctx, DecidingAction::Broken(reason).into()),
                }
            }
        }
        true
    }

    fn view(&self, _: &Context<Self>) -> Html {
        let address = browser::address(self.link.as_ref().map_or("", |link| &link.fragment));
        view::page(&self.state, self.paint, &address, &self.dispatch)
    }
}

impl App {
    fn act(&mut self, ctx: &Context<Self>, action: Action) {
        let before = self.state.ground();
        if is_about_files(&action) {
            let act = ctx.link().callback(Message::Act);
            spawn_local(async move {
                if browser::is_outdated().await {
                    let text = "This site has been updated since the page was opened, and what the old page needs is gone: \
                                reload the page. The link in the address bar brings the run back.";
                    act.emit(ViewAction::Invalid(text.into()).into());
                }
            });
        }
        hook::release();
        let commands = Rc::make_mut(&mut self.state).update(action);
        if self.state.ground() != before {
            browser::show_ground(self.state.ground());
            self.paint = self.paint.wrapping_add(1);
        }
        hook::publish(&self.state);
        for command in commands {
            self.carry_out(ctx, command);
        }
        browser::let_go(|address| self.state.uses(address));
        if self.state.cursor.playing() {
            self.clock.request();
        } else {
            self.clock.last = None;
        }
        self.refresh_link(ctx);
    }

    fn carry_out(&mut self, ctx: &Context<Self>, command: Command) {
        match command {
            Command::StartWorker { bundle, backend } => {
                self.worker = None;
                self.workers = self.workers.wrapping_add(1);
                let (link, number) = (ctx.link().clone(), self.workers);
                spawn_local(async move {
                    // Where the choice is the page's it begins on the CPU, and tries WebGPU beside it.
                    let (program, backend, note) = match backend {
                        Backend::Auto | Backend::Cpu => (Program::Cpu, Backend::Cpu, None),
                        Backend::Webgpu if !Program::Gpu.is_built() => {
                            let note = "WebGPU was asked for, but its module is not built yet. The CPU is used instead.";
                            (Program::Cpu, Backend::Cpu, Some(note.to_owned()))
                        }
                        Backend::Webgpu => match adapter::choose(backend).await {
                            Ok(_) => (Program::Gpu, backend, None),
                            Err(note) => (Program::Cpu, Backend::Cpu, note),
                        },
                    };
                    link.send_message(Message::Start { number, program, bundle, backend, note });
                });
            }
            Command::Send(message) => {
                if let Some(deciding) = &self.worker {
                    deciding.running.tell(&message);
                }
            }
            Command::Fetch { address } => {
                let act = ctx.link().callback(Message::Act);
                spawn_local(async move {
                    let bundle = browser::bytes(&browser::absolute(&address)).await;
                    act.emit(ComparisonAction::Fetched(address, bundle).into());
                });
            }
            Command::StartTrial { bundle } => {
                self.trial =
                    start_worker(ctx, Program::Gpu, &bundle, Backend::Webgpu, Place::Trial, None).ok();
                if self.trial.is_none() {
                    ctx.link().send_message(Message::Act(DecidingAction::Trial(None).into()));
                }
            }
            Command::SendTrial(message) => {
                if let Some(deciding) = &self.trial {
                    deciding.running.tell(&message);
                }
            }
            Command::AdoptTrial => {
                if let Some(trial) = self.trial.take() {
                    trial.place.set(Place::First);
                    self.worker = Some(trial);
                }
            }
            Command::EndTrial => self.trial = None,
            Command::StartTrainer(training) => {
                let act =
                    ctx.link().callback(|message| Message::Act(RetrainingAction::Heard(message).into()));
                let failed =
                    |reason| FromTrainer::Failed { message: format!("Training broke down: {reason}.") };
                let heard = act.clone();
                match Running::start(Program::Train, move |message: Result<_, String>| {
                    heard.emit(message.unwrap_or_else(failed));
                }) {
                    Ok(trainer) => {
                        let bundle = browser::absolute(&training.bundle);
                        let windows = browser::absolute(&training.windows);
                        trainer.tell(&ToTrainer { bundle, windows, ..training });
                        self.trainer = Some(trainer);
                    }
                    Err(reason) => act.emit(failed(reason)),
                }
            }
            Command::EndTrainer => self.trainer = None,
            Command::Export(kind) => export::save(&self.state, kind, ctx.link().callback(Message::Act)),
            Command::RememberTheme(theme) => browser::remember_theme(theme),
            Command::Copy(fragment) => {
                let address = browser::address(&fragment);
                let act = ctx.link().callback(Message::Act);
                spawn_local(
                    async move { act.emit(SharingAction::Copied(browser::copy(&address).await).into()) },
                );
            }
        }
    }

    /// Brings the link up to date with the run and the cursor; not while playing, when it changes all the time.
    fn refresh_link(&mut self, ctx: &Context<Self>) {
        let Some(trace) = self.state.trace().filter(|_| !self.state.cursor.playing()) else { return };
        let other = self.state.comparison.run().map(ComparedRun::plan);
        let second = self.state.comparison.second_weights().is_some();
        let known = self.link.as_ref().is_some_and(|link| {
            Rc::ptr_eq(&link.trace, trace)
                && link.at == self.state.cursor.at()
                && link.other.as_ref() == other
                && link.second == second
        });
        if known {
            return;
        }
        // A run that no link holds leaves none in the address, rather than that of the run before it.
        let fragment = self.state.fragment().unwrap_or_default();
        self.link = Some(Linked {
            trace: Rc::clone(trace),
            at: self.state.cursor.at(),
            other: other.cloned(),
            second,
            fragment,
        });
        let rested = ctx.link().callback(|()| Message::Rested);
        let callback = Closure::<dyn FnMut()>::new(move || rested.emit(()));
        let window = browser::window();
        if let Some(rest) = &self.rest {
            window.clear_timeout_with_handle(rest.timer);
        }
        let function = callback.as_ref().unchecked_ref();
        self.rest = window
            .set_timeout_with_callback_and_timeout_and_arguments_0(function, REST)
            .ok()
            .map(|timer| Rest { timer, _callback: callback });
    }
}

/// Starts a worker that decides. `note` says why it is not the device that was asked for, where the page knows.
fn start_worker(
    ctx: &Context<App>,
    program: Program,
    bundle: &str,
    backend: Backend,
    place: Place,
    note: Option<String>,
) -> Result<Deciding, String> {
    let act = ctx.link().callback(Message::Act);
    let place = Rc::new(Cell::new(place));
    let hears = Rc::clone(&place);
    let running = Running::start(program, move |message| {
        act.emit(match (message, hears.get()) {
            (Ok(ToPage::Ready { mut device, weights }), Place::First) => {
                device.note = device.note.or_else(|| note.clone());
                DecidingAction::Heard(ToPage::Ready { device, weights }).into()
            }
            (Ok(message), Place::First) => DecidingAction::Heard(message).into(),
            (Ok(message), Place::Trial) => DecidingAction::Trial(Some(message)).into(),
            (Err(reason), Place::First) => DecidingAction::Broken(reason).into(),
            (Err(_), Place::Trial) => DecidingAction::Trial(None).into(),
        });
    })?;
    running.tell(&ToWorker::Load { bundle: browser::absolute(bundle), backend });
    Ok(Deciding { running, place })
}

/// Returns `true` if something that came with the page could not be loaded.
fn is_about_files(action: &Action) -> bool {
    match action {
        Action::Deciding(DecidingAction::Heard(ToPage::Failed { failure, .. })) => {
            *failure == Failure::Weights
        }
        Action::Deciding(DecidingAction::Broken(_))
        | Action::Comparison(ComparisonAction::Fetched(_, Err(_)))
        | Action::Run(RunAction::Recorded(Err(_)))
        | Action::Retraining(RetrainingAction::Heard(FromTrainer::Failed { .. })) => true,
        _ => false,
    }
}

/// Hears the keyboard, the address bar, and changes of size and colours.
fn listen(ctx: &Context<App>) {
    let window = browser::window();
    let moved = ctx.link().callback(|()| Message::Moved);
    browser::listen(&window, "hashchange", move |_: HashChangeEvent| moved.emit(()));
    let act = ctx.link().callback(Message::Act);
    browser::listen(&window, "keydown", move |event: KeyboardEvent| {
        if event.ctrl_key()
            || event.alt_key()
            || event.meta_key()
            || event.default_prevented()
            || taken(&event)
        {
            return;
        }
        if let Some(action) = keys::action(&event.key(), event.shift_key()) {
            event.prevent_default();
            act.emit(action);
        }
    });
    let repaint = ctx.link().callback(|()| Message::Repaint);
    let resized = repaint.clone();
    browser::listen(&window, "resize", move |_: Event| resized.emit(()));
    for query in [browser::DARK, "(prefers-contrast: more)"] {
        if let Ok(Some(list)) = window.match_media(query) {
            let (repaint, act) = (repaint.clone(), ctx.link().callback(Message::Act));
            browser::listen(&list, "change", move |_: Event| {
                act.emit(ViewAction::SystemDark(browser::matches(browser::DARK)).into());
                repaint.emit(());
            });
        }
    }
    // Weights dropped anywhere on the page.
    browser::listen(&window, "dragover", |event: DragEvent| event.prevent_default());
    let act = ctx.link().callback(Message::Act);
    browser::listen(&window, "drop", move |event: DragEvent| {
        event.prevent_default();
        if let Some(address) = browser::address_of(event.data_transfer().and_then(|data| data.files())) {
            act.emit(DecidingAction::Weights(address).into());
        }
    });
}

/// Whether the focused element needs this key itself.
fn taken(event: &KeyboardEvent) -> bool {
    let Some(element) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
        return false;
    };
    let within = |selector: &str| element.closest(selector).ok().flatten().is_some();
    within("input:not([type=checkbox]), select, textarea, dialog[open]")
        || (event.key() == " " && within("button, a, summary, input"))
}
