//! Columns of numbers in tables, whatever they are stored in.

use std::path::Path;

use super::DataError;
use super::memory::Need;

/// A column by its header, `[rows, width]`; nothing of it is read yet.
pub(super) trait Column: Sized {
    /// The file that it is in.
    fn path(&self) -> &Path;

    /// Its name in errors.
    fn name(&self) -> &str;

    /// Its rows.
    fn rows(&self) -> u64;

    /// Numbers in a row.
    fn width(&self) -> usize;

    /// Adds what reading and keeping it takes.
    fn claim(&self, need: &mut Need);

    /// Its numbers, row by row.
    ///
    /// # Errors
    /// When they cannot be read, or are not finite.
    fn read(&self) -> Result<Vec<f32>, DataError>;

    /// Its numbers as flags.
    ///
    /// # Errors
    /// When they cannot be read.
    fn flags(&self) -> Result<Flags, DataError> {
        let values = self.read()?.into_iter().map(|flag| flag != 0.0).collect();
        Ok(Flags { values, never_written: false })
    }

    /// An error about this column.
    fn wrong(&self, problem: String) -> DataError {
        DataError::Column { path: self.path().to_owned(), column: self.name().to_owned(), problem }
    }

    /// The same, where a row must be one number.
    ///
    /// # Errors
    /// When it is not.
    fn flat(self) -> Result<Self, DataError> {
        if self.width() == 1 {
            return Ok(self);
        }
        Err(self.wrong(format!("has {} numbers in a row, expected 1", self.width())))
    }

    /// Its numbers, which must be finite, from values that are as many as it has.
    ///
    /// # Errors
    /// The first value that is not finite.
    fn finite(&self, values: Vec<f32>) -> Result<Vec<f32>, DataError> {
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(self.wrong(format!(
                "holds {} in row {}, expected finite numbers only",
                values[index],
                index / self.width()
            ))),
            None => Ok(values),
        }
    }
}

/// A column of flags.
pub(super) struct Flags {
    /// Each row's: what is not zero is true.
    pub values: Vec<bool>,
    /// No row was ever written: all of them are what the file's writer set for such rows.
    pub never_written: bool,
}

/// Columns by name.
pub(super) trait Table {
    type Column: Column;

    /// The file.
    fn path(&self) -> &Path;

    /// A column, if the table has it.
    ///
    /// # Errors
    /// When it is no column of numbers.
    fn column(&self, name: &str) -> Result<Option<Self::Column>, DataError>;

    /// All names, in order, or `nothing`.
    fn list(&self) -> String;

    /// The place of a column in the file, for errors.
    fn place(&self, name: &str) -> String {
        name.to_owned()
    }

    /// Where the data-collecting controller was heading, if the table says so.
    ///
    /// # Errors
    /// As [`Self::column`].
    fn goals(&self) -> Result<Option<Self::Column>, DataError> {
        self.column("infos/goal")
    }

    /// A column that the layout demands.
    ///
    /// # Errors
    /// As [`Self::column`], and when it is missing.
    fn need(&self, name: &str, layout: &'static str) -> Result<Self::Column, DataError> {
        self.column(name)?.ok_or_else(|| DataError::MissingColumn {
            path: self.path().to_owned(),
            column: self.place(name),
            present: self.list(),
            expected: layout,
        })
    }
}
