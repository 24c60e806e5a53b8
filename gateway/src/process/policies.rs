//! Policies: read from their directory, and loaded for the names that the configuration knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaccong_policy::{AppScope, PolicySet, Source, Sources, Vocabulary};

use crate::config::diagnostic::Diagnostic;
use crate::config::{App, Clients, Sensitivity};
use crate::facts::groups::Groups;

/// How deep below the policy directory policies are looked for.
const DEPTH: usize = 8;

/// The names of a configuration, in the form in which policies are loaded for them.
#[derive(Debug)]
pub struct Names<'a> {
    apps: Vec<AppScope<'a>>,
    actions: Vec<&'a str>,
    groups: Option<Vec<&'a str>>,
    trust_domains: Option<Vec<&'a str>>,
}

impl<'a> Names<'a> {
    /// Those of these apps, of the groups and of the trust domains, as far as they are known.
    pub fn of(apps: &'a [Arc<App>], groups: Option<&'a Groups>, clients: Option<&'a Clients>) -> Self {
        let mut actions: Vec<&str> = apps.iter().flat_map(|app| app.actions.iter().map(|rule| &*rule.action)).collect();
        actions.sort_unstable();
        actions.dedup();
        Self {
            apps: apps.iter().map(|app| scope(app)).collect(),
            actions,
            groups: groups.map(|groups| groups.names().collect()),
            trust_domains: clients.map(|clients| clients.trust.iter().map(|trust| &*trust.name).collect()),
        }
    }

    /// The names as policy takes them.
    pub fn vocabulary(&self) -> Vocabulary<'_> {
        Vocabulary {
            apps: &self.apps,
            actions: &self.actions,
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

/// Loads the policies of `directory`: the set, and what is doubtful about it.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn load(directory: &Path, names: &Names<'_>) -> Result<(PolicySet, Vec<Diagnostic>), Vec<Diagnostic>> {
    let sources = read(directory).map_err(|error| vec![*error])?;
    match PolicySet::load(&sources, &names.vocabulary()) {
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
    let mut sources = Sources::default();
    read_below(directory, Path::new(""), DEPTH, &mut sources)?;
    Ok(sources)
}

fn read_below(directory: &Path, below: &Path, depth: usize, sources: &mut Sources) -> Result<(), Box<Diagnostic>> {
    let folder = directory.join(below);
    let unreadable =
        |path: &Path, error: std::io::Error| Box::new(Diagnostic::of_file(path, format!("cannot read: {error}")));
    let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(|error| unreadable(&folder, error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), below.join(entry.file_name()));
        if path.is_dir() {
            if depth == 0 {
                return Err(Box::new(Diagnostic::of_file(&path, "the policy directory is nested too deeply")));
            }
            read_below(directory, &name, depth - 1, sources)?;
            continue;
        }
        let Some(of_kind) = kind(&name, sources) else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        of_kind.push(Source { name: shown(name), text });
    }
    Ok(())
}

/// Where a file of this name belongs.
fn kind<'a>(name: &Path, sources: &'a mut Sources) -> Option<&'a mut Vec<Source>> {
    match name.extension()?.to_str()? {
        "cedar" => Some(&mut sources.policies),
        "cedarschema" => Some(&mut sources.schema_extensions),
        "json" if name.file_stem()?.to_str()?.ends_with(".links") => Some(&mut sources.links),
        _ => None,
    }
}

fn shown(name: PathBuf) -> String {
    name.to_string_lossy().into_owned()
}
