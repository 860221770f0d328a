//! Fused fast paths, each with its plain twin as oracle.
//!
//! A layer on the CPU is one call where the plain path takes a dozen tensor operations: its product, norm, activation
//! and skip pass over numbers that are still in cache, in vectors as wide as the machine has. On a GPU (`gpu`, with the
//! feature of that name) whole networks are one launch, for deciding alone. Where a fused path serves the device, it is
//! taken; [`reference`](fn@reference) gives the plain path there, too.

// A vector instruction is only emitted where the function around it is compiled for that instruction set: all of it
// has to end up inside the one function that `pulp` compiles so.
#![allow(
    clippy::inline_always,
    reason = "vector code must be inlined into the function compiled for its target"
)]
#![cfg_attr(not(feature = "train"), allow(dead_code, reason = "gradients are taken in training only"))]

mod attention;
pub(crate) mod convolution;
pub(crate) mod denoise;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
mod group_norm;
pub(crate) mod gru;
pub(crate) mod layer;
mod matmul;
mod mish;
mod norm;
pub(crate) mod packed;
mod panels;
pub(crate) mod parallel;
pub(crate) mod rank;
mod rows;
mod simd;
pub(crate) mod temporal;
pub(crate) mod tensors;

#[cfg(feature = "train")]
pub(crate) mod adam;

use core::cell::Cell;

#[cfg(feature = "gpu")]
pub use gpu::launches;

std::thread_local! {
    static REFERENCE_ONLY: Cell<bool> = const { Cell::new(false) };
}

/// Runs something on the plain path even where a fused one exists: for tests and comparisons.
///
/// It holds for this thread, and only for tensor operations begun inside.
pub fn reference<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            REFERENCE_ONLY.set(self.0);
        }
    }
    let _restore = Restore(REFERENCE_ONLY.replace(true));
    work()
}

/// Has the CPU kernels use fused multiply-add, in a WebAssembly module that could be loaded at all with such instructions
/// in it. Products take half the time, decisions four fifths.
#[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
pub fn use_relaxed_simd() {
    pulp::wasm::enable_relaxed_simd();
}

fn reference_only() -> bool {
    REFERENCE_ONLY.get()
}
