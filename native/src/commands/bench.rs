//! `diar bench`: how fast the hot paths are on this machine.

use super::output;
use crate::bench::{self, Options};
use crate::cli::BenchArgs;
use crate::failure::Failure;

/// Measures the hot paths and prints a table.
pub(crate) fn bench(args: &BenchArgs) -> Result<(), Failure> {
    let options = Options {
        filter: args.filter.clone(),
        seconds: args.seconds,
        threads: args.threads.map(|threads| threads as usize),
        rival: args.rival.clone(),
        scaling: args.scaling,
    };
    output::result(&bench::run(&options)?, args.json)
}
