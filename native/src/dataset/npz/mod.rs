//! NumPy's archives: an array in each member of a zip file, deflated or not.
//!
//! Arrays are read in pieces: neither the file nor an array is ever in memory as it is stored.

mod array;
mod header;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use diar_core::data::Transitions;
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use super::column::Table;
use super::{DataError, Origin, Storage, d4rl, ogbench};
use crate::label::RewardAt;

pub(super) use array::Array;

/// The layout's name in errors.
pub(super) const LAYOUT: &str = "NumPy's arrays in D4RL's or OGBench's form";
/// First bytes of a zip file, of one without members, and of one in parts.
const MAGIC: [[u8; 4]; 3] = [*b"PK\x03\x04", *b"PK\x05\x06", *b"PK\x07\x08"];
/// End of a member's name.
const SUFFIX: &str = ".npy";

/// True if a file begins as archives do.
pub(super) fn recognises(begin: &[u8]) -> bool {
    MAGIC.iter().any(|magic| begin.starts_with(magic))
}

/// An open archive.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipArchive<FileReader>,
    members: BTreeMap<String, Member>,
}

/// A member of the archive.
#[derive(Clone, Copy)]
struct Member {
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
}

impl Archive {
    /// Reads the archive's directory.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let damaged = |error: rawzip::Error| broken(path, &error);
        let file = File::open(path).map_err(|source| DataError::File {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let zip = ZipArchive::from_file(file, &mut buffer).map_err(damaged)?;
        let mut members = BTreeMap::new();
        let (mut entries, mut found) = (zip.entries(&mut buffer), 0);
        while let Some(entry) = entries.next_entry().map_err(damaged)? {
            found += 1;
            let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
            if let Some(name) = name.strip_suffix(SUFFIX) {
                let member = Member { place: entry.wayfinder(), method: entry.compression_method() };
                members.insert(name.to_owned(), member);
            }
        }
        let told = zip.entries_hint();
        if found != told {
            return Err(broken(path, &format!("its directory lists {found} of {told} arrays")));
        }
        Ok(Self { path: path.to_owned(), zip, members })
    }

    /// True if there is an array of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Opens a member and hands its bytes to `work`; whoever reads them to their end learns whether they are whole. Errors
    /// are clauses about the array.
    fn unpack<T>(
        &self,
        member: Member,
        work: impl FnOnce(&mut dyn Read) -> Result<T, String>,
    ) -> Result<T, String> {
        let entry = self.zip.get_entry(member.place).map_err(|error| format!("cannot be read: {error}"))?;
        match member.method {
            CompressionMethod::STORE => work(&mut entry.verifying_reader(entry.reader())),
            CompressionMethod::DEFLATE => {
                work(&mut entry.verifying_reader(DeflateDecoder::new(entry.reader())))
            }
            method => Err(format!(
                "is packed by method {method}, which is not read: save it again with numpy.savez_compressed"
            )),
        }
    }
}

impl<'a> Table for &'a Archive {
    type Column = Array<'a>;

    fn path(&self) -> &Path {
        &self.path
    }

    fn column(&self, name: &str) -> Result<Option<Array<'a>>, DataError> {
        self.members.get(name).map(|&member| Array::of(self, name, member)).transpose()
    }

    fn list(&self) -> String {
        let names: Vec<&str> = self.members.keys().map(String::as_str).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }
}

/// Reads the arrays of an archive by the rules of the library that has such arrays.
///
/// # Errors
/// When an array is missing, too short, of the wrong form, or holds something that is no finite number, or when rewards
/// are missing without a word on how to label the steps.
pub(super) fn read(
    path: &Path,
    reward_at: Option<RewardAt>,
    available: Option<u64>,
) -> Result<(Transitions, Origin), DataError> {
    let archive = &Archive::open(path)?;
    // OGBench's files have no rewards; where its loader has added some, `masks` tell of it.
    let own = archive.has("rewards") && !["masks", "valids"].iter().any(|name| archive.has(name));
    match reward_at {
        Some(_) if archive.has("rewards") => Err(DataError::OwnRewards { path: path.to_owned() }),
        _ if own => d4rl::read(&archive, Storage::Npz, available),
        _ => ogbench::read(archive, reward_at, available),
    }
}

fn broken(path: &Path, reason: &dyn ToString) -> DataError {
    DataError::Damaged { path: path.to_owned(), format: Storage::Npz, reason: reason.to_string() }
}
