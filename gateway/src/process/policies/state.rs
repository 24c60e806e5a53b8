//! The bundle that was in force last, kept in a file: an older one, signed as well as it may be, does not come back.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{read_bounded, unreadable};

/// No honest state is larger.
const MAX_BYTES: u64 = 4096;

/// Which bundle was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InForce {
    /// Its place in the order of bundles.
    pub(super) sequence: u64,
    /// SHA-256 of its manifest.
    pub(super) manifest: Arc<str>,
}

impl From<&Bundle> for InForce {
    fn from(bundle: &Bundle) -> Self {
        Self { sequence: bundle.sequence, manifest: Arc::clone(&bundle.manifest) }
    }
}

/// Reads the state; `None` where there is none yet.
///
/// # Errors
/// It cannot be read: then nothing is known to be new enough.
pub(super) fn read(path: &Path) -> Result<Option<InForce>, Box<Diagnostic>> {
    let text = match read_bounded(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Box::new(unreadable(path, &error))),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let message = format!(
            "this is not the state of the policies: {error}; put the last good copy back, or remove it to trust the \
             next bundle whatever its number"
        );
        Box::new(Diagnostic::of_file(path, message))
    })
}

/// Makes sure that `bundle` is not older than what was in force.
///
/// # Errors
/// It is older, or another one with the same number.
pub(super) fn check(directory: &Path, bundle: &Bundle, last: &InForce) -> Result<(), Box<Diagnostic>> {
    let Bundle { sequence, manifest, .. } = bundle;
    let fault = if *sequence < last.sequence {
        format!(
            "the bundle has the number {sequence}, and number {} was in force: an older one is refused",
            last.sequence
        )
    } else if *sequence == last.sequence && *manifest != last.manifest {
        format!("another bundle with the number {sequence} was in force")
    } else {
        return Ok(());
    };
    let remedy = "sign it anew with a higher number: `gaccong policy sign --author`";
    Err(Box::new(Diagnostic::of_file(directory.join(super::manifest::MANIFEST), format!("{fault}; {remedy}"))))
}

/// Keeps what is about to be in force, so that it survives the end of the machine.
///
/// # Errors
/// It cannot be kept: the bundle must not come into force.
pub(super) fn write(path: &Path, in_force: &InForce) -> Result<(), Box<Diagnostic>> {
    replace(path, in_force).map_err(|error| {
        let message = format!("cannot keep which policies are in force: {error}; `policy.state` must be writable");
        Box::new(Diagnostic::of_file(path, message))
    })
}

fn replace(path: &Path, in_force: &InForce) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&unfinished)?;
    serde_json::to_writer(&mut file, in_force)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(sequence: u64, manifest: &str) -> Bundle {
        Bundle { sequence, manifest: manifest.into(), author: "lan".into(), approvers: vec!["minh".into()] }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/policy.state");
        assert_eq!(read(&path).unwrap(), None);
        for sequence in [7, 8] {
            let in_force = InForce::from(&bundle(sequence, "ab"));
            write(&path, &in_force).unwrap();
            assert_eq!(read(&path).unwrap(), Some(in_force));
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_state_that_cannot_be_understood_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.state");
        for broken in ["", "{}", "{\"sequence\": -1, \"manifest\": \"\"}", "{\"sequence\": 7"] {
            fs::write(&path, broken).unwrap();
            assert!(read(&path).is_err(), "{broken}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(read(&path).is_err(), "a folder");
    }

    #[test]
    fn only_the_same_or_a_newer_bundle_comes_into_force() {
        let last = InForce::from(&bundle(7, "ab"));
        let check = |sequence, manifest| check(Path::new("p"), &bundle(sequence, manifest), &last);
        assert!(check(7, "ab").is_ok() && check(8, "cd").is_ok());
        assert!(check(6, "ab").unwrap_err().message.contains("an older one is refused"));
        assert!(check(7, "cd").unwrap_err().message.contains("another bundle"));
    }
}
