//! `diar replay`: an episode out of a link, and whether it is decided the same way again.

use std::fmt;
use std::path::Path;

use diar_core::agent::{Episode, Scenario, Trace};
use diar_core::link::Link;
use diar_core::settings::PlanSettings;
use serde::Serialize;

use super::output;
use super::play::{Story, trace};
use crate::cli::{DeviceArg, ReplayArgs};
use crate::evaluation::BundleFile;
use crate::failure::Failure;

/// Prints the episode that a link carries; with a bundle, how many of its decisions come out again.
pub fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let fragment = args.link.rsplit('#').next().unwrap_or_default();
    let link = Link::decode(fragment)?;
    let replayed = link.replay()?;
    let anew = args.bundle.as_deref().map(|bundle| anew(&link, bundle, &args.device)).transpose()?;
    output::result(&Replayed { digest: replayed.digest(), trace: replayed, anew }, args.json)
}

/// Decides a link's runs again.
fn anew(link: &Link, bundle: &Path, device: &DeviceArg) -> Result<Anew, Failure> {
    let file = BundleFile::read(bundle)?;
    let agent = file.agent(&device.device.open()?)?;
    if agent.task().id != link.task {
        return Err(Failure::OtherTask { expected: link.task.clone(), found: agent.task().id.to_owned() });
    }
    let episode = Episode { seed: link.seed, index: link.episode, start: link.start };
    let decide = |settings: PlanSettings, scenario: &Scenario| {
        pollster::block_on(trace(agent.clone(), settings, episode, scenario))
    };
    let again = decide(link.settings, &link.scenario)?;
    let (agree, compared) = link.agreement(&again);
    let other = link.other.as_ref().map(|other| decide(other.settings, &other.scenario)).transpose()?;
    let same_bundle = file.bundle.hash().starts_with(&link.bundle);
    Ok(Anew { same_bundle, agree, compared, digest: again.digest(), other })
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
    other: Option<Trace>,
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
            Some(other) => write!(f, "\n\ncompared with\n{}", Story(other)),
            None => Ok(()),
        }
    }
}
