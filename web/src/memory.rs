//! The allocator of every wasm module: where the browser gives no more memory, it says so.
//!
//! Without it the module would end in a trap that tells nobody why.

use std::alloc::{GlobalAlloc, Layout, System};

#[global_allocator]
static ALLOCATOR: Telling = Telling;

/// The system's allocator, which never gives null.
struct Telling;

// SAFETY: it is the system's allocator, but for leaving through an exception where that one gives null.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as our caller keeps it.
        told(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as our caller keeps it.
        told(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as our caller keeps it.
        told(unsafe { System.realloc(pointer, layout, size) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as our caller keeps it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn told(pointer: *mut u8) -> *mut u8 {
    if pointer.is_null() {
        // Takes no memory on this side.
        wasm_bindgen::throw_str(
            "the browser gives the page no more memory: close other tabs, or take smaller weights",
        );
    }
    pointer
}
