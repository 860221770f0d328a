//! Files and directories that are there whole or not at all, whenever the power fails.
//!
//! A symbolic link is followed, and the file it leads to is replaced. A device, a pipe or an open descriptor such as
//! `/dev/stdout` is never replaced: the bytes go there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::filesystem;

/// Beginning of the temporary name of an unfinished directory.
pub const UNFINISHED: &str = ".unfinished-";
/// Beginning of the temporary name of an unfinished file.
pub const WRITING: &str = ".writing-";
/// Symbolic links that are followed, as Linux has it.
const MOST_LINKS: usize = 40;

/// Writes a file under a temporary name, waits until it is on the disk, and gives it its name.
///
/// # Errors
/// When the file cannot be written; an existing one is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match Target::of(path)? {
        Target::File(path) => replace(&path, bytes),
        Target::StandardOutput => match stream(standard_output()?, bytes) {
            // A reader that has seen enough is no failure.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result,
        },
        Target::Stream(path) => stream(OpenOptions::new().write(true).open(path)?, bytes),
        // A file that somebody has open: what is in it stays.
        Target::Opened(path) => stream(OpenOptions::new().append(true).open(path)?, bytes),
    }
}

/// True if what is written to `path` goes to standard output.
#[must_use]
pub fn is_standard_output(path: &Path) -> bool {
    matches!(Target::of(path), Ok(Target::StandardOutput))
}

/// Writes files into a new directory that gets its name when all of them are on the disk.
///
/// # Errors
/// When a file cannot be written or `path` exists and is not an empty directory.
pub fn write_folder<'a>(path: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<()> {
    name_folder(unnamed_folder(path, files)?, path)
}

/// Writes files into a new directory, and exchanges the one of that name for it when all of them are on the disk.
///
/// # Errors
/// When a file cannot be written; the directory there was is then untouched.
pub fn replace_folder<'a>(
    path: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> io::Result<()> {
    let new = unnamed_folder(path, files)?;
    if !path.exists() {
        return name_folder(new, path);
    }
    let Ok(old) = set_aside(path) else {
        // Without `rename` the old one can only make way; the new one is complete.
        fs::remove_dir_all(path)?;
        return name_folder(new, path);
    };
    if let Err(error) = name_folder(new, path) {
        fs::rename(&old, path)?;
        return Err(error);
    }
    fs::remove_dir_all(old)
}

/// Removes a directory in such a way that a stop on the way leaves nothing under its name.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    match set_aside(path) {
        Ok(old) => fs::remove_dir_all(old),
        Err(_) => fs::remove_dir_all(path),
    }
}

/// Removes what an interrupted program has left half written in a directory.
pub fn clear_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_unfinished) {
            let path = entry.path();
            // What cannot be removed only takes space.
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// True for the temporary names of this module.
#[must_use]
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED) || name.starts_with(WRITING)
}

/// Where the bytes for a path go.
#[derive(Debug)]
enum Target {
    /// A file that is there, or will be: replaced whole.
    File(PathBuf),
    /// A device, a pipe.
    Stream(PathBuf),
    /// An open descriptor of a program, such as `/dev/fd/3`.
    Opened(PathBuf),
    /// The descriptor that results are printed on.
    StandardOutput,
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some((process, number)) = descriptor(&path) {
                let own = process.is_none_or(|process| process == std::process::id());
                return Ok(if own && number == 1 { Self::StandardOutput } else { Self::Opened(path) });
            }
            let Ok(next) = fs::read_link(&path) else {
                let special = fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir());
                return Ok(if special { Self::Stream(path) } else { Self::File(path) });
            };
            path = folder_of(&path).join(next);
        }
        Err(io::Error::other("too many symbolic links lead from one to the next"))
    }
}

/// The process and the number of an open descriptor, where a path names one. Following such a link would lead to a
/// name that the file behind it no longer has, or never had.
fn descriptor(path: &Path) -> Option<(Option<u32>, u32)> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let folder = fs::canonicalize(folder_of(path)).ok()?;
    let parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
    match parts[..] {
        ["/", "proc", process, "fd"] | ["/", "proc", process, "task", _, "fd"] => {
            Some((process.parse().ok(), number))
        }
        ["/", "dev", "fd"] => Some((None, number)),
        _ => None,
    }
}

#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;

    // The same open file, so that what is printed later follows it.
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn standard_output() -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

fn stream(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let mut file = temporary_file(folder)?;
    if let Some(found) = fs::metadata(path).ok().filter(fs::Metadata::is_file) {
        // Who may read a file is its owner's choice; some file systems know no such thing.
        let _ = file.as_file().set_permissions(found.permissions());
    }
    file.write_all(bytes)?;
    filesystem::sync(file.as_file(), path)?;
    let name = file.into_temp_path();
    if filesystem::rename(&name, path)? {
        // Nothing is left under the temporary name.
        let _ = name.keep();
    } else if let Err(error) = write_in_place(path, bytes) {
        let complete = name.keep().map_err(|error| error.error)?;
        return Err(io::Error::new(error.kind(), format!("{error}; all of it is in {}", complete.display())));
    }
    filesystem::sync_folder(folder)
}

fn write_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    filesystem::sync(&file, path)
}

/// A new directory beside `path` with files that are on the disk.
fn unnamed_folder<'a>(
    path: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> io::Result<TempDir> {
    let parent = folder_of(path);
    fs::create_dir_all(parent)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let folder = builder.tempdir_in(parent)?;
    for (name, bytes) in files {
        let path = folder.path().join(name);
        let mut file = File::create_new(&path)?;
        file.write_all(bytes)?;
        filesystem::sync(&file, &path)?;
    }
    filesystem::sync_folder(folder.path())?;
    Ok(folder)
}

/// Gives a directory its name, or copies it there where it cannot be renamed.
fn name_folder(folder: TempDir, path: &Path) -> io::Result<()> {
    if filesystem::rename(folder.path(), path)? {
        // Nothing is left under the temporary name.
        let _ = folder.keep();
    } else {
        fs::create_dir(path)?;
        for entry in fs::read_dir(folder.path())? {
            let entry = entry?;
            write_in_place(&path.join(entry.file_name()), &fs::read(entry.path())?)?;
        }
    }
    filesystem::sync_folder(folder_of(path))
}

/// Gives a directory a temporary name.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!("{UNFINISHED}old-{name}"));
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Temporary files are private by default; these become results, readable as the user's umask says.
fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(WRITING);
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
