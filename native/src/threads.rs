//! The threads that Burn and the kernels share.
//!
//! The thread that starts them is one of them: work that is too small to be shared out stays where it is, and no thread
//! spins beside one that works.

use std::error::Error;

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};

use crate::say::say;

/// Starts so many threads.
///
/// # Errors
/// When they cannot be had, or threads are there already.
pub fn start(count: usize) -> Result<(), ThreadPoolBuildError> {
    ThreadPoolBuilder::new().num_threads(count).use_current_thread().build_global()
}

/// Starts a thread for each core, unless threads are there already. Where the system refuses them, this one computes alone.
pub fn start_all() {
    // Zero stands for as many as there are cores. An error without a cause says that threads are there already.
    if let Err(error) = start(0)
        && error.source().is_some()
    {
        say(format_args!("warning: computing with one thread, as the system gives no more: {error}"));
        // The thread that is there is all that this takes.
        let _alone = start(1);
    }
}
