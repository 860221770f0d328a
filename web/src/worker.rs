//! The worker: fetches weights, chooses a device, and decides, off the page's thread.
//!
//! Messages are served one after the other. A run under way gives the event loop a turn now and then, also in the middle
//! of a decision, and stops when the page has begun another run in the meantime. Questions on the side and scoring go
//! on, a turn at a time, while no message waits.

mod device;
pub(crate) mod fetch;
pub(crate) mod field;
mod networks;
mod score;
mod side;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::{Agent, Episode, RolloutOptions};
use diar_core::benchmark::Benchmark;
use diar_core::bundle::Bundle;
use diar_core::env;
use diar_core::maze::World;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use self::networks::{File, Networks, Running};
use self::score::Scoring;
use self::side::{Imagining, Measuring, Side, Trailing, Valuing};
use crate::accept;
use crate::geometry;
use crate::messages::{Backend, Candidates, Decider, Denoising, Failure, Lane, Plan, ToPage, ToWorker, Unit};
use crate::pace::{Pace, TURN};

thread_local! {
    static INBOX: RefCell<VecDeque<ToWorker>> = const { RefCell::new(VecDeque::new()) };
    static SERVER: RefCell<Option<Server>> = RefCell::new(Some(Server::default()));
    /// The run the page wants in each lane; older ones stop.
    static WANTED: Cell<[u32; 2]> = const { Cell::new([0; 2]) };
}

#[derive(Default)]
struct Server {
    loaded: Option<Loaded>,
    runs: [Option<(u32, Running)>; 2],
    /// Questions that are being answered, a turn at a time, while no message waits.
    sides: VecDeque<Side>,
    /// Goes on, a turn at a time, while no message waits.
    scoring: Option<Scoring>,
    pace: Pace,
    /// The maze whose values the page has.
    world: World,
}

/// Weights on a device.
struct Loaded {
    device: Device,
    /// Hash of the bundle.
    hash: String,
    /// With the critic that came with them.
    shipped: Networks,
    /// With the critic in use.
    agent: Networks,
    /// Other weights, to compare with, and their address.
    second: Option<(String, Networks)>,
}

impl Loaded {
    fn decider(&self, plan: &Plan) -> Result<&Networks, String> {
        Ok(match &plan.decider {
            Decider::Own => &self.agent,
            Decider::Shipped => &self.shipped,
            Decider::Second(address) => match &self.second {
                Some((known, networks)) if known == address => networks,
                _ => return Err("its weights are not here".into()),
            },
        })
    }

    /// The agent in use, where it plans.
    fn planner(&self) -> Option<&Arc<Agent>> {
        self.agent.planner()
    }
}

/// Makes a panic a message to the page: nothing else would come out of a trapped module.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        fail(Failure::Compute, None, format!("the worker broke down: {info}"));
    }));
}

/// Takes a message of the page.
pub fn receive(message: JsValue) {
    let message: ToWorker = match serde_wasm_bindgen::from_value(message) {
        Ok(message) => message,
        Err(error) => {
            return fail(Failure::Compute, None, format!("a message of the page cannot be read: {error}"));
        }
    };
    match message {
        ToWorker::Begin { generation, lane, .. } => want(lane, generation),
        ToWorker::Drop { lane } => want(lane, 0),
        _ => {}
    }
    INBOX.with_borrow_mut(|inbox| inbox.push_back(message));
    // The server is away while it is serving; it will find the message in the inbox.
    if let Some(server) = SERVER.take() {
        spawn_local(serve(server));
    }
}

fn want(lane: Lane, generation: u32) {
    let mut wanted = WANTED.get();
    wanted[lane as usize] = generation;
    WANTED.set(wanted);
}

async fn serve(mut server: Server) {
    loop {
        if let Some(message) = INBOX.with_borrow_mut(VecDeque::pop_front) {
            server.answer(message).await;
        } else if !server.sides.is_empty() || server.scoring.is_some() {
            server.work().await;
            turn().await;
        } else {
            break;
        }
    }
    SERVER.set(Some(server));
}

impl Server {
    async fn answer(&mut self, message: ToWorker) {
        match message {
            ToWorker::Load { bundle, backend } => self.load(&bundle, backend).await,
            ToWorker::Begin { generation, lane, plan } => self.begin(generation, lane, &plan),
            ToWorker::Advance { generation, unit } => self.advance(generation, unit).await,
            ToWorker::Drop { lane } => self.runs[lane as usize] = None,
            ToWorker::Imagine { ticket, candidates } => self.imagine(ticket, candidates),
            ToWorker::Denoise { ticket, denoising } => self.denoise(ticket, denoising),
            ToWorker::Score { ticket, plan, episodes } => {
                let Some(agent) = self.loaded.as_ref().and_then(Loaded::planner) else { return };
                self.scoring = Some(Scoring::new(agent, ticket, plan, episodes));
            }
            ToWorker::Critic { bundle } => self.take_critic(&bundle),
            ToWorker::Second { address, bundle } => self.take_second(address, &bundle),
            ToWorker::Measure { plan } => {
                let Some(loaded) = &self.loaded else { return };
                let (Some(agent), hash) = (loaded.planner(), &loaded.hash) else { return };
                self.sides.push_back(Side::Measure(Box::new(Measuring::new(agent, hash, plan))));
            }
            ToWorker::Field => self.show_field(),
            ToWorker::Stop => self.scoring = None,
            ToWorker::Unlearn => {
                if let Some(loaded) = &mut self.loaded {
                    loaded.agent = loaded.shipped.clone();
                }
                self.show_field();
            }
        }
    }

    async fn load(&mut self, address: &str, backend: Backend) {
        let file = match fetch::weights(address).await.and_then(|bytes| read(address, &bytes)) {
            Ok(file) => file,
            Err(message) => return fail(Failure::Weights, None, message),
        };
        let (handle, device) = device::choose(backend).await;
        post(&ToPage::Preparing { device: device.clone() });
        if device.webgpu {
            self.pace = Pace::endless();
        }
        let weights = file.described();
        let hash = weights.hash.clone();
        let agent = match Networks::load(&file, &handle) {
            Ok(agent) => agent,
            Err(error) => {
                return fail(
                    Failure::Weights,
                    None,
                    format!("The weights of {address} cannot be used: {error}."),
                );
            }
        };
        post(&ToPage::Ready { device, weights });
        self.loaded = Some(Loaded { device: handle, hash, shipped: agent.clone(), agent, second: None });
        self.show_field();
    }

    /// Tells the page the values over the maze it shows, in place of any that are under way.
    fn show_field(&mut self) {
        let Some(agent) = self.loaded.as_ref().and_then(Loaded::planner) else { return };
        let Ok(layout) = geometry::layout(agent.task(), &self.world) else { return };
        self.sides.retain(|side| !matches!(side, Side::Field(_)));
        self.sides.push_back(Side::Field(Valuing::new(agent, &layout)));
    }

    fn begin(&mut self, generation: u32, lane: Lane, plan: &Plan) {
        let Some(loaded) = &self.loaded else { return };
        let episode = Episode::chosen(plan.run.seed, plan.run.episode, plan.run.start.as_deref());
        let options = RolloutOptions { record: true, stop_at_goal: true, shareable: plan.shareable };
        let rollout = loaded
            .decider(plan)
            .and_then(|networks| networks.run(&plan.run.settings, &episode, options, &plan.run.scenario));
        match rollout {
            Ok(rollout) => {
                let start = rollout.lanes().first().map_or_else(Vec::new, |lane| lane.state.clone());
                self.runs[lane as usize] = Some((generation, rollout));
                post(&ToPage::Begun { generation, start });
            }
            Err(message) => return fail(Failure::Run, Some(generation), message),
        }
        if lane == Lane::Main && self.world.toggled != plan.run.scenario.world.toggled {
            self.world = plan.run.scenario.world.clone();
            self.show_field();
        }
    }

    async fn advance(&mut self, generation: u32, unit: Unit) {
        let lane = [Lane::Main, Lane::Compared]
            .into_iter()
            .find(|&lane| self.runs[lane as usize].as_ref().is_some_and(|(number, _)| *number == generation));
        let Some((lane, (_, rollout))) =
            lane.and_then(|lane| Some((lane, self.runs[lane as usize].as_mut()?)))
        else {
            return;
        };
        let (mut events, mut since, mut complete) = (Vec::new(), js_sys::Date::now(), false);
        while !complete && !rollout.finished() && WANTED.get()[lane as usize] == generation {
            let begun = now();
            match rollout.advance_some(self.pace.work()).await {
                Ok(news) => events.extend(news.into_iter().map(|(_, event)| event)),
                Err(error) => return fail(Failure::Compute, Some(generation), error.to_string()),
            }
            self.pace.took(now() - begun, rollout.is_midway());
            complete = events.last().is_some_and(|event| unit.completed_by(event));
            let millis = js_sys::Date::now() - since;
            if millis >= TURN {
                post(&ToPage::Events { generation, events: std::mem::take(&mut events), millis });
                turn().await;
                since = js_sys::Date::now();
            }
        }
        let millis = js_sys::Date::now() - since;
        post(&ToPage::Events { generation, events, millis });
        post(&ToPage::Idle { generation });
    }

    fn imagine(&mut self, ticket: u32, candidates: Candidates) {
        let Some(agent) = self.loaded.as_ref().and_then(Loaded::planner) else { return };
        match Imagining::new(ticket, agent, candidates) {
            Ok(imagining) => self.sides.push_back(Side::Imagine(imagining)),
            Err(error) => fail(Failure::Insight, None, error.to_string()),
        }
    }

    fn denoise(&mut self, ticket: u32, denoising: Denoising) {
        let Some(agent) = self.loaded.as_ref().and_then(Loaded::planner) else { return };
        match Trailing::new(ticket, agent, denoising) {
            Ok(trailing) => self.sides.push_back(Side::Denoise(trailing)),
            Err(message) => fail(Failure::Insight, None, message),
        }
    }

    /// A turn of what is asked on the side, or of scoring.
    async fn work(&mut self) {
        if let Some(side) = self.sides.front_mut() {
            if side.work(&mut self.pace).await {
                self.sides.pop_front();
            }
            return;
        }
        let Some(scoring) = &mut self.scoring else { return };
        match scoring.work(&mut self.pace).await {
            Ok(false) => {}
            Ok(true) => self.scoring = None,
            Err(message) => {
                self.scoring = None;
                fail(Failure::Scoring, None, message);
            }
        }
    }

    /// Decides with the critic of another bundle from now on.
    fn take_critic(&mut self, bytes: &[u8]) {
        let Some(loaded) = &mut self.loaded else { return };
        let agent = Bundle::from_bytes(bytes).map_err(|error| error.to_string()).and_then(|bundle| {
            accept::critic(&loaded.hash, bundle.info()).map_err(|refusal| refusal.to_string())?;
            Agent::load(&bundle, &loaded.device).map_err(|error| error.to_string())
        });
        match agent {
            Ok(agent) => loaded.agent = Networks::from(agent),
            Err(error) => {
                return fail(Failure::Critic, None, format!("The new critic cannot be used: {error}."));
            }
        }
        self.show_field();
    }

    /// Takes in other weights, to compare with.
    fn take_second(&mut self, address: String, bytes: &[u8]) {
        let Some(loaded) = &mut self.loaded else { return };
        let read = File::from_bytes(bytes)
            .and_then(|file| Ok((file.described(), Networks::load(&file, &loaded.device)?)));
        let weights = match read {
            Ok((weights, agent)) => {
                loaded.second = Some((address.clone(), agent));
                Ok(weights)
            }
            Err(message) => {
                loaded.second = None;
                Err(message)
            }
        };
        post(&ToPage::Second { loaded: loaded.hash.clone(), address, weights });
    }
}

fn read(address: &str, bytes: &[u8]) -> Result<File, String> {
    let file = File::from_bytes(bytes)
        .map_err(|error| format!("The weights of {address} cannot be used: {error}."))?;
    let task = &file.task().id;
    match env::open(file.task()) {
        Ok(_) if Benchmark::find(task).is_ok() => Ok(file),
        _ => Err(format!("The weights of {address} are for {task}, which this page cannot simulate.")),
    }
}

/// Milliseconds, finer than the clock's.
pub(crate) fn now() -> f64 {
    scope().performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}

pub(crate) fn scope() -> web_sys::DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

pub(crate) fn post<T: Serialize>(message: &T) {
    // Seeds are 64-bit numbers, which only a BigInt holds.
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_large_number_types_as_bigints(true);
    let sent =
        message.serialize(&serializer).map_err(JsValue::from).and_then(|value| scope().post_message(&value));
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}

fn fail(failure: Failure, generation: Option<u32>, message: String) {
    post(&ToPage::Failed { failure, generation, message });
}

/// Gives the event loop a turn: messages of the page come in. (A timer would do, but browsers hold it back for 4 ms.)
///
/// One channel serves all turns: a channel that has been listened to is never collected.
pub(crate) async fn turn() {
    thread_local! {
        static CHANNEL: Option<web_sys::MessageChannel> = web_sys::MessageChannel::new().ok();
    }
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let posted = CHANNEL.with(|channel| {
            let channel = channel.as_ref()?;
            channel.port1().set_onmessage(Some(&resolve));
            channel.port2().post_message(&JsValue::NULL).ok()
        });
        if posted.is_none() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}
