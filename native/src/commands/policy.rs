//! `diar policy`: decisions for a simulator that is not ours, one line of JSON for each of its.

use std::io::{self, BufRead, Read};

use super::output;
use crate::cli::PolicyArgs;
use crate::evaluation::AgentFile;
use crate::failure::Failure;
use crate::policy::Server;

/// No request is near this long; without a limit, a stream without line ends would fill the memory.
const LONGEST_LINE: u64 = 1 << 20;

/// Answers every line of standard input with one line on standard output.
pub(crate) fn policy(args: &PolicyArgs) -> Result<(), Failure> {
    let file = AgentFile::read(&args.bundle)?;
    let acting = file.acting(&args.plan, args.no_revalue)?;
    let mut server = Server::new(file.agent(acting, &args.device.device.open()?)?)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(Failure::Input)?;
        if read == 0 {
            return Ok(());
        }
        let reply = if read as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(Failure::Input)?;
            Server::too_long(LONGEST_LINE)
        } else {
            server.reply(&line)
        };
        if !output::json_answer(&reply)? {
            // Nobody reads any more; deciding further would be for nothing.
            return Ok(());
        }
    }
}
