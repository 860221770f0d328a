//! Runs as links: what goes into the address, and what comes out of it.

use diar_core::agent::{RunSpec, Trace};
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::link::{HASH_LENGTH, Link, LinkError, Other, plain};
use diar_core::maze::MazeId;

use crate::messages::{Decider, Plan};
use crate::timeline;

/// The fragment that brings back a run, the moment looked at, and the run it is compared with: its plan, and the hash of
/// its bundle where that is another one.
///
/// # Errors
/// The limit of links that the run breaks.
pub fn compose(
    trace: &Trace,
    bundle_hash: &str,
    moment: usize,
    rival: Option<(&Plan, &str)>,
) -> Result<String, LinkError> {
    let cursor = timeline::step_at(trace, moment) as u32;
    let mut link = Link::of(trace, bundle_hash, cursor);
    link.other = rival.map(|(plan, bundle)| Other {
        bundle: bundle.chars().take(HASH_LENGTH).collect(),
        settings: plan.run.settings.clone(),
        scenario: plan.run.scenario.clone(),
    });
    link.encode()
}

/// The address that brings back a run: that of the page's folder, with the weights it was opened with, and the fragment.
///
/// A slash before the `#` keeps chats from ending the address there. Every page of the folder opens every link; the
/// device and the look of the page are the reader's own choice.
pub fn address(page: &str, fragment: &str) -> String {
    let page = page.split('#').next().unwrap_or_default();
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let folder = path.rfind('/').map_or(path, |slash| &path[..=slash]);
    let weights = query.split('&').filter(|part| part.starts_with("bundle=") || part.starts_with("other="));
    let query = weights.collect::<Vec<_>>().join("&");
    let led = |mark: &str, part: &str| if part.is_empty() { String::new() } else { format!("{mark}{part}") };
    format!("{folder}{}{}", led("?", &query), led("#", fragment))
}

/// The step of the guided tour that a fragment asks for, from 0. Marks around it are passed over, as around a link.
pub fn tour(fragment: &str) -> Option<usize> {
    let text = plain(fragment);
    let rest = text.trim_start_matches(|c: char| !c.is_alphanumeric()).strip_prefix("tour")?;
    let Some(number) = rest.strip_prefix('=') else {
        return (!rest.contains(char::is_alphanumeric)).then_some(0);
    };
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse::<usize>().ok()?.checked_sub(1)
}

/// The fragment of a step of the guided tour.
pub fn tour_fragment(step: usize) -> String {
    format!("tour={}", step + 1)
}

/// The link in a fragment: none in an empty one, a message for one that cannot be read. [`Link::decode`] says what may
/// stand around it.
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
    format!("This link cannot be opened: {error}. Another run is shown instead.")
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

/// The task of a fragment's link, if there is one that can be read.
pub fn task_of(fragment: &str) -> Option<&'static Benchmark> {
    Link::decode(fragment).ok().and_then(|link| Benchmark::find(&link.task).ok())
}

/// Address of the weights that a page begins with: those of the task that its link is for, else those of its own task.
pub fn first_weights(fragment: &str, task: Option<&str>) -> String {
    let linked = task_of(fragment).map(Benchmark::id);
    shipped_weights(linked.or(task).unwrap_or(MAZE2D[0].id()))
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
    Plan { run: link.run.clone(), decider: Decider::Own, shareable: link.is_shareable() }
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
    let run =
        RunSpec { settings: other.settings.clone(), scenario: other.scenario.clone(), ..link.run.clone() };
    Some(Plan { run, decider, ..plan(link) })
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
        let mut trace = trace(&[Script::Dropped(2), Script::Goal(3)]);
        trace.run.start = Some(vec![3.0, 1.0, 0.0, 0.0]);
        let fragment = compose(&trace, "0123456789abcdef0123", 7, None).unwrap();
        let link = parse(&fragment).unwrap().unwrap();
        let plan = plan(&link);
        assert_eq!(plan.run, trace.run);
        assert_eq!(moment(&link, &trace), 7);
        assert_eq!(link.agreement(&trace), (2, 2));
        assert!(same_bundle(&link, "0123456789abcdefXYZ") && !same_bundle(&link, "9"));
    }

    #[test]
    fn a_link_brings_its_own_weights() {
        let mut trace = trace(&[Script::Goal(3)]);
        trace.task = "maze2d-large-v1".into();
        let linked = compose(&trace, "", 0, None).unwrap();
        for fragment in [linked.clone(), format!("{linked})."), format!("%23{linked}")] {
            assert_eq!(first_weights(&fragment, Some(MAZE2D[1].id())), "weights/maze2d-large-v1.safetensors");
        }
        // A damaged link, a tour and none at all: the page still begins, with its own task.
        for fragment in ["v1.AAAA", "tour=2", ""] {
            assert_eq!(first_weights(fragment, None), "weights/maze2d-umaze-v1.safetensors");
            assert_eq!(first_weights(fragment, Some(MAZE2D[1].id())), "weights/maze2d-medium-v1.safetensors");
        }
    }

    #[test]
    fn an_address_has_a_slash_before_its_link() {
        for (page, shared) in [
            ("https://a.org/diar/", "https://a.org/diar/#v2.A"),
            ("https://a.org/diar/medium.html#v2.B", "https://a.org/diar/#v2.A"),
            ("http://localhost:80/index.html?backend=webgpu&nosw&embed", "http://localhost:80/#v2.A"),
            ("https://a.org/?embed&bundle=b/c.safetensors#x?y", "https://a.org/?bundle=b/c.safetensors#v2.A"),
            ("https://a.org/d/?bundle=b&backend=cpu&other=c", "https://a.org/d/?bundle=b&other=c#v2.A"),
        ] {
            assert_eq!(address(page, "v2.A"), shared);
        }
        assert_eq!(address("https://a.org/diar/?embed", ""), "https://a.org/diar/");
    }

    #[test]
    fn a_step_of_the_tour_is_found_as_a_link_is() {
        for (fragment, step) in [
            ("tour", Some(0)),
            ("tour.", Some(0)),
            ("tour=3", Some(2)),
            ("tour=3).", Some(2)),
            ("%23tour%3D3%E2%80%8B", Some(2)),
            ("tour=0", None),
            ("tours", None),
            ("tour=x", None),
            ("v2.AAAA", None),
        ] {
            assert_eq!(tour(fragment), step, "{fragment}");
        }
    }

    #[test]
    fn a_decision_under_way_is_not_compared() {
        let young = trace(&[Script::Dropped(2), Script::Open(1)]);
        let link = parse(&compose(&young, "", 0, None).unwrap()).unwrap().unwrap();
        let older = trace(&[Script::Dropped(2), Script::Goal(3)]);
        assert_eq!(link.agreement(&older), (1, 1));
        assert_eq!(link.actions.len(), 3);
    }

    #[test]
    fn a_moment_comes_back_as_the_step_it_was_at() {
        let whole = trace(&[Script::Dropped(2), Script::Goal(3)]);
        let link = parse(&compose(&whole, "", 17, None).unwrap()).unwrap().unwrap();
        assert_eq!(link.cursor, 5);
        assert_eq!(moment(&link, &whole), timeline::length(&whole));
    }

    #[test]
    fn a_run_that_no_link_holds_is_said_to_be_one() {
        let mut trace = trace(&[Script::Goal(3)]);
        trace.task = "maze2d-../huge".into();
        let error = compose(&trace, "", 0, None).unwrap_err().to_string();
        assert_eq!(error, "this run does not fit into a link: its task is not known");
    }

    #[test]
    fn bad_fragments_say_what_is_wrong() {
        assert!(parse("").unwrap().is_none());
        assert!(parse("v9.AAAA").unwrap_err().contains("version 9"));
        assert!(parse("v1.AAAA").unwrap_err().contains("damaged"));
        assert!(parse("nonsense").unwrap_err().contains("damaged"));
    }
}
