//! `diar policy`: decisions for a simulator that is not ours, one line of JSON for each of its.

mod request;
mod server;

use std::io::{self, BufRead, Read};

use self::request::{Refusal, parse};
use self::server::{Answer, Server};
use super::output;
use crate::cli::PolicyArgs;
use crate::evaluation::{self, BundleFile};
use crate::failure::Failure;

/// No request is near this long; without a limit, a stream without line ends would fill the memory.
const LONGEST_LINE: u64 = 1 << 20;

/// Answers every line of standard input with one line on standard output.
pub(crate) fn policy(args: &PolicyArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let settings = &file.bundle.info().settings;
    let plan = evaluation::plan(settings, &args.plan, settings.plan.revalue && !args.no_revalue)?;
    let agent = file.agent(&args.device.device.open()?)?;
    let mut server = Server::new(agent, plan)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(Failure::Input)?;
        if read == 0 {
            return Ok(());
        }
        let requests = if read as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(Failure::Input)?;
            Err(Refusal::Long { most: LONGEST_LINE })
        } else {
            parse(without_mark(&line))
        };
        let written = match requests {
            Ok((requests, true)) => output::json_answer(&server.answer(requests))?,
            Ok((requests, false)) => output::json_answer(&server.answer(requests).pop())?,
            Err(refusal) => output::json_answer(&Answer::refused(None, &refusal))?,
        };
        if !written {
            // Nobody reads any more; deciding further would be for nothing.
            return Ok(());
        }
    }
}

/// A line without the byte order mark that some programs begin files in UTF-8 with.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}
