//! `diar table`: the paper's tables beside ours, from result files.

use super::output;
use crate::cli::TableArgs;
use crate::failure::Failure;
use crate::score::ScoreFile;
use crate::score::table::Table;

/// Prints Tables 1 and 2, and everything measured.
pub(crate) fn table(args: &TableArgs) -> Result<(), Failure> {
    let table = Table::of(&ScoreFile::read_all(&args.results)?);
    output::result(&table, args.json)
}
