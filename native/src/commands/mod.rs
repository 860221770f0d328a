//! One file per subcommand, each a short story over the rest.

mod alarms;
mod bench;
mod compare;
mod data;
mod eval;
mod export;
mod info;
mod output;
mod play;
mod plot;
mod policy;
mod relearn;
mod replay;
mod samplers;
mod score;
mod simulate;
mod table;
mod train;
mod windows;

use crate::cli::{Command, DataCommand};
use crate::failure::Failure;
use crate::threads;

/// Does what the command line says.
///
/// # Errors
/// Why it could not be done.
pub fn run(command: &Command) -> Result<(), Failure> {
    // The benchmark chooses how many.
    if !matches!(command, Command::Bench(_)) {
        threads::start_all();
    }
    match command {
        Command::Data(DataCommand::Generate(args)) => data::generate(args),
        Command::Data(DataCommand::Inspect(args)) => data::inspect(args),
        Command::Train(args) => train::train(args),
        Command::Eval(args) => eval::eval(args),
        Command::Compare(args) => compare::compare(args),
        Command::Samplers(args) => samplers::samplers(args),
        Command::Score(args) => score::score(args),
        Command::Plot(command) => plot::plot(command),
        Command::Alarms(args) => alarms::alarms(args),
        Command::Table(args) => table::table(args),
        Command::Export(args) => export::export(args),
        Command::Info(args) => info::info(args),
        Command::Play(args) => play::play(args),
        Command::Replay(args) => replay::replay(args),
        Command::Policy(args) => policy::policy(args),
        Command::Windows(args) => windows::windows(args),
        Command::Relearn(args) => relearn::relearn(args),
        Command::Simulate(args) => simulate::simulate(args),
        Command::Bench(args) => bench::bench(args),
    }
}
