//! Files and directories that are there whole or not at all, whenever the power fails.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a file under a temporary name, waits until it is on the disk, and gives it its name.
///
/// # Errors
/// When the file cannot be written; an existing one is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let mut file = temporary_file(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Writes files into a new directory that gets its name when all of them are on the disk.
///
/// # Errors
/// When a file cannot be written or `path` exists and is not an empty directory.
pub fn write_folder<'a>(path: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<()> {
    let parent = folder_of(path);
    fs::create_dir_all(parent)?;
    let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(parent)?;
    for (name, bytes) in files {
        let mut file = File::create_new(folder.path().join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    sync_folder(folder.path())?;
    fs::rename(folder.path(), path)?;
    // Nothing is left under the temporary name.
    let _ = folder.keep();
    sync_folder(parent)
}

/// How the temporary name of an unfinished directory begins.
pub const UNFINISHED: &str = ".unfinished-";

/// Temporary files are private by default; these become results, readable as the user's umask says.
fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A rename is on the disk when its directory is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
