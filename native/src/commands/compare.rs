//! `diar compare`: what Adaptive Revaluation changes, on the same starts.

use std::fmt;

use diar_core::score::{Estimate, paired_difference};
use diar_core::task::Task;
use serde::Serialize;

use super::output;
use crate::cli::CompareArgs;
use crate::evaluation::{self, BundleFile, Played, Report};
use crate::failure::Failure;

/// Evaluates a bundle's agent with and without revaluation and prints both.
pub(crate) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let settings = &file.bundle.info().settings;
    let with = evaluation::plan(settings, &args.plan, true)?;
    let without = evaluation::plan(settings, &args.plan, false)?;
    let agent = file.agent(&args.device.device.open()?)?;
    let played = evaluation::play(&agent, with, args.episodes)?;
    let played_without = evaluation::play(&agent, without, args.episodes)?;
    let (task, seed) = (agent.task(), args.episodes.seed);
    let comparison = Comparison {
        on: Report::of(task, &file.path, with, seed, &played),
        off: Report::of(task, &file.path, without, seed, &played_without),
        difference: Difference::of(task, &played, &played_without),
    };
    output::result(&comparison, args.json)
}

/// The same episodes with and without revaluation.
#[derive(Serialize)]
struct Comparison {
    on: Report,
    off: Report,
    difference: Difference,
}

/// On minus off, episode by episode, in normalised points.
#[derive(Serialize)]
struct Difference {
    first_contact: Estimate,
    native: Estimate,
}

impl Difference {
    fn of(task: &Task, on: &Played, off: &Played) -> Self {
        let native: Vec<f64> = on
            .results
            .iter()
            .zip(&off.results)
            .map(|(on, off)| task.normalise(on.native) - task.normalise(off.native))
            .collect();
        Self {
            first_contact: paired_difference(task, &on.results, &off.results),
            native: Estimate::of(&native),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on, off, difference } = self;
        let estimate = |e: &Estimate| format!("{:.1} ± {:.1}", e.mean, e.ci95);
        let step = |r: &Report| r.mean_first_contact_step.map_or("never".to_owned(), |s| format!("{s:.1}"));
        let rows = [
            (
                "first-contact score",
                estimate(&on.first_contact),
                estimate(&off.first_contact),
                estimate(&difference.first_contact),
            ),
            ("native score", estimate(&on.native), estimate(&off.native), estimate(&difference.native)),
            (
                "success rate (%)",
                format!("{:.1}", 100.0 * on.success_rate),
                format!("{:.1}", 100.0 * off.success_rate),
                format!("{:.1}", 100.0 * (on.success_rate - off.success_rate)),
            ),
            ("mean first contact (step)", step(on), step(off), String::new()),
            (
                "decisions per episode",
                format!("{:.1}", on.decisions_per_episode),
                format!("{:.1}", off.decisions_per_episode),
                format!("{:.1}", on.decisions_per_episode - off.decisions_per_episode),
            ),
        ];
        writeln!(f, "{}, {} episodes, seed {}, the same starts", on.task, on.episodes, on.seed)?;
        write!(f, "{:<26} {:>15} {:>15} {:>15}", "revaluation", "on", "off", "difference")?;
        for (name, on, off, difference) in rows {
            write!(f, "\n{name:<26} {on:>15} {off:>15} {difference:>15}")?;
        }
        Ok(())
    }
}
