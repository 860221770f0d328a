//! A worker: started, heard, told, and ended when dropped.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, Event, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::fetch::words;
use crate::host::browser;
use crate::host::build::Program;

/// A worker, with the closures that hear it.
pub(crate) struct Running {
    worker: Worker,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(Event)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Running {
    /// Starts a program; what it says is heard, and why it broke down, in words.
    ///
    /// # Errors
    /// When this build does not hold the program, or the browser cannot start module workers.
    pub(crate) fn start<M: DeserializeOwned>(
        program: Program,
        heard: impl Fn(Result<M, String>) + Clone + 'static,
    ) -> Result<Self, String> {
        if !program.is_built() {
            return Err(format!(
                "this build of the page does not hold {} yet; reload the page once it is built",
                program.name()
            ));
        }
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&program.worker(), &options).map_err(refused)?;
        let broken = heard.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let message = serde_wasm_bindgen::from_value(event.data());
            heard(message.map_err(|error| format!("a message of the worker cannot be read: {error}")));
        });
        let error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            // It is told on the page, and need not stand in the console as well.
            event.prevent_default();
            // A worker whose script is missing gives a plain event, without a message.
            let reason = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
            broken(Err(reason.unwrap_or_else(|| "the worker could not be loaded".into())));
        });
        worker.set_onmessage(Some(message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(error.as_ref().unchecked_ref()));
        Ok(Self { worker, _message: message, _error: error })
    }

    /// Tells the worker.
    pub(crate) fn tell(&self, message: &impl Serialize) {
        // Seeds are 64-bit numbers, which only a BigInt holds.
        let serializer = serde_wasm_bindgen::Serializer::new().serialize_large_number_types_as_bigints(true);
        let message = message.serialize(&serializer).map_err(JsValue::from);
        if let Err(error) = message.and_then(|message| self.worker.post_message(&message)) {
            web_sys::console::error_1(&error);
        }
    }
}

/// Why the browser starts no worker.
fn refused(error: JsValue) -> String {
    if browser::is_isolated() {
        return "the page is in a frame that keeps it apart from its own site, where no worker starts: add \
                allow-same-origin to the frame's sandbox attribute, or open the page in a tab of its own"
            .into();
    }
    format!("this browser cannot start a module worker ({})", words(&error))
}
