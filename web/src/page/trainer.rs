//! The worker that trains: started when asked for, ended when dropped.

use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, Event, MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

use super::app::send;
use super::browser;
use super::build::Program;
use crate::messages::{FromTrainer, ToTrainer};

/// A worker under way, with the closures that hear it.
pub struct Trainer {
    worker: Worker,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(Event)>,
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// Starts training; what the worker says, and that it broke down, is told.
pub fn start(message: ToTrainer, heard: Callback<FromTrainer>) -> Result<Trainer, JsValue> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&Program::Train.worker(), &options)?;
    let hear = {
        let heard = heard.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            heard.emit(serde_wasm_bindgen::from_value(event.data()).unwrap_or_else(|error| {
                FromTrainer::Failed {
                    message: format!("A message of the training worker cannot be read: {error}."),
                }
            }));
        })
    };
    let error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        let reason = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
        let reason = reason.unwrap_or_else(|| "the worker could not be loaded".into());
        heard.emit(FromTrainer::Failed { message: format!("Training broke down: {reason}.") });
    });
    worker.set_onmessage(Some(hear.as_ref().unchecked_ref()));
    worker.set_onerror(Some(error.as_ref().unchecked_ref()));
    let (bundle, windows) = (browser::absolute(&message.bundle), browser::absolute(&message.windows));
    send(&worker, &ToTrainer { bundle, windows, ..message });
    Ok(Trainer { worker, _message: hear, _error: error })
}
