//! A run that trains every stage within a second, for tests of the program.
#![allow(dead_code, reason = "not every test takes all of it")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diar::run::overrides;
use diar_core::benchmark::Benchmark;
use diar_core::settings::{Preset, Settings};

pub(crate) const TASK: &str = "maze2d-umaze-v1";

/// Every stage in full, each as small as it can be.
pub(crate) const TINY: [&str; 20] = [
    "data.rows=700",
    "vae.hidden=8",
    "vae.gru_layers=1",
    "vae.latent=4",
    "vae.train.batch=8",
    "vae.train.steps=25",
    "diffusion.widths=[8, 4]",
    "diffusion.embedding=8",
    "diffusion.diffusion_steps=8",
    "diffusion.train.batch=16",
    "diffusion.train.steps=60",
    "critic.state_hidden=8",
    "critic.latent_hidden=8",
    "critic.windows=40",
    "critic.latents=2",
    "critic.sampler.steps=2",
    "critic.train.batch=8",
    "critic.train.steps=60",
    "plan.candidates=4",
    "plan.sampler.steps=2",
];

/// The same as settings.
pub(crate) fn settings() -> Settings {
    let preset = Settings::preset(Preset::Quick, &Benchmark::find(TASK).unwrap().basis());
    let assignments: Vec<_> = TINY.iter().map(|assignment| assignment.parse().unwrap()).collect();
    overrides::assign(preset, &assignments).unwrap()
}

pub(crate) fn diar(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diar"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn train(run: &Path) -> Command {
    let mut command = diar(&["train", TASK, "--seed", "3", "--run"]);
    command.arg(run);
    for assignment in TINY {
        command.args(["--set", assignment]);
    }
    command
}

pub(crate) fn success(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Steps done at the checkpoints of a stage, the fewest first.
pub(crate) fn positions(run: &Path, stage: &str) -> Vec<usize> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let mut positions: Vec<usize> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix(stage)?.strip_prefix('-')?.parse().ok())
        .collect();
    positions.sort_unstable();
    positions
}

/// Waits for a checkpoint of a stage after more than so many steps.
pub(crate) fn wait_beyond(run: &Path, stage: &str, position: usize, child: &mut Child) {
    let begun = Instant::now();
    while positions(run, stage).last().is_none_or(|&last| last <= position) {
        assert!(child.try_wait().unwrap().is_none(), "training ended before {stage} {position}");
        assert!(begun.elapsed() < Duration::from_mins(5), "training does not reach {stage} {position}");
        sleep(Duration::from_millis(2));
    }
}

/// Waits until training is in the midst of a stage.
pub(crate) fn wait_for(run: &Path, stage: &str, child: &mut Child) {
    wait_beyond(run, stage, 3, child);
}
