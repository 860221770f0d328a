//! `diar compare`: what Adaptive Revaluation changes, on the same starts.

use std::collections::BTreeMap;
use std::fmt;

use diar_core::score::{Estimate, paired_difference};
use diar_core::spec::{ScoreKind, TaskSpec};
use serde::Serialize;

use super::output;
use crate::cli::CompareArgs;
use crate::evaluation::{self, BundleFile, Played};
use crate::failure::Failure;
use crate::score::Report;

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
        on: evaluation::report(task, &file, with, seed, &played),
        off: evaluation::report(task, &file, without, seed, &played_without),
        difference: differences(task, &played, &played_without),
    };
    output::result(&comparison, args.json)
}

/// The same episodes with and without revaluation.
#[derive(Serialize)]
struct Comparison {
    on: Report,
    off: Report,
    /// On minus off, episode by episode, in points.
    difference: BTreeMap<&'static str, Estimate>,
}

/// Differences of each score of the task between the same episodes.
fn differences(task: &TaskSpec, on: &Played, off: &Played) -> BTreeMap<&'static str, Estimate> {
    let difference =
        |&kind: &ScoreKind| (kind.name(), paired_difference(task, kind, &on.results, &off.results));
    task.scoring.kinds.iter().map(difference).collect()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on, off, difference } = self;
        let estimate = |e: &Estimate| format!("{:.1} ± {:.1}", e.mean, e.ci95);
        let step = |r: &Report| r.mean_first_contact_step.map_or("never".to_owned(), |s| format!("{s:.1}"));
        let scores = on.scores.iter().filter_map(|(name, score)| {
            let [off, difference] = [off.scores.get(name)?, difference.get(name)?];
            Some((format!("{} score", name.replace('_', "-")), score, off, difference))
        });
        let rows = [
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
        for (name, on, off, difference) in scores {
            let [on, off, difference] = [on, off, difference].map(estimate);
            write!(f, "\n{name:<26} {on:>15} {off:>15} {difference:>15}")?;
        }
        for (name, on, off, difference) in rows {
            write!(f, "\n{name:<26} {on:>15} {off:>15} {difference:>15}")?;
        }
        Ok(())
    }
}
