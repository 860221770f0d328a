//! `diar eval`: scores over many episodes.

use std::fmt;

use super::output;
use crate::cli::EvalArgs;
use crate::evaluation::{self, AgentFile};
use crate::failure::Failure;
use crate::score::Report;

/// Evaluates a bundle's agent and prints its scores.
pub(crate) fn eval(args: &EvalArgs) -> Result<(), Failure> {
    let file = AgentFile::read(&args.bundle)?;
    let acting = file.acting(&args.plan, args.no_revalue)?;
    let agent = file.agent(acting.clone(), &args.device.device.open()?)?;
    let played = evaluation::play(&agent, args.episodes)?;
    let report = evaluation::report(agent.task(), &file.path, &acting, args.episodes.seed, &played);
    output::result(&report, args.json)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "task                     {}", self.task)?;
        writeln!(f, "method                   {}", self.method.title())?;
        if let Some(bundle) = &self.bundle {
            writeln!(f, "bundle                   {bundle}")?;
        }
        writeln!(f, "episodes                 {} (seed {})", self.episodes, self.seed)?;
        writeln!(f, "revaluation              {}", if self.revalue { "on" } else { "off" })?;
        for (name, score) in &self.scores {
            let name = format!("{} score", name.replace('_', "-"));
            writeln!(f, "{name:<24} {:.1} ± {:.1}", score.mean, score.ci95)?;
        }
        writeln!(f, "success rate             {:.1} %", 100.0 * self.success_rate)?;
        match self.mean_first_contact_step {
            Some(step) => writeln!(f, "mean first contact       step {step:.1}")?,
            None => writeln!(f, "mean first contact       never")?,
        }
        writeln!(f, "decisions per episode    {:.1}", self.decisions_per_episode)?;
        write!(f, "revaluations per episode {:.1}", self.revaluations_per_episode)?;
        match self.env_steps_per_second {
            Some(speed) => write!(f, "\nenvironment steps/s      {speed:.0}"),
            None => Ok(()),
        }
    }
}
