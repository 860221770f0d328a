//! `diar data generate` and `diar data inspect`.

use diar_core::env::antmaze::QPOS;
use diar_core::learn::row_bytes;

use super::output;
use crate::cli::{GenerateArgs, InspectArgs};
use crate::dataset::d4rl::{self, Infos};
use crate::dataset::{self, Derived, Description, Generated, Inspection, Origin};
use crate::failure::Failure;
use crate::registry;
use crate::say::say;

/// Copies of the data while it is encoded: as it is, as the file's columns, and compressed (201 bytes a row were measured).
const WRITTEN: f64 = 5.5;

/// Generates a task's data and writes it as HDF5.
pub(crate) fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let rows = args.rows.map_or(args.task.rows, |rows| rows as usize);
    dataset::require(args.task, rows, WRITTEN * row_bytes(&args.task.spec))?;
    let Generated { data, after } = dataset::generate(args.task, rows, args.seed)?;
    match &after {
        Some(states) => d4rl::write_with(&args.out, &data, Infos { states, positions: QPOS })?,
        None => d4rl::write(&args.out, &data)?,
    }
    say(format_args!("written to {}", args.out.display()));
    let description = Description::of(dataset::name_of(&args.out), Origin::d4rl(&data), &data);
    output::beside(Some(&args.out), &Inspection::of(&data, description), args.json)
}

/// Prints what is in a data set, which tasks it fits, and what looks wrong.
pub(crate) fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    let (data, description) = dataset::read(&args.data, args.rewards.reward_at)?;
    if let Some(out) = &args.spec_out {
        let Derived { spec, guesses } = Derived::of(&data, &description);
        registry::write_spec(&spec, out)?;
        for guess in guesses {
            say(format_args!("guessed: {guess}"));
        }
        say(format_args!("task {} written to {}", spec.id, out.display()));
    }
    output::result(&Inspection::of(&data, description), args.json)
}
