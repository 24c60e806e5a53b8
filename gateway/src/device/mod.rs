//! What this Linux machine is: the facts that `gaccong device report` reads of it. A fact that cannot be known is absent,
//! with the words that say why; nothing is guessed.
//!
//! Everything is read below a root folder and through one function that runs commands, so that tests can be any machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Zoned;

use crate::config::source::read_bounded;
use crate::facts::posture::{FactName, FactValue};

mod block;
mod disk;
mod firewall;
mod mounts;
mod nftables;
mod os_release;
mod packages;
mod processes;
mod screen_lock;
mod secure_boot;

/// No file that facts are read from is larger.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A value, or why it cannot be known.
type Observed<T> = Result<T, String>;

/// Runs a program with arguments and returns what it printed, or why it gave no answer.
pub type Run<'a> = dyn Fn(&str, &[&str]) -> Result<String, String> + 'a;

/// The machine that is looked at.
pub struct Machine<'a> {
    /// The folder that is its `/`.
    pub root: &'a Path,
    /// How its programs are run.
    pub run: &'a Run<'a>,
    /// The time and the time zone of its logs.
    pub now: Zoned,
    /// The names of the processes of which one must run for `edr_running` to be true.
    pub edr_processes: &'a [String],
}

/// What was found out about one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which fact.
    pub name: FactName,
    /// Its value, or why it is not known.
    pub value: Result<FactValue, String>,
}

impl Machine<'_> {
    /// All facts that a machine can know of itself.
    pub fn observe(&self) -> Vec<Finding> {
        let finding = |name, value| Finding { name, value };
        vec![
            finding(FactName::Platform, Ok(text("linux"))),
            finding(FactName::OsVersion, os_release::version(self).map(|version| text(&version))),
            finding(FactName::DiskEncrypted, disk::is_encrypted(self).map(FactValue::Bool)),
            finding(FactName::Firewall, firewall::is_on(self).map(FactValue::Bool)),
            finding(FactName::ScreenLock, screen_lock::is_enforced(self).map(FactValue::Bool)),
            finding(FactName::SecureBoot, secure_boot::is_on(self).map(FactValue::Bool)),
            finding(FactName::EdrRunning, processes::edr_is_running(self).map(FactValue::Bool)),
            finding(FactName::PatchAgeDays, packages::patch_age_days(self).map(FactValue::Long)),
        ]
    }

    /// Where the machine's absolute `path` is.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of a file.
    fn read(&self, path: &str) -> Observed<String> {
        read(&self.at(path), path)
    }

    /// The names in a folder, sorted; none where there is no such folder.
    fn list(&self, path: &str) -> Vec<String> {
        list(&self.at(path))
    }
}

/// The text of the file `path`, which messages call `shown`. Pseudo files have no length, so the bound is on what is read.
fn read(path: &Path, shown: &str) -> Observed<String> {
    read_bounded(path, MAX_FILE_BYTES).map_err(|error| format!("cannot read `{shown}`: {error}"))
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn text(value: &str) -> FactValue {
    FactValue::Text(value.into())
}

/// Runs a program of this machine, in plain words and with nothing on its standard input.
///
/// # Errors
/// Why it gave no answer.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run `{program}`: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let first = words.lines().next().unwrap_or("it says nothing");
        return Err(format!("`{program}` failed: {first}"));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{program}` printed no text"))
}

#[cfg(test)]
mod tests;
