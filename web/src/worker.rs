//! The worker: fetches weights, chooses a device, and decides, off the page's thread.
//!
//! Messages are served one after the other. A run under way looks up now and then: it gives the event loop a turn, and
//! stops when the page has begun another run in the meantime.

mod device;
mod fetch;
mod field;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use diar_core::agent::{Agent, Episode, Rollout, RolloutOptions};
use diar_core::bundle::Bundle;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::messages::{Backend, DeviceInfo, Failure, Plan, ToPage, ToWorker, Unit, Weights};

/// Milliseconds of computing between two turns of the event loop.
const TURN: f64 = 16.0;

thread_local! {
    static INBOX: RefCell<VecDeque<ToWorker>> = const { RefCell::new(VecDeque::new()) };
    static SERVER: RefCell<Option<Server>> = RefCell::new(Some(Server::default()));
    /// The run the page wants; older ones stop.
    static WANTED: Cell<u32> = const { Cell::new(0) };
}

#[derive(Default)]
struct Server {
    agent: Option<Arc<Agent>>,
    run: Option<(u32, Rollout)>,
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
    if let ToWorker::Begin { generation, .. } = message {
        WANTED.set(generation);
    }
    INBOX.with_borrow_mut(|inbox| inbox.push_back(message));
    // The server is away while it is serving; it will find the message in the inbox.
    if let Some(server) = SERVER.take() {
        spawn_local(serve(server));
    }
}

async fn serve(mut server: Server) {
    while let Some(message) = INBOX.with_borrow_mut(VecDeque::pop_front) {
        match message {
            ToWorker::Load { bundle, backend } => server.load(&bundle, backend).await,
            ToWorker::Begin { generation, plan } => server.begin(generation, &plan),
            ToWorker::Advance { generation, unit } => server.advance(generation, unit).await,
        }
    }
    SERVER.set(Some(server));
}

impl Server {
    async fn load(&mut self, address: &str, backend: Backend) {
        let bundle = match fetch::bytes(address).await.and_then(|bytes| read(address, &bytes)) {
            Ok(bundle) => bundle,
            Err(message) => return fail(Failure::Weights, None, message),
        };
        let (handle, device) = device::choose(backend).await;
        post(&ToPage::Preparing { device: device.clone() });
        let agent = match Agent::load(&bundle, &handle) {
            Ok(agent) => Arc::new(agent),
            Err(error) => {
                return fail(
                    Failure::Weights,
                    None,
                    format!("The weights of {address} cannot be used: {error}."),
                );
            }
        };
        self.ready(&bundle, device, &agent).await;
        self.agent = Some(agent);
    }

    async fn ready(&self, bundle: &Bundle, device: DeviceInfo, agent: &Agent) {
        let info = bundle.info();
        post(&ToPage::Ready {
            device,
            weights: Weights {
                task: info.task.clone(),
                hash: bundle.hash().to_owned(),
                settings: info.settings.plan,
                diffusion_steps: info.settings.diffusion.diffusion_steps,
                training_seconds: info.provenance.training_seconds,
                scores: info.scores.as_ref().map(|scores| {
                    (scores.on.first_contact.mean, scores.off.first_contact.mean, scores.on.episodes)
                }),
            },
        });
        match field::compute(agent).await {
            Ok(field) => post(&ToPage::Field { field }),
            Err(error) => fail(Failure::Compute, None, error.to_string()),
        }
    }

    fn begin(&mut self, generation: u32, plan: &Plan) {
        let Some(agent) = &self.agent else { return };
        let episode = Episode { seed: plan.seed, index: plan.episode, start: plan.start };
        let options = RolloutOptions { record: true, stop_at_goal: true };
        match Rollout::new(Arc::clone(agent), plan.settings, vec![episode], options) {
            Ok(rollout) => {
                let start = rollout.envs().first().map_or_else(Vec::new, |env| env.state().to_vec());
                self.run = Some((generation, rollout));
                post(&ToPage::Begun { generation, start });
            }
            Err(error) => fail(Failure::Run, Some(generation), error.to_string()),
        }
    }

    async fn advance(&mut self, generation: u32, unit: Unit) {
        let Some((_, rollout)) = self.run.as_mut().filter(|(number, _)| *number == generation) else {
            return;
        };
        let (mut events, mut since, mut complete) = (Vec::new(), js_sys::Date::now(), false);
        while !complete && !rollout.finished() && WANTED.get() == generation {
            match rollout.advance().await {
                Ok(news) => events.extend(news.into_iter().map(|(_, event)| event)),
                Err(error) => return fail(Failure::Compute, Some(generation), error.to_string()),
            }
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
}

fn read(address: &str, bytes: &[u8]) -> Result<Bundle, String> {
    Bundle::from_bytes(bytes).map_err(|error| format!("The weights of {address} cannot be used: {error}."))
}

fn scope() -> web_sys::DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(message: &ToPage) {
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
async fn turn() {
    let promise = js_sys::Promise::new(&mut |resolve, _| match web_sys::MessageChannel::new() {
        Ok(channel) => {
            channel.port1().set_onmessage(Some(&resolve));
            if channel.port2().post_message(&JsValue::NULL).is_err() {
                let _ = resolve.call0(&JsValue::NULL);
            }
        }
        Err(_) => {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}
