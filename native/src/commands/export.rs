//! `diar export`: a run's agent as one file, with its scores.

use std::fmt;
use std::path::PathBuf;

use diar_core::bundle::{Bundle, Scores};
use diar_core::score::Evaluation;
use diar_core::settings::PlanSettings;
use diar_core::spec::ScoreKind;
use serde::Serialize;

use super::output;
use crate::cli::{EpisodeArgs, ExportArgs};
use crate::evaluation::{self, BundleFile};
use crate::failure::Failure;
use crate::run::atomic;

/// Writes a bundle in the precision asked for; evaluates it first where episodes are asked for.
pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let mut file = BundleFile::read(&args.bundle)?;
    let precision = args.precision.into();
    if args.episodes > 0 {
        // The scores are those of the weights that are written, not of the weights before rounding.
        let bytes = file.bundle.to_bytes(precision).map_err(Failure::Encode)?;
        file.bundle = Bundle::from_bytes(&bytes).map_err(Failure::Encode)?;
        let scores = scores(&file, args)?;
        file.bundle = file.bundle.with_scores(scores);
    }
    let bytes = file.bundle.to_bytes(precision).map_err(Failure::Encode)?;
    atomic::write(&args.out, &bytes).map_err(Failure::file("write", &args.out))?;
    let written = Bundle::from_bytes(&bytes).map_err(Failure::Encode)?;
    let exported = Exported {
        bundle: args.out.clone(),
        bytes: bytes.len(),
        sha256: written.hash().to_owned(),
        scores: written.info().scores.clone(),
    };
    output::beside(Some(&args.out), &exported, args.json)
}

/// Scores with and without revaluation, on the same starts.
fn scores(file: &BundleFile, args: &ExportArgs) -> Result<Scores, Failure> {
    let settings = &file.bundle.info().settings;
    let agent = file.agent(&args.device.device.open()?)?;
    let episodes = EpisodeArgs { episodes: args.episodes, seed: args.seed, batch: args.batch };
    let evaluated = |revalue| -> Result<Evaluation, Failure> {
        let plan = PlanSettings { revalue, ..settings.plan };
        let results = evaluation::play_stratified(&agent, plan, episodes, false)?;
        Ok(Evaluation::of(agent.task(), revalue, &results))
    };
    Ok(Scores { seed: args.seed, on: evaluated(true)?, off: evaluated(false)? })
}

#[derive(Serialize)]
struct Exported {
    bundle: PathBuf,
    bytes: usize,
    sha256: String,
    scores: Option<Scores>,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes, sha256 {}", self.bundle.display(), self.bytes, self.sha256)?;
        if let Some(scores) = &self.scores {
            for (name, evaluation) in [("on", &scores.on), ("off", &scores.off)] {
                let all =
                    [ScoreKind::FirstContact, ScoreKind::Return, ScoreKind::Success, ScoreKind::Subtasks];
                let found = all.into_iter().filter_map(|kind| Some((kind, evaluation.score(kind)?)));
                for (kind, score) in found {
                    let name = format!("{name:<3}  {} score", kind.name().replace('_', "-"));
                    write!(f, "\nrevaluation {name} {:.1} ± {:.1}", score.mean, score.ci95)?;
                }
            }
        }
        Ok(())
    }
}
