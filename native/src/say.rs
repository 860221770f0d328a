//! Words for the user, on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to standard error.
///
/// A reader that has gone away, or a full disk under the file, never ends the work that the line is about.
pub fn say(line: impl Display) {
    // There is no other place to report that this one failed.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
