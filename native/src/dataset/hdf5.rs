//! Columns of an HDF5 file, whatever numbers they are stored as.

use std::path::Path;

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::{ByteOrder, Dataset, Datatype, Hdf5File, OpenOptions};

use super::DataError;
use super::memory::Need;

/// Bytes of a column where the machine's memory is unknown; a damaged header may claim any number.
const LARGEST_COLUMN: u64 = 4 << 30;
/// Bytes of a compressed chunk. h5py makes them a thousandth of this.
const LARGEST_CHUNK: u64 = 256 << 20;

/// Opens a file, to read at most `available` bytes at a time.
pub(super) fn open(path: &Path, available: Option<u64>) -> Result<Hdf5File, DataError> {
    let length = std::fs::File::open(path)
        .and_then(|file| file.metadata())
        .map_err(|source| DataError::File { action: "read", path: path.to_owned(), source })?
        .len();
    let limit = |largest: u64| usize::try_from(largest).unwrap_or(usize::MAX);
    let options = OpenOptions::default()
        .with_max_read_bytes(limit(available.unwrap_or(LARGEST_COLUMN)))
        .with_max_chunk_bytes(limit(available.unwrap_or(LARGEST_CHUNK).min(LARGEST_CHUNK)));
    let file = Hdf5File::open_with_options(path, options).map_err(|error| damaged(path, &error))?;
    let header = file.superblock();
    let expected = header.base_address.saturating_add(header.eof_address);
    if length < expected {
        return Err(damaged(path, &format!("it is cut short, {length} of {expected} bytes are there")));
    }
    Ok(file)
}

/// The error of a file that cannot be understood.
pub(super) fn damaged(path: &Path, reason: &dyn ToString) -> DataError {
    DataError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

/// What a group has: names of groups and of data sets.
pub(super) struct Members {
    pub(super) groups: Vec<String>,
    pub(super) datasets: Vec<String>,
}

impl Members {
    pub(super) fn of(group: &Group, path: &Path) -> Result<Self, DataError> {
        let (groups, datasets) = group.member_names().map_err(|error| damaged(path, &error))?;
        Ok(Self { groups, datasets })
    }

    pub(super) fn has(&self, dataset: &str) -> bool {
        self.datasets.iter().any(|name| name == dataset)
    }

    /// All names, in order; groups end with a slash.
    pub(super) fn list(&self) -> String {
        let groups = self.groups.iter().map(|group| format!("{group}/"));
        let mut all: Vec<String> = self.datasets.iter().cloned().chain(groups).collect();
        all.sort();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    }
}

/// A column by its header, `[rows, width]`; nothing of it is read yet.
pub(super) struct Column<'a> {
    path: &'a Path,
    name: String,
    dataset: Dataset,
    pub(super) rows: u64,
    pub(super) width: usize,
}

impl<'a> Column<'a> {
    /// The column of a group, which stands at `prefix` in its file.
    ///
    /// # Errors
    /// When it is missing, or not of the shape `(rows)` or `(rows, numbers)`.
    pub(super) fn of(group: &Group, prefix: &str, column: &str, path: &'a Path) -> Result<Self, DataError> {
        let name = format!("{prefix}{column}");
        let dataset = group.dataset(column).map_err(|error| unreadable(path, &name, &error))?;
        let (rows, width) = match *dataset.shape() {
            [rows] => (rows, 1),
            [rows, width] if (1..1 << 20).contains(&width) => (rows, width as usize),
            ref shape => {
                let problem = format!("has the shape {shape:?}, expected (rows) or (rows, numbers)");
                return Err(DataError::Column { path: path.to_owned(), column: name, problem });
            }
        };
        Ok(Self { path, name, dataset, rows, width })
    }

    /// The same, where a row must be one number.
    pub(super) fn flat(group: &Group, prefix: &str, column: &str, path: &'a Path) -> Result<Self, DataError> {
        let column = Self::of(group, prefix, column, path)?;
        if column.width == 1 {
            return Ok(column);
        }
        Err(column.wrong(format!("has {} numbers in a row, expected 1", column.width)))
    }

    /// Adds what reading it takes.
    pub(super) fn claim(&self, need: &mut Need) {
        let bytes = self.dataset.raw_element_size().map_or(8, |size| size as u64);
        need.add(self.rows.saturating_mul(self.width as u64), bytes);
    }

    /// Its numbers, row by row.
    ///
    /// # Errors
    /// When they cannot be read, are no numbers, or are not finite.
    pub(super) fn read(&self) -> Result<Vec<f32>, DataError> {
        let values = numbers(&self.dataset)
            .map_err(|error| unreadable(self.path, &self.name, &error))?
            .ok_or_else(|| {
                self.wrong(format!("holds {}, expected numbers or booleans", kind_of(self.dataset.dtype())))
            })?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(self.wrong(format!(
                "holds {} in row {}, expected finite numbers only",
                values[index],
                index / self.width
            ))),
            None => Ok(values),
        }
    }

    /// Its numbers as flags: what is not zero is true.
    pub(super) fn flags(&self) -> Result<Vec<bool>, DataError> {
        Ok(self.read()?.iter().map(|&flag| flag != 0.0).collect())
    }

    /// An error about this column.
    pub(super) fn wrong(&self, problem: String) -> DataError {
        DataError::Column { path: self.path.to_owned(), column: self.name.clone(), problem }
    }
}

fn unreadable(path: &Path, column: &str, error: &Error) -> DataError {
    let problem = format!("cannot be read: {error}");
    DataError::Column { path: path.to_owned(), column: column.to_owned(), problem }
}

/// All values of a data set as f32, or `None` where they are no numbers.
fn numbers(dataset: &Dataset) -> Result<Option<Vec<f32>>, Error> {
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
