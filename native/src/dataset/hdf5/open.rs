//! Opening files: found behind a user block, whole, and closed by their writer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hdf5_reader::superblock::Superblock;
use hdf5_reader::{Hdf5File, OpenOptions};

use super::super::DataError;
use super::{damaged, filters};

/// Bytes of a column where the machine's memory is unknown; a damaged header may claim any number.
const LARGEST_COLUMN: u64 = 4 << 30;
/// Bytes of a compressed chunk. h5py makes them a thousandth of this.
const LARGEST_CHUNK: u64 = 256 << 20;
/// Flag of a superblock: open for writing.
const WRITING: u32 = 1;
/// Flag of an old superblock: checked for consistency. Releases before 1.8 set it together with [`WRITING`].
const CHECKED: u32 = 2;
/// Flag of a superblock: open for writing while others read.
const SHARED_WRITING: u32 = 4;

/// The file that is read, and those that its external links lead to.
pub(in super::super) struct Files {
    /// The file that is read.
    pub main: PathBuf,
    available: Option<u64>,
    opened: RefCell<HashMap<PathBuf, Rc<File>>>,
}

/// An open file.
pub(super) struct File {
    pub path: PathBuf,
    pub hdf5: Hdf5File,
}

impl Files {
    /// Nothing is opened yet; at most `available` bytes are read at a time.
    pub(crate) fn new(main: &Path, available: Option<u64>) -> Self {
        Self { main: main.to_owned(), available, opened: RefCell::default() }
    }

    /// A file, opened once.
    pub(super) fn open(&self, path: &Path) -> Result<Rc<File>, DataError> {
        let file_error = |source| DataError::File { action: "read", path: path.to_owned(), source };
        let key = fs::canonicalize(path).map_err(file_error)?;
        if let Some(file) = self.opened.borrow().get(&key) {
            return Ok(Rc::clone(file));
        }
        let length = fs::metadata(path).map_err(file_error)?.len();
        let limit = |largest: u64| usize::try_from(largest).unwrap_or(usize::MAX);
        let options = OpenOptions::default()
            .with_filter_registry(filters::registry())
            .with_max_read_bytes(limit(self.available.unwrap_or(LARGEST_COLUMN)))
            .with_max_chunk_bytes(limit(self.available.unwrap_or(LARGEST_CHUNK).min(LARGEST_CHUNK)));
        let hdf5 = Hdf5File::open_with_options(path, options).map_err(|error| damaged(path, &error))?;
        let header = hdf5.superblock();
        let end = end_of_file(&hdf5).map_err(|error| damaged(path, &error))?;
        if length < end {
            return Err(damaged(path, &format!("it is cut short, {length} of {end} bytes are there")));
        }
        let flags = header.consistency_flags;
        let old = header.version < 2 && flags & CHECKED != 0;
        if flags & (WRITING | SHARED_WRITING) != 0 && !old {
            return Err(DataError::LeftOpen { path: path.to_owned() });
        }
        let file = Rc::new(File { path: path.to_owned(), hdf5 });
        self.opened.borrow_mut().insert(key, Rc::clone(&file));
        Ok(file)
    }

    /// The file of an external link: it is looked for beside the file that has the link, then beside the file that a
    /// symbolic link to that one leads to, then from the working directory. Of an absolute name that is not there, the
    /// last part is looked for in the same places.
    pub(super) fn open_external(&self, from: &Path, name: &str) -> Result<Rc<File>, DataError> {
        let name = Path::new(name);
        let real = fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
        let folders = [from.parent(), real.parent(), Some(Path::new(""))];
        let last = name.is_absolute().then(|| name.file_name().map(Path::new)).flatten();
        let places = folders
            .into_iter()
            .flatten()
            .flat_map(|folder| [Some(name), last].into_iter().flatten().map(move |name| folder.join(name)));
        let found = places.into_iter().find(|place| place.is_file());
        self.open(&found.unwrap_or_else(|| from.parent().unwrap_or(Path::new("")).join(name)))
    }
}

/// Bytes that the file had when it was closed. The superblock counts them from the beginning of the file as it was then,
/// with the user block before it; since then that may have changed.
fn end_of_file(hdf5: &Hdf5File) -> Result<u64, hdf5_reader::error::Error> {
    let header: &Superblock = hdf5.superblock();
    // The reader gives the base address as it is, not as it is stored.
    let at = match header.version {
        0 => 24,
        1 => 28,
        _ => 12,
    };
    let stored = hdf5.storage().read_range(at, usize::from(header.offset_size))?;
    let base = stored.as_ref().iter().rev().fold(0_u64, |base, &byte| base << 8 | u64::from(byte));
    Ok(header.eof_address.saturating_sub(base).saturating_add(header.base_address))
}
