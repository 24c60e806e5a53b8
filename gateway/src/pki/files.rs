//! Files of the authority: written whole or not at all, private ones readable by their owner only.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::PkiError;

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Reads a whole text file.
pub(super) fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::Io { action: "read", path: path.to_owned(), source })
}

/// Creates a folder and those above it.
pub(super) fn create_dir(path: &Path) -> Result<(), PkiError> {
    fs::create_dir_all(path).map_err(|source| PkiError::Io { action: "create", path: path.to_owned(), source })
}

/// Replaces a file that anyone may read.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> Result<(), PkiError> {
    write(path, content, PUBLIC)
}

/// Replaces a file that only its owner may read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), PkiError> {
    write(path, content, PRIVATE)
}

/// Adds a line to a file that anyone may read.
pub(super) fn append(path: &Path, line: &str) -> Result<(), PkiError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(PUBLIC)
        .open(path)
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .map_err(|source| PkiError::Io { action: "write", path: path.to_owned(), source })
}

/// Writes beside the file and renames: a gateway that watches the file never reads half of it, and a private file never
/// exists with a wider mode.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), PkiError> {
    let unfinished = with_suffix(path, ".unfinished");
    let _ = fs::remove_file(&unfinished);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|source| PkiError::Io { action: "write", path: path.to_owned(), source })
}

/// `path` with `suffix` at its end: `a/b.c` and `.pem` make `a/b.c.pem`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
