//! Requests to stop: signals of a terminal, a batch system or a container.
//!
//! Before training begins there is nothing to save, and the first request ends the program. During training the first
//! one is left to the training loop, which writes a checkpoint; a second one ends the program at once. A signal that
//! was ignored when the program started, as `nohup` does with SIGHUP and a shell with SIGINT of background jobs, stays
//! ignored.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGUSR2};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code after an interrupt from the keyboard, as shells have it.
pub const INTERRUPTED: u8 = 130;
/// Exit code after any other request to stop: the same command resumes. It is `EX_TEMPFAIL` of `sysexits.h`.
pub const AGAIN: u8 = 75;

/// Signals that ask to stop, with the exit code that follows.
#[cfg(unix)]
const SIGNALS: [(i32, u8); 5] =
    [(SIGINT, INTERRUPTED), (SIGTERM, AGAIN), (SIGHUP, AGAIN), (SIGUSR1, AGAIN), (SIGUSR2, AGAIN)];
#[cfg(not(unix))]
const SIGNALS: [(i32, u8); 2] = [(SIGINT, INTERRUPTED), (SIGTERM, AGAIN)];

/// Requests to stop this program.
#[derive(Debug)]
pub struct Stop {
    /// True once one has come, and before training begins: the next request then ends the program.
    asked: Arc<AtomicBool>,
    exit_code: Arc<AtomicUsize>,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let the program handle a signal.
    pub fn listen() -> io::Result<Self> {
        let stop = Self {
            asked: Arc::new(AtomicBool::new(true)),
            exit_code: Arc::new(AtomicUsize::new(usize::from(AGAIN))),
        };
        for (signal, code) in SIGNALS.into_iter().filter(|&(signal, _)| !is_ignored(signal)) {
            // The order counts: the first request is not yet recorded when it is asked for.
            flag::register_conditional_shutdown(signal, i32::from(code), Arc::clone(&stop.asked))?;
            flag::register_usize(signal, Arc::clone(&stop.exit_code), usize::from(code))?;
            flag::register(signal, Arc::clone(&stop.asked))?;
        }
        Ok(stop)
    }

    /// Training begins: from now on the first request sets the flag that is returned.
    #[must_use]
    pub fn begin_training(&self) -> &AtomicBool {
        self.asked.store(false, Ordering::SeqCst);
        &self.asked
    }

    /// The exit code of a program that has followed the last request.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::try_from(self.exit_code.load(Ordering::SeqCst)).unwrap_or(AGAIN)
    }
}

#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: `sigaction` is plain data for which zeros are valid; without a new action the call only fills it in.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(not(unix))]
fn is_ignored(_signal: i32) -> bool {
    false
}
