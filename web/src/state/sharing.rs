//! A link that was opened, and links and files made of what is on display.

use diar_core::agent::Trace;
use diar_core::link::Link;

use super::{Cause, Command, Export, Level, Part, State};
use crate::messages::Weights;
use crate::{method, share};

/// Actions on links and files.
#[derive(Clone, Debug)]
pub enum SharingAction {
    /// The fragment of the address has changed.
    Open(String),
    /// Show the run computed here instead of the link's.
    ShowRecomputed,
    CopyLink,
    /// The clipboard took the link, or not.
    Copied(bool),
    /// Save the figure, the episode or the trace.
    Export(Export),
}

/// A link that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    link: Link,
    /// Its decisions have been recomputed.
    done: bool,
    /// The count of recomputed decisions that agree, and of all.
    agreement: (usize, usize),
}

impl Opened {
    /// Returns true once its decisions have been recomputed.
    pub fn done(&self) -> bool {
        self.done
    }

    /// The count of recomputed decisions that agree, and of all.
    pub fn agreement(&self) -> (usize, usize) {
        self.agreement
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }
}

/// Links opened and made.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    opened: Option<Opened>,
    copied: Option<bool>,
}

impl Sharing {
    /// The link that was opened, as long as its run is on the page.
    pub fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref()
    }

    /// The answer of the clipboard to taking the link, once it was asked.
    pub fn copied(&self) -> Option<bool> {
        self.copied
    }

    pub(super) fn forget_copied(&mut self) {
        self.copied = None;
    }

    /// Leaves the link behind: what follows is another run.
    pub(super) fn leave(&mut self) {
        self.opened = None;
    }

    /// Returns true if the run of a link is still to be recomputed.
    pub(super) fn verifies(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| !opened.done)
    }

    /// Compares the run of a link with some weights. Answers with what the user must know of the difference.
    ///
    /// # Errors
    /// When they are for another task: in words.
    pub(super) fn fits(&self, weights: &Weights) -> Result<Option<String>, String> {
        let Some(Opened { link, .. }) = &self.opened else { return Ok(None) };
        if link.task != weights.task {
            return Err(format!(
                "This link is for {}, but the weights on this page are for {}. Its recorded decisions are shown; they \
                 cannot be computed anew.",
                link.task, weights.task
            ));
        }
        if !link.run.settings.is_like(&weights.settings) {
            return Err(format!(
                "This link is a run of {}, but the weights on this page are {}'s. Its recorded way is shown; choose its own \
                 weights to decide it anew.",
                method::acting_name(&link.run.settings),
                method::method_name(weights.method)
            ));
        }
        let text = "This link was made with other weights: its decisions are computed anew with the ones here, and some \
                    may differ.";
        Ok((!share::same_bundle(link, &weights.hash)).then(|| text.to_owned()))
    }

    /// Compares the run of the link with the one computed here. Answers, once that has come far enough, whether they agree.
    pub(super) fn verify(&mut self, running: &Trace, over: bool, arrived: bool) -> Option<bool> {
        let opened = self.opened.as_mut()?;
        opened.agreement = opened.link.agreement(running);
        let ended = running.decisions.iter().filter(|decision| decision.outcome.is_some()).count();
        opened.done |= over || (ended >= opened.agreement.1 && arrived);
        opened.done.then_some(opened.agreement.0 == opened.agreement.1)
    }
}

impl Part for Sharing {
    fn reset(&mut self, cause: Cause, _: &mut Vec<Command>) {
        match cause {
            // It is still to be verified, by whatever decides next.
            Cause::Device | Cause::Failure => {}
            Cause::Weights | Cause::Task | Cause::Critic | Cause::World | Cause::Run | Cause::Link => {
                self.leave();
            }
        }
    }
}

impl State {
    pub(super) fn fold_sharing(&mut self, action: SharingAction, commands: &mut Vec<Command>) {
        match action {
            SharingAction::Open(fragment) => {
                if fragment.is_empty() && self.run.shown().is_some() {
                    let text = "This address holds no run: the one before stays on display.";
                    self.view.notify(Level::Info, text.into());
                }
                if self.open(&fragment, commands) {
                    self.resume(commands);
                }
            }
            SharingAction::ShowRecomputed => {
                if self.run.can_show_recomputed() {
                    self.uncover();
                }
            }
            SharingAction::CopyLink => match self.link() {
                Some(Ok(fragment)) => commands.push(Command::Copy(fragment)),
                Some(Err(error)) => {
                    self.view.notify(Level::Error, format!("There is no link to copy: {error}."));
                }
                None => {}
            },
            SharingAction::Copied(copied) => self.sharing.copied = Some(copied),
            SharingAction::Export(export) => {
                if self.trace().is_some() {
                    commands.push(Command::Export(export));
                }
            }
        }
    }

    /// Takes over a link, or a step of the tour; answers whether there is a run to compute.
    pub(super) fn open(&mut self, fragment: &str, commands: &mut Vec<Command>) -> bool {
        if let Some(step) = share::tour(fragment) {
            self.go_on_tour(Some(step));
            return false;
        }
        let opened = share::parse(fragment)
            .and_then(|link| link.map(|link| share::replay(&link).map(|trace| (link, trace))).transpose());
        match opened {
            Ok(None) => false,
            Ok(Some((link, trace))) => {
                self.forgive();
                self.reset(Cause::Link, commands);
                self.cursor.jump(share::moment(&link, &trace));
                self.run.open(share::plan(&link), trace, &link.bundle);
                let other = share::other(&link, self.comparison.invited().cloned());
                self.comparison.compare_linked(other, self.run.plan());
                self.sharing.opened = Some(Opened { link, done: false, agreement: (0, 0) });
                true
            }
            Err(message) => {
                self.view.notify(Level::Error, message);
                false
            }
        }
    }
}
