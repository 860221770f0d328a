//! Episodes, whatever they are stored in, put one behind the other.

use std::path::Path;

use diar_core::data::Transitions;

use super::super::column::Column;
use super::super::memory::Need;
use super::super::{Boundaries, Bounds, DataError, Dropped, Layout, Origin, Storage};
use super::metadata::{METADATA, Metadata, check_total};

/// Why rows are left out.
const LAST: &str = "the observation that each episode ended with, in which nothing was done";

/// The columns of an episode.
pub(super) struct Episode<C> {
    pub states: C,
    pub actions: C,
    pub rewards: C,
    pub terminations: C,
    pub truncations: C,
}

/// Episodes that were read.
#[derive(Default)]
pub(super) struct Episodes {
    data: Transitions,
    /// How many.
    count: usize,
    /// Those without a step.
    empty: usize,
    /// Those whose last observation is missing.
    short: usize,
    /// Those with a column of flags that nobody wrote to.
    never_written: usize,
}

impl<C: Column> Episode<C> {
    /// Adds what reading and keeping it takes.
    pub(super) fn claim(&self, need: &mut Need) {
        for column in [&self.states, &self.actions, &self.rewards, &self.terminations, &self.truncations] {
            column.claim(need);
        }
    }

    /// Checks that its columns have the rows that its rewards ask for.
    fn check(&self, observations: u64) -> Result<(), DataError> {
        let steps = self.rewards.rows();
        let columns = [
            (&self.states, observations),
            (&self.actions, steps),
            (&self.terminations, steps),
            (&self.truncations, steps),
        ];
        for (column, expected) in columns {
            if column.rows() != expected {
                let found = column.rows();
                return Err(
                    column.wrong(format!("has {found} rows, expected {expected} for {steps} rewards"))
                );
            }
        }
        Ok(())
    }
}

impl Episodes {
    /// Makes room for rows of so many numbers, so that nothing is moved while it grows. Without that room it grows as it is
    /// filled.
    pub(super) fn reserve(&mut self, rows: u64, state: usize, action: usize) {
        let (rows, data) = (rows as usize, &mut self.data);
        let numbers = [(&mut data.states, state), (&mut data.actions, action), (&mut data.rewards, 1)];
        for (column, width) in numbers {
            let _ = column.try_reserve_exact(rows.saturating_mul(width));
        }
        for column in [&mut data.terminals, &mut data.timeouts] {
            let _ = column.try_reserve_exact(rows);
        }
    }

    /// Adds the steps of an episode; the last observation, in which nothing was done, is left out.
    ///
    /// # Errors
    /// When its columns do not fit together or to those of other episodes, or cannot be read.
    pub(super) fn append<C: Column>(&mut self, episode: &Episode<C>) -> Result<(), DataError> {
        let Episode { states, actions, rewards, terminations, truncations } = episode;
        let steps = rewards.rows();
        // Some recorders leave the last observation out themselves.
        let short = states.rows() == steps;
        let observations = if short { steps } else { steps.saturating_add(1) };
        episode.check(observations)?;
        self.count += 1;
        if steps == 0 {
            self.empty += 1;
            return Ok(());
        }
        let data = &mut self.data;
        for (column, width) in [(states, &mut data.state_dim), (actions, &mut data.action_dim)] {
            // The first episode decides.
            if *width == 0 {
                *width = column.width();
            }
            if column.width() != *width {
                let found = column.width();
                return Err(
                    column.wrong(format!("has {found} numbers in a row, other episodes have {width}"))
                );
            }
        }
        data.states.extend_from_slice(&states.read()?[..steps as usize * states.width()]);
        data.actions.extend(actions.read()?);
        data.rewards.extend(rewards.read()?);
        let (terminations, truncations) = (terminations.flags()?, truncations.flags()?);
        data.terminals.extend(terminations.values);
        data.timeouts.extend(truncations.values);
        // The end of the recording ends an episode too, even without a flag.
        if let (Some(terminal), Some(timeout)) = (data.terminals.last(), data.timeouts.last_mut()) {
            *timeout |= !terminal;
        }
        self.short += usize::from(short);
        self.never_written += usize::from(terminations.never_written || truncations.never_written);
        Ok(())
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> u64 {
        self.data.len() as u64
    }

    /// Holds the episodes against what the data set says about itself.
    ///
    /// # Errors
    /// When there are more or fewer than it says, or none.
    pub(super) fn finish(
        self,
        path: &Path,
        storage: Storage,
        metadata: &Metadata,
        mut findings: Vec<String>,
    ) -> Result<(Transitions, Origin), DataError> {
        let Self { data, count, empty, short, never_written } = self;
        check_total(path, METADATA, "episodes", metadata.total_episodes, count as u64)?;
        check_total(path, METADATA, "steps", metadata.total_steps, data.len() as u64)?;
        if data.is_empty() {
            return Err(DataError::Empty { path: path.to_owned() });
        }
        data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })?;
        if short > 0 {
            findings.push(format!(
                "{short} of {count} episodes have as many observations as actions, not one more: where they ended is not \
                 there"
            ));
        }
        if never_written > 0 {
            findings.push(format!(
                "in {never_written} of {count} episodes no row of 'terminations' or 'truncations' was ever written"
            ));
        }
        if empty > 0 {
            findings.push(format!("{empty} of {count} episodes have no step"));
        }
        let mut declared = metadata.declared(&mut findings);
        for (name, bounds, width) in [
            ("observation", &mut declared.observations, data.state_dim),
            ("action", &mut declared.actions, data.action_dim),
        ] {
            if let Some(Bounds { low, .. }) = bounds.as_ref().filter(|bounds| bounds.low.len() != width) {
                findings.push(format!(
                    "{METADATA} has bounds for {} numbers of an {name}, but there are {width}: they are not used",
                    low.len()
                ));
                *bounds = None;
            }
        }
        let rows = count - empty - short;
        let dropped = (rows > 0).then_some(Dropped { rows, reason: LAST }).into_iter().collect();
        let origin = Origin::of(Layout::Minari, storage, Boundaries::Minari);
        Ok((data, Origin { dropped, declared, unread: metadata.unread(), findings, ..origin }))
    }
}
