//! One array of an archive.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::super::DataError;
use super::super::column::Column;
use super::super::memory::{Need, room};
use super::super::number::Number;
use super::header::Header;
use super::{Archive, Member};

/// Bytes that are read at a time, a multiple of every number's.
const PIECE: usize = 1 << 18;

/// An array as a column.
pub(in super::super) struct Array<'a> {
    archive: &'a Archive,
    name: String,
    member: Member,
    header: u64,
    number: Number,
    column_major: bool,
    rows: u64,
    width: usize,
}

impl<'a> Array<'a> {
    /// Reads the header of a member.
    ///
    /// # Errors
    /// When it is no array of numbers of the shape `(rows)` or `(rows, numbers)`, or cut short.
    pub(super) fn of(archive: &'a Archive, name: &str, member: Member) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Column {
            path: archive.path.clone(),
            column: name.to_owned(),
            problem,
        };
        let Header { length, number, column_major, shape } =
            archive.unpack(member, Header::read).map_err(wrong)?;
        let (rows, width) = match *shape {
            [rows] => (rows, 1),
            [rows, width] if (1..1 << 20).contains(&width) => (rows, width as usize),
            _ => return Err(wrong(format!("has the shape {shape:?}, expected (rows) or (rows, numbers)"))),
        };
        let bytes =
            rows.saturating_mul(width as u64).saturating_mul(number.size as u64).saturating_add(length);
        let found = member.place.uncompressed_size_hint();
        if bytes != found {
            return Err(wrong(format!("has {found} bytes, expected {bytes} for the shape {shape:?}")));
        }
        Ok(Self { archive, name: name.to_owned(), member, header: length, number, column_major, rows, width })
    }

    fn numbers(&self, mut bytes: &mut dyn Read) -> Result<Vec<f32>, String> {
        let (rows, width) = (self.rows as usize, self.width);
        let count = rows.saturating_mul(width);
        let mut values = room(count)?;
        values.resize(count, 0.0);
        let mut piece = vec![0; PIECE];
        io::copy(&mut Read::take(&mut bytes, self.header), &mut io::sink())
            .map_err(|error| unreadable(&error))?;
        let mut done = 0;
        while done < count {
            let some = &mut piece[..PIECE.min((count - done) * self.number.size)];
            bytes.read_exact(some).map_err(|error| unreadable(&error))?;
            for (index, value) in (done..).zip(self.number.decode(some)) {
                let at = if self.column_major { index % rows * width + index / rows } else { index };
                values[at] = value;
            }
            done += some.len() / self.number.size;
        }
        // At its end the member is held against its checksum.
        match bytes.read(&mut piece[..1]) {
            Ok(0) => Ok(values),
            Ok(_) => Err("is longer than its shape says".to_owned()),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

impl Column for Array<'_> {
    fn path(&self) -> &Path {
        &self.archive.path
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
        need.keep(self.rows.saturating_mul(self.width as u64));
    }

    fn read(&self) -> Result<Vec<f32>, DataError> {
        let values = self.archive.unpack(self.member, |bytes| self.numbers(bytes));
        self.finite(values.map_err(|problem| self.wrong(problem))?)
    }
}

/// A clause about an array whose bytes cannot be read.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "is cut short".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
