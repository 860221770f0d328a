//! A link that was opened, and the link to what is on display.

use std::rc::Rc;

use diar_core::link::{Link, LinkError};

use super::run::Pursuit;
use super::{Choice, Level, Shown, Source, State};
use crate::messages::Decider;
use crate::share;

/// A link that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    pub link: Link,
    /// Its decisions have been recomputed.
    pub done: bool,
    /// How many of how many recomputed decisions agree.
    pub agreement: (usize, usize),
}

impl Opened {
    /// Whether the recomputed decisions are the link's.
    pub fn agrees(&self) -> bool {
        self.agreement.0 == self.agreement.1
    }
}

impl State {
    /// The fragment of the address that comes back here, once there is a run that fits into a link.
    pub fn fragment(&self) -> Option<String> {
        self.link()?.ok()
    }

    /// The same with the limit that the run breaks, where it does.
    pub(super) fn link(&self) -> Option<Result<String, LinkError>> {
        let trace = self.trace()?;
        let hash = match (&self.opened, self.ready()) {
            (Some(opened), _) => opened.link.bundle.as_str(),
            (None, Some((_, weights))) => weights.hash.as_str(),
            (None, None) => "",
        };
        let rival = self.rival.as_ref().map(|rival| (&rival.plan, self.hash_of(&rival.plan.decider)));
        Some(share::compose(trace, hash, self.plan.start, self.at, rival))
    }

    /// The hash of the bundle of other weights, as far as it is known.
    fn hash_of(&self, decider: &Decider) -> &str {
        let linked = self.opened.as_ref().and_then(|opened| opened.link.other.as_ref());
        match (decider, self.guest.as_ref().and_then(|guest| guest.weights.as_ref()), linked) {
            (Decider::Guest(_), Some(weights), _) => &weights.hash,
            (Decider::Guest(_), None, Some(other)) => &other.bundle,
            _ => "",
        }
    }

    /// Whether the run computed here differs from the link's, which is on display.
    pub fn can_show_recomputed(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.pursuit == Pursuit::Aside)
    }

    pub(super) fn show_recomputed(&mut self) {
        let aside = self.run.as_ref().filter(|run| run.pursuit == Pursuit::Aside);
        if let Some(trace) = aside.and_then(|run| run.hidden.clone()) {
            self.uncover(trace);
        }
    }

    /// Takes over a link, or a step of the tour; answers whether there is a run to compute.
    pub(super) fn open(&mut self, fragment: &str) -> bool {
        if let Some(step) = share::tour(fragment) {
            self.go_on_tour(Some(step));
            return false;
        }
        match share::parse(fragment) {
            Ok(None) => false,
            Ok(Some(link)) => {
                let trace = match share::replay(&link) {
                    Ok(trace) => trace,
                    Err(message) => {
                        self.notify(Level::Error, message);
                        return false;
                    }
                };
                self.pause();
                self.forgive();
                self.plan = share::plan(&link);
                self.choice = Choice::Kept;
                self.history.clear();
                self.at = share::moment(&link, &trace);
                self.shown = Some(Shown { trace: Rc::new(trace), source: Source::Replayed });
                self.compare_with(share::other(&link, self.invited.clone()));
                self.opened = Some(Opened { link, done: false, agreement: (0, 0) });
                true
            }
            Err(message) => {
                self.notify(Level::Error, message);
                false
            }
        }
    }
}
