//! Columns: data sets of numbers, row by row.

use std::path::{Path, PathBuf};

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::object_header::ObjectHeader;
use hdf5_reader::{Dataset, Datatype};

use super::super::DataError;
use super::super::column::{Column, Flags};
use super::super::memory::{Need, room};
use super::super::number::Number;
use super::groups::Stored;
use super::numbers;
use super::written::Written;
use super::{cause, chunks, filters, rewrite, trouble};

/// A data set of numbers by its header; nothing of it is read yet.
pub(in super::super) struct Numbers {
    path: PathBuf,
    name: String,
    dataset: Dataset,
    parent: Group,
    header: ObjectHeader,
    number: Number,
    rows: u64,
    width: usize,
}

impl Numbers {
    /// A data set as a column of the file at `path`.
    ///
    /// # Errors
    /// When its shape is not `(rows)` or `(rows, numbers)`, or it is stored in a way that is not read.
    pub(super) fn of(path: &Path, name: String, stored: Stored) -> Result<Self, DataError> {
        let Stored { dataset, parent, header } = stored;
        let wrong =
            |problem: String| DataError::Column { path: path.to_owned(), column: name.clone(), problem };
        // A row may also be one element that is a list.
        let list: &[u64] = match dataset.dtype() {
            Datatype::Array { dims, .. } => dims,
            _ => &[],
        };
        let (rows, width) = match *[dataset.shape(), list].concat() {
            [rows] => (rows, 1),
            [rows, width] if (1..1 << 20).contains(&width) => (rows, width as usize),
            ref shape => {
                return Err(wrong(format!("has the shape {shape:?}, expected (rows) or (rows, numbers)")));
            }
        };
        let raw = dataset.raw_datatype().map_err(|error| wrong(trouble(&error)))?;
        let number = numbers::number(&raw).ok_or_else(|| {
            wrong(format!("holds {}, expected numbers or booleans", numbers::kind_of(dataset.dtype())))
        })?;
        if header.messages.iter().any(|message| matches!(message, HdfMessage::ExternalFiles(_))) {
            return Err(wrong(format!(
                "keeps its numbers in other files (external storage): {}",
                rewrite("h5repack -l CONTI IN OUT")
            )));
        }
        Ok(Self { path: path.to_owned(), name, dataset, parent, header, number, rows, width })
    }

    /// Bytes of a chunk; none where the column is in one piece.
    fn chunk(&self) -> Option<u64> {
        chunks::size(&self.dataset, self.number, self.width)
    }

    fn part(&self, first: u64, rows: u64) -> DataError {
        self.wrong(format!(
            "has {} rows, but {rows} of them were never written, row {first} is the first: the program that wrote it \
             ended too early, or left them out",
            self.rows
        ))
    }

    fn unreadable(&self, error: &Error) -> DataError {
        let filter = self.header.messages.iter().find_map(|message| match message {
            HdfMessage::FilterPipeline(pipeline) => filters::unknown(&pipeline.filters),
            _ => None,
        });
        match (cause(error), filter) {
            // A chunk may also have been stored without the filter, which is then not missed.
            (Error::UnsupportedFilter(_), Some(filter)) => self.wrong(format!(
                "is compressed with {filter}, which is not read: {}",
                rewrite("h5repack -f GZIP=4 IN OUT")
            )),
            _ => self.wrong(trouble(error)),
        }
    }

    fn written(&self) -> Result<Written, DataError> {
        Written::of(&self.dataset, &self.parent, &self.header).map_err(|error| self.unreadable(&error))
    }

    fn numbers(&self, written: Written) -> Result<Vec<f32>, DataError> {
        let unreadable = |error: Error| self.unreadable(&error);
        let values = match (written, self.chunk()) {
            (Written::All, Some(_)) => {
                let count = (self.rows as usize).saturating_mul(self.width);
                let mut values = room(count).map_err(|problem| self.wrong(problem))?;
                values.resize(count, 0.0);
                chunks::fill(&self.dataset, self.number, self.width, &mut values).map_err(unreadable)?;
                values
            }
            _ => self.number.decode(&self.dataset.read_raw_bytes().map_err(unreadable)?),
        };
        self.finite(values)
    }
}

impl Column for Numbers {
    fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn claim(&self, need: &mut Need) {
        let numbers = self.rows.saturating_mul(self.width as u64);
        match self.chunk() {
            Some(bytes) => {
                need.keep(numbers);
                need.hold(bytes);
            }
            None => need.add(numbers, self.number.size as u64),
        }
    }

    fn read(&self) -> Result<Vec<f32>, DataError> {
        match self.written()? {
            Written::All => self.numbers(Written::All),
            Written::None => Err(self.wrong("was created, but none of its rows was ever written".to_owned())),
            Written::Part { first, rows } => Err(self.part(first, rows)),
        }
    }

    /// Columns of flags that nobody wrote to are as good as those that were written: h5py users create them so where no
    /// flag is set.
    fn flags(&self) -> Result<Flags, DataError> {
        let written = self.written()?;
        if let Written::Part { first, rows } = written {
            return Err(self.part(first, rows));
        }
        let values = self.numbers(written)?.iter().map(|&flag| flag != 0.0).collect();
        Ok(Flags { values, never_written: matches!(written, Written::None) })
    }
}
