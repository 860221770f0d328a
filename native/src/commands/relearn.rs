//! `diar relearn`: an agent's critic, trained again for another goal.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use diar_core::bundle::{Bundle, Precision};
use diar_core::data::Experience;
use diar_core::learn::{CriticTraining, Stage};
use diar_core::settings::Settings;
use serde::Serialize;

use super::output;
use crate::cli::RelearnArgs;
use crate::evaluation::BundleFile;
use crate::failure::Failure;
use crate::run::atomic;
use crate::run::overrides;
use crate::run::progress::Progress;

/// Trains Q and V for the goal and writes the new bundle.
pub fn relearn(args: &RelearnArgs) -> Result<(), Failure> {
    let BundleFile { bundle, .. } = BundleFile::read(&args.bundle)?;
    let experience = Arc::new(read(&args.windows)?);
    let settings = &bundle.info().settings;
    let settings = Settings { critic: settings.critic.relearning(), ..settings.clone() };
    let critic = overrides::assign_critic(settings, &args.set)?;
    let device = args.device.device.open()?;
    let begun = Instant::now();
    let mut training = CriticTraining::new(bundle, experience, args.goal, critic, &device)?;
    let mut progress = Progress::new();
    progress.begin("relearn", 0, training.total());
    while training.stage() != Stage::Done {
        training.step(false)?;
        progress.update(training.position(), None);
    }
    progress.end();
    let seconds = begun.elapsed().as_secs_f64();
    let bytes = training.bundle()?.to_bytes(Precision::F32).map_err(Failure::Encode)?;
    atomic::write(&args.out, &bytes).map_err(Failure::file("write", &args.out))?;
    let sha256 = Bundle::from_bytes(&bytes).map_err(Failure::Encode)?.hash().to_owned();
    let relearned = Relearned { bundle: args.out.clone(), goal: args.goal, seconds, sha256 };
    output::beside(Some(&args.out), &relearned, args.json)
}

fn read(path: &Path) -> Result<Experience, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file("read", path))?;
    Experience::from_bytes(&bytes).map_err(|source| Failure::Windows { path: path.to_owned(), source })
}

#[derive(Serialize)]
struct Relearned {
    bundle: PathBuf,
    goal: [f64; 2],
    seconds: f64,
    sha256: String,
}

impl fmt::Display for Relearned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y] = self.goal;
        write!(
            f,
            "{}: goal ({x}, {y}), trained in {:.1} s, sha256 {}",
            self.bundle.display(),
            self.seconds,
            self.sha256
        )
    }
}
