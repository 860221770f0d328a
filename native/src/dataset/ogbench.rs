//! OGBench's layout: flat arrays without rewards, in which `terminals` mark the last row of each episode.
//!
//! That row has the state that the last step led to; its own action was never taken. It has no successor and is left out. An
//! episode is cut there by its length, not ended by the task. The arrays that OGBench's loader makes of its files are read
//! as well: with `next_observations`, where each row has a successor; with `valids`, which mark the rows that have one; and
//! with `rewards`.

use diar_core::data::Transitions;

use super::column::{Column, Table};
use super::memory::Need;
use super::npz::{Archive, Array, LAYOUT};
use super::{Boundaries, DataError, Dropped, Layout, Origin, RewardSource, Storage};
use crate::label::RewardAt;

/// Why rows are left out.
const LAST: &str = "the last of each episode, which has no successor";

/// The arrays, of equal rows.
struct Columns<'a> {
    states: Array<'a>,
    actions: Array<'a>,
    terminals: Array<'a>,
    timeouts: Option<Array<'a>>,
    valids: Option<Array<'a>>,
    next: Option<Array<'a>>,
    rewards: Rewards<'a>,
}

/// Where rewards come from.
enum Rewards<'a> {
    Recorded(Array<'a>),
    At(RewardAt),
}

/// Reads the arrays and labels the steps, unless there are rewards.
pub(super) fn read(
    archive: &Archive,
    reward_at: Option<RewardAt>,
    available: Option<u64>,
) -> Result<(Transitions, Origin), DataError> {
    let path = archive.path();
    let columns = Columns::of(archive, reward_at)?;
    columns.need().check(path, available)?;
    if columns.states.rows() == 0 {
        return Err(DataError::Empty { path: path.to_owned() });
    }

    let mut findings = Vec::new();
    let ends = columns.ends()?;
    if ends.last() == Some(&false) {
        findings.push("the last row ends no episode: the recording broke off there".to_owned());
    }
    let kept = columns.successors(&ends)?;
    let mut data = Transitions {
        state_dim: columns.states.width(),
        action_dim: columns.actions.width(),
        states: columns.states.read()?,
        ..Transitions::default()
    };
    data.rewards = columns.rewards(&data.states)?;
    data.actions = columns.actions.read()?;
    let last =
        |row: usize| if columns.next.is_some() { ends[row] } else { !kept.get(row + 1).unwrap_or(&false) };
    data.timeouts = (0..kept.len()).map(last).collect();

    keep(&mut data.states, data.state_dim, &kept);
    keep(&mut data.actions, data.action_dim, &kept);
    keep(&mut data.rewards, 1, &kept);
    keep(&mut data.timeouts, 1, &kept);
    data.terminals = vec![false; data.rewards.len()];
    let rows = kept.len() - data.len();
    if data.is_empty() {
        let problem =
            format!("marks each of {rows} rows as the last of an episode, so that there is no step");
        return Err(columns.terminals.wrong(problem));
    }
    let dropped = (rows > 0).then_some(Dropped { rows, reason: LAST });
    let episodes = data.timeouts.iter().filter(|&&end| end).count();
    if rows > episodes {
        findings.push(format!("{} episodes have one row, and so no step", rows - episodes));
    }
    let origin = Origin {
        reward_source: columns.source(),
        dropped: dropped.into_iter().collect(),
        findings,
        ..Origin::of(Layout::Ogbench, Storage::Npz, Boundaries::Ogbench)
    };
    Ok((data, origin))
}

impl<'a> Columns<'a> {
    fn of(archive: &'a Archive, reward_at: Option<RewardAt>) -> Result<Self, DataError> {
        let need = |name| archive.need(name, LAYOUT);
        let flat = |name| archive.column(name)?.map(Column::flat).transpose();
        let columns = Self {
            states: need("observations")?,
            actions: need("actions")?,
            terminals: need("terminals")?.flat()?,
            timeouts: flat("timeouts")?,
            valids: flat("valids")?,
            next: archive.column("next_observations")?,
            rewards: match (flat("rewards")?, reward_at) {
                (Some(rewards), _) => Rewards::Recorded(rewards),
                (None, Some(at)) => Rewards::At(at),
                (None, None) => return Err(DataError::NoRewards { path: archive.path().to_owned() }),
            },
        };
        columns.check()?;
        Ok(columns)
    }

    /// Holds the columns against each other.
    fn check(&self) -> Result<(), DataError> {
        let Self { states, actions, terminals, timeouts, valids, next, .. } = self;
        let (rows, width) = (states.rows(), states.width());
        let rewards = match &self.rewards {
            Rewards::Recorded(rewards) => Some(rewards),
            Rewards::At(_) => None,
        };
        let mut all =
            [actions, terminals].into_iter().chain(timeouts).chain(valids).chain(next).chain(rewards);
        if let Some(column) = all.find(|column| column.rows() != rows) {
            let found = column.rows();
            return Err(column.wrong(format!("has {found} rows, expected {rows}, as 'observations' has")));
        }
        if let Some(next) = next.as_ref().filter(|next| next.width() != width) {
            return Err(next.wrong(format!("has {} numbers in a row, expected {width}", next.width())));
        }
        match self.rewards {
            Rewards::At(_) if width < 2 => {
                let problem = "has 1 number in a row, but `--reward-at` takes the first two for a place";
                Err(states.wrong(problem.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn source(&self) -> RewardSource {
        match self.rewards {
            Rewards::Recorded(_) => RewardSource::Recorded,
            Rewards::At(at) => RewardSource::At(at),
        }
    }

    fn need(&self) -> Need {
        let (rows, width) = (self.states.rows(), self.states.width() as u64);
        let mut need = Need::default();
        self.states.claim(&mut need);
        self.actions.claim(&mut need);
        // A reward and four flags for each row; beside them the next observations, or flags as they are read.
        need.keep(rows.saturating_mul(2));
        need.pass(rows.saturating_mul(if self.next.is_some() { width } else { 1 }));
        need
    }

    /// Rows that an episode ends with.
    fn ends(&self) -> Result<Vec<bool>, DataError> {
        let mut ends = self.terminals.flags()?.values;
        if let Some(timeouts) = &self.timeouts {
            for (end, timeout) in ends.iter_mut().zip(timeouts.flags()?.values) {
                *end |= timeout;
            }
        }
        Ok(ends)
    }

    /// Rows whose successor is there: in `next_observations`, or in the row behind.
    fn successors(&self, ends: &[bool]) -> Result<Vec<bool>, DataError> {
        if self.next.is_some() {
            return Ok(vec![true; ends.len()]);
        }
        let mut kept = match &self.valids {
            Some(valids) => valids.flags()?.values,
            None => ends.iter().map(|end| !end).collect(),
        };
        if let Some(last) = kept.last_mut() {
            *last = false;
        }
        Ok(kept)
    }

    /// The reward of each row; those without a successor have any.
    fn rewards(&self, states: &[f32]) -> Result<Vec<f32>, DataError> {
        let width = self.states.width();
        match (&self.rewards, &self.next) {
            (Rewards::Recorded(rewards), _) => rewards.read(),
            (Rewards::At(at), Some(next)) => {
                Ok(next.read()?.chunks_exact(width).map(|state| at.reward(state)).collect())
            }
            (Rewards::At(at), None) => {
                let successors = states.chunks_exact(width).skip(1);
                Ok(successors.map(|state| at.reward(state)).chain([0.0]).collect())
            }
        }
    }
}

/// Keeps the rows that are marked, in place.
fn keep<T: Copy>(values: &mut Vec<T>, width: usize, kept: &[bool]) {
    let mut to = 0;
    for (row, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
        values.copy_within(row * width..(row + 1) * width, to);
        to += width;
    }
    values.truncate(to);
}
