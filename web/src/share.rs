//! Runs as links: what goes into the address, and what comes out of it.

use diar_core::agent::Trace;
use diar_core::link::Link;
use diar_core::task::{TASKS, Task};

use crate::messages::Plan;
use crate::timeline;

/// The fragment that brings back a run and the moment looked at.
pub fn compose(trace: &Trace, bundle_hash: &str, chosen_start: Option<[f64; 4]>, moment: usize) -> String {
    let cursor = timeline::step_at(trace, moment) as u32;
    Link::of(trace, bundle_hash, chosen_start, cursor).encode()
}

/// The link in a fragment: none in an empty one, a message for one that cannot be read.
///
/// # Errors
/// What is wrong with the fragment, for the user.
pub fn parse(fragment: &str) -> Result<Option<Link>, String> {
    if fragment.is_empty() {
        return Ok(None);
    }
    match Link::decode(fragment) {
        Ok(mut link) => {
            // The last decision may have been under way. It goes further when it is computed again, which is no
            // disagreement.
            link.decisions.retain(|decision| decision.outcome.is_some());
            Ok(Some(link))
        }
        Err(error) => Err(format!("This link cannot be opened: {error}. The page goes on without it.")),
    }
}

/// Address of the weights that come with the page for a task.
pub fn shipped_weights(task: &str) -> String {
    format!("weights/{task}.safetensors")
}

/// Address of the weights that the page begins with: those of the task that its link is for.
pub fn first_weights(fragment: &str) -> String {
    let link = Link::decode(fragment).ok();
    let task = link.as_ref().and_then(|link| Task::find(&link.task).ok()).unwrap_or(&TASKS[0]);
    shipped_weights(task.id)
}

/// The run a link describes.
pub fn plan(link: &Link) -> Plan {
    Plan { settings: link.settings, seed: link.seed, episode: link.episode, start: link.start }
}

/// Whether the bundle of a link is the one with this hash; a link from before any weights were loaded fits all.
pub fn same_bundle(link: &Link, hash: &str) -> bool {
    hash.starts_with(&link.bundle)
}

/// The moment a link looks at, once a trace has come so far.
pub fn moment(link: &Link, trace: &Trace) -> Option<usize> {
    let step = link.cursor as usize;
    (trace.steps() >= step).then(|| timeline::moment_of_step(trace, step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, trace};

    #[test]
    fn a_run_comes_back_from_its_fragment() {
        let trace = trace(&[Script::Dropped(2), Script::Goal(3)]);
        let fragment = compose(&trace, "0123456789abcdef0123", Some([3.0, 1.0, 0.0, 0.0]), 7);
        let link = parse(&fragment).unwrap().unwrap();
        let plan = plan(&link);
        assert_eq!((plan.seed, plan.episode, plan.settings), (trace.seed, trace.episode, trace.settings));
        assert_eq!(plan.start, Some([3.0, 1.0, 0.0, 0.0]));
        assert_eq!(moment(&link, &trace), Some(7));
        assert_eq!(link.agreement(&trace), (2, 2));
        assert!(same_bundle(&link, "0123456789abcdefXYZ") && !same_bundle(&link, "9"));
    }

    #[test]
    fn a_link_brings_its_own_weights() {
        let mut trace = trace(&[Script::Goal(3)]);
        trace.task = "maze2d-large-v1".into();
        assert_eq!(first_weights(&compose(&trace, "", None, 0)), "weights/maze2d-large-v1.safetensors");
        // A task that nobody knows, a damaged link and none at all: the page still begins.
        trace.task = "maze2d-../huge".into();
        for fragment in [compose(&trace, "", None, 0).as_str(), "v1.AAAA", ""] {
            assert_eq!(first_weights(fragment), "weights/maze2d-umaze-v1.safetensors");
        }
    }

    #[test]
    fn a_decision_under_way_is_not_compared() {
        let young = trace(&[Script::Dropped(2), Script::Open(1)]);
        let link = parse(&compose(&young, "", None, 0)).unwrap().unwrap();
        let older = trace(&[Script::Dropped(2), Script::Goal(3)]);
        assert_eq!(link.agreement(&older), (1, 1));
        assert_eq!(link.actions.len(), 3);
    }

    #[test]
    fn a_moment_waits_for_its_step() {
        let whole = trace(&[Script::Dropped(2), Script::Goal(3)]);
        let link = parse(&compose(&whole, "", None, 17)).unwrap().unwrap();
        assert_eq!(link.cursor, 5);
        assert_eq!(moment(&link, &trace(&[Script::Dropped(2)])), None);
        assert_eq!(moment(&link, &whole), Some(timeline::length(&whole)));
    }

    #[test]
    fn bad_fragments_say_what_is_wrong() {
        assert!(parse("").unwrap().is_none());
        assert!(parse("v9.AAAA").unwrap_err().contains("version 9"));
        assert!(parse("v1.AAAA").unwrap_err().contains("damaged"));
        assert!(parse("nonsense").unwrap_err().contains("damaged"));
    }
}
