//! Panics of code that is not ours, turned into errors.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

/// The panic hook is one per process: only one guarded call at a time may exchange it.
static HOOK: Mutex<()> = Mutex::new(());

/// Runs `work`; a panic inside becomes an error with the panic's message, and nothing is printed.
///
/// What `work` has changed must not be used after an error.
///
/// # Errors
/// The message of the panic.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let _one_at_a_time = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.map_err(|payload| {
        payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "no reason given".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_messages() {
        assert_eq!(guarded(|| 3), Ok(3));
        let index = 7;
        assert_eq!(guarded(|| -> () { panic!("index {index}") }), Err("index 7".to_owned()));
        assert_eq!(guarded(|| -> () { panic!("plain") }), Err("plain".to_owned()));
    }
}
