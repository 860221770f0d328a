//! DIAR: diffusion-guided offline reinforcement learning with adaptive revaluation, on Burn.
//!
//! Data meets the modules in this order: recorded [`data`] of an [environment](mod@env) becomes windows; a [`vae`] turns windows into
//! latents; a [`diffusion`] model learns their distribution given a state; a [`critic`] learns what they are worth;
//! [`learn`] trains all three; a [`bundle`] holds the result; an [`agent`] acts with it and leaves a trace; a [`link`]
//! carries that trace. Imports go one way; `docs/architecture.md` has the order, and a test holds the sources to it.
//!
//! The crate is pure: no files, threads, sockets or clocks, and no random numbers but those of [`rng`]. It runs on any
//! Burn device that the program gives it, and compiles to wasm32.

// Input must not be able to end the program; tests may.
#![warn(clippy::unwrap_used, clippy::missing_assert_message)]
#![warn(missing_docs)]
#![recursion_limit = "256"]

pub mod agent;
#[cfg(feature = "train")]
pub mod baseline;
pub mod benchmark;
pub mod bundle;
pub mod critic;
pub mod data;
pub mod diffusion;
pub mod env;
pub mod kernel;
#[cfg(feature = "train")]
pub mod learn;
pub mod link;
pub mod maze;
pub mod method;
pub mod networks;
pub mod nn;
pub mod rng;
pub mod score;
pub mod settings;
pub mod spec;
pub mod vae;
