//! The page: DIAR deciding in a browser.
//!
//! What needs no browser compiles natively and is tested there: [`state`] (every action and every message), the moments
//! of an episode ([`timeline`]), which bundles fit together ([`accept`]), words and figures ([`describe`]), geometry and
//! colours. What does need one is compiled
//! for wasm32 only: the components (`view`), the painters (`draw`), the page around them and the worker.
//!
//! Three wasm modules are made of it: the page's (feature `page`), which also decides on the CPU, that of the worker that
//! decides on WebGPU (feature `webgpu`), and that of the worker that trains (feature `train`). The first is built twice,
//! without and with relaxed SIMD (feature `relaxed-simd`); `program.js` chooses.

// Input must not be able to end the program; tests may.
#![warn(clippy::unwrap_used, clippy::missing_assert_message)]

pub mod accept;
pub mod describe;
pub mod export;
pub mod geometry;
pub mod keys;
pub mod messages;
pub mod method;
pub mod pace;
pub mod plot;
pub mod projection;
pub mod quota;
pub mod raster;
pub mod recording;
pub mod scale;
pub mod share;
pub mod state;
pub mod story;
pub mod timeline;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub mod adapter;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod draw;
#[cfg(target_arch = "wasm32")]
pub mod entry;
#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
mod host;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod page;
#[cfg(target_arch = "wasm32")]
mod patience;
#[cfg(all(target_arch = "wasm32", feature = "train"))]
pub mod trainer;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod view;
#[cfg(target_arch = "wasm32")]
pub mod worker;

#[cfg(test)]
mod sample;
