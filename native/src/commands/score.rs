//! `diar score`: the protocol of `docs/results.md`, written to a file that `diar table` reads.

use std::fmt;
use std::path::Path;

use diar_core::benchmark::Benchmark;
use diar_core::spec::ScoreKind;
use serde::Serialize;

use super::output;
use crate::cli::{PolicyName, ScoreArgs};
use crate::evaluation::{self, AgentFile};
use crate::failure::Failure;
use crate::run::atomic;
use crate::score::{Method, Report, Score, ScoreFile, Scored, Scoring, baselines};

/// Scores a bundle's agent, or a policy to hold it against.
pub(crate) fn score(args: &ScoreArgs) -> Result<(), Failure> {
    let file = match args.policy {
        None => agent(args, Path::new(&args.agent))?,
        Some(policy) => baseline(args, policy, Benchmark::find(&args.agent)?)?,
    };
    if let Some(out) = &args.out {
        let mut text = serde_json::to_vec(&file).map_err(|error| Failure::Output(error.into()))?;
        text.push(b'\n');
        atomic::write(out, &text).map_err(Failure::file("write", out))?;
    }
    output::beside(args.out.as_deref(), &Told { report: file.report(), file }, args.json)
}

fn agent(args: &ScoreArgs, path: &Path) -> Result<ScoreFile, Failure> {
    let file = AgentFile::read(path)?;
    let acting = file.acting(&args.plan, args.no_revalue)?;
    let agent = file.agent(acting.clone(), &args.device.device.open()?)?;
    let results = evaluation::play_stratified(&agent, args.episodes.into(), false)?;
    let scoring = Scoring {
        task: agent.task(),
        method: Method::of(&acting),
        command: command(args),
        seed: args.episodes.seed,
        device: args.device.device.to_string(),
        agent: Some(Scored::new(&file.path, &file.bundle, &acting)),
    };
    Ok(ScoreFile::of(scoring, &results))
}

fn baseline(args: &ScoreArgs, policy: PolicyName, task: &'static Benchmark) -> Result<ScoreFile, Failure> {
    let seed = args.episodes.seed;
    let episodes = 0..args.episodes.episodes;
    let (method, results) = match policy {
        PolicyName::Random => (Method::Random, baselines::random(&task.spec, seed, episodes)?),
        PolicyName::Controller => (Method::Controller, baselines::controller(task, seed, episodes)?),
    };
    let device = args.device.device.to_string();
    Ok(ScoreFile::of(
        Scoring { task: &task.spec, method, command: command(args), seed, device, agent: None },
        &results,
    ))
}

/// The command line without what says where to write.
fn command(args: &ScoreArgs) -> String {
    // A name of a file need not be Unicode.
    let mut words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let mut command = vec!["diar".to_owned()];
    while let Some(word) = words.next() {
        match word.as_str() {
            "--out" => drop(words.next()),
            "--json" => {}
            _ if args.out.is_some() && word.starts_with("--out=") => {}
            _ => command.push(word),
        }
    }
    command.join(" ")
}

/// A result as it is printed: in the form of `eval --json`, or as text with intervals and blocks.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    report: Report,
    #[serde(skip)]
    file: ScoreFile,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        writeln!(f, "task                     {}", file.task)?;
        writeln!(f, "method                   {}", file.method.title())?;
        if let Some(agent) = &file.agent {
            writeln!(f, "bundle                   {} ({})", agent.file.display(), &agent.sha256[..12])?;
        }
        writeln!(f, "episodes                 {} (seed {})", file.episodes, file.seed)?;
        for kind in [ScoreKind::FirstContact, ScoreKind::Return, ScoreKind::Success, ScoreKind::Subtasks] {
            let Some(Score { all, blocks }) = file.score(kind) else { continue };
            let name = format!("{} score", kind.name().replace('_', "-"));
            write!(f, "{name:<24} {:.1} [{:.1}, {:.1}]", all.mean, all.low, all.high)?;
            match blocks {
                Some(blocks) => writeln!(f, ", five times 100: {:.1} ± {:.1}", blocks.mean, blocks.sd)?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "success rate             {:.1} %", 100.0 * file.success_rate)?;
        match file.mean_first_contact_step {
            Some(step) => writeln!(f, "mean first contact       step {step:.1}")?,
            None => writeln!(f, "mean first contact       never")?,
        }
        writeln!(f, "decisions per episode    {:.1}", file.decisions_per_episode)?;
        write!(f, "revaluations per episode {:.1}", file.revaluations_per_episode)
    }
}
