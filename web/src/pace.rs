//! Pace of the worker: the amount that it computes between two looks at its messages.

/// Milliseconds of computing between two turns of the event loop.
pub const TURN: f64 = 16.0;

/// Work of a first call, in candidates times networks: a few milliseconds with the networks that come with the page.
const FIRST: usize = 4096;
/// Most work of a call.
const MOST: usize = 1 << 20;

/// The work of a call, such that it takes about a [`TURN`], whatever the networks and the device.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    work: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { work: FIRST }
    }
}

impl Pace {
    /// For a device that computes while the worker listens: a call may do everything.
    pub fn endless() -> Self {
        Self { work: usize::MAX }
    }

    /// Work that one call may do.
    pub fn work(self) -> usize {
        self.work
    }

    /// Learns from a call that did `work` or less; `midway` tells that it was stopped by that.
    pub fn took(&mut self, millis: f64, midway: bool) {
        if self.work == usize::MAX {
            return;
        }
        if millis > 2.0 * TURN {
            self.work = (self.work / 2).max(1);
        } else if midway && millis < TURN / 2.0 {
            self.work = (self.work * 2).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From whatever the first call takes, calls soon take about a turn.
    #[test]
    fn calls_come_to_take_a_turn() {
        for per_candidate in [1e-6, 1e-4, 0.004, 0.1, 3.0] {
            let mut pace = Pace::default();
            let millis = |pace: Pace| per_candidate * pace.work() as f64;
            for _ in 0..20 {
                pace.took(millis(pace), true);
            }
            let taken = millis(pace);
            let reached = (TURN / 2.0..=2.0 * TURN).contains(&taken);
            assert!(reached || pace.work() == MOST && taken < TURN, "{per_candidate}: {taken} ms");
        }
    }

    /// A step of the environment takes no time, and says nothing about the networks.
    #[test]
    fn short_calls_do_not_raise_it() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.took(0.01, false);
        }
        assert_eq!(pace.work(), Pace::default().work());
        let mut endless = Pace::endless();
        endless.took(1000.0, false);
        assert_eq!(endless.work(), usize::MAX);
    }
}
