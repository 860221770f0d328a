//! Entry of the one wasm module that page and worker share.

#[cfg(target_arch = "wasm32")]
mod entry {
    use wasm_bindgen::prelude::*;

    unsafe extern "C" {
        /// Runs the module's static constructors.
        fn __wasm_call_ctors();
    }

    /// Draws the page, or, in a worker, makes ready to hear it.
    pub fn start() {
        // SAFETY: the linker's own function; called once, before anything else. Kernels of the GPU backend register
        // themselves in static constructors. Calling them by name also keeps the linker from running them again at
        // each call from JavaScript, which would take seconds.
        unsafe { __wasm_call_ctors() };
        if web_sys::window().is_some() {
            diar_web::page::start();
        } else {
            diar_web::worker::start();
        }
    }

    /// Takes a message of the page, in the worker.
    #[wasm_bindgen]
    pub fn receive(message: JsValue) {
        diar_web::worker::receive(message);
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {
    entry::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("diar-web is a page: build it with `trunk build` and open it in a browser.");
    std::process::exit(2);
}
