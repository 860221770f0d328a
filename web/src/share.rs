//! Runs as links: what goes into the address, and what comes out of it.

use diar_core::agent::Trace;
use diar_core::link::{HASH_LENGTH, Link, LinkError, Other};
use diar_core::maze::MazeId;
use diar_core::task::{TASKS, Task};

use crate::messages::{Decider, Plan};
use crate::timeline;

/// The fragment that brings back a run, the moment looked at, and the run it is compared with: its plan, and the hash of
/// its bundle where that is another one.
pub fn compose(
    trace: &Trace,
    bundle_hash: &str,
    chosen_start: Option<[f64; 4]>,
    moment: usize,
    rival: Option<(&Plan, &str)>,
) -> String {
    let cursor = timeline::step_at(trace, moment) as u32;
    let mut link = Link::of(trace, bundle_hash, chosen_start, cursor);
    link.other = rival.map(|(plan, bundle)| Other {
        bundle: bundle.chars().take(HASH_LENGTH).collect(),
        settings: plan.settings,
        scenario: plan.scenario.clone(),
    });
    link.encode()
}

/// The step of the guided tour that a fragment asks for, from 0.
pub fn tour(fragment: &str) -> Option<usize> {
    match fragment.strip_prefix("tour")? {
        "" => Some(0),
        rest => rest.strip_prefix('=')?.parse::<usize>().ok()?.checked_sub(1),
    }
}

/// The fragment of a step of the guided tour.
pub fn tour_fragment(step: usize) -> String {
    format!("tour={}", step + 1)
}

/// The link in a fragment: none in an empty one, a message for one that cannot be read.
///
/// # Errors
/// What is wrong with the fragment, for the user.
pub fn parse(fragment: &str) -> Result<Option<Link>, String> {
    if fragment.is_empty() {
        return Ok(None);
    }
    Link::decode(fragment).map(Some).map_err(|error| refused(&error))
}

/// The episode of a link, as it was recorded.
///
/// # Errors
/// What is wrong with the link, for the user.
pub fn replay(link: &Link) -> Result<Trace, String> {
    link.replay().map_err(|error| refused(&error))
}

fn refused(error: &LinkError) -> String {
    format!("This link cannot be opened: {error}. The page goes on without it.")
}

/// Address of the weights that come with the page for a task.
pub fn shipped_weights(task: &str) -> String {
    format!("weights/{task}.safetensors")
}

/// Address of the weights that come with the page to compare those with: the same stages 1 and 2, and LDCQ's critic.
pub fn shipped_rival(task: &str) -> String {
    format!("weights/{task}.ldcq.safetensors")
}

/// The page that opens with a task.
pub fn page_of(maze: MazeId) -> &'static str {
    match maze {
        MazeId::Umaze => "index.html",
        MazeId::Medium => "medium.html",
        MazeId::Large => "large.html",
    }
}

/// Address of the weights that the page begins with: those of the task that its link is for.
pub fn first_weights(fragment: &str) -> String {
    let link = Link::decode(fragment).ok();
    let task = link.as_ref().and_then(|link| Task::find(&link.task).ok()).unwrap_or(&TASKS[0]);
    shipped_weights(task.id)
}

/// Address of the windows that a critic is trained on, beside those of a bundle; none for a file of the user's.
pub fn windows_of(bundle: &str) -> Option<String> {
    let (address, query) = bundle
        .split_once('?')
        .map_or((bundle, String::new()), |(address, query)| (address, format!("?{query}")));
    let stem = address.strip_suffix(".safetensors").filter(|_| !address.starts_with("blob:"))?;
    Some(format!("{stem}.windows{query}"))
}

/// The run a link describes.
pub fn plan(link: &Link) -> Plan {
    Plan {
        settings: link.settings,
        seed: link.seed,
        episode: link.episode,
        start: link.start,
        scenario: link.scenario.clone(),
        decider: Decider::Own,
        shareable: link.is_shareable(),
    }
}

/// The run that the one of a link is compared with, and the address of other weights that it may need: a link only knows
/// their hash.
pub fn other(link: &Link, weights: Option<String>) -> Option<Plan> {
    let other = link.other.as_ref()?;
    let decider = if other.bundle.is_empty() {
        Decider::Own
    } else {
        Decider::Second(weights.unwrap_or_else(|| shipped_rival(&link.task)))
    };
    Some(Plan { decider, settings: other.settings, scenario: other.scenario.clone(), ..plan(link) })
}

/// Whether the bundle of a link is the one with this hash; a link from before any weights were loaded fits all.
pub fn same_bundle(link: &Link, hash: &str) -> bool {
    hash.starts_with(&link.bundle)
}

/// The moment a link looks at.
pub fn moment(link: &Link, trace: &Trace) -> usize {
    timeline::moment_of_step(trace, link.cursor as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, trace};

    #[test]
    fn a_run_comes_back_from_its_fragment() {
        let trace = trace(&[Script::Dropped(2), Script::Goal(3)]);
        let fragment = compose(&trace, "0123456789abcdef0123", Some([3.0, 1.0, 0.0, 0.0]), 7, None);
        let link = parse(&fragment).unwrap().unwrap();
        let plan = plan(&link);
        assert_eq!((plan.seed, plan.episode, plan.settings), (trace.seed, trace.episode, trace.settings));
        assert_eq!(plan.start, Some([3.0, 1.0, 0.0, 0.0]));
        assert_eq!(moment(&link, &trace), 7);
        assert_eq!(link.agreement(&trace), (2, 2));
        assert!(same_bundle(&link, "0123456789abcdefXYZ") && !same_bundle(&link, "9"));
    }

    #[test]
    fn a_link_brings_its_own_weights() {
        let mut trace = trace(&[Script::Goal(3)]);
        trace.task = "maze2d-large-v1".into();
        assert_eq!(first_weights(&compose(&trace, "", None, 0, None)), "weights/maze2d-large-v1.safetensors");
        // A task that nobody knows, a damaged link and none at all: the page still begins.
        trace.task = "maze2d-../huge".into();
        for fragment in [compose(&trace, "", None, 0, None).as_str(), "v1.AAAA", ""] {
            assert_eq!(first_weights(fragment), "weights/maze2d-umaze-v1.safetensors");
        }
    }

    #[test]
    fn a_decision_under_way_is_not_compared() {
        let young = trace(&[Script::Dropped(2), Script::Open(1)]);
        let link = parse(&compose(&young, "", None, 0, None)).unwrap().unwrap();
        let older = trace(&[Script::Dropped(2), Script::Goal(3)]);
        assert_eq!(link.agreement(&older), (1, 1));
        assert_eq!(link.actions.len(), 3);
    }

    #[test]
    fn a_moment_comes_back_as_the_step_it_was_at() {
        let whole = trace(&[Script::Dropped(2), Script::Goal(3)]);
        let link = parse(&compose(&whole, "", None, 17, None)).unwrap().unwrap();
        assert_eq!(link.cursor, 5);
        assert_eq!(moment(&link, &whole), timeline::length(&whole));
    }

    #[test]
    fn bad_fragments_say_what_is_wrong() {
        assert!(parse("").unwrap().is_none());
        assert!(parse("v9.AAAA").unwrap_err().contains("version 9"));
        assert!(parse("v1.AAAA").unwrap_err().contains("damaged"));
        assert!(parse("nonsense").unwrap_err().contains("damaged"));
    }
}
