//! The state in words and figures: what badges, tables and screen readers say.

use diar_core::agent::{ActingSettings, Candidates, Outcome, Phase, Trace};
use diar_core::benchmark::Benchmark;
use diar_core::maze::{Layout, MazeId};
use diar_core::settings::Sampler;

use crate::messages::{RetrainingSettings, Weights, outcome_word};
use crate::method::method_name;
use crate::scale;
use crate::state::{ComparedRun, RetrainingJob, Source, State, Versus, Worker};
use crate::timeline::{self, Glimpse};

/// The parts of a decision, in order, with what each does.
pub const PARTS: [(Phase, &str, &str); 5] = [
    (Phase::Sample, "Sample", "Draw candidate latents from the diffusion model, given the current state."),
    (Phase::Rank, "Rank", "Score every candidate by Q and choose the best."),
    (Phase::Predict, "Predict", "Predict the state in which each candidate ends, and V of the chosen one's."),
    (
        Phase::Compare,
        "Compare",
        "Is the current state worth more than the predicted end? Then drop the plan.",
    ),
    (Phase::Follow, "Follow", "Take one environment step with the chosen latent."),
];

/// A value with three decimals and a proper minus sign.
pub fn number(value: f32) -> String {
    format!("{value:.3}").replace('-', "\u{2212}")
}

/// A value for an axis, with two or three digits that matter.
pub fn short(value: f32) -> String {
    let decimals = if value.abs() < 10.0 { 2 } else { 1 };
    format!("{value:.decimals$}").replace('-', "\u{2212}")
}

fn metres(value: f64) -> String {
    format!("{value:.2}").replace('-', "\u{2212}")
}

/// Bytes in a fitting unit.
pub fn bytes(count: f64) -> String {
    if count >= 1e6 { format!("{:.1} MB", count / 1e6) } else { format!("{:.0} kB", count / 1e3) }
}

/// Where the shown decisions come from.
pub fn badge(state: &State) -> String {
    match state.run.source() {
        Some(Source::Recorded) => "replayed (recorded)".into(),
        Some(Source::Replayed) => "replayed (from the link)".into(),
        Some(Source::Computed(device)) => format!("computed on {}", device.kind()),
        None => match state.ready() {
            Some((device, _)) => format!("ready on {}", device.kind()),
            None => "nothing computed yet".into(),
        },
    }
}

/// What the worker is doing.
pub fn status(state: &State) -> String {
    match state.deciding.worker() {
        Worker::Starting => "Starting the worker …".into(),
        Worker::Fetching { loaded, total: Some(total) } => {
            format!("Loading weights: {} of {}", bytes(*loaded), bytes(*total))
        }
        Worker::Fetching { loaded, total: None } => format!("Loading weights: {}", bytes(*loaded)),
        Worker::Preparing(device) if device.webgpu => format!("Compiling kernels for {} …", device.label()),
        Worker::Preparing(device) => format!("Setting up the networks on {} …", device.label()),
        Worker::Failed(_) => "No decisions can be computed; what is shown stays.".into(),
        Worker::Ready(device, _) => {
            let pace = state
                .run
                .latency()
                .map_or_else(String::new, |millis| format!(" · {millis:.0} ms per decision"));
            let doing = if state.computing() { "Computing" } else { "Ready" };
            format!("{doing} on {}{pace}", device.label())
        }
    }
}

/// How far the weights have come, from 0 to 1; `None` while nothing is being fetched or the size is not known.
pub fn progress(state: &State) -> Option<f64> {
    match state.deciding.worker() {
        Worker::Fetching { loaded, total: Some(total) } if *total > 0.0 => {
            Some((loaded / total).clamp(0.0, 1.0))
        }
        _ => None,
    }
}

/// How the episode stands at the cursor.
pub fn outcome(state: &State) -> String {
    state.trace().map_or_else(|| "No run yet.".into(), |trace| stands(state.task(), trace, state.cursor.at()))
}

fn stands(task: &Benchmark, trace: &Trace, moment: usize) -> String {
    let step = timeline::step_at(trace, moment);
    let score = || task.spec.normalise(task.spec.first_contact_return(trace.first_contact()));
    match Glimpse::at(trace, moment).and_then(|glimpse| glimpse.outcome()) {
        Some(Outcome::Goal) => format!("Goal reached at step {step}: first-contact score {:.1}.", score()),
        Some(Outcome::TimeLimit) => {
            format!("Time limit after {step} steps: first-contact score {:.1}.", score())
        }
        _ => format!("Step {step} of at most {}.", task.spec.max_steps),
    }
}

/// How many recomputed decisions agree with those of the link that was opened.
pub fn agreement(state: &State) -> Option<String> {
    let opened = state.sharing.opened()?;
    let (agree, of) = opened.agreement();
    if opened.done() {
        Some(format!("recomputed: {agree} of {of} decisions agree"))
    } else if state.deciding.failed() {
        Some("the link's own decisions; they cannot be computed anew here".into())
    } else {
        Some(format!("recomputing the run of this link: {agree} of {of} decisions agree so far"))
    }
}

/// How the other run stands at its moment.
pub fn other_outcome(state: &State, trace: &Trace, moment: usize) -> String {
    stands(state.task(), trace, moment)
}

/// The address of the whole page for one that is embedded.
pub fn whole_page(address: &str) -> String {
    let (page, fragment) = address.split_once('#').unwrap_or((address, ""));
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let kept: Vec<&str> =
        query.split('&').filter(|part| !part.is_empty() && !part.starts_with("embed")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
    format!("{path}{query}{fragment}")
}

/// A cell of the maze, for a screen reader.
pub fn cell(layout: &Layout, (i, j): (usize, usize)) -> String {
    let kind = if layout.is_wall(i as isize, j as isize) { "wall" } else { "floor" };
    format!("row {i}, column {j}: {kind}")
}

/// The name of a maze.
pub fn maze_name(maze: MazeId) -> &'static str {
    match maze {
        MazeId::Umaze => "U-maze",
        MazeId::Medium => "Medium",
        MazeId::Large => "Large",
    }
}

/// The title of the tab.
pub fn title(state: &State) -> String {
    let Some(trace) = state.trace() else { return "DIAR".into() };
    let maze = maze_name(state.task().maze());
    let what = match state.comparison.run() {
        Some(other) => format!(", compared: {}", versus(other)),
        None if state.tour.step().is_some() => ", guided tour".into(),
        None => String::new(),
    };
    format!(
        "DIAR \u{b7} {maze}, seed {}, step {}{what}",
        trace.run.seed,
        timeline::step_at(trace, state.cursor.at())
    )
}

/// The caption of a saved figure.
pub fn caption(state: &State) -> String {
    let source = badge(state);
    format!("{}. {} ({source})", title(state), outcome(state))
}

/// A rank in words.
pub fn ordinal(rank: usize) -> String {
    let ending = match (rank % 10, rank % 100) {
        (1, n) if n != 11 => "st",
        (2, n) if n != 12 => "nd",
        (3, n) if n != 13 => "rd",
        _ => "th",
    };
    match rank {
        1 => "best".into(),
        _ => format!("{rank}{ending} best"),
    }
}

/// A place in metres.
pub fn place(state: &[f32]) -> String {
    match state {
        [x, y, ..] => format!("{}, {} m", metres(f64::from(*x)), metres(f64::from(*y))),
        _ => "–".into(),
    }
}

/// What the other run does differently.
pub fn versus(other: &ComparedRun) -> String {
    match other.versus() {
        Versus::Revaluation if other.plan().run.settings.plan().is_some_and(|plan| plan.revalue) => {
            "revaluation on".into()
        }
        Versus::Revaluation => "revaluation off".into(),
        Versus::Candidates(n) => format!("{n} candidates"),
        Versus::Sampler(sampler) => {
            format!("{} with {}", sampler_name(sampler.kind), count(sampler.steps, "step"))
        }
        Versus::ShippedCritic => "the critic the weights came with".into(),
        Versus::Weights(address) => second_name(address),
        Versus::WhatIf { decision } => format!("plan {} is not dropped", decision + 1),
        Versus::LeftAlone => "the agent decides by itself".into(),
        Versus::Linked => "as in the link".into(),
    }
}

/// Other weights in a few words.
fn second_name(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    if address.starts_with("blob:") {
        "weights from a file".into()
    } else if file.ends_with(".ldcq.safetensors") {
        "LDCQ's critic".into()
    } else {
        format!("the weights {}", file.trim_end_matches(".safetensors"))
    }
}

/// The short name of a sampler.
pub fn sampler_name(sampler: Sampler) -> &'static str {
    match sampler {
        Sampler::Ddpm => "DDPM",
        Sampler::Ddim => "DDIM",
        Sampler::Sde => "SDE",
    }
}

/// How the two runs came out, and the difference.
pub fn difference(state: &State) -> String {
    let Some(compared) = state.comparison.run() else { return String::new() };
    let what = versus(compared);
    let task = state.task();
    let done = |trace: &Trace| timeline::finished(trace);
    let (Some(main), Some(other)) = (state.trace(), compared.trace()) else {
        return format!("Other run ({what}): about to begin.");
    };
    if !done(other) {
        return format!("Other run ({what}): computing, {} so far.", count(other.steps(), "step"));
    }
    let came = |trace: &Trace| match trace.first_contact() {
        Some(step) => format!("first contact at step {step}"),
        None => "no contact".into(),
    };
    if !done(main) {
        return format!("Other run ({what}): {}. This run is still under way.", came(other));
    }
    let score = |trace: &Trace| task.spec.normalise(task.spec.first_contact_return(trace.first_contact()));
    let gain = score(main) - score(other);
    let steps = match (main.first_contact(), other.first_contact()) {
        (Some(this), Some(that)) if this < that => {
            format!("this run is {} faster", count(that - this, "step"))
        }
        (Some(this), Some(that)) if this > that => {
            format!("the other run is {} faster", count(this - that, "step"))
        }
        (Some(_), None) => "only this run arrives".into(),
        (None, Some(_)) => "only the other run arrives".into(),
        _ => "no difference".into(),
    };
    let sign = if gain < 0.0 { "\u{2212}" } else { "+" };
    format!(
        "This run: {}. Other run ({what}): {}. So {steps} (score {sign}{:.1}).",
        came(main),
        came(other),
        gain.abs()
    )
}

/// What the weights do not know of a changed maze.
pub fn world_warning(state: &State) -> Option<String> {
    let walls = state.walls_unseen();
    let mut words = Vec::new();
    if walls > 0 {
        words.push(format!(
            "{} that the weights have never seen: the agent plans as if {} as before, and revaluation is all it has to notice.",
            count(walls, "changed cell"),
            if walls == 1 { "it were" } else { "they were" }
        ));
    }
    if state.critic_misled() {
        words.push(
            "The goal has moved, but Q and V still value the place where they learned it to be: train them for it, below."
                .to_owned(),
        );
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// How training comes on.
pub fn retraining(job: &RetrainingJob) -> String {
    if job.total == 0 {
        return "Fetching the recorded windows \u{2026}".into();
    }
    match job.losses.last() {
        None => {
            format!("Drawing latents from the diffusion model: step {} of {}.", job.step, job.total)
        }
        Some([v, q]) => {
            format!("Step {} of {}: loss of V {v:.3}, of Q {q:.3}.", job.step, job.total)
        }
    }
}

/// A critic that was trained here.
pub fn retrained(settings: &RetrainingSettings, seconds: f64) -> String {
    let [x, y] = settings.goal;
    format!(
        "In use: Q and V trained here in {seconds:.0} s for a goal at x {} m, y {} m (τ {}, γ {}, {} target).",
        metres(x),
        metres(y),
        settings.expectile,
        settings.discount,
        if settings.ldcq { "LDCQ's" } else { "DIAR's" }
    )
}

/// The decision under the cursor, in a sentence or three.
pub fn sentence(glimpse: &Glimpse) -> String {
    let head = format!("Decision {} at step {}: ", glimpse.index + 1, glimpse.t());
    if !glimpse.has_parts() {
        return head + &acted(glimpse);
    }
    let Some(latents) = glimpse.latents() else { return head + "about to sample plans." };
    let ranked = glimpse.ranking().map(|(q, chosen)| match scale::range(q.iter().copied()) {
        Some((low, high)) => {
            format!("; Q from {} to {}, plan {} chosen", number(low), number(high), chosen + 1)
        }
        None => format!("; plan {} chosen", chosen + 1),
    });
    let predicted =
        glimpse.prediction().map(|(_, value)| format!("; its predicted end is worth {}", number(value)));
    let steps = glimpse.steps().len();
    let followed = (steps > 0).then(|| format!(" Followed for {}.", count(steps, "step")));
    let now = glimpse.v_now().last().map(|&value| number(value));
    let end = match (glimpse.outcome(), now) {
        (Some(Outcome::Revalued { .. }), Some(now)) => {
            Some(format!(" Dropped: the current state is worth {now}, more than the predicted end."))
        }
        (Some(Outcome::Completed), _) => Some(" The plan is complete.".into()),
        (Some(Outcome::Goal), _) => Some(" The goal is reached.".into()),
        (Some(Outcome::TimeLimit), _) => Some(" The time is up.".into()),
        (None, Some(now)) if glimpse.phase() == Some(Phase::Follow) => {
            Some(format!(" Before the last step the state was worth {now}."))
        }
        (None, Some(now)) => Some(format!(" The current state is worth {now}.")),
        (None | Some(Outcome::Revalued { .. }), None) => None,
    };
    // A link tells what was decided, not what there was to choose from.
    let plans = if latents.is_empty() {
        "plans sampled".to_owned()
    } else {
        format!("{} plans sampled", latents.len())
    };
    [Some(head), Some(plans), ranked, predicted, Some(".".into()), followed, end]
        .into_iter()
        .flatten()
        .collect()
}

/// A candidate in a word.
fn kind(glimpse: &Glimpse) -> &'static str {
    match glimpse.candidates() {
        Some(Candidates::Actions(_)) => "action",
        Some(Candidates::Paths(_)) => "path",
        Some(Candidates::Latents(_)) | None => "plan",
    }
}

/// A decision of a method without latents.
fn acted(glimpse: &Glimpse) -> String {
    let chose = glimpse.ranking().map(|(q, chosen)| {
        let kind = kind(glimpse);
        let best = q.get(chosen).map_or_else(String::new, |&q| format!(", Q {}", number(q)));
        if q.is_empty() {
            format!("{kind} {} taken.", chosen + 1)
        } else {
            format!("{kind} {} of {} taken{best}.", chosen + 1, q.len())
        }
    });
    let steps = glimpse.steps().len();
    let end = match glimpse.outcome() {
        Some(Outcome::Goal) => " The goal is reached.",
        Some(Outcome::TimeLimit) => " The time is up.",
        _ => "",
    };
    let chose = chose.unwrap_or_else(|| "no candidates; each step takes the policy's own action.".to_owned());
    format!("{chose} Followed for {}.{end}", count(steps, "step"))
}

/// Sentence on the parts that the method on display lacks; none for a planner of latents.
pub fn missing(trace: &Trace) -> Option<String> {
    let ActingSettings::Own(own) = &trace.run.settings else { return None };
    let name = method_name(own.method);
    let chooses = trace.decisions.iter().any(|decision| decision.chosen.is_some());
    Some(if chooses {
        format!(
            "{name} makes no plans of latents: its candidates are drawn, and there is no V, no revaluation."
        )
    } else {
        format!(
            "{name} has one action for each state: only its way is drawn; there are no candidates, no Q, no V."
        )
    })
}

fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// The numbers of the decision under the cursor: label, value, and what it means.
pub fn figures(glimpse: &Glimpse, task: &Benchmark) -> Vec<(&'static str, String, &'static str)> {
    let dash = || "–".to_owned();
    let ranking = glimpse.ranking();
    let range = ranking.and_then(|(q, _)| scale::range(q.iter().copied()));
    let now = glimpse.v_now().last();
    let kind = kind(glimpse);
    let [x, y] = glimpse.position();
    vec![
        ("t", glimpse.t().to_string(), "Environment steps before this decision."),
        (
            "n",
            glimpse
                .candidates()
                .filter(|candidates| !candidates.is_empty())
                .map_or_else(dash, |candidates| candidates.len().to_string()),
            "Candidates sampled.",
        ),
        (
            "Q range",
            range.map_or_else(dash, |(low, high)| format!("{} … {}", number(low), number(high))),
            "Smallest and largest Q over the candidates.",
        ),
        (
            "chosen",
            ranking.map_or_else(dash, |(q, chosen)| {
                q.get(chosen).map_or_else(
                    || format!("{kind} {}", chosen + 1),
                    |&q| format!("{kind} {} (Q {})", chosen + 1, number(q)),
                )
            }),
            "The candidate with the largest Q.",
        ),
        (
            "V(end)",
            glimpse.prediction().map_or_else(dash, |(_, value)| number(value)),
            "Value of the state in which the chosen plan is predicted to end.",
        ),
        (
            "V(now)",
            now.map_or_else(dash, |&value| number(value)),
            "Value of the current state, when it was last compared.",
        ),
        (
            "steps followed",
            if glimpse.has_parts() {
                format!("{} of {}", glimpse.steps().len(), task.horizon)
            } else {
                glimpse.steps().len().to_string()
            },
            "Steps taken with this plan.",
        ),
        ("position", format!("x {} m, y {} m", metres(x), metres(y)), "Where the particle is."),
        ("outcome", outcome_word(glimpse.outcome()).into(), "Why the decision ended, if it has."),
    ]
}

/// What there is to know about the weights: label and value.
pub fn weights(weights: &Weights) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("method", method_name(weights.method)),
        ("task", weights.task.clone()),
        ("bundle", weights.hash.chars().take(12).collect()),
        ("training time", format!("{:.1} min", weights.training_seconds / 60.0)),
    ];
    if let Some((on, off, episodes)) = weights.scores {
        facts.push(("first-contact score", format!("{on:.1} ({episodes} episodes)")));
        facts.extend(off.map(|off| ("without revaluation", format!("{off:.1}"))));
    }
    facts
}

/// A line of the table of decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 0.
    pub index: usize,
    /// The moment to go to: chosen and predicted, not yet followed.
    pub moment: usize,
    /// Whether Adaptive Revaluation ended it.
    pub dropped: bool,
    /// t, n, chosen, Q, V(end), V(now), steps, outcome.
    pub cells: [String; 8],
}

/// The heads of the table of decisions.
pub const HEADS: [&str; 8] = ["t", "n", "chosen", "Q", "V(end)", "V(now)", "steps", "outcome"];

/// The table of the decisions that have been ranked.
pub fn rows(trace: &Trace) -> Vec<Row> {
    let dash = || "–".to_owned();
    (0..trace.decisions.len())
        .filter_map(|index| {
            let glimpse = Glimpse::whole(trace, index)?;
            let (q, chosen) = glimpse.ranking()?;
            Some(Row {
                index,
                moment: timeline::made(trace, index),
                dropped: matches!(glimpse.outcome(), Some(Outcome::Revalued { .. })),
                cells: [
                    glimpse.t().to_string(),
                    if q.is_empty() { dash() } else { q.len().to_string() },
                    (chosen + 1).to_string(),
                    q.get(chosen).map_or_else(dash, |&q| number(q)),
                    glimpse.prediction().map_or_else(dash, |(_, value)| number(value)),
                    glimpse.v_now().last().map_or_else(dash, |&value| number(value)),
                    glimpse.steps().len().to_string(),
                    outcome_word(glimpse.outcome()).into(),
                ],
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, task, trace};

    #[test]
    fn sentences_grow_with_the_decision() {
        let trace = trace(&[Script::Dropped(1), Script::Goal(2)]);
        let at = |moment| sentence(&Glimpse::at(&trace, moment).unwrap());
        assert_eq!(at(0), "Decision 1 at step 0: about to sample plans.");
        assert_eq!(at(1), "Decision 1 at step 0: 3 plans sampled.");
        assert!(at(2).ends_with("Q from 0.200 to 0.600, plan 2 chosen."), "{}", at(2));
        assert!(at(3).contains("its predicted end is worth 0.700."), "{}", at(3));
        assert!(at(4).ends_with("The current state is worth 0.500."), "{}", at(4));
        assert!(
            at(5).ends_with("Followed for 1 step. Before the last step the state was worth 0.500."),
            "{}",
            at(5)
        );
        assert!(at(6).ends_with("Dropped: the current state is worth 0.800, more than the predicted end."));
        assert!(at(13).ends_with("Followed for 2 steps. The goal is reached."), "{}", at(13));
    }

    #[test]
    fn the_table_has_a_row_per_ranked_decision() {
        let trace = trace(&[Script::Dropped(1), Script::Completed(2), Script::Open(0)]);
        let rows = rows(&trace);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].cells, ["0", "3", "2", "0.600", "0.700", "0.800", "1", "dropped"]);
        assert!(rows[0].dropped && !rows[1].dropped);
        assert_eq!((rows[1].moment, rows[1].cells[7].as_str()), (9, "completed"));
        assert_eq!((rows[2].cells[0].as_str(), rows[2].cells[7].as_str()), ("3", "under way"));
    }

    #[test]
    fn figures_show_nothing_before_it_is_known() {
        let trace = trace(&[Script::Goal(1)]);
        let value = |moment, label| {
            let figures = figures(&Glimpse::at(&trace, moment).unwrap(), task());
            figures.into_iter().find(|(l, ..)| *l == label).unwrap().1
        };
        assert_eq!(value(1, "chosen"), "–");
        assert_eq!(value(2, "chosen"), "plan 2 (Q 0.600)");
        assert_eq!(value(2, "V(end)"), "–");
        assert_eq!(value(5, "steps followed"), "1 of 30");
        assert_eq!(value(5, "outcome"), "goal");
    }

    #[test]
    fn scores_are_shown_when_there_are_any() {
        let mut facts = Weights {
            task: task().id().into(),
            hash: "0123456789abcdef".into(),
            method: diar_core::bundle::Method::Diar,
            settings: crate::sample::settings().into(),
            diffusion_steps: 500,
            training_seconds: 90.0,
            scores: None,
        };
        assert_eq!(
            weights(&facts)[2..],
            [("bundle", "0123456789ab".into()), ("training time", "1.5 min".into())]
        );
        facts.scores = Some((130.04, Some(128.5), 500));
        assert_eq!(weights(&facts)[4].1, "130.0 (500 episodes)");
        assert_eq!(weights(&facts)[5].1, "128.5");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(-0.5), "\u{2212}0.500");
        assert_eq!((short(-0.456), short(13.186)), ("\u{2212}0.46".into(), "13.2".into()));
        assert_eq!(bytes(430_000.0), "430 kB");
        assert_eq!(bytes(1_234_567.0), "1.2 MB");
    }
}
