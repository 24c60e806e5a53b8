//! Tests with a real solver. Without one they fail: a proof that is never sought is no proof.

mod diff;
mod ground;
mod prove;

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use gaccong_policy::{AppScope, Source, Sources, Vocabulary};

use crate::*;

/// What the tests are about: `wiki` (internal) and `pay` (secret, owned by Alice), both in the group `office`.
pub(super) struct World {
    groups: Vec<Arc<str>>,
}

impl World {
    pub(super) fn new() -> Self {
        Self { groups: vec!["office".into()] }
    }

    pub(super) fn apps(&self) -> [AppScope<'_>; 2] {
        [
            AppScope { name: "wiki", groups: &self.groups, owner: None, sensitivity: "internal" },
            AppScope { name: "pay", groups: &self.groups, owner: Some("alice"), sensitivity: "secret" },
        ]
    }
}

pub(super) fn model<'a>(apps: &'a [AppScope<'a>], files: &[(&str, &str)]) -> Model<'a> {
    let policies = files.iter().map(|(name, text)| source(name, text)).collect();
    let sources = Sources { policies, ..Sources::default() };
    let vocabulary = Vocabulary { apps, actions: &["approve"], ..Vocabulary::default() };
    Model::load(&sources, vocabulary).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

pub(super) fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

pub(super) fn settings() -> Settings {
    let solver = find_solver(None, std::env::var_os("PATH").as_deref()).unwrap();
    Settings { solver, timeout: Duration::from_secs(60), jobs: 2 }
}

/// Settings with a script in place of the solver; the folder lives as long as the test.
pub(super) fn with_script(script: &str, timeout: Duration) -> (Settings, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cvc5");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let solver = find_solver(None, Some(OsStr::new(dir.path()))).unwrap();
    (Settings { solver, timeout, jobs: 1 }, dir)
}
