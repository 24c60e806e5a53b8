//! Exports: a store as lines of JSON, to be looked at, kept elsewhere, and made a store of again.
//!
//! The first line says what it is, each line after it is an entry, and the last counts them and has their digest: what
//! was cut off or changed on the way is not taken for a store.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::embedded::Embedded;
use super::migrate::VERSION;
use super::{Store, StoreError, Table, Write as Change};
use crate::state::change;
use crate::text::hex;

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// How many entries are written at once.
const BATCH: usize = 10_000;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The version of the store.
    gaccong_store: u64,
    /// How many commits it had.
    serial: u64,
}

/// An entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    table: std::borrow::Cow<'a, str>,
    key: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foot {
    entries: u64,
    sha256: String,
}

/// What was exported or imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The entries.
    pub entries: u64,
    /// The commits of the store.
    pub serial: u64,
}

/// Writes everything that a store holds.
///
/// # Errors
/// The store cannot be read, or `out` not be written.
pub fn export(store: &dyn Store, out: &mut impl Write) -> Result<Summary, StoreError> {
    let (mut entries, mut digest) = (0, Context::new(&SHA256));
    let serial = store.serial();
    line(out, &Head { gaccong_store: VERSION, serial })?;
    store.load(&mut |table, key, value| {
        let value: &RawValue = serde_json::from_slice(value).map_err(|error| json(&error))?;
        let text = line(out, &Line { table: table.name().into(), key: key.into(), value })?;
        digest.update(&text);
        entries += 1;
        Ok(())
    })?;
    line(out, &Foot { entries, sha256: hex(digest.finish().as_ref()) })?;
    out.flush().map_err(|error| io(&error))?;
    Ok(Summary { entries, serial })
}

/// Makes a store of an export. There must be none at `path`, unless it is to be replaced; what was there stays until the
/// new one is whole.
///
/// # Errors
/// The export is not whole or not of this version, or the store cannot be written. Nothing has changed then.
pub fn import(input: &mut impl BufRead, path: &Path, replace: bool) -> Result<Summary, ImportError> {
    if path.exists() && !replace {
        return Err(ImportError::Exists(path.to_owned()));
    }
    // A damaged store may be replaced, one that a gateway has open may not.
    if path.exists()
        && let Err(error @ StoreError::Taken(_)) = Embedded::open(path)
    {
        return Err(error.into());
    }
    let new = beside(path, "import");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(&error).into()),
        _ => {}
    }
    let summary = read_into(input, &new).inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })?;
    std::fs::rename(&new, path).map_err(|error| io(&error))?;
    Ok(summary)
}

/// Why an export did not become a store.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is a store already.
    #[error("{0}: there is a store already; `--replace` puts the export in its place")]
    Exists(PathBuf),
    /// The export is not whole.
    #[error("line {line}: {what}")]
    Malformed {
        /// The line.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn read_into(input: &mut impl BufRead, path: &Path) -> Result<Summary, ImportError> {
    let mut lines = Lines { input, number: 0, text: Vec::new() };
    let head: Head = lines.next_as("the head of an export of a store")?;
    if head.gaccong_store != VERSION {
        let found = head.gaccong_store;
        return Err(lines.malformed(format!("it is of version {found}; this gateway reads version {VERSION}")));
    }
    let store = Embedded::open(path)?;
    let (mut entries, mut digest, mut batch) = (0, Context::new(&SHA256), Vec::new());
    loop {
        let text = lines.next()?.to_vec();
        if let Ok(foot) = serde_json::from_slice::<Foot>(&text) {
            if foot.entries != entries || foot.sha256 != hex(digest.finish().as_ref()) {
                return Err(lines.malformed("the entries are not those that were exported".to_owned()));
            }
            break;
        }
        digest.update(&text);
        batch.push(entry(&text).map_err(|what| lines.malformed(what))?);
        entries += 1;
        if batch.len() == BATCH {
            store.commit(&std::mem::take(&mut batch))?;
        }
    }
    store.commit(&batch)?;
    store.continue_from(head.serial)?;
    Ok(Summary { entries, serial: head.serial })
}

fn entry(text: &[u8]) -> Result<Change, String> {
    let line: Line<'_> = serde_json::from_slice(text).map_err(|error| format!("no entry of a store: {error}"))?;
    let table = Table::parse(&line.table).ok_or_else(|| format!("unknown table `{}`", line.table))?;
    let value = line.value.get().as_bytes();
    let stored =
        change::Change::stored(table, value).map_err(|error| format!("no entry of `{}`: {error}", line.table))?;
    let write = stored.write().map_err(|error| error.to_string())?;
    if write.key != line.key {
        return Err(format!("the key `{}` is not that of its entry", line.key));
    }
    Ok(write)
}

struct Lines<'a, R> {
    input: &'a mut R,
    number: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<&[u8], ImportError> {
        self.number += 1;
        self.text.clear();
        let mut bounded = io::Read::take(&mut *self.input, MAX_LINE_BYTES);
        bounded.read_until(b'\n', &mut self.text).map_err(|error| io(&error))?;
        if !self.text.ends_with(b"\n") {
            return Err(self.malformed("the export ends here, or in the middle of a line".to_owned()));
        }
        Ok(&self.text)
    }

    fn next_as<T: serde::de::DeserializeOwned>(&mut self, what: &str) -> Result<T, ImportError> {
        let parsed = serde_json::from_slice(self.next()?);
        parsed.map_err(|error| self.malformed(format!("this is not {what}: {error}")))
    }

    fn malformed(&self, what: String) -> ImportError {
        ImportError::Malformed { line: self.number, what }
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut text = serde_json::to_vec(value).map_err(|error| json(&error))?;
    text.push(b'\n');
    out.write_all(&text).map_err(|error| io(&error))?;
    Ok(text)
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

fn io(error: &io::Error) -> StoreError {
    StoreError::Io(error.to_string())
}

fn json(error: &serde_json::Error) -> StoreError {
    StoreError::Io(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Change, Revocation, Subject, SubjectKind};

    fn store(path: &Path) -> Embedded {
        let store = Embedded::open(path).unwrap();
        for user in ["alice", "bob"] {
            let subject = Subject::new(SubjectKind::User, user);
            let revocation =
                Revocation { subject, reason: Some("x\ny".into()), by: "soc".into(), at_ms: 5, until_ms: None };
            store.commit(&[Change::Revoke(revocation).write().unwrap()]).unwrap();
        }
        store
    }

    #[test]
    fn an_export_becomes_the_same_store() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let summary = export(&store(&old), &mut first).unwrap();
        assert_eq!(summary, Summary { entries: 2, serial: 2 });
        assert_eq!(import(&mut &*first, &new, false).unwrap(), summary);
        export(&Embedded::open(&new).unwrap(), &mut second).unwrap();
        assert_eq!(String::from_utf8(first.clone()).unwrap(), String::from_utf8(second).unwrap());
        assert!(matches!(import(&mut &*first, &new, false), Err(ImportError::Exists(_))));
        assert_eq!(import(&mut &*first, &new, true).unwrap(), summary);
    }

    #[test]
    fn what_is_not_whole_leaves_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let mut whole = Vec::new();
        export(&store(&old), &mut whole).unwrap();
        let text = String::from_utf8(whole).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for (broken, expected) in [
            (lines[..3].concat(), "ends here"),
            (text.replace("alice", "carol"), "not those that were exported"),
            ([lines[0], lines[2], lines[3]].concat(), "not those"),
            (text.replace("\"revocations\"", "\"revocation\""), "unknown table"),
            (text.replace("\"gaccong_store\":1", "\"gaccong_store\":9"), "version 9"),
            (text.trim_end().to_owned(), "middle of a line"),
            (String::new(), "ends here"),
        ] {
            let error = import(&mut broken.as_bytes(), &new, false).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!new.exists());
        }
    }
}
