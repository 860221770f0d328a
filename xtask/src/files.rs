//! Reading and writing files, with their names in every error. What is written appears whole or not at all: a page may
//! be served while it is renewed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The files under a folder, as addresses relative to it, in order.
pub(crate) fn in_folder(folder: &Path) -> Result<Vec<String>> {
    let (mut folders, mut found) = (vec![PathBuf::new()], Vec::new());
    while let Some(inner) = folders.pop() {
        let path = folder.join(&inner);
        let entries =
            std::fs::read_dir(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else {
                found.push(name.to_str().context("a file's name is not UTF-8")?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A file's bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// A file's text.
pub(crate) fn text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Writes a file, and the folder it is in.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("{} cannot be written", path.display());
    let (folder, name) = (path.parent().with_context(cannot)?, path.file_name().with_context(cannot)?);
    std::fs::create_dir_all(folder).with_context(cannot)?;
    let fresh = folder.join(format!(".{}.fresh", name.display()));
    std::fs::write(&fresh, bytes).with_context(cannot)?;
    std::fs::rename(&fresh, path).with_context(cannot)
}

/// Copies a file.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    write(to, &read(from)?)
}

/// Copies what is in a folder; other files of the target stay.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    in_folder(from)?.iter().try_for_each(|name| copy(&from.join(name), &to.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_over_another() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        for (name, content) in [("from/a", "new"), ("from/in/b", "b"), ("to/a", "old"), ("to/c", "c")] {
            write(&root.path().join(name), content.as_bytes()).unwrap();
        }
        copy_folder(&from, &to).unwrap();
        assert_eq!(in_folder(&to).unwrap(), ["a", "c", "in/b"], "nothing is left beside them");
        assert_eq!(text(&to.join("a")).unwrap(), "new");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            format!("{:#}", copy(&folder.path().join("absent"), &folder.path().join("b")).unwrap_err());
        assert!(error.contains("absent cannot be read"), "{error}");
        assert!(in_folder(folder.path()).unwrap().is_empty());
    }
}
