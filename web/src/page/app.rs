//! The root component: holds the state, folds actions in, carries out commands.

use std::rc::Rc;

use diar_core::agent::Trace;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    ErrorEvent, Event, HashChangeEvent, KeyboardEvent, MessageEvent, Worker, WorkerOptions, WorkerType,
};
use yew::prelude::*;

use super::build::Program;
use super::{browser, hook};
use crate::adapter;
use crate::keys;
use crate::messages::{Backend, ToWorker};
use crate::state::{Action, Command, Source, State};
use crate::view;

/// The recorded run that comes with the page.
const RECORDING: &str = "assets/recorded.json";

/// Milliseconds of rest before the address bar is brought up to date.
const REST: i32 = 300;

/// What reaches the root component.
pub enum Message {
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
    },
}

/// The root component.
pub struct App {
    state: Rc<State>,
    worker: Option<Deciding>,
    /// Counts workers: one that was asked for may be outdated before it can start.
    workers: u32,
    /// Counts repaints, so that painters know.
    paint: u32,
    clock: Clock,
    /// The fragment of the run at the cursor, and what it was made from.
    link: Option<(usize, usize, String)>,
    rest: Option<Rest>,
}

/// The worker, with the closures that hear it.
struct Deciding {
    worker: Worker,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(Event)>,
}

impl Drop for Deciding {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
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
        let mut app = Self { state, worker: None, workers: 0, paint: 0, clock, link: None, rest: None };
        hook::publish(&app.state);
        hook::install();
        listen(ctx);
        let act = ctx.link().callback(Message::Act);
        spawn_local(async move {
            let recording = browser::text(RECORDING).await;
            let trace = recording.and_then(|text| {
                serde_json::from_str::<Trace>(&text).map_err(|error| format!("it is damaged ({error})"))
            });
            act.emit(Action::Recorded(trace));
        });
        for command in commands {
            app.carry_out(ctx, command);
        }
        app
    }

    fn update(&mut self, ctx: &Context<Self>, message: Message) -> bool {
        match message {
            Message::Act(action) => self.act(ctx, action),
            Message::Frame(now) => {
                self.clock.pending = false;
                if !self.state.playing {
                    return false;
                }
                let last = self.clock.last.replace(now);
                self.act(ctx, Action::Tick(last.map_or(0.0, |last| (now - last) / 1000.0)));
            }
            Message::Repaint => self.paint = self.paint.wrapping_add(1),
            Message::Rested => {
                // A recording is no run of this address: opening the page again shows it anyway.
                let computed = self
                    .state
                    .shown
                    .as_ref()
                    .is_some_and(|shown| matches!(shown.source, Source::Computed(_)));
                if let Some((.., fragment)) = self.link.as_ref().filter(|_| computed) {
                    browser::replace_fragment(fragment);
                }
                return false;
            }
            Message::Start { number, program, bundle, backend } => {
                if number != self.workers {
                    return false;
                }
                match start_worker(ctx, program, &bundle, backend) {
                    Ok(worker) => self.worker = Some(worker),
                    Err(error) => {
                        let reason = format!("this browser cannot start a module worker ({error:?})");
                        self.act(ctx, Action::WorkerBroken(reason));
                    }
                }
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let dispatch = ctx.link().callback(Message::Act);
        let address = self
            .link
            .as_ref()
            .map_or_else(browser::address, |(.., fragment)| format!("{}#{fragment}", browser::address()));
        view::page(&self.state, self.paint, &address, &dispatch)
    }
}

impl App {
    fn act(&mut self, ctx: &Context<Self>, action: Action) {
        let commands = Rc::make_mut(&mut self.state).update(action);
        hook::publish(&self.state);
        for command in commands {
            self.carry_out(ctx, command);
        }
        if self.state.playing {
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
                    let adapter = adapter::choose(backend).await;
                    let program = if adapter.is_ok() { Program::Gpu } else { Program::Cpu };
                    link.send_message(Message::Start { number, program, bundle, backend });
                });
            }
            Command::Send(message) => {
                if let Some(deciding) = &self.worker {
                    send(&deciding.worker, &message);
                }
            }
            Command::Copy(fragment) => {
                let address = format!("{}#{fragment}", browser::address());
                let act = ctx.link().callback(Message::Act);
                spawn_local(async move { act.emit(Action::Copied(browser::copy(&address).await)) });
            }
        }
    }

    /// Brings the link up to date with the run and the cursor; not while playing, when it changes all the time.
    fn refresh_link(&mut self, ctx: &Context<Self>) {
        let Some(trace) = self.state.trace().filter(|_| !self.state.playing) else { return };
        let made_from = (Rc::as_ptr(trace) as usize, self.state.at);
        if self.link.as_ref().is_some_and(|&(trace, at, _)| (trace, at) == made_from) {
            return;
        }
        let Some(fragment) = self.state.fragment() else { return };
        self.link = Some((made_from.0, made_from.1, fragment));
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

fn start_worker(
    ctx: &Context<App>,
    program: Program,
    bundle: &str,
    backend: Backend,
) -> Result<Deciding, JsValue> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&program.worker(), &options)?;
    let act = ctx.link().callback(Message::Act);
    let message = {
        let act = act.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            act.emit(match serde_wasm_bindgen::from_value(event.data()) {
                Ok(message) => Action::Worker(message),
                Err(error) => {
                    Action::WorkerBroken(format!("a message of the worker cannot be read: {error}"))
                }
            });
        })
    };
    let error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        // A worker whose script is missing gives a plain event, without a message.
        let reason = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
        act.emit(Action::WorkerBroken(reason.unwrap_or_else(|| "the worker could not be loaded".into())));
    });
    worker.set_onmessage(Some(message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(error.as_ref().unchecked_ref()));
    send(&worker, &ToWorker::Load { bundle: browser::absolute(bundle), backend });
    Ok(Deciding { worker, _message: message, _error: error })
}

fn send(worker: &Worker, message: &ToWorker) {
    // Seeds are 64-bit numbers, which only a BigInt holds.
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_large_number_types_as_bigints(true);
    let sent =
        message.serialize(&serializer).map_err(JsValue::from).and_then(|value| worker.post_message(&value));
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}

/// Hears the keyboard, the address bar, and changes of size and colours.
fn listen(ctx: &Context<App>) {
    let window = browser::window();
    let act = ctx.link().callback(Message::Act);
    browser::listen(&window, "hashchange", move |_: HashChangeEvent| {
        act.emit(Action::Fragment(browser::fragment()));
    });
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
    for query in ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"] {
        if let Ok(Some(list)) = window.match_media(query) {
            let repaint = repaint.clone();
            browser::listen(&list, "change", move |_: Event| repaint.emit(()));
        }
    }
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
