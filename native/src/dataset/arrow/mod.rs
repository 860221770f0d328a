//! Arrow's and Parquet's files: columns of numbers, or of lists of numbers of one length, by name.

mod ipc;
mod numbers;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, FieldRef, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::column::Column;
use super::memory::{Need, room};
use super::{DataError, Storage};

/// A file by its header; nothing of its columns is read yet.
pub(super) struct Table {
    path: PathBuf,
    storage: Storage,
    schema: Schema,
    /// Rows of every column.
    pub rows: u64,
}

/// The first rows of a column, which are read from all batches of them.
pub(super) struct Held {
    path: PathBuf,
    place: Name,
    name: String,
    width: usize,
    rows: usize,
    values: Vec<f32>,
}

/// Place of a column: its name, and that of a part of it where it has parts.
pub(super) type Name = (&'static str, &'static str);

impl Table {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn open(path: &Path, storage: Storage) -> Result<Self, DataError> {
        let file = open(path)?;
        let (schema, rows) = match storage {
            Storage::Parquet => {
                let builder =
                    ParquetRecordBatchReaderBuilder::try_new(file).map_err(damage(path, storage))?;
                let rows = builder.metadata().file_metadata().num_rows();
                (builder.schema().as_ref().clone(), u64::try_from(rows).map_err(damage(path, storage))?)
            }
            _ => ipc::header(file).map_err(damage(path, storage))?,
        };
        Ok(Self { path: path.to_owned(), storage, schema, rows })
    }

    /// Numbers in a row of a column.
    ///
    /// # Errors
    /// When the file has no such column, or it holds something else.
    pub(super) fn width(&self, name: Name, layout: &'static str) -> Result<usize, DataError> {
        let (field, place) = self.field(name, layout)?;
        numbers::width(field.data_type()).map_err(|problem| self.wrong(place, problem))
    }

    /// Room for the first `rows` rows of a column.
    ///
    /// # Errors
    /// As [`Self::width`], and when there is no room.
    pub(super) fn column(&self, place: Name, rows: u64, layout: &'static str) -> Result<Held, DataError> {
        let (_, name) = self.field(place, layout)?;
        let (width, rows) = (self.width(place, layout)?, rows as usize);
        let values = room(rows.saturating_mul(width));
        let values = values.map_err(|problem| self.wrong(name.clone(), problem))?;
        Ok(Held { path: self.path.clone(), place, name, width, rows, values })
    }

    /// Reads columns, each as far as there is room for.
    ///
    /// # Errors
    /// When rows are missing, cannot be read, or hold something that is no finite number.
    pub(super) fn read(&self, mut columns: [&mut Held; 5]) -> Result<(), DataError> {
        for batch in self.batches(columns.each_ref().map(|held| held.place.0))? {
            let batch = batch?;
            columns.iter_mut().try_for_each(|held| held.append(&batch))?;
        }
        columns.into_iter().try_for_each(Held::check)
    }

    /// A column's field and its name in errors.
    fn field(&self, (column, part): Name, layout: &'static str) -> Result<(&FieldRef, String), DataError> {
        let list = |fields: &[FieldRef]| {
            fields.iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(", ")
        };
        let missing = |column: String, fields: &[FieldRef]| DataError::MissingColumn {
            path: self.path.clone(),
            column,
            present: list(fields),
            expected: layout,
        };
        let fields = self.schema.fields();
        let (_, field) = fields.find(column).ok_or_else(|| missing(column.to_owned(), fields))?;
        let DataType::Struct(parts) = field.data_type() else { return Ok((field, column.to_owned())) };
        let place = format!("{column}/{part}");
        match parts.find(part) {
            Some((_, field)) => Ok((field, place)),
            None => Err(missing(place, parts)),
        }
    }

    /// The rows of some columns, some at a time.
    fn batches<'a>(
        &'a self,
        columns: [&'static str; 5],
    ) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + 'a>, DataError> {
        let (path, storage) = (&self.path, self.storage);
        let file = open(path)?;
        let roots = columns.into_iter().filter_map(|name| self.schema.index_of(name).ok());
        if storage == Storage::Parquet {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damage(path, storage))?;
            self.check_compression(builder.metadata(), &columns)?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
            let reader = builder.with_projection(mask).build().map_err(damage(path, storage))?;
            Ok(Box::new(reader.map(move |batch| batch.map_err(damage(path, storage)))))
        } else {
            let reader = FileReader::try_new(BufReader::new(file), Some(roots.collect()));
            let reader = reader.map_err(damage(path, storage))?;
            Ok(Box::new(reader.map(move |batch| batch.map_err(damage(path, storage)))))
        }
    }

    /// Refuses columns that are compressed as no writer of Minari's does, before a row is read.
    fn check_compression(&self, metadata: &ParquetMetaData, names: &[&str]) -> Result<(), DataError> {
        for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
            let name = column.column_path().parts().first().map_or("", String::as_str);
            let known = matches!(column.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY);
            if !known && names.contains(&name) {
                let kind = column.compression().to_string();
                let kind = kind.split('(').next().unwrap_or_default();
                let problem = format!(
                    "is compressed with {kind}, expected Snappy, as Minari writes it, or none: write the file again so"
                );
                return Err(self.wrong(name.to_owned(), problem));
            }
        }
        Ok(())
    }

    fn wrong(&self, column: String, problem: String) -> DataError {
        DataError::Column { path: self.path.clone(), column, problem }
    }
}

impl Held {
    fn append(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let (column, part) = self.place;
        let whole = batch.column_by_name(column);
        let array = whole.and_then(|array| match array.as_struct_opt() {
            Some(parts) => parts.column_by_name(part),
            None => Some(array),
        });
        let array = array.ok_or_else(|| self.wrong("is missing where its rows are".to_owned()))?;
        let left = self.rows - self.values.len() / self.width;
        let some = array.slice(0, left.min(array.len()));
        numbers::append(&some, &mut self.values).map_err(|problem| self.wrong(problem))
    }

    fn check(&mut self) -> Result<(), DataError> {
        let (found, expected) = (self.rows(), self.rows as u64);
        if found != expected {
            return Err(self.wrong(format!("has {found} rows, expected {expected}")));
        }
        let values = std::mem::take(&mut self.values);
        self.values = self.finite(values)?;
        Ok(())
    }
}

impl Column for Held {
    fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> u64 {
        (self.values.len() / self.width) as u64
    }

    fn width(&self) -> usize {
        self.width
    }

    fn claim(&self, need: &mut Need) {
        need.keep(self.values.len() as u64);
    }

    fn read(&self) -> Result<Vec<f32>, DataError> {
        Ok(self.values.clone())
    }
}

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|source| DataError::File { action: "read", path: path.to_owned(), source })
}

/// The error of a file that cannot be understood.
fn damage<E: ToString>(path: &Path, format: Storage) -> impl Fn(E) -> DataError {
    move |error| DataError::Damaged { path: path.to_owned(), format, reason: error.to_string() }
}
