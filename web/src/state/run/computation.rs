//! The run under computation.

use std::rc::Rc;

use diar_core::agent::Trace;

/// The purpose of the run under computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum Purpose {
    /// To be watched as it comes.
    Watch,
    /// To take the place of the shown trace once it has reached the cursor.
    CatchUp,
    /// To be compared with a link's decisions, and take the place of its replay if they agree.
    Verify,
    /// It did not agree: it waits, in case somebody wants to see it.
    Aside,
}

/// The run under computation.
#[derive(Clone, Debug)]
pub(in crate::state) struct Computation {
    pub(super) generation: u32,
    pub(super) purpose: Purpose,
    /// The trace, while it is not the one on display; `None` before the worker has begun and once it is shown.
    pub(super) hidden: Option<Rc<Trace>>,
    pub(super) begun: bool,
    pub(super) busy: bool,
    /// Time spent, and the mean per decision, in milliseconds.
    spent: f64,
    latency: Option<f64>,
}

impl Computation {
    pub(super) fn new(generation: u32, purpose: Purpose) -> Self {
        Self { generation, purpose, hidden: None, begun: false, busy: false, spent: 0.0, latency: None }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn begun(&self) -> bool {
        self.begun
    }

    /// Returns true if another trace is on display meanwhile.
    pub(crate) fn hides(&self) -> bool {
        self.purpose != Purpose::Watch
    }

    /// Returns true while the page waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.begun || matches!(self.purpose, Purpose::CatchUp | Purpose::Verify)
    }

    /// Takes note of time spent; so many decisions have ended.
    pub(super) fn spend(&mut self, millis: f64, decisions: usize) {
        self.spent += millis;
        self.latency = (decisions > 0).then(|| self.spent / decisions as f64);
    }

    pub(super) fn latency(&self) -> Option<f64> {
        self.latency
    }
}
