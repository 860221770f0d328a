//! Entry of the wasm module of the worker that trains Q and V anew.

#[cfg(target_arch = "wasm32")]
#[allow(unreachable_pub, reason = "wasm-bindgen exports public functions only")]
mod entry {
    use wasm_bindgen::prelude::*;

    /// Takes a message of the page.
    #[wasm_bindgen]
    pub fn receive(message: JsValue) {
        diar_web::trainer::receive(message);
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {
    // SAFETY: called once, before anything else.
    unsafe { diar_web::entry::construct() };
    diar_web::trainer::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("diar-train is a part of the page: build it with `trunk build` and open it in a browser.");
    std::process::exit(2);
}
