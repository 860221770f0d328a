//! HDF5 files, read with nothing passed over: links, numbers of every class, rows that were never written.

mod chunks;
mod column;
mod filters;
mod groups;
mod numbers;
mod open;
mod written;

use std::path::Path;

use hdf5_reader::error::Error;

use super::{DataError, Storage};

pub(super) use column::Numbers;
pub(super) use groups::Node;
pub(super) use open::Files;

/// The error of a file that cannot be understood.
pub(super) fn damaged(path: &Path, reason: &dyn ToString) -> DataError {
    DataError::Damaged { path: path.to_owned(), format: Storage::Hdf5, reason: reason.to_string() }
}

/// The error below all that was said about where it happened.
fn cause(error: &Error) -> &Error {
    match error {
        Error::Context { source, .. } => cause(source),
        error => error,
    }
}

/// Reason why a data set cannot be read: named where it is no damage, with a way to write it anew.
fn trouble(error: &Error) -> String {
    match cause(error) {
        // The class that HDF5 gives to the layout of virtual data sets.
        Error::UnsupportedLayoutClass(3) => format!(
            "is a virtual data set, whose rows lie elsewhere: {}",
            rewrite("h5repack -l CONTI IN OUT")
        ),
        _ => format!("cannot be read: {error}"),
    }
}

/// Ways to write a file again that is whole, but stored in a way that is not read.
fn rewrite(command: &str) -> String {
    format!("write it anew with `{command}`, or with h5py (`new[name] = old[name][()]` for each column)")
}
