//! D4RL's HDF5 layout: one flat data set per column.
//!
//! Written: `observations`, `actions`, `rewards`, `terminals`, `timeouts`, `infos/goal`, `infos/qpos`, `infos/qvel`, gzip,
//! f32, booleans as an enum of FALSE and TRUE. Read: the same, and what else is found in the wild: `(N, 1)` columns, any
//! number type for any column, no `timeouts`, no `infos`, or one data set of that name.

use std::path::Path;

use diar_core::data::Transitions;
use hdf5_reader::group::Group;
use hdf5_reader::{ByteOrder, Datatype};
use hdf5_writer::{DatasetBuilder, EnumMember, FILTER_DEFLATE, FilterDescription, Hdf5Builder, WriteOptions};

use super::DataError;
use super::hdf5::{Column, Members, damaged};
use super::memory::Need;
use crate::run::atomic;

/// Rows of a compressed chunk.
const CHUNK_ROWS: usize = 16_384;
/// h5py's default.
const GZIP_LEVEL: u32 = 4;

/// Writes a file; an existing one is replaced once the new one is complete.
///
/// `infos/qpos` and `infos/qvel` repeat the observation of their row.
///
/// # Errors
/// When the columns do not fit together or the file cannot be written.
pub fn write(path: &Path, data: &Transitions) -> Result<(), DataError> {
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })?;
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
/// Without `timeouts` no segment is cut, and the states say whether the walk goes on across those that are there: in
/// D4RL's maze data it does.
pub(super) fn read(
    path: &Path,
    root: &Group,
    members: &Members,
    available: Option<u64>,
) -> Result<Transitions, DataError> {
    for column in ["observations", "actions", "rewards", "terminals"] {
        if !members.has(column) {
            return Err(DataError::MissingColumn {
                path: path.to_owned(),
                column: column.to_owned(),
                present: members.list(),
                expected: "D4RL's flat layout or Minari's episodes",
            });
        }
    }
    let states = Column::of(root, "", "observations", path)?;
    let actions = Column::of(root, "", "actions", path)?;
    let rewards = Column::flat(root, "", "rewards", path)?;
    let terminals = Column::flat(root, "", "terminals", path)?;
    let timeouts = members.has("timeouts").then(|| Column::flat(root, "", "timeouts", path)).transpose()?;
    let goals = goals(root, members, path)?;

    let mut need = Need::default();
    for column in [&states, &actions, &rewards, &terminals].into_iter().chain(&timeouts).chain(&goals) {
        column.claim(&mut need);
    }
    need.check(path, available)?;
    if rewards.rows == 0 {
        return Err(damaged(path, &"it holds no rows"));
    }
    let mut data = Transitions {
        state_dim: states.width,
        action_dim: actions.width,
        states: states.read()?,
        actions: actions.read()?,
        rewards: rewards.read()?,
        terminals: terminals.flags()?,
        timeouts: match timeouts {
            Some(timeouts) => timeouts.flags()?,
            None => vec![false; rewards.rows as usize],
        },
        continuous: true,
        goals: goals.map(|goals| goals.read()).transpose()?.unwrap_or_default(),
    };
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })?;
    data.continuous = data.flows_across_timeouts();
    Ok(data)
}

/// `infos/goal`, if the file has it as the position that a maze's goal is.
fn goals<'a>(root: &Group, members: &Members, path: &'a Path) -> Result<Option<Column<'a>>, DataError> {
    if !members.groups.iter().any(|name| name == "infos") {
        return Ok(None);
    }
    let infos = root.group("infos").map_err(|error| damaged(path, &error))?;
    if !Members::of(&infos, path)?.has("goal") {
        return Ok(None);
    }
    let goals = Column::of(&infos, "infos/", "goal", path)?;
    Ok((goals.width == 2).then_some(goals))
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
