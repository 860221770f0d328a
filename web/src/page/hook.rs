//! `window.__diar`: what the page knows, readable from outside.
//!
//! Public and read-only, for tests and the curious: `trace()` is the trace on display as JSON (`null` without one),
//! `device()` the device decisions are computed on, `status()` a JSON object with what the page is doing.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Object, Reflect};
use serde_json::json;
use wasm_bindgen::prelude::*;

use crate::host::browser;
use crate::state::{Critic, Opened, Source, State, Worker};
use crate::timeline;

thread_local! {
    static LATEST: RefCell<Option<Rc<State>>> = const { RefCell::new(None) };
}

/// Makes this state the one that is read.
pub(crate) fn publish(state: &Rc<State>) {
    LATEST.set(Some(Rc::clone(state)));
}

/// Lets go of the state, which is about to change: shared, it would be copied each time.
pub(crate) fn release() {
    LATEST.set(None);
}

/// Puts the functions where they are found.
pub(crate) fn install() {
    let object = Object::new();
    for (name, read) in [
        ("trace", trace as fn(&State) -> Option<String>),
        ("device", |state| state.ready().map(|(device, _)| device.label())),
        ("status", |state| Some(status(state))),
    ] {
        let function = Closure::<dyn Fn() -> JsValue>::new(move || {
            let text = LATEST.with_borrow(|state| state.as_deref().and_then(read));
            text.map_or(JsValue::NULL, Into::into)
        });
        let _ = Reflect::set(&object, &name.into(), &function.into_js_value());
    }
    Object::freeze(&object);
    let _ = Reflect::set(&browser::window(), &"__diar".into(), &object);
}

fn trace(state: &State) -> Option<String> {
    serde_json::to_string(state.trace()?.as_ref()).ok()
}

fn status(state: &State) -> String {
    let worker = match state.deciding.worker() {
        Worker::Starting => "starting",
        Worker::Fetching { .. } => "fetching",
        Worker::Preparing(_) => "preparing",
        Worker::Ready(..) => "ready",
        Worker::Failed(_) => "failed",
    };
    let source = state.run.source().map(|source| match source {
        Source::Recorded => "recorded",
        Source::Replayed => "replayed",
        Source::Computed(_) => "computed",
    });
    let trace = state.trace();
    json!({
        "worker": worker,
        "source": source,
        "playing": state.cursor.playing(),
        "computing": state.computing(),
        "at": state.cursor.at(),
        "length": trace.map_or(0, |trace| timeline::length(trace)),
        "finished": trace.is_some_and(|trace| timeline::finished(trace)),
        "agreement": state.sharing.opened().filter(|opened| opened.done()).map(Opened::agreement),
        "latency_ms": state.run.latency(),
        "ways": state.insight.ways().map(|ways| ways.len()),
        "trail": state.insight.trail().map(|trail| trail.latents.len()),
        "rival": state.comparison.run().map(|other| json!({
            "finished": other.finished(),
            "steps": other.trace().map(|trace| trace.steps()),
        })),
        "learning": state.retraining.job().map(|job| [job.step, job.total]),
        "learned": state.retraining.critic() != Critic::Shipped,
        "scored": state.scoring.board().map(|board| json!({ "episodes": board.contacts[0].len(), "done": board.done })),
        "tour": state.tour.step(),
    })
    .to_string()
}
