//! Waiting for the browser, but not without end: some of what it promises never comes.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Result of `work`, in a window or a worker; `None` when it takes longer than so many milliseconds. The work is
/// then dropped.
pub(crate) async fn within<T>(millis: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut timer = Timer::new(millis);
    poll_fn(|context| {
        if let Poll::Ready(value) = work.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        Pin::new(&mut timer.rings).poll(context).map(|_| None)
    })
    .await
}

/// A timer of the browser's, cleared when dropped.
struct Timer {
    rings: JsFuture,
    handle: JsValue,
}

impl Timer {
    fn new(millis: u32) -> Self {
        let mut handle = JsValue::UNDEFINED;
        let promise = Promise::new(&mut |resolve, _| {
            handle = global("setTimeout")
                .and_then(|set| set.call2(&JsValue::NULL, &resolve, &millis.into()).ok())
                .unwrap_or_default();
        });
        Self { rings: JsFuture::from(promise), handle }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(clear) = global("clearTimeout") {
            let _ = clear.call1(&JsValue::NULL, &self.handle);
        }
    }
}

/// A function that windows and workers both have.
pub(crate) fn global(name: &str) -> Option<Function> {
    Reflect::get(&js_sys::global(), &name.into()).ok()?.dyn_into().ok()
}
