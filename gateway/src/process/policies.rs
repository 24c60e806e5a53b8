//! Policies: read from their directory, compared with their signatures where those are asked for, and loaded for the
//! names that the configuration knows.

pub mod bundle;
pub mod files;
pub mod manifest;
mod state;

use std::path::Path;
use std::sync::Arc;

use gaccong_policy::{AppScope, PolicySet, Source, Sources, Vocabulary};

pub use self::bundle::Bundle;
use self::files::Wanted;
use self::state::InForce;
use crate::config::diagnostic::Diagnostic;
use crate::config::{self, App, Clients, Sensitivity, Signing};
use crate::facts::groups::Groups;

/// The names of a configuration, in the form in which policies are loaded for them.
#[derive(Debug)]
pub struct Names<'a> {
    apps: Vec<AppScope<'a>>,
    actions: Vec<&'a str>,
    devices: bool,
    groups: Option<Vec<&'a str>>,
    trust_domains: Option<Vec<&'a str>>,
}

impl<'a> Names<'a> {
    /// Those of these apps, of the groups and of the trust domains, as far as they are known. `groups` is `None` where issuers
    /// say others.
    pub fn of(apps: &'a [Arc<App>], groups: Option<&'a Groups>, clients: Option<&'a Clients>) -> Self {
        let mut actions: Vec<&str> = apps.iter().flat_map(|app| app.actions.iter().map(|rule| &*rule.action)).collect();
        actions.sort_unstable();
        actions.dedup();
        let rules = clients.into_iter().flat_map(|clients| &clients.trust).flat_map(|domain| &domain.groups);
        let mapped = rules.flat_map(|rule| &rule.groups).map(|group| &**group);
        Self {
            apps: apps.iter().map(|app| scope(app)).collect(),
            actions,
            devices: false,
            groups: groups.map(|groups| groups.names().chain(mapped).collect()),
            trust_domains: clients.map(|clients| clients.trust.iter().map(|trust| &*trust.name).collect()),
        }
    }

    /// The same where devices can ask too.
    pub fn with_devices(self) -> Self {
        Self { devices: true, ..self }
    }

    /// The names as policy takes them.
    pub fn vocabulary(&self) -> Vocabulary<'_> {
        Vocabulary {
            apps: &self.apps,
            actions: &self.actions,
            devices: self.devices,
            groups: self.groups.as_deref(),
            trust_domains: self.trust_domains.as_deref(),
            sensitivities: &Sensitivity::SCALE,
        }
    }
}

fn scope(app: &App) -> AppScope<'_> {
    AppScope {
        name: &app.name,
        groups: &app.groups,
        owner: app.owner.as_deref(),
        sensitivity: app.sensitivity.as_str(),
    }
}

/// Policies that may come into force.
#[derive(Debug)]
pub struct Policies {
    /// The policies.
    pub set: PolicySet,
    /// The bundle that they are, where signatures are asked for.
    pub bundle: Option<Bundle>,
}

/// Loads the policies that the configuration names, with their signatures where it asks for them, and says what is
/// doubtful about them. `in_force` is the bundle whose place they would take.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn load_signed(
    config: &config::Policy,
    in_force: Option<&Bundle>,
    names: &Names<'_>,
) -> Result<(Policies, Vec<Diagnostic>), Vec<Diagnostic>> {
    let Some(signing) = &config.signing else {
        let (set, warnings) = load(&config.directory, names)?;
        return Ok((Policies { set, bundle: None }, warnings));
    };
    let files = files::read(&config.directory, Wanted::All).map_err(|error| vec![*error])?;
    let bundle = bundle::verify(&config.directory, &files, signing)?;
    let mut warnings = not_older(config, signing, &bundle, in_force).map_err(|error| vec![*error])?;
    let sources = files::sources(&config.directory, files).map_err(|error| vec![*error])?;
    let (set, doubtful) = load_sources(&config.directory, &sources, names)?;
    warnings.extend(doubtful);
    Ok((Policies { set, bundle: Some(bundle) }, warnings))
}

/// Makes sure that `bundle` is not older than the one in force, nor than the one that was in force last.
fn not_older(
    config: &config::Policy,
    signing: &Signing,
    bundle: &Bundle,
    in_force: Option<&Bundle>,
) -> Result<Vec<Diagnostic>, Box<Diagnostic>> {
    let kept = state::read(&signing.state)?;
    for last in kept.iter().chain(&in_force.map(InForce::from)) {
        state::check(&config.directory, bundle, last)?;
    }
    Ok(match kept {
        Some(_) => Vec::new(),
        None => {
            let message = "no bundle was in force yet that is known of: this one is trusted whatever its number";
            vec![Diagnostic::of_file(&signing.state, message).as_warning()]
        }
    })
}

/// Keeps that `bundle` comes into force now, so that none older does afterwards.
///
/// # Errors
/// That cannot be kept: it must not come into force.
pub fn keep(config: &config::Policy, bundle: Option<&Bundle>) -> Result<(), Box<Diagnostic>> {
    let (Some(signing), Some(bundle)) = (&config.signing, bundle) else { return Ok(()) };
    let now = InForce::from(bundle);
    // Most reloads are of facts: they need not wait for the disk.
    match state::read(&signing.state)? {
        Some(kept) if kept == now => Ok(()),
        _ => state::write(&signing.state, &now),
    }
}

/// Loads the policies of `directory`, signed or not: the set, and what is doubtful about it.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn load(directory: &Path, names: &Names<'_>) -> Result<(PolicySet, Vec<Diagnostic>), Vec<Diagnostic>> {
    let sources = read(directory).map_err(|error| vec![*error])?;
    load_sources(directory, &sources, names)
}

fn load_sources(
    directory: &Path,
    sources: &Sources,
    names: &Names<'_>,
) -> Result<(PolicySet, Vec<Diagnostic>), Vec<Diagnostic>> {
    match PolicySet::load(sources, &names.vocabulary()) {
        Ok(loaded) => {
            let warnings = loaded.warnings.into_iter().map(|found| diagnostic(directory, found).as_warning()).collect();
            Ok((loaded.set, warnings))
        }
        Err(errors) => Err(errors.into_iter().map(|found| diagnostic(directory, found)).collect()),
    }
}

/// What policy says of a source, at the path of its file.
pub fn diagnostic(directory: &Path, found: gaccong_policy::Diagnostic) -> Diagnostic {
    let message = match found.remedy {
        Some(remedy) => format!("{}; {remedy}", found.message),
        None => found.message,
    };
    match found.place {
        Some(place) => Diagnostic::at(directory.join(&*place.source), place.line, place.column, message),
        None => Diagnostic::of_file(directory, message),
    }
}

/// Reads every `*.cedar`, `*.cedarschema` and `*.links.json` below `directory`, in the order of their names.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn read(directory: &Path) -> Result<Sources, Box<Diagnostic>> {
    files::sources(directory, files::read(directory, Wanted::Sources)?)
}

/// Reads every `*.properties.cedar` below `directory`, in the order of their names: what is to be proven of the policies.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn read_properties(directory: &Path) -> Result<Vec<Source>, Box<Diagnostic>> {
    let files = files::read(directory, Wanted::Properties)?;
    files.into_iter().map(|file| files::source(directory, file)).collect()
}
