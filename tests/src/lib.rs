//! What crosses crates.
//!
//! - [`suite`] checks, on a device it is given, that tensors, networks and decisions come out as independent
//!   numbers say. `tests/flex.rs` runs it on the CPU, `tests/wgpu.rs` on a GPU through the shaders of the page,
//!   `tests/browser.rs` on both in a browser.
//! - `browser/` holds journeys through the built page, `golden/` what other programs compute.

#![allow(clippy::missing_panics_doc, reason = "a failed check panics, as tests do")]

pub mod close;
pub mod envs;
pub mod golden;
mod kernels;
#[cfg(not(target_arch = "wasm32"))]
pub mod shipped;
pub mod suite;
