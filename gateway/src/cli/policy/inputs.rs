//! What the commands about policies work on: the policies, and the names that a configuration knows.
//!
//! The configuration is read leniently. Who writes policies need not have the keys and certificates that it names: what
//! is wrong with it becomes a warning, and whatever could be read of it is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gaccong_policy::PolicySet;

use crate::cli::run::print;
use crate::config::diagnostic::Diagnostic;
use crate::config::{self, App, AuditSink, Clients, Mode};
use crate::facts::groups::Groups;
use crate::process::policies::{self, Names};

/// The configuration that is taken where none is given.
const CONFIG_FILE: &str = "gaccong.toml";

/// Where the policies are, and the configuration that they are written for.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// The configuration, which knows apps, actions and groups. Default: `gaccong.toml`, where the current directory has
    /// one.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The policies, in place of the directory that the configuration names.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
}

/// Policies to be read, and the names to read them with.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The policy directory.
    pub directory: PathBuf,
    /// The apps of the configuration.
    pub apps: Vec<Arc<App>>,
    /// The groups of principals; `None` where they are not known.
    pub groups: Option<Groups>,
    /// Whether issuers of sessions and tokens say groups too.
    pub has_issuers: bool,
    /// The client certificates that are trusted; `None` where they are not known.
    pub clients: Option<Clients>,
    /// Whether denials are enforced, where an app says nothing of it.
    pub mode: Mode,
    /// Where records are written; `None` where that is no directory.
    pub records: Option<PathBuf>,
    /// What is wrong with the configuration and does not keep policies from being read.
    pub warnings: Vec<Diagnostic>,
}

impl InputArgs {
    /// Reads the configuration, as far as it can be read, and finds the policy directory.
    ///
    /// # Errors
    /// No policy directory is given or named, or the groups cannot be read.
    pub fn read(&self) -> Result<Inputs, Vec<Diagnostic>> {
        if let Some(file) = self.config.as_deref().filter(|file| !file.exists()) {
            return Err(vec![Diagnostic::of_file(file, "there is no such file")]);
        }
        let file = self.config.as_deref().or_else(|| Path::new(CONFIG_FILE).exists().then_some(Path::new(CONFIG_FILE)));
        let configured = file.map(read_config).transpose()?.unwrap_or_default();
        match self.policies.clone().or(configured.directory) {
            Some(directory) => Ok(Inputs { directory: from_here(directory), ..configured.inputs }),
            None => {
                let file = file.unwrap_or(Path::new(CONFIG_FILE));
                let unknown = Diagnostic::of_file(file, "which policies are meant is not known")
                    .expecting("a configuration with `[policy]` (`--config FILE`), or `--policies DIR`");
                Err(configured.inputs.warnings.into_iter().chain([unknown]).collect())
            }
        }
    }
}

impl Inputs {
    /// The names that policies are loaded with.
    pub fn names(&self) -> Names<'_> {
        let listed = self.groups.as_ref().filter(|_| !self.has_issuers);
        Names::of(&self.apps, listed, self.clients.as_ref())
    }

    /// Loads the policies of the directory. Warnings, of the configuration too, go to standard error.
    ///
    /// # Errors
    /// Everything that is wrong with the policies, after the warnings of the configuration.
    pub fn load(&self) -> Result<PolicySet, Vec<Diagnostic>> {
        print(&self.warnings);
        let (set, warnings) = policies::load(&self.directory, &self.names())?;
        print(&warnings);
        Ok(set)
    }

    /// The app of this name.
    pub fn app(&self, name: &str) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| *app.name == *name)
    }
}

/// What a configuration says: the directory apart, since it may say none.
#[derive(Default)]
struct Configured {
    inputs: Inputs,
    directory: Option<PathBuf>,
}

fn read_config(file: &Path) -> Result<Configured, Vec<Diagnostic>> {
    let (readable, warnings, valid) = match config::load(file) {
        // What is odd about it is not about policies.
        Ok(config::Loaded { config, .. }) => (readable(config), Vec::new(), true),
        Err(config::Invalid { diagnostics, readable }) => (*readable, vec![summary(file, &diagnostics)], false),
    };
    let groups = match &readable.identity.groups {
        Some(groups) => Some(Groups::load(groups)?),
        // A valid configuration without groups says that there are none.
        None => valid.then(Groups::default),
    };
    let mode = readable.policy.as_ref().map(|policy| policy.mode).unwrap_or_default();
    let records = readable.audit.and_then(|audit| match audit.sink {
        AuditSink::Directory(directory) => Some(directory),
        AuditSink::Stdout => None,
    });
    let has_issuers = readable.identity.has_issuers();
    let config::Readable { apps, clients, .. } = readable;
    let inputs = Inputs { directory: PathBuf::new(), apps, groups, has_issuers, clients, mode, records, warnings };
    Ok(Configured { inputs, directory: readable.policy.map(|policy| policy.directory) })
}

fn readable(config: config::Config) -> config::Readable {
    config::Readable {
        apps: config.apps,
        clients: Some(config.clients),
        policy: Some(config.policy),
        identity: config.identity,
        posture: Some(config.posture),
        audit: Some(config.audit),
    }
}

/// One warning for all errors of a configuration: most of them are about files that are not on this machine.
fn summary(file: &Path, diagnostics: &[Diagnostic]) -> Diagnostic {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let seen = format!("`gaccong check -c {}` tells them", file.display());
    Diagnostic::of_file(
        file,
        format!("the gateway would not start with this configuration, for {errors} errors: {seen}"),
    )
    .as_warning()
}

/// A path below the current folder as one would write it there.
fn from_here(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(here) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path,
    }
}
