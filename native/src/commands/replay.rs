//! `diar replay`: the episode of a link, decided again on request.

use std::fmt;
use std::path::Path;

use diar_core::agent::{ActingSettings, RunSpec, Scenario, Trace};
use diar_core::link::Link;
use serde::Serialize;

use super::output;
use super::play::{Story, trace};
use crate::cli::ReplayArgs;
use crate::evaluation::{self, AgentFile};
use crate::failure::Failure;

/// Prints the episode that a link carries; with a bundle, how many of its decisions come out again.
pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let link = Link::decode(&args.link)?;
    let replayed = link.replay()?;
    let anew = args.bundle.as_deref().map(|bundle| anew(&link, bundle, args)).transpose()?;
    output::result(&Replayed { digest: replayed.digest(), trace: replayed, anew }, args.json)
}

/// Decides a link's runs again.
fn anew(link: &Link, bundle: &Path, args: &ReplayArgs) -> Result<Anew, Failure> {
    let file = file_of(bundle, link)?;
    let same_bundle = file.bundle.hash().starts_with(&link.bundle);
    let device = args.device.device.open()?;
    let decide = |file: &AgentFile, settings: &ActingSettings, scenario: &Scenario| {
        let agent = file.agent(file.acting_by(settings)?, &device)?;
        evaluation::require_recording(&agent)?;
        let run = RunSpec { settings: settings.clone(), scenario: scenario.clone(), ..link.run.clone() };
        let (trace, _) = pollster::block_on(trace(&agent, run, link.is_shareable()))?;
        Ok::<_, Failure>(trace)
    };
    let again = decide(&file, &link.run.settings, &link.run.scenario)?;
    let (agree, compared) = link.agreement(&again);
    let second = link.other.as_ref().map(|other| match (&args.other, other.bundle.as_str()) {
        (None, "") => decide(&file, &other.settings, &other.scenario)
            .map(|trace| Second::Played { same_bundle, trace: Box::new(trace) }),
        (None, hash) => Ok(Second::NeedsBundle(hash.to_owned())),
        (Some(bundle), hash) => {
            let file = file_of(bundle, link)?;
            let expected = if hash.is_empty() { &link.bundle } else { hash };
            let same_bundle = file.bundle.hash().starts_with(expected);
            let trace = decide(&file, &other.settings, &other.scenario)?;
            Ok(Second::Played { same_bundle, trace: Box::new(trace) })
        }
    });
    Ok(Anew { same_bundle, agree, compared, digest: again.digest(), other: second.transpose()? })
}

/// A bundle, which must be for the link's task.
fn file_of(path: &Path, link: &Link) -> Result<AgentFile, Failure> {
    let file = AgentFile::read(path)?;
    let found = &file.bundle.task().id;
    if *found != link.task {
        return Err(Failure::OtherTask { expected: link.task.clone(), found: found.clone() });
    }
    Ok(file)
}

#[derive(Serialize)]
struct Replayed {
    digest: String,
    trace: Trace,
    #[serde(skip_serializing_if = "Option::is_none")]
    anew: Option<Anew>,
}

/// What came of deciding again.
#[derive(Serialize)]
struct Anew {
    /// Whether the link was made with this bundle.
    same_bundle: bool,
    /// Decisions that came out the same, of so many compared.
    agree: usize,
    compared: usize,
    digest: String,
    /// The second run that the link compares with.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Second>,
}

/// The second run.
#[derive(Serialize)]
#[serde(untagged)]
enum Second {
    Played {
        /// Whether the link's second run was decided by this bundle.
        same_bundle: bool,
        #[serde(flatten)]
        trace: Box<Trace>,
    },
    /// It was decided by the bundle with this hash.
    NeedsBundle(String),
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Story(&self.trace))?;
        let Some(Anew { same_bundle, agree, compared, digest, other }) = &self.anew else { return Ok(()) };
        write!(f, "\nanew    {agree} of {compared} decisions agree, digest {digest}")?;
        if !same_bundle {
            write!(f, "\n        the link was made with another bundle")?;
        }
        match other {
            Some(Second::Played { same_bundle, trace }) => {
                write!(f, "\n\ncompared with\n{}", Story(trace))?;
                if *same_bundle {
                    Ok(())
                } else {
                    write!(f, "\n        the link's second run was another bundle's")
                }
            }
            Some(Second::NeedsBundle(hash)) => {
                write!(f, "\n\ncompared with a run of the bundle {hash}: give its file with --other")
            }
            None => Ok(()),
        }
    }
}
