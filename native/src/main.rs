//! The program `diar`.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::Parser;
use diar::cli::Cli;
use diar::commands;
use diar::say::say;

/// Tensors come and go by the thousand a second; the system's allocator gives their pages back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's option `purge_delay`, which its bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // Memory is kept for the next step of training instead of being given back: its pages would have to be cleared
    // each time, which takes a tenth of a step.
    // SAFETY: it stores a number.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    let cli = Cli::parse();
    match commands::run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(format_args!("error: {failure}"));
            if let Some(hint) = failure.hint() {
                say(format_args!("hint: {hint}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
