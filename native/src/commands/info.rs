//! `diar info`: what is in a bundle.

use std::fmt;

use diar_core::bundle::BundleInfo;
use serde::Serialize;

use super::output;
use crate::cli::InfoArgs;
use crate::evaluation::BundleFile;
use crate::failure::Failure;

/// Prints what a bundle says about itself.
pub(crate) fn info(args: &InfoArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let described = Described {
        sha256: file.bundle.hash(),
        parameters: file.bundle.parameters(),
        info: file.bundle.info(),
    };
    output::result(&described, args.json)
}

#[derive(Serialize)]
struct Described<'a> {
    sha256: &'a str,
    parameters: usize,
    #[serde(flatten)]
    info: &'a BundleInfo,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundleInfo { task, settings, provenance, scores, .. } = self.info;
        let plan = &settings.plan;
        let commit = match provenance.commit.as_str() {
            "" => String::new(),
            commit => format!(" ({commit})"),
        };
        writeln!(f, "task        {}", task.id)?;
        writeln!(f, "sha256      {}", self.sha256)?;
        writeln!(
            f,
            "trained     {:.0} s on {}, seed {}, diar {}{}, burn {}",
            provenance.training_seconds,
            provenance.device,
            provenance.seed,
            provenance.diar_version,
            commit,
            provenance.burn_version
        )?;
        writeln!(f, "data        {} rows, sha256 {}", provenance.data_rows, provenance.data_hash)?;
        writeln!(
            f,
            "networks    {} parameters: VAE {} wide, latent {}, denoiser {:?}, Q and V {} wide",
            self.parameters,
            settings.vae.hidden,
            settings.vae.latent,
            settings.diffusion.widths,
            settings.critic.state_hidden
        )?;
        write!(
            f,
            "decisions   {} candidates, {:?} in {} steps, followed for {} steps",
            plan.candidates, plan.sampler.kind, plan.sampler.steps, plan.exec_horizon
        )?;
        for (name, loss) in &provenance.losses {
            write!(f, "\nloss        {name} {loss:.5}")?;
        }
        let Some(scores) = scores else {
            return write!(f, "\nscores      none; `diar export --episodes` adds them");
        };
        for (name, evaluation) in [("on", &scores.on), ("off", &scores.off)] {
            let found = evaluation.scores(task).into_iter();
            let found = found.map(|(kind, score)| {
                format!("{} {:.1} ± {:.1}", kind.name().replace('_', " "), score.mean, score.ci95)
            });
            let found = found.collect::<Vec<_>>().join(", ");
            let (episodes, seed) = (evaluation.episodes, scores.seed);
            write!(f, "\nscores      revaluation {name}: {found} ({episodes} episodes, seed {seed})")?;
        }
        Ok(())
    }
}
