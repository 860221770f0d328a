//! `diar play`: one episode, decision by decision, and its link.

use std::fmt;

use crate::simulators;
use diar_core::agent::{
    ActingSettings, AgentError, Decision, Episode, Outcome, RolloutOptions, RunSpec, Scenario, Trace,
};
use diar_core::env::Exactness;
use diar_core::link::Link;
use diar_core::method::Agent;

use super::output;
use crate::cli::PlayArgs;
use crate::evaluation::{self, AgentFile};
use crate::failure::Failure;

/// Plays one episode to the goal and prints its trace.
pub(crate) fn play(args: &PlayArgs) -> Result<(), Failure> {
    let file = AgentFile::read(&args.bundle)?;
    let acting = file.acting(&args.plan, args.no_revalue)?;
    let run = RunSpec::new(args.seed, args.episode, acting.acting());
    let run = RunSpec { scenario: Scenario::from(&args.scenario), ..run };
    let agent = file.agent(acting, &args.device.device.open()?)?;
    evaluation::require_recording(&agent)?;
    let (trace, exactness) = pollster::block_on(trace(&agent, run, !args.exact))?;
    if args.json {
        return output::json(&trace);
    }
    let mut link = Link::of(&trace, file.bundle.hash(), 0);
    if exactness != Exactness::Everywhere {
        link = link.with_states(&trace);
    }
    let link = match link.encode() {
        Ok(link) => format!("#{link}"),
        Err(error) => format!("none: {error}"),
    };
    output::text(&format_args!("{}\nlink    {link}", Story(&trace)))
}

/// The trace of a run up to the goal, and how exactly its actions replay; `shareable` as in [`RolloutOptions`].
pub(super) async fn trace(
    agent: &Agent,
    run: RunSpec,
    shareable: bool,
) -> Result<(Trace, Exactness), AgentError> {
    let options = RolloutOptions { record: true, stop_at_goal: true, shareable };
    let episode = run.episode();
    trace_of(agent, run, episode, options).await
}

/// The same of an episode in the stratum whose turn it is, with nothing changed and nothing rounded; up to the goal, or to
/// its end.
pub(super) async fn trace_in_turn(
    agent: &Agent,
    acting: ActingSettings,
    (seed, index): (u64, u64),
    stop_at_goal: bool,
) -> Result<Trace, AgentError> {
    let options = RolloutOptions { record: true, stop_at_goal, shareable: false };
    let episode = Episode::stratified(seed, index);
    trace_of(agent, RunSpec::new(seed, index, acting), episode, options).await.map(|(trace, _)| trace)
}

async fn trace_of(
    agent: &Agent,
    run: RunSpec,
    episode: Episode,
    options: RolloutOptions,
) -> Result<(Trace, Exactness), AgentError> {
    let task = agent.task();
    let envs = simulators::open(task)?;
    let exactness = envs.exactness();
    let mut rollout = agent.rollout_in(envs, &[episode], options, &run.scenario)?;
    let start = rollout.lanes().first().map(|lane| lane.state.clone()).unwrap_or_default();
    let mut trace = Trace::new(&task.id, run, start);
    while !rollout.finished() {
        for (_, event) in rollout.advance().await? {
            trace.apply(event);
        }
    }
    Ok((trace, exactness))
}

/// A trace as text, a line per decision.
pub(super) struct Story<'a>(pub &'a Trace);

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = self.0;
        writeln!(
            f,
            "{}  seed {}  episode {}  {}  start {}",
            trace.task,
            trace.run.seed,
            trace.run.episode,
            match &trace.run.settings {
                ActingSettings::Plan(plan) if plan.revalue => "revaluation on".to_owned(),
                ActingSettings::Plan(_) => "revaluation off".to_owned(),
                ActingSettings::Own(own) => format!("method {}", own.method.name()),
            },
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
        write!(f, ", {} decisions", trace.decisions.len())?;
        if trace.run.settings.plan().is_some() {
            write!(f, ", {} revaluations", trace.revaluations())?;
        }
        writeln!(f)?;
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
