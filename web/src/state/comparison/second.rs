//! The second bundle: other weights, to compare with.

use std::rc::Rc;

use super::{Command, Comparison, Level, State, ToWorker};
use crate::accept;
use crate::messages::{Decider, Weights};

/// Other weights, to compare with.
#[derive(Clone, Debug)]
pub struct SecondBundle {
    address: String,
    /// The bundle, once it is there.
    bundle: Option<Rc<Vec<u8>>>,
    /// Its description, once the worker has read it.
    weights: Option<Weights>,
}

impl SecondBundle {
    /// Its description, once the worker has read it.
    pub fn weights(&self) -> Option<&Weights> {
        self.weights.as_ref()
    }

    pub(super) fn is_from(&self, address: &str) -> bool {
        self.address == address
    }

    /// Returns true if the worker can decide with the bundle of this address.
    pub(super) fn is_usable(&self, address: &str) -> bool {
        self.address == address && self.weights.is_some()
    }

    /// Another worker has not read it.
    pub(super) fn forget_weights(&mut self) {
        self.weights = None;
    }
}

impl Comparison {
    /// The weights that the other run is decided with, once they are here.
    pub fn second_weights(&self) -> Option<&Weights> {
        let decider = &self.run.as_ref()?.plan.decider;
        self.second.as_ref().filter(|_| matches!(decider, Decider::Second(_)))?.weights()
    }

    /// Asks for the weights that the other run needs, unless they are here.
    pub(in crate::state) fn fetch(&mut self) -> Option<Command> {
        let Decider::Second(address) = &self.run.as_ref()?.plan.decider else { return None };
        if self.second.as_ref().is_some_and(|second| second.address == *address) {
            return None;
        }
        let address = address.clone();
        self.second = Some(SecondBundle { address: address.clone(), bundle: None, weights: None });
        Some(Command::Fetch { address })
    }

    /// Gives a worker that can decide the other weights, if there are any.
    pub(in crate::state) fn introduce(&mut self) -> Option<Command> {
        let second = self.second.as_mut()?;
        second.weights = None;
        let bundle = second.bundle.as_ref()?.to_vec();
        Some(Command::Send(ToWorker::Second { address: second.address.clone(), bundle }))
    }

    /// Returns true if these are the weights to compare with: others may have been chosen in the meantime.
    fn wants(&self, address: &str) -> bool {
        self.second.as_ref().is_some_and(|second| second.address == address)
    }

    fn turn_away(&mut self) {
        self.second = None;
        self.run.take_if(|run| matches!(run.plan.decider, Decider::Second(_)));
    }
}

impl State {
    /// The bytes of other weights are there, or will not come.
    pub(super) fn fetched(
        &mut self,
        address: &str,
        bundle: Result<Vec<u8>, String>,
        commands: &mut Vec<Command>,
    ) {
        let ready = self.ready().is_some();
        let Some(second) = self.comparison.second.as_mut().filter(|second| second.address == address) else {
            return;
        };
        match bundle {
            Ok(bundle) => {
                second.bundle = Some(Rc::new(bundle));
                if ready {
                    commands.extend(self.comparison.introduce());
                }
            }
            Err(reason) => self.turn_away(&format!(
                "The weights to compare with could not be fetched from {address}: {reason}. Check the address."
            )),
        }
    }

    /// The worker, which decides with the bundle of hash `loaded`, has read the other weights, or cannot.
    pub(in crate::state) fn take_second(
        &mut self,
        loaded: &str,
        address: &str,
        weights: Result<Weights, String>,
    ) {
        let Some((_, own)) = self.ready() else { return };
        if !self.comparison.wants(address) || accept::same(&own.hash, loaded).is_err() {
            return;
        }
        let weights = match weights {
            Ok(weights) if weights.task == own.task => weights,
            Ok(weights) => {
                let text = format!(
                    "The weights to compare with are for {}, those on the page for {}: two runs in one maze are needed.",
                    weights.task, own.task
                );
                return self.turn_away(&text);
            }
            Err(reason) => {
                return self.turn_away(&format!("The weights to compare with cannot be used: {reason}."));
            }
        };
        let linked = self.sharing.opened().and_then(|opened| opened.link().other.as_ref());
        if linked.is_some_and(|other| !weights.hash.starts_with(&other.bundle)) {
            let text = "The link compares with weights that are not here; these take their place.";
            self.view.notify(Level::Warning, text.into());
        }
        if let Some(second) = &mut self.comparison.second {
            second.weights = Some(weights);
        }
    }

    fn turn_away(&mut self, reason: &str) {
        self.comparison.turn_away();
        self.view.notify(Level::Error, reason.to_owned());
    }
}
