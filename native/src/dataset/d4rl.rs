//! D4RL's HDF5 layout: one flat data set per column.
//!
//! Written: `observations`, `actions`, `rewards`, `terminals`, `timeouts`, `infos/goal`, `infos/qpos`, `infos/qvel`, gzip,
//! f32, booleans as an enum of FALSE and TRUE. Read: the same, and what else is found in the wild: `(N, 1)` columns, any
//! number type for any column, no `timeouts`, no `infos`, or one data set of that name, and d3rlpy's `episode_terminals`.

use std::path::Path;

use diar_core::data::Transitions;
use hdf5_reader::{ByteOrder, Datatype};
use hdf5_writer::{DatasetBuilder, EnumMember, FILTER_DEFLATE, FilterDescription, Hdf5Builder, WriteOptions};

use super::hdf5::{Column, Flags, Node};
use super::memory::Need;
use super::{Boundaries, DataError, Origin};
use crate::run::atomic;

/// Rows of a compressed chunk.
const CHUNK_ROWS: usize = 16_384;
/// The layout's name in errors.
pub(super) const LAYOUT: &str = "D4RL's flat layout or Minari's episodes";
/// h5py's default.
const GZIP_LEVEL: u32 = 4;

/// Writes a file; an existing one is replaced once the new one is complete.
///
/// `infos/qpos` and `infos/qvel` repeat the observation of their row.
///
/// # Errors
/// When the columns do not fit together or the file cannot be written.
pub fn write(path: &Path, data: &Transitions) -> Result<(), DataError> {
    check(path, data)?;
    let bytes = encode(data)
        .map_err(|source| DataError::Encode { path: path.to_owned(), source: Box::new(source) })?;
    atomic::write(path, &bytes).map_err(|source| DataError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

/// Reads the columns of a file.
///
/// Timeouts cut the segments, and the states say whether they are resets: in D4RL's maze data they are not. The
/// `episode_terminals` of d3rlpy mark every end of an episode, so there is nothing to guess.
pub(super) fn read(
    path: &Path,
    root: &Node,
    available: Option<u64>,
) -> Result<(Transitions, Origin), DataError> {
    let need = |column| root.need(column, LAYOUT);
    let states = need("observations")?;
    let actions = need("actions")?;
    let rewards = need("rewards")?.flat()?;
    let terminals = need("terminals")?.flat()?;
    let timeouts = root.column("timeouts")?.map(Column::flat).transpose()?;
    let ends = root.column("episode_terminals")?.map(Column::flat).transpose()?;
    let goals = goals(root)?;

    let mut need = Need::default();
    for column in
        [&states, &actions, &rewards, &terminals].into_iter().chain(&timeouts).chain(&ends).chain(&goals)
    {
        column.claim(&mut need);
    }
    need.check(path, available)?;
    if rewards.rows == 0 {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    let mut findings = Vec::new();
    let mut flags = |column: &Column| -> Result<Vec<bool>, DataError> {
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
        state_dim: states.width,
        action_dim: actions.width,
        states: states.read()?,
        actions: actions.read()?,
        rewards: rewards.read()?,
        terminals: flags(&terminals)?,
        timeouts: match &timeouts {
            Some(timeouts) => flags(timeouts)?,
            None => vec![false; rewards.rows as usize],
        },
        continuous: true,
        goals: goals.map(|goals| goals.read()).transpose()?.unwrap_or_default(),
    };
    check(path, &data)?;
    let mut origin = Origin::d4rl(&data);
    if let Some(ends) = &ends {
        let marked = flags(ends)?;
        if marked.len() != data.len() {
            return Err(ends.wrong(format!("has {} rows, expected {}", marked.len(), data.len())));
        }
        for (row, end) in marked.into_iter().enumerate() {
            data.timeouts[row] |= end && !data.terminals[row];
        }
        origin.boundaries = Boundaries::EpisodeTerminals;
    }
    data.continuous = origin.boundaries.continuous();
    origin.findings = findings;
    Ok((data, origin))
}

fn check(path: &Path, data: &Transitions) -> Result<(), DataError> {
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })
}

/// `infos/goal`, if the file has it as the position that a maze's goal is.
fn goals(root: &Node) -> Result<Option<Column>, DataError> {
    let Some(infos) = root.group("infos")? else { return Ok(None) };
    let goals = infos.column("goal")?;
    Ok(goals.filter(|goals| goals.width == 2))
}

fn encode(data: &Transitions) -> Result<Vec<u8>, hdf5_writer::Error> {
    let position = data.state_dim.min(2);
    let part = |from: usize, to: usize| -> Vec<f32> {
        data.states.chunks_exact(data.state_dim).flat_map(|state| state[from..to].iter().copied()).collect()
    };
    let mut builder = Hdf5Builder::new()
        .dataset(floats("actions", data.action_dim, &data.actions)?)
        .dataset(floats("infos/qpos", position, &part(0, position))?)
        .dataset(floats("infos/qvel", data.state_dim - position, &part(position, data.state_dim))?)
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
