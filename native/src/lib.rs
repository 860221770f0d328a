//! What the program `diar` is made of: files, data sets, training runs, evaluation. The algorithm is `diar-core`.

// Input must not be able to end the program; tests may.
#![warn(clippy::unwrap_used, clippy::missing_assert_message)]
// The types of a GPU back end nest deeper than the default limit.
#![recursion_limit = "256"]
// They panic when nobody reads: `commands::output` prints results, `say` everything else.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod acceptance;
pub mod antmaze;
pub mod bench;
pub mod cli;
pub mod commands;
pub mod dataset;
pub mod device;
pub mod evaluation;
pub mod failure;
pub mod figure;
pub mod guard;
pub mod label;
pub mod memory;
#[cfg(feature = "mujoco")]
pub mod mujoco;
mod parse;
pub mod policy;
pub mod registry;
pub mod run;
pub mod say;
pub mod score;
pub mod simulators;
pub mod threads;
