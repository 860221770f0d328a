//! D4RL's HDF5 layout: one flat data set per column.
//!
//! Written: `observations`, `actions`, `rewards`, `terminals`, `timeouts`, `infos/goal`, `infos/qpos`, `infos/qvel`, gzip,
//! f32, booleans as an enum of FALSE and TRUE. Read: the same, and what else is found in the wild: `(N, 1)` columns, any
//! number type for any column, no `timeouts`, no `infos`.

use std::fs;
use std::path::Path;

use diar_core::data::Transitions;
use hdf5_reader::{ByteOrder, Dataset, Datatype, Hdf5File, OpenOptions};
use hdf5_writer::{DatasetBuilder, EnumMember, FILTER_DEFLATE, FilterDescription, Hdf5Builder, WriteOptions};

use super::DataError;
use crate::guard::guarded;
use crate::run::atomic;

/// No column of a D4RL file comes near this size; a damaged header may claim any.
const LARGEST_COLUMN: usize = 2 << 30;
/// Rows of a compressed chunk.
const CHUNK_ROWS: usize = 16_384;
/// h5py's default.
const GZIP_LEVEL: u32 = 4;

/// Reads a file.
///
/// Without `timeouts` no segment is cut: D4RL's maze streams are continuous.
///
/// # Errors
/// When the file is missing or damaged, a column is missing, too short, of the wrong form, or holds something that is
/// not a number.
pub fn read(path: &Path) -> Result<Transitions, DataError> {
    let bytes =
        fs::read(path).map_err(|source| DataError::File { action: "read", path: path.to_owned(), source })?;
    let data = guarded(|| parse(bytes, path)).map_err(|reason| damaged(path, &reason))??;
    data.check().map_err(|mismatch| DataError::Mismatch { path: path.to_owned(), mismatch })?;
    Ok(data)
}

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

fn damaged(path: &Path, reason: &dyn ToString) -> DataError {
    DataError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

fn parse(bytes: Vec<u8>, path: &Path) -> Result<Transitions, DataError> {
    let length = bytes.len() as u64;
    let options = OpenOptions::default().with_max_read_bytes(LARGEST_COLUMN);
    let file = Hdf5File::from_vec_with_options(bytes, options).map_err(|error| damaged(path, &error))?;
    let header = file.superblock();
    let expected = header.base_address.saturating_add(header.eof_address);
    if length < expected {
        return Err(damaged(path, &format!("it is cut short, {length} of {expected} bytes are there")));
    }
    let (groups, datasets) =
        file.root_group().and_then(|root| root.member_names()).map_err(|error| damaged(path, &error))?;
    let required = |column: &'static str| {
        if !datasets.iter().any(|name| name == column) {
            let mut present = datasets.clone();
            present.extend(groups.iter().map(|group| format!("{group}/")));
            present.sort();
            let present = if present.is_empty() { "nothing".to_owned() } else { present.join(", ") };
            return Err(DataError::MissingColumn { path: path.to_owned(), column, present });
        }
        column_of(&file, column, path)
    };
    let states = required("observations")?;
    let actions = required("actions")?;
    let rewards = required("rewards")?.flat("rewards", path)?;
    let terminals = required("terminals")?.flat("terminals", path)?;
    let rows = rewards.len();
    if rows == 0 {
        return Err(damaged(path, &"it holds no rows"));
    }
    let timeouts = if datasets.iter().any(|name| name == "timeouts") {
        column_of(&file, "timeouts", path)?.flat("timeouts", path)?
    } else {
        vec![0.0; rows]
    };
    Ok(Transitions {
        state_dim: states.width,
        action_dim: actions.width,
        states: states.values,
        actions: actions.values,
        rewards,
        terminals: terminals.iter().map(|&flag| flag != 0.0).collect(),
        timeouts: timeouts.iter().map(|&flag| flag != 0.0).collect(),
        goals: goals(&file, &groups, path)?,
    })
}

/// `infos/goal`, or nothing where the file has none.
fn goals(file: &Hdf5File, groups: &[String], path: &Path) -> Result<Vec<f32>, DataError> {
    if !groups.iter().any(|name| name == "infos") {
        return Ok(Vec::new());
    }
    let (_, infos) =
        file.group("infos").and_then(|infos| infos.member_names()).map_err(|error| damaged(path, &error))?;
    if infos.iter().any(|name| name == "goal") {
        column_of(file, "infos/goal", path).map(|column| column.values)
    } else {
        Ok(Vec::new())
    }
}

/// A column as read: `[rows, width]`.
struct Column {
    width: usize,
    values: Vec<f32>,
}

impl Column {
    /// The values of a column with one number per row.
    fn flat(self, column: &'static str, path: &Path) -> Result<Vec<f32>, DataError> {
        if self.width == 1 {
            return Ok(self.values);
        }
        Err(DataError::Column {
            path: path.to_owned(),
            column,
            problem: format!("has {} numbers in a row, expected 1", self.width),
        })
    }
}

fn column_of(file: &Hdf5File, column: &'static str, path: &Path) -> Result<Column, DataError> {
    let wrong = |problem: String| DataError::Column { path: path.to_owned(), column, problem };
    let unreadable = |error: hdf5_reader::error::Error| wrong(format!("cannot be read: {error}"));
    let dataset = file.dataset(column).map_err(unreadable)?;
    let width = match dataset.shape() {
        [_] => 1,
        &[_, width] if width > 0 => width as usize,
        shape => return Err(wrong(format!("has the shape {shape:?}, expected (rows) or (rows, numbers)"))),
    };
    let values = numbers(&dataset)
        .map_err(unreadable)?
        .ok_or_else(|| wrong(format!("holds {}, expected numbers or booleans", kind_of(dataset.dtype()))))?;
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(wrong(format!(
            "holds {} in row {}, expected finite numbers only",
            values[index],
            index / width
        )));
    }
    Ok(Column { width, values })
}

/// All values of a data set as f32, or `None` where they are no numbers.
fn numbers(dataset: &Dataset) -> Result<Option<Vec<f32>>, hdf5_reader::error::Error> {
    // Enums (h5py's booleans) are stored as their base type.
    let dtype = match dataset.dtype() {
        Datatype::Enum { base, .. } => base,
        dtype => dtype,
    };
    let bytes = match dtype {
        Datatype::FloatingPoint { .. } | Datatype::FixedPoint { .. } => dataset.read_raw_bytes()?,
        _ => return Ok(None),
    };
    let values = match *dtype {
        Datatype::FloatingPoint { size: 4, byte_order } => decode(&bytes, byte_order, f32::from_le_bytes),
        Datatype::FloatingPoint { size: 8, byte_order } => {
            decode(&bytes, byte_order, |number| f64::from_le_bytes(number) as f32)
        }
        Datatype::FixedPoint { size: 1, signed, byte_order } => {
            decode(&bytes, byte_order, |[byte]| if signed { f32::from(byte as i8) } else { f32::from(byte) })
        }
        Datatype::FixedPoint { size: 2, signed, byte_order } => decode(&bytes, byte_order, |number| {
            if signed { f32::from(i16::from_le_bytes(number)) } else { f32::from(u16::from_le_bytes(number)) }
        }),
        Datatype::FixedPoint { size: 4, signed, byte_order } => decode(&bytes, byte_order, |number| {
            if signed { i32::from_le_bytes(number) as f32 } else { u32::from_le_bytes(number) as f32 }
        }),
        Datatype::FixedPoint { size: 8, signed, byte_order } => decode(&bytes, byte_order, |number| {
            if signed { i64::from_le_bytes(number) as f32 } else { u64::from_le_bytes(number) as f32 }
        }),
        _ => return Ok(None),
    };
    Ok(Some(values))
}

/// Numbers of `N` bytes each; `number` takes them in little-endian order.
fn decode<const N: usize>(bytes: &[u8], order: ByteOrder, number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks();
    chunks
        .iter()
        .map(|&chunk: &[u8; N]| {
            let mut chunk = chunk;
            if order == ByteOrder::BigEndian {
                chunk.reverse();
            }
            number(chunk)
        })
        .collect()
}

fn kind_of(dtype: &Datatype) -> String {
    match dtype {
        Datatype::FixedPoint { size, .. } => format!("{size}-byte integers"),
        Datatype::FloatingPoint { size, .. } => format!("{size}-byte floating point numbers"),
        Datatype::String { .. } => "text".to_owned(),
        Datatype::Compound { .. } => "records".to_owned(),
        Datatype::Array { .. } | Datatype::VarLen { .. } => "lists".to_owned(),
        Datatype::Enum { base, .. } => format!("names over {}", kind_of(base)),
        Datatype::Opaque { .. } | Datatype::Bitfield { .. } => "raw bytes".to_owned(),
        Datatype::Reference { .. } => "references".to_owned(),
    }
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
