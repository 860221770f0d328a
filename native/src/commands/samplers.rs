//! `diar samplers`: how few steps the sampler may take.

use std::fmt;

use diar_core::score::Estimate;
use serde::Serialize;

use super::output;
use crate::acceptance::{self, Candidate, Chain, Outcome, Trial, name};
use crate::cli::{EpisodeArgs, PlanArgs, SamplersArgs};
use crate::evaluation::{self, BundleFile};
use crate::failure::Failure;

const LEGEND: &str = "\
MMD², W1   distance of the latents from the full chain's; in its own row, what a second draw of it gives
           (MMD²: what chance exceeds once in twenty)
width      deviation of the latents over the full chain's
max Q      best of a decision's candidates: mean, and deviation between decisions
action     root mean square difference of the actions decoded from the best latents
accepted   the difference's interval lies above minus the margin; open: more episodes would tell";

/// Holds few-step samplers against the full chain of a bundle's agent and prints what it finds.
pub(crate) fn samplers(args: &SamplersArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let settings = &file.bundle.info().settings;
    let plan = PlanArgs { candidates: args.candidates, ..PlanArgs::default() };
    let trial = Trial {
        plan: evaluation::plan(settings, &plan, true)?,
        states: args.states as usize,
        latents: args.latents as usize,
        seed: args.seed,
        episodes: (!args.no_episodes).then_some(EpisodeArgs {
            episodes: args.episodes,
            seed: args.seed,
            batch: args.batch,
        }),
        margin: args.margin,
    };
    let agent = file.agent(&args.device.device.open()?)?;
    let outcome = acceptance::run(&agent, &trial)?;
    let draws = acceptance::draws(&trial);
    let report = Report {
        task: agent.task().id.clone(),
        bundle: file.path.display().to_string(),
        seed: args.seed,
        states: trial.states,
        latents: draws.decisions * draws.candidates,
        candidates: draws.candidates,
        episodes: trial.episodes.map_or(0, |args| args.episodes),
        margin: args.margin,
        fewest_accepted: outcome.cheapest().map(|candidate| name(candidate.kind, candidate.steps)),
        outcome,
    };
    output::result(&report, args.json)
}

#[derive(Serialize)]
struct Report {
    task: String,
    bundle: String,
    seed: u64,
    states: usize,
    /// In each state.
    latents: usize,
    /// Per decision.
    candidates: usize,
    episodes: u64,
    margin: f64,
    #[serde(flatten)]
    outcome: Outcome,
    fewest_accepted: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, seed, states, latents, candidates, episodes, .. } = self;
        writeln!(
            f,
            "{task}, seed {seed}, {states} states, {latents} latents in each, {candidates} per decision"
        )?;
        if *episodes > 0 {
            writeln!(f, "{episodes} episodes to the first contact, the same starts, revaluation on")?;
        }
        writeln!(
            f,
            "{:<12} {:>8} {:>8} {:>6} {:>16} {:>8} {:>14} {:>14} {:>9} {:>12}",
            "sampler",
            "MMD²",
            "W1",
            "width",
            "max Q",
            "action",
            "first contact",
            "difference",
            "accepted",
            "decisions/s"
        )?;
        writeln!(f, "{}", self.chain(&self.outcome.reference))?;
        for candidate in &self.outcome.samplers {
            writeln!(f, "{}", row(candidate, self.margin))?;
        }
        writeln!(f, "{LEGEND}")?;
        match (&self.fewest_accepted, episodes) {
            (Some(name), _) => write!(f, "fewest steps accepted: {name} (margin {} points)", self.margin),
            (None, 0) => write!(f, "fewest steps accepted: not judged, no episodes were played"),
            (None, _) => write!(f, "fewest steps accepted: none (margin {} points)", self.margin),
        }
    }
}

impl Report {
    fn chain(&self, chain: &Chain) -> String {
        let floor = self.outcome.samplers.first().map(|candidate| &candidate.closeness);
        let number =
            |value: Option<f64>, places: usize| value.map_or(String::new(), |x| format!("{x:.places$}"));
        format!(
            "{:<12} {:>8} {:>8} {:>6} {:>16} {:>8} {:>14} {:>14} {:>9} {:>12.1}",
            format!("{}+{}", name(chain.kind, chain.steps), chain.extra_steps),
            number(floor.map(|floor| floor.mmd2_floor), 4),
            number(floor.map(|floor| floor.sliced_w1_floor), 4),
            "",
            format!("{:.4} sd {:.4}", chain.max_q.mean, chain.max_q.sd),
            number(floor.map(|floor| floor.action_rms_floor), 4),
            estimate(chain.first_contact.as_ref()),
            "",
            "",
            chain.decisions_per_second,
        )
    }
}

fn row(candidate: &Candidate, margin: f64) -> String {
    let closeness = &candidate.closeness;
    let widths = &closeness.deviation_ratio;
    format!(
        "{:<12} {:>8.4} {:>8.4} {:>6.2} {:>16} {:>8.4} {:>14} {:>14} {:>9} {:>12.1}",
        name(candidate.kind, candidate.steps),
        closeness.mmd2,
        closeness.sliced_w1,
        widths.iter().sum::<f64>() / widths.len().max(1) as f64,
        format!("{:.4} sd {:.4}", candidate.max_q.mean, candidate.max_q.sd),
        closeness.action_rms,
        estimate(candidate.first_contact.as_ref()),
        estimate(candidate.difference.as_ref()),
        verdict(candidate.accepted, candidate.difference, margin),
        candidate.decisions_per_second,
    )
}

/// Too few episodes leave it open whether a sampler is worse by the margin or not.
fn verdict(accepted: Option<bool>, difference: Option<Estimate>, margin: f64) -> &'static str {
    match (accepted, difference) {
        (Some(true), _) => "yes",
        (Some(false), Some(difference)) if difference.mean + difference.ci95 > -margin => "open",
        (Some(false), _) => "no",
        (None, _) => "",
    }
}

fn estimate(value: Option<&Estimate>) -> String {
    value.map_or(String::new(), |value| format!("{:.1} ± {:.1}", value.mean, value.ci95))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_interval_leaves_the_verdict_open() {
        let difference = |mean, ci95| Some(Estimate { mean, ci95 });
        assert_eq!(verdict(Some(true), difference(0.0, 1.0), 2.0), "yes");
        assert_eq!(verdict(Some(false), difference(0.0, 3.0), 2.0), "open");
        assert_eq!(verdict(Some(false), difference(-5.0, 3.0), 2.0), "no");
        assert_eq!(verdict(None, None, 2.0), "");
    }
}
