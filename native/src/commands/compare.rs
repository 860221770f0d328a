//! `diar compare`: two agents, or one with and without Adaptive Revaluation, on the same starts.

use std::collections::BTreeMap;
use std::fmt;

use diar_core::method::MethodSettings;
use diar_core::score::{Estimate, paired_difference};
use diar_core::spec::{ScoreKind, TaskSpec};
use serde::Serialize;

use super::output;
use crate::cli::CompareArgs;
use crate::evaluation::{self, AgentFile, Played};
use crate::failure::Failure;
use crate::score::Report;

/// Evaluates two agents, or one with and without revaluation, and prints both.
pub(crate) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let device = args.device.device.open()?;
    let file = AgentFile::read(&args.bundle)?;
    let evaluated = |file: &AgentFile, acting: MethodSettings| -> Result<(Report, Played), Failure> {
        let agent = file.agent(acting.clone(), &device)?;
        let played = evaluation::play(&agent, args.episodes)?;
        Ok((evaluation::report(agent.task(), &file.path, &acting, args.episodes.seed, &played), played))
    };
    let task = file.bundle.task();
    let comparison = if let Some(path) = &args.other {
        let other = AgentFile::read(path)?;
        if other.bundle.task() != task {
            let [expected, found] = [task, other.bundle.task()].map(|task| task.id.clone());
            return Err(Failure::OtherTaskThan { path: path.clone(), expected, found });
        }
        // Before either plays: what is wrong is said at once.
        let acting = [file.acting(&args.plan, false)?, other.acting(&args.plan, false)?];
        let [own, others] = acting;
        let ((first, played), (second, others_played)) = (evaluated(&file, own)?, evaluated(&other, others)?);
        let difference = differences(task, &played, &others_played);
        Comparison::Agents { first, second, difference }
    } else {
        let acting = |revalue| -> Result<MethodSettings, Failure> {
            let MethodSettings::Latent(mut settings) = file.bundle.settings() else {
                let method = file.bundle.method();
                return Err(Failure::OtherMethod { option: "a comparison of one agent", method });
            };
            settings.plan = evaluation::plan(&settings, &args.plan, revalue)?;
            Ok(MethodSettings::Latent(settings))
        };
        let (with, without) = (acting(true)?, acting(false)?);
        let ((on, played), (off, off_played)) = (evaluated(&file, with)?, evaluated(&file, without)?);
        let difference = differences(task, &played, &off_played);
        Comparison::Revaluation { on, off, difference }
    };
    output::result(&comparison, args.json)
}

/// The same episodes, played in two ways; differences are the first way's less the second's, in points.
#[derive(Serialize)]
#[serde(untagged)]
enum Comparison {
    /// With and without revaluation.
    Revaluation { on: Report, off: Report, difference: BTreeMap<&'static str, Estimate> },
    /// By two agents.
    Agents { first: Report, second: Report, difference: BTreeMap<&'static str, Estimate> },
}

/// Differences of each score of the task between the same episodes.
fn differences(task: &TaskSpec, on: &Played, off: &Played) -> BTreeMap<&'static str, Estimate> {
    let difference =
        |&kind: &ScoreKind| (kind.name(), paired_difference(task, kind, &on.results, &off.results));
    task.scoring.kinds.iter().map(difference).collect()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (titles, on, off, difference) = match self {
            Self::Revaluation { on, off, difference } => (["revaluation", "on", "off"], on, off, difference),
            Self::Agents { first, second, difference } => {
                (["", first.method.title(), second.method.title()], first, second, difference)
            }
        };
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
        let [title, first, second] = titles;
        write!(f, "{title:<26} {first:>15} {second:>15} {:>15}", "difference")?;
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
