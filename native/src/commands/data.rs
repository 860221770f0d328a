//! `diar data generate` and `diar data inspect`.

use diar_core::maze;

use super::output;
use crate::cli::{GenerateArgs, InspectArgs};
use crate::dataset::d4rl;
use crate::dataset::summary::Summary;
use crate::failure::Failure;

/// Generates a task's data and writes it as HDF5.
pub fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let rows = args.rows.map_or(args.task.rows, |rows| rows as usize);
    eprintln!("generating {rows} rows of {} with seed {}", args.task.id, args.seed);
    let data = maze::generate(args.task, rows, args.seed);
    d4rl::write(&args.out, &data)?;
    eprintln!("written to {}", args.out.display());
    output::result(&Summary::of(&data), args.json)
}

/// Prints statistics of an HDF5 file.
pub fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    output::result(&Summary::of(&d4rl::read(&args.file)?), args.json)
}
