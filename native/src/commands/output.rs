//! Results on standard output.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Prints a result: as one JSON object for programs, as text for people.
pub fn result<T: Serialize + Display>(result: &T, json: bool) -> Result<(), Failure> {
    if json { self::json(result) } else { text(result) }
}

/// Prints one JSON object.
pub fn json(result: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(result).map_err(|error| Failure::Output(error.into()))?;
    self::text(&text)
}

/// Prints text and a newline. A reader that has seen enough and closed the pipe is no failure.
pub fn text(text: &impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}
