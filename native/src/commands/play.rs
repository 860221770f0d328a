//! `diar play`: one episode, decision by decision, and its link.

use std::fmt;
use std::sync::Arc;

use crate::simulators;
use diar_core::agent::{
    Agent, AgentError, Decision, Episode, Outcome, Rollout, RolloutOptions, Scenario, Trace,
};
use diar_core::link::Link;
use diar_core::settings::PlanSettings;

use super::output;
use crate::cli::PlayArgs;
use crate::evaluation::{self, BundleFile};
use crate::failure::Failure;

/// Plays one episode to the goal and prints its trace.
pub(crate) fn play(args: &PlayArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let settings = &file.bundle.info().settings;
    let plan = evaluation::plan(settings, &args.plan, settings.plan.revalue && !args.no_revalue)?;
    let agent = file.agent(&args.device.device.open()?)?;
    evaluation::require_recording(&agent, plan)?;
    let scenario = Scenario::from(&args.scenario);
    let episode = Episode::random(args.seed, args.episode);
    let trace = pollster::block_on(trace(agent, plan, episode, &scenario, !args.exact))?;
    if args.json {
        return output::json(&trace);
    }
    let link = match Link::of(&trace, file.bundle.hash(), None, 0).encode() {
        Ok(link) => format!("#{link}"),
        Err(error) => format!("none: {error}"),
    };
    output::text(&format_args!("{}\nlink    {link}", Story(&trace)))
}

/// The trace of one episode up to the goal; `shareable` as in [`RolloutOptions`].
pub(super) async fn trace(
    agent: Arc<Agent>,
    plan: PlanSettings,
    episode: Episode,
    scenario: &Scenario,
    shareable: bool,
) -> Result<Trace, AgentError> {
    let task = agent.task();
    let envs = simulators::open(task)?;
    let options = RolloutOptions { record: true, stop_at_goal: true, shareable };
    let episodes = std::slice::from_ref(&episode);
    let mut rollout = Rollout::in_scenario(agent.clone(), envs, plan, episodes, options, scenario)?;
    let start = rollout.lanes().first().map(|lane| lane.state.clone()).unwrap_or_default();
    let mut trace = Trace::new(&task.id, episode.seed, episode.index, plan, scenario.clone(), start);
    while !rollout.finished() {
        for (_, event) in rollout.advance().await? {
            trace.apply(event);
        }
    }
    Ok(trace)
}

/// A trace as text, a line per decision.
pub(super) struct Story<'a>(pub &'a Trace);

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = self.0;
        writeln!(
            f,
            "{}  seed {}  episode {}  revaluation {}  start {}",
            trace.task,
            trace.seed,
            trace.episode,
            if trace.settings.revalue { "on" } else { "off" },
            place(&trace.start)
        )?;
        writeln!(
            f,
            "{:>4} {:>5} {:>16} {:>6} {:>8} {:>16} {:>8} {:>6}  outcome",
            "#", "step", "at", "choice", "Q", "predicted end", "V(end)", "steps"
        )?;
        for (number, decision) in trace.decisions.iter().enumerate() {
            writeln!(f, "{:>4} {}", number + 1, line(decision))?;
        }
        match trace.first_contact() {
            Some(step) => write!(f, "goal at step {step}")?,
            None => write!(f, "no goal in {} steps", trace.steps())?,
        }
        writeln!(f, ", {} decisions, {} revaluations", trace.decisions.len(), trace.revaluations())?;
        write!(f, "digest  {}", trace.digest())
    }
}

fn line(decision: &Decision) -> String {
    let chosen = decision.chosen.unwrap_or_default();
    let number = |value: Option<f32>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    let end = decision
        .ends
        .get(chosen)
        .map_or("-".to_owned(), |end| place(&end.iter().map(|&value| f64::from(value)).collect::<Vec<_>>()));
    let outcome = match decision.outcome {
        Some(Outcome::Completed) => "completed".to_owned(),
        Some(Outcome::Revalued { at }) => {
            format!("revalued before step {} (V(now) {})", at + 1, number(decision.v_now.last().copied()))
        }
        Some(Outcome::Goal) => "goal".to_owned(),
        Some(Outcome::TimeLimit) => "time limit".to_owned(),
        None => "unfinished".to_owned(),
    };
    format!(
        "{:>5} {:>16} {:>6} {:>8} {:>16} {:>8} {:>6}  {outcome}",
        decision.t,
        place(&decision.state),
        decision.chosen.map_or("-".to_owned(), |chosen| chosen.to_string()),
        number(decision.q.get(chosen).copied()),
        end,
        number(decision.v_end),
        decision.steps.len(),
    )
}

/// The position in a state.
fn place(state: &[f64]) -> String {
    match state {
        [x, y, ..] => format!("({x:.2}, {y:.2})"),
        _ => "-".to_owned(),
    }
}
