//! How fast the hot paths are on this machine, against its limits and against a rival.

mod contest;
mod flops;
mod limits;
mod path;
mod prepare;
mod report;
mod rival;
mod scaling;
mod times;

pub use report::Report;
pub use rival::RivalError;

use std::sync::Arc;
use std::time::Duration;

use diar_core::agent::AgentError;
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::bundle::BundleError;
use diar_core::data::Transitions;
use diar_core::env::{EnvError, maze2d};
use diar_core::learn::LearnError;
use diar_core::maze::MazeId;
use thiserror::Error;

use self::contest::{Effort, contest};
use self::flops::cost;
use self::limits::Limits;
use self::path::{HotPath, hot_paths, request};
use self::prepare::{ROWS, prepare};
use self::report::{Row, Section};
use self::rival::Rival;
use crate::device::DeviceError;
use crate::run::progress::Progress;
use crate::threads;

/// The task whose sizes are measured. All of Maze2D has the same.
fn task() -> &'static Benchmark {
    &MAZE2D[0]
}
/// Seconds for each path, where the command line does not say.
const SECONDS: f64 = 2.0;
/// The same for each point of `--scaling`, which has many.
const SECONDS_PER_POINT: f64 = 0.5;

/// What is measured, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only paths whose name and size, as the table has them, contain this.
    pub filter: Option<String>,
    /// Seconds for each path.
    pub seconds: Option<f64>,
    /// Threads to compute with, all cores when `None`.
    pub threads: Option<usize>,
    /// Command of a rival.
    pub rival: Option<String>,
    /// How cost grows with sizes, instead of the paths at their usual sizes.
    pub scaling: bool,
}

/// A measurement that cannot be made.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A filter that leaves nothing.
    #[error("no path contains '{filter}': the names are {names}")]
    NoPath {
        /// What was asked for.
        filter: String,
        /// What there is.
        names: String,
    },
    /// The number of threads.
    #[error("cannot compute with {threads} threads: {reason}")]
    Threads {
        /// What was asked for.
        threads: usize,
        /// What stands against it.
        reason: String,
    },
    /// The rival.
    #[error(transparent)]
    Rival(#[from] RivalError),
    /// The CPU as a device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A training step that cannot be run.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// A decision that cannot be run.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// An environment that cannot be run.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// An answer of `diar policy` that cannot be written.
    #[error("an answer cannot be written: {0}")]
    Answer(serde_json::Error),
    /// An agent that cannot be packed or loaded.
    #[error("the trained agent cannot be written: {0}")]
    Bundle(BundleError),
}

/// Measures, and shows on standard error how far it is.
///
/// # Errors
/// When no path is left by the filter, the rival fails, or a path cannot be run.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    match options.threads {
        Some(threads) => threads::start(threads)
            .map_err(|error| BenchError::Threads { threads, reason: error.to_string() })?,
        None => threads::start_all(),
    }
    let mut sections = if options.scaling { scaling::sections(task()) } else { vec![usual()] };
    keep(&mut sections, options.filter.as_deref())?;
    let rival = options.rival.as_deref().map(Rival::start).transpose().map_err(BenchError::from)?;
    let seconds = options.seconds.unwrap_or(if options.scaling { SECONDS_PER_POINT } else { SECONDS });
    let mut bench = Bench {
        effort: Effort { budget: Duration::from_secs_f64(seconds), threads: rayon::current_num_threads() },
        data: Arc::new(maze2d::generate(MazeId::Umaze, ROWS, 0)),
        limits: None,
        rival,
        progress: Progress::new(),
    };
    let total = sections.iter().map(|section| section.paths.len()).sum();
    let mut done = 0;
    bench.progress.begin("bench", done, total);
    for section in &mut sections {
        for path in std::mem::take(&mut section.paths) {
            bench.progress.update(done, Some(&format!("{} {}", path.name(), path.size())));
            section.rows.extend(bench.measure(&path)?);
            done += 1;
        }
    }
    bench.progress.update(done, Some(""));
    bench.progress.end();
    Ok(Report { sections, limits: bench.limits, threads: bench.effort.threads })
}

/// The hot paths at their usual sizes.
fn usual() -> Section {
    Section { title: None, sweep: None, paths: hot_paths(task()), rows: Vec::new() }
}

/// Leaves out what the filter does not name.
fn keep(sections: &mut Vec<Section>, filter: Option<&str>) -> Result<(), BenchError> {
    let Some(filter) = filter else { return Ok(()) };
    let mut names: Vec<&str> =
        sections.iter().flat_map(|section| &section.paths).map(HotPath::name).collect();
    names.dedup();
    let names = names.join(", ");
    for section in sections.iter_mut() {
        section.paths.retain(|path| format!("{} {}", path.name(), path.size()).contains(filter));
    }
    sections.retain(|section| !section.paths.is_empty());
    if sections.is_empty() {
        return Err(BenchError::NoPath { filter: filter.to_owned(), names });
    }
    Ok(())
}

/// What all measurements share.
struct Bench {
    effort: Effort,
    data: Arc<Transitions>,
    /// Measured before the first path that needs them.
    limits: Option<Limits>,
    rival: Option<Rival>,
    progress: Progress,
}

impl Bench {
    /// The rows of one path: one per variant of the rival for a decision, else one.
    fn measure(&mut self, path: &HotPath) -> Result<Vec<Row>, BenchError> {
        let cost = cost(path, task());
        if cost.is_some() && self.limits.is_none() {
            self.limits = Some(Limits::measure());
        }
        let mut repetition = prepare(path, task(), &self.data)?;
        let opponent = self.rival.as_mut().zip(request(path, task()));
        let result = contest(&mut repetition, self.effort, opponent, |text| self.progress.say(text))?;
        let against = |rival| Row::new(path, &result.ours, cost.zip(self.limits), rival);
        if result.rivals.is_empty() {
            return Ok(vec![against(None)]);
        }
        if path.against_every_variant() {
            return Ok(result.rivals.iter().map(|rival| against(Some(rival))).collect());
        }
        let fastest = result.rivals.iter().min_by(|a, b| a.times.median().total_cmp(&b.times.median()));
        Ok(vec![against(fastest)])
    }
}
