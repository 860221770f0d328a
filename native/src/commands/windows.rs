//! `diar windows`: what the critic needs to be trained again, in a small file.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use diar_core::benchmark::Benchmark;
use diar_core::learn;
use serde::Serialize;

use super::output;
use crate::cli::WindowsArgs;
use crate::dataset;
use crate::evaluation::BundleFile;
use crate::failure::Failure;
use crate::run::atomic;
use crate::say::say;

/// Encodes windows of the data that an agent was trained on, and writes them.
pub(crate) fn windows(args: &WindowsArgs) -> Result<(), Failure> {
    let BundleFile { bundle, .. } = BundleFile::read(&args.bundle)?;
    let info = bundle.info();
    let task = &info.task;
    let device = args.device.device.open()?;
    let data = if let Some(path) = &args.data {
        say(format_args!("reading {}", path.display()));
        let (data, _) = dataset::read(path, args.rewards.reward_at)?;
        dataset::check_task(&data, task, path)?;
        data
    } else {
        dataset::generate(Benchmark::find(&task.id)?, info.settings.data.rows, info.settings.seed)?.data
    };
    let (found, expected) = (dataset::hash(&data), &info.provenance.data_hash);
    if found != *expected {
        return Err(Failure::OtherData { found, expected: expected.clone() });
    }
    let experience = learn::record(&bundle, Arc::new(data), args.count as usize, &device)?;
    let bytes = experience.to_bytes();
    atomic::write(&args.out, &bytes).map_err(Failure::file("write", &args.out))?;
    let written = Written { out: args.out.clone(), windows: experience.len(), bytes: bytes.len() };
    output::beside(Some(&args.out), &written, args.json)
}

#[derive(Serialize)]
struct Written {
    out: PathBuf,
    windows: usize,
    bytes: usize,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} windows, {} bytes", self.out.display(), self.windows, self.bytes)
    }
}
