//! `diar export`: a run's agent as one file, with its scores.

use std::fmt;
use std::path::PathBuf;

use diar_core::bundle::Scores;
use diar_core::method::{AgentBundle, MethodSettings, Tested};
use diar_core::score::Evaluation;
use diar_core::spec::ScoreKind;
use serde::Serialize;

use super::output;
use crate::cli::{EpisodeArgs, ExportArgs};
use crate::evaluation::{self, AgentFile};
use crate::failure::Failure;
use crate::run::atomic;

/// Writes a bundle in the precision asked for; evaluates it first where episodes are asked for.
pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let mut file = AgentFile::read(&args.bundle)?;
    let precision = args.precision.into();
    if args.episodes > 0 {
        // The scores are those of the weights that are written, not of the weights before rounding.
        let bytes = file.bundle.to_bytes(precision).map_err(Failure::Encode)?;
        file.bundle = AgentBundle::from_bytes(&bytes).map_err(Failure::Encode)?;
        file.bundle = scored(&file, args)?;
    }
    let bytes = file.bundle.to_bytes(precision).map_err(Failure::Encode)?;
    atomic::write(&args.out, &bytes).map_err(Failure::file("write", &args.out))?;
    let written = AgentBundle::from_bytes(&bytes).map_err(Failure::Encode)?;
    let exported = Exported {
        bundle: args.out.clone(),
        bytes: bytes.len(),
        sha256: written.hash().to_owned(),
        scores: match &written {
            AgentBundle::Latent(bundle) => bundle.info().scores.clone().map(Found::Planned),
            other => other.scores().cloned().map(Found::Acted),
        },
    };
    output::beside(Some(&args.out), &exported, args.json)
}

/// The bundle with the scores of its agent; of one that plans, with and without revaluation, on the same starts.
fn scored(file: &AgentFile, args: &ExportArgs) -> Result<AgentBundle, Failure> {
    let device = args.device.device.open()?;
    let episodes = EpisodeArgs { episodes: args.episodes, seed: args.seed, batch: args.batch };
    let evaluated = |acting: MethodSettings, revalue| -> Result<Evaluation, Failure> {
        let agent = file.agent(acting, &device)?;
        let results = evaluation::play_stratified(&agent, episodes, false)?;
        Ok(Evaluation::of(agent.task(), revalue, &results))
    };
    let AgentBundle::Latent(bundle) = &file.bundle else {
        let results = evaluated(file.bundle.settings(), false)?;
        return Ok(file.bundle.clone().tested(Tested { seed: args.seed, results }));
    };
    let planned = |revalue| {
        let mut settings = bundle.info().settings.clone();
        settings.plan.revalue = revalue;
        evaluated(MethodSettings::Latent(Box::new(settings)), revalue)
    };
    let scores = Scores { seed: args.seed, on: planned(true)?, off: planned(false)? };
    Ok(AgentBundle::Latent(Box::new(bundle.as_ref().clone().with_scores(scores))))
}

/// Scores in a bundle.
#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    /// Of an agent that plans.
    Planned(Scores),
    /// Of another.
    Acted(Tested),
}

#[derive(Serialize)]
struct Exported {
    bundle: PathBuf,
    bytes: usize,
    sha256: String,
    scores: Option<Found>,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes, sha256 {}", self.bundle.display(), self.bytes, self.sha256)?;
        let ways = match &self.scores {
            None => Vec::new(),
            Some(Found::Planned(scores)) => {
                vec![("revaluation on   ", &scores.on), ("revaluation off  ", &scores.off)]
            }
            Some(Found::Acted(scores)) => vec![("", &scores.results)],
        };
        for (way, evaluation) in ways {
            let all = [ScoreKind::FirstContact, ScoreKind::Return, ScoreKind::Success, ScoreKind::Subtasks];
            for (kind, score) in all.into_iter().filter_map(|kind| Some((kind, evaluation.score(kind)?))) {
                let name = kind.name().replace('_', "-");
                write!(f, "\n{way}{name} score {:.1} ± {:.1}", score.mean, score.ci95)?;
            }
        }
        Ok(())
    }
}
