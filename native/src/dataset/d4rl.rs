//! D4RL's layout: one flat column of each kind, in HDF5 or in an npz file.
//!
//! Written: `observations`, `actions`, `rewards`, `terminals`, `timeouts`, `infos/goal`, `infos/qpos`, `infos/qvel`, gzip,
//! f32, booleans as an enum of FALSE and TRUE. Read: the same, and what else is found in the wild: `(N, 1)` columns, any
//! number type for any column, terminals in the middle of an episode (AntMaze), no `timeouts`, no `infos`, or one data set of that name, d3rlpy's `episode_terminals`, and
//! the `next_observations` of `d4rl.qlearning_dataset`.

use std::path::Path;

use diar_core::data::{ColumnMismatch, TimeoutVerdict, Transitions};
use hdf5_reader::{ByteOrder, Datatype};
use hdf5_writer::{DatasetBuilder, EnumMember, FILTER_DEFLATE, FilterDescription, Hdf5Builder, WriteOptions};

use super::column::{Column, Flags, Table};
use super::memory::Need;
use super::{Boundaries, DataError, Layout, Origin, Storage, npz};
use crate::run::atomic;

/// Rows of a compressed chunk.
const CHUNK_ROWS: usize = 16_384;
/// The layout's name in errors.
pub(super) const LAYOUT: &str = "D4RL's flat layout or Minari's episodes";
/// h5py's default.
const GZIP_LEVEL: u32 = 4;

/// States of the simulator beside the observations, the columns `infos/qpos` and `infos/qvel`.
#[derive(Clone, Copy, Debug)]
pub struct Infos<'a> {
    /// Positions, then velocities, as wide as an observation, row by row.
    pub states: &'a [f32],
    /// Number of positions among the numbers of a state.
    pub positions: usize,
}

/// Writes a file; an existing one is replaced once the new one is complete.
///
/// `infos/qpos` and `infos/qvel` repeat the observation of their row, whose first two numbers are positions.
///
/// # Errors
/// When the columns do not fit together or the file cannot be written.
pub fn write(path: &Path, data: &Transitions) -> Result<(), DataError> {
    write_with(path, data, Infos { states: &data.states, positions: data.state_dim.min(2) })
}

/// [`write()`] with other states.
///
/// # Errors
/// When the columns do not fit together or the file cannot be written.
pub fn write_with(path: &Path, data: &Transitions, infos: Infos<'_>) -> Result<(), DataError> {
    check(path, data)?;
    if infos.states.len() != data.states.len() {
        let mismatch = ColumnMismatch {
            column: "infos/qpos and infos/qvel",
            found: infos.states.len(),
            expected: data.states.len(),
            rows: data.len(),
        };
        return Err(DataError::Mismatch { path: path.to_owned(), mismatch });
    }
    let bytes = encode(data, infos)
        .map_err(|source| DataError::Encode { path: path.to_owned(), source: Box::new(source) })?;
    atomic::write(path, &bytes).map_err(|source| DataError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

/// Reads the columns of a table.
///
/// Timeouts cut the segments, and the states say whether they are resets: in D4RL's maze data they are not. Where a column
/// says it, there is nothing to guess: d3rlpy's `episode_terminals` mark every end of an episode, and where
/// `next_observations` are not those of the next row, an episode was cut.
pub(super) fn read<T: Table>(
    table: &T,
    storage: Storage,
    available: Option<u64>,
) -> Result<(Transitions, Origin), DataError> {
    let path = table.path();
    let layout = if storage == Storage::Npz { npz::LAYOUT } else { LAYOUT };
    let need = |column| table.need(column, layout);
    let states = need("observations")?;
    let actions = need("actions")?;
    let rewards = need("rewards")?.flat()?;
    let terminals = need("terminals")?.flat()?;
    let timeouts = table.column("timeouts")?.map(Column::flat).transpose()?;
    let ends = table.column("episode_terminals")?.map(Column::flat).transpose()?;
    let next = table.column("next_observations")?;
    let goals = table.goals()?.filter(|goals| goals.width() == 2);

    let mut need = Need::default();
    for column in [&states, &actions, &rewards, &terminals]
        .into_iter()
        .chain(&timeouts)
        .chain(&ends)
        .chain(&next)
        .chain(&goals)
    {
        column.claim(&mut need);
    }
    need.check(path, available)?;
    let rows = rewards.rows();
    if rows == 0 {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    if let Some(column) = ends.iter().chain(&next).find(|column| column.rows() != rows) {
        return Err(column.wrong(format!("has {} rows, expected {rows}", column.rows())));
    }
    let mut findings = Vec::new();
    let mut flags = |column: &T::Column| -> Result<Vec<bool>, DataError> {
        let Flags { values, never_written } = column.flags()?;
        if never_written {
            findings.push(format!(
                "no row of '{}' was ever written, all read as {}",
                column.name(),
                values[0]
            ));
        }
        Ok(values)
    };
    let mut data = Transitions {
        state_dim: states.width(),
        action_dim: actions.width(),
        states: states.read()?,
        actions: actions.read()?,
        rewards: rewards.read()?,
        terminals: flags(&terminals)?,
        timeouts: match &timeouts {
            Some(timeouts) => flags(timeouts)?,
            None => vec![false; rows as usize],
        },
        continuous: true,
        past_terminals: false,
        goals: goals.map(|goals| goals.read()).transpose()?.unwrap_or_default(),
    };
    check(path, &data)?;
    let boundaries = if let Some(ends) = &ends {
        for (row, end) in flags(ends)?.into_iter().enumerate() {
            data.timeouts[row] |= end && !data.terminals[row];
        }
        Boundaries::EpisodeTerminals
    } else {
        let cuts = next.as_ref().map(|next| cuts(&data, next)).transpose()?;
        let count = cuts.iter().flatten().filter(|&&cut| cut).count();
        match cuts {
            Some(cuts) if count <= data.len() / 2 => {
                data.timeouts = cuts;
                Boundaries::NextObservations
            }
            Some(_) => {
                findings.push(format!(
                    "'next_observations' differ from the observation of the next row in {count} of {rows} rows, and say \
                     nothing about ends"
                ));
                Boundaries::States(TimeoutVerdict::of(&data))
            }
            None => Boundaries::States(TimeoutVerdict::of(&data)),
        }
    };
    data.continuous = boundaries.continuous();
    let past_terminals = matches!(boundaries, Boundaries::States(_)) && TimeoutVerdict::past_terminals(&data);
    data.past_terminals = past_terminals;
    Ok((data, Origin { past_terminals, findings, ..Origin::of(Layout::D4rl, storage, boundaries) }))
}

/// Rows whose next observation is not that of the next row, terminals left out.
fn cuts(data: &Transitions, next: &impl Column) -> Result<Vec<bool>, DataError> {
    let width = data.state_dim;
    if next.width() != width {
        return Err(next.wrong(format!("has {} numbers in a row, expected {width}", next.width())));
    }
    let next = next.read()?;
    let follows = |row: usize, next: &[f32]| row + 1 < data.len() && data.state(row + 1) == next;
    let rows = next.chunks_exact(width).enumerate();
    Ok(rows.map(|(row, next)| !data.terminals[row] && !follows(row, next)).collect())
}

fn check(path: &Path, data: &Transitions) -> Result<(), DataError> {
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })
}

fn encode(data: &Transitions, Infos { states, positions }: Infos<'_>) -> Result<Vec<u8>, hdf5_writer::Error> {
    let part = |from: usize, to: usize| -> Vec<f32> {
        states.chunks_exact(data.state_dim).flat_map(|state| state[from..to].iter().copied()).collect()
    };
    let mut builder = Hdf5Builder::new()
        .dataset(floats("actions", data.action_dim, &data.actions)?)
        .dataset(floats("infos/qpos", positions, &part(0, positions))?)
        .dataset(floats("infos/qvel", data.state_dim - positions, &part(positions, data.state_dim))?)
        .dataset(floats("observations", data.state_dim, &data.states)?)
        .dataset(compressed(DatasetBuilder::typed_data("rewards", [data.len() as u64], &data.rewards)?))
        .dataset(booleans("terminals", &data.terminals))
        .dataset(booleans("timeouts", &data.timeouts));
    if !data.goals.is_empty() {
        builder = builder.dataset(floats("infos/goal", 2, &data.goals)?);
    }
    builder.into_plan()?.encode(WriteOptions::default())
}

/// A column of `width` numbers in a row.
fn floats(name: &str, width: usize, values: &[f32]) -> Result<DatasetBuilder, hdf5_writer::Error> {
    let rows = values.len() / width.max(1);
    DatasetBuilder::typed_data(name, [rows as u64, width as u64], values).map(compressed)
}

/// A column of booleans as h5py writes them.
fn booleans(name: &str, values: &[bool]) -> DatasetBuilder {
    let member = |name: &str, value| EnumMember { name: name.to_owned(), value: vec![value] };
    let dtype = Datatype::Enum {
        base: Box::new(Datatype::FixedPoint { size: 1, signed: true, byte_order: ByteOrder::LittleEndian }),
        members: vec![member("FALSE", 0), member("TRUE", 1)],
    };
    let bytes: Vec<u8> = values.iter().map(|&flag| u8::from(flag)).collect();
    compressed(DatasetBuilder::new(name, dtype, [values.len() as u64]).raw_data(bytes))
}

fn compressed(dataset: DatasetBuilder) -> DatasetBuilder {
    let mut chunk = dataset.shape().to_vec();
    if let Some(rows) = chunk.first_mut() {
        *rows = (*rows).clamp(1, CHUNK_ROWS as u64);
    }
    dataset.chunked(chunk).filter(FilterDescription {
        id: FILTER_DEFLATE,
        name: None,
        client_data: vec![GZIP_LEVEL],
    })
}

#[cfg(test)]
mod tests {
    use super::super::hdf5::{Files, Node};
    use super::*;

    #[test]
    fn states_after_the_step_are_split_into_positions_and_velocities() {
        let data = Transitions {
            state_dim: 3,
            action_dim: 1,
            states: vec![0.0; 6],
            actions: vec![0.5; 2],
            rewards: vec![0.0; 2],
            terminals: vec![false; 2],
            timeouts: vec![false, true],
            continuous: false,
            past_terminals: false,
            goals: vec![1.0; 4],
        };
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("after.hdf5");
        let states = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        write_with(&path, &data, Infos { states: &states, positions: 2 }).unwrap();
        let files = Files::new(&path, None);
        let infos = Node::root(&files).unwrap().group("infos").unwrap().unwrap();
        let column = |name| infos.column(name).unwrap().unwrap().read().unwrap();
        assert_eq!((column("qpos"), column("qvel")), (vec![1.0, 2.0, 4.0, 5.0], vec![3.0, 6.0]));
        let error = write_with(&path, &data, Infos { states: &states[..3], positions: 2 }).unwrap_err();
        assert!(error.to_string().contains("infos/qpos"), "{error}");
    }
}
