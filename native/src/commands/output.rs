//! Results on standard output.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use crate::failure::Failure;
use crate::run::atomic;
use crate::say::say;

/// Prints a result: as one JSON object for programs, as text for people.
pub(crate) fn result<T: Serialize + Display>(result: &T, json: bool) -> Result<(), Failure> {
    if json { self::json(result) } else { text(result) }
}

/// Prints the result of a command that has written a file: on standard error where the file went to standard output,
/// since nothing else belongs behind it.
pub(crate) fn beside<T: Serialize + Display>(
    out: Option<&Path>,
    result: &T,
    json: bool,
) -> Result<(), Failure> {
    if !out.is_some_and(atomic::is_standard_output) {
        return self::result(result, json);
    }
    if json {
        say(object(result)?);
    } else {
        say(result);
    }
    Ok(())
}

/// Prints one JSON object.
pub(crate) fn json(result: &impl Serialize) -> Result<(), Failure> {
    text(&object(result)?)
}

/// Prints text and a newline. A reader that has seen enough and closed the pipe is no failure.
pub(crate) fn text(text: &impl Display) -> Result<(), Failure> {
    answer(text).map(|_| ())
}

/// Prints one JSON object; false when nobody reads any more.
pub(crate) fn json_answer(result: &impl Serialize) -> Result<bool, Failure> {
    answer(&object(result)?)
}

fn object(result: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(result).map_err(|error| Failure::Output(error.into()))
}

fn answer(text: &impl Display) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Output(error)),
    }
}
