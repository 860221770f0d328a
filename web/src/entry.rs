//! What every wasm module begins with.

unsafe extern "C" {
    /// Runs the module's static constructors.
    fn __wasm_call_ctors();
}

/// Makes the module ready. Kernels of the GPU backend register themselves in static constructors; calling those by name
/// also keeps the linker from running them again at each call from JavaScript, which would take seconds.
///
/// # Safety
/// To be called once, before anything else.
pub unsafe fn construct() {
    // SAFETY: the linker's own function, under the condition that our caller keeps.
    unsafe { __wasm_call_ctors() };
}

/// Starts the page in a window, and the worker that decides on the CPU elsewhere.
#[cfg(feature = "page")]
pub fn start() {
    if web_sys::window().is_some() {
        crate::page::start();
    } else {
        crate::worker::start();
    }
}
