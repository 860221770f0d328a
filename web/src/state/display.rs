//! The state as the page shows it: what more than one part knows together.

use std::rc::Rc;
use std::sync::Arc;

use diar_core::agent::{Scenario, Trace};
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::link::LinkError;
use diar_core::maze::Layout;

use super::{Source, State, Theme};
use crate::messages::{DeviceInfo, ValueField, Weights};
use crate::scale::Ground;
use crate::share;
use crate::timeline::Glimpse;

impl State {
    /// The trace on display.
    pub fn trace(&self) -> Option<&Rc<Trace>> {
        self.run.trace()
    }

    /// The decision under the cursor.
    pub fn glimpse(&self) -> Option<Glimpse<'_>> {
        Glimpse::at(self.trace()?, self.cursor.at())
    }

    /// The device and weights, once decisions can be computed.
    pub fn ready(&self) -> Option<(&DeviceInfo, &Weights)> {
        self.deciding.ready()
    }

    /// The task shown.
    pub fn task(&self) -> &'static Benchmark {
        let shown = self.trace().map(|trace| trace.task.as_str());
        let loaded = self.ready().map(|(_, weights)| weights.task.as_str());
        shown.or(loaded).and_then(|id| Benchmark::find(id).ok()).unwrap_or(&MAZE2D[0])
    }

    /// The maze shown, with what is changed in it.
    pub fn layout(&self) -> Arc<Layout> {
        let maze = self.task().maze();
        let changed = self.scenario().world.layout(maze);
        changed.unwrap_or_else(|_| Arc::clone(maze.layout()))
    }

    /// The changes of the run shown; those of the next one, where none is.
    pub fn scenario(&self) -> &Scenario {
        self.trace().map_or(&self.run.plan().run.scenario, |trace| &trace.run.scenario)
    }

    /// V over the maze shown, as far as it is known.
    pub fn field(&self) -> Option<&Rc<ValueField>> {
        self.world.field(self.task().id())
    }

    /// Light or dark, as the page is now.
    pub fn ground(&self) -> Ground {
        let dark = match self.view.theme() {
            Theme::System => self.view.system_dark(),
            Theme::Light => false,
            Theme::Dark => true,
        };
        if dark { Ground::Dark } else { Ground::Light }
    }

    /// Where the next run starts, as far as it is known.
    pub fn start(&self) -> [f64; 2] {
        if let Some(&[x, y, ..]) = self.run.plan().run.start.as_deref() {
            return [x, y];
        }
        match self.trace().map(|trace| trace.start.as_slice()) {
            Some([x, y, ..]) => [*x, *y],
            _ => self.task().maze().layout().goal_position(),
        }
    }

    /// Diffusion steps T of the denoiser, as far as it is known.
    pub fn diffusion_steps(&self) -> usize {
        self.ready().map_or(500, |(_, weights)| weights.diffusion_steps)
    }

    /// Returns true if the weights in use decided the run on display, as far as it is known: only they can say more about it.
    pub(super) fn is_of_these_weights(&self) -> bool {
        let (Some((_, weights)), Some(shown)) = (self.ready(), self.run.shown()) else { return false };
        shown.trace.task == weights.task && weights.hash.starts_with(&shown.bundle)
    }

    /// Returns true if a bundle is in use: to decide, or to compare with.
    pub fn uses(&self, bundle: &str) -> bool {
        self.deciding.bundle() == bundle || self.comparison.uses(bundle)
    }

    /// The fragment of the address that comes back here, once there is a run that fits into a link.
    pub fn fragment(&self) -> Option<String> {
        self.link()?.ok()
    }

    /// The same with the limit that the run breaks, where it does.
    pub(super) fn link(&self) -> Option<Result<String, LinkError>> {
        let shown = self.run.shown()?;
        // A recording does not say whose it is: the weights of the page are as good as any.
        let bundle = match (&shown.source, self.ready()) {
            (Source::Recorded, Some((_, weights))) => &weights.hash,
            _ => &shown.bundle,
        };
        let linked = self.sharing.opened().and_then(|opened| opened.link().other.as_ref());
        let other = self.comparison.linked(linked.map(|other| other.bundle.as_str()));
        Some(share::compose(&shown.trace, bundle, self.cursor.at(), other))
    }
}
