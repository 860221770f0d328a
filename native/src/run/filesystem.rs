//! System calls that some file systems lack, as those of clusters and containers do.
//!
//! Lustre may have no `flock`, CIFS and FUSE no `fsync` of a directory, an object store no `rename`, and a file that is
//! a mount point cannot be replaced. Work goes on without the call, after one warning that says what is lost.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Once;

use crate::say::say;

/// Result of locking a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// This program alone holds it.
    Held,
    /// Another program holds it.
    Busy,
    /// The file system has no locks.
    Missing,
}

/// Locks an open file for this program alone; the system releases it however the program ends.
///
/// # Errors
/// When the system refuses for another reason than that it has no locks.
pub fn lock(file: &File, path: &Path) -> io::Result<Lock> {
    static WARNED: Once = Once::new();
    match file.try_lock() {
        Ok(()) => Ok(Lock::Held),
        Err(TryLockError::WouldBlock) => Ok(Lock::Busy),
        Err(TryLockError::Error(error)) if is_missing(&error) || has_no_lock_manager(&error) => {
            let lost = "make sure that no other program trains in this run";
            warn(&WARNED, path, "locks", &error, lost);
            Ok(Lock::Missing)
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits until a file is on the disk.
///
/// # Errors
/// When the disk fails.
pub fn sync(file: &File, path: &Path) -> io::Result<()> {
    static WARNED: Once = Once::new();
    tolerate(file.sync_all(), &WARNED, path, "`fsync`", "a power failure may lose the last files")
}

/// Waits until the names in a directory are on the disk.
///
/// # Errors
/// When the disk fails.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    static WARNED: Once = Once::new();
    let lost = "a power failure may lose the last files";
    match File::open(folder) {
        Ok(opened) => tolerate(opened.sync_all(), &WARNED, folder, "`fsync` of directories", lost),
        // A directory that one may write into but not list.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => tolerate(Err(error), &WARNED, folder, "`fsync` of directories", lost),
    }
}

/// Renames are on the disk by themselves where directories are no files.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a file or directory its final name; false where that cannot be done in one step.
///
/// # Errors
/// When the name cannot be given at all.
pub fn rename(from: &Path, to: &Path) -> io::Result<bool> {
    static WARNED: Once = Once::new();
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::ResourceBusy | ErrorKind::CrossesDevices
            ) =>
        {
            warn(&WARNED, to, "`rename` here", &error, "a stop while it is written may leave half of it");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn tolerate(result: io::Result<()>, warned: &Once, path: &Path, call: &str, lost: &str) -> io::Result<()> {
    match result {
        Err(error) if is_missing(&error) => {
            warn(warned, path, call, &error, lost);
            Ok(())
        }
        result => result,
    }
}

/// An error that says that the call is not there, rather than that it failed.
fn is_missing(error: &io::Error) -> bool {
    // ENOSYS, EOPNOTSUPP; EINVAL is what Linux answers for a file that cannot be synchronised.
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

#[cfg(unix)]
fn has_no_lock_manager(error: &io::Error) -> bool {
    // NFS without its lock daemon.
    error.raw_os_error() == Some(libc::ENOLCK)
}

#[cfg(not(unix))]
fn has_no_lock_manager(_error: &io::Error) -> bool {
    false
}

fn warn(warned: &Once, path: &Path, call: &str, error: &io::Error, lost: &str) {
    warned.call_once(|| {
        say(format_args!("warning: the file system of {} lacks {call} ({error}): {lost}", path.display()));
    });
}
