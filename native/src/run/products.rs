//! `checkpoints/products/<sha256>`: blobs that never change again, written once and shared by checkpoints.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{RunError, atomic};

/// Name of the folder among the checkpoints.
pub const FOLDER: &str = "products";

/// The products of a run's finished stages.
#[derive(Debug)]
pub struct Products {
    folder: PathBuf,
    /// Hashes of files that this program has written, or read and found intact.
    intact: BTreeSet<String>,
}

impl Products {
    /// Those beside a run's checkpoints.
    #[must_use]
    pub fn of(checkpoints: &Path) -> Self {
        Self { folder: checkpoints.join(FOLDER), intact: BTreeSet::new() }
    }

    /// Writes a product, unless it is there and intact.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&mut self, hash: &str, bytes: &[u8]) -> Result<(), RunError> {
        if self.intact.contains(hash) {
            return Ok(());
        }
        let path = self.folder.join(hash);
        if !fs::read(&path).is_ok_and(|found| found == bytes) {
            atomic::write(&path, bytes).map_err(RunError::file("write", &path))?;
        }
        self.intact.insert(hash.to_owned());
        Ok(())
    }

    /// Reads a product of so many bytes.
    ///
    /// # Errors
    /// When it cannot be read or is not what was written.
    pub fn get(&mut self, hash: &str, bytes: usize) -> Result<Vec<u8>, RunError> {
        let path = self.folder.join(hash);
        if !is_hash(hash) {
            return Err(RunError::Damaged { path, reason: "its name is not a SHA-256".to_owned() });
        }
        let content = read_intact(&path, hash, bytes)?;
        self.intact.insert(hash.to_owned());
        Ok(content)
    }

    /// Removes all products but these.
    pub fn retain(&mut self, used: &BTreeSet<String>) {
        self.intact.retain(|hash| used.contains(hash));
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| is_hash(name) && !used.contains(name)) {
                // What cannot be removed only takes space.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes what an interrupted program has left half written.
    pub fn clear_unfinished(&self) {
        atomic::clear_unfinished(&self.folder);
    }
}

/// Reads a file and compares it with its recorded length and SHA-256.
///
/// # Errors
/// When it cannot be read or is not what was written.
pub fn read_intact(path: &Path, hash: &str, bytes: usize) -> Result<Vec<u8>, RunError> {
    let damaged = |reason: String| RunError::Damaged { path: path.to_owned(), reason };
    let content = fs::read(path).map_err(RunError::file("read", path))?;
    if content.len() != bytes {
        return Err(damaged(format!("it has {} bytes, expected {bytes}", content.len())));
    }
    if sha256(&content) != hash {
        return Err(damaged("its content is not what was written".to_owned()));
    }
    Ok(content)
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}
