//! `diar relearn`: an agent's critic, trained again for another goal.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use diar_core::agent::AgentError;
use diar_core::bundle::{Bundle, Precision};
use diar_core::data::Experience;
use diar_core::learn::{CriticTraining, Memory, Stage};
use diar_core::maze::World;
use diar_core::settings::Settings;
use serde::Serialize;

use super::output;
use crate::cli::RelearnArgs;
use crate::device::DeviceName;
use crate::evaluation::BundleFile;
use crate::failure::Failure;
use crate::memory;
use crate::run::atomic;
use crate::run::overrides;
use crate::run::progress::Progress;
use crate::simulators;

/// Trains Q and V for the goal and writes the new bundle.
pub(crate) fn relearn(args: &RelearnArgs) -> Result<(), Failure> {
    let BundleFile { bundle, .. } = BundleFile::read(&args.bundle)?;
    let experience = Arc::new(read(&args.windows)?);
    let settings = &bundle.info().settings;
    let settings = Settings { critic: settings.critic.relearning(), ..settings.clone() };
    let critic = overrides::assign_critic(settings.clone(), &args.set)?;
    let task = &bundle.info().task;
    // A goal in a wall is never reached: nothing could be learned for it.
    let world = World { toggled: Vec::new(), goal: Some(args.goal) };
    simulators::open(task).and_then(|mut envs| envs.reset(&[], &world)).map_err(AgentError::from)?;
    let learned = Settings { critic: critic.clone(), ..settings };
    learned.check()?;
    let on_cpu = args.device.device == DeviceName::Cpu;
    let memory = Memory::of_critic(&learned, task, experience.len(), on_cpu);
    let work = format!("training the critic from {} windows", experience.len());
    memory::require(work, memory.total(), "lower critic.windows, critic.latents or critic.train.batch")?;
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
    memory::require_file(path, 4.0)?;
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
