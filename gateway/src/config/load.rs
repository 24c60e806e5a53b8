//! From a path to a checked configuration: the main file, the files it includes, then all comparisons between tables.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::reader::{Table, Text, parse};
use super::source::{Findings, Source, Spot, unreadable, words};
use super::{
    App, Audit, Clients, Config, Identity, Policy, Posture, SignalStream, app, assertion, audit, auth, break_glass,
    check, clients, control, decision, limits, listen, management, pages, signals, store,
};

/// A configuration that can be used, and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct Invalid {
    /// All that is wrong, in all files, in the order of files and lines; warnings are among it.
    pub diagnostics: Vec<Diagnostic>,
    /// What could be read all the same, so that the files it names can be checked too.
    pub readable: Box<Readable>,
}

/// The tables that name files of facts and policies, as far as they could be read.
#[derive(Debug, Default)]
pub struct Readable {
    /// `[[app]]`
    pub apps: Vec<Arc<App>>,
    /// `[clients]`, where every trust domain could be read.
    pub clients: Option<Clients>,
    /// `[policy]`
    pub policy: Option<Policy>,
    /// `[identity]`
    pub identity: Identity,
    /// `[posture]`
    pub posture: Option<Posture>,
    /// `[audit]`
    pub audit: Option<Audit>,
}

/// What a configuration consists of, and where its parts stand.
pub(super) struct Parts<'a> {
    pub(super) listen: Option<listen::Read<'a>>,
    pub(super) clients: clients::Read<'a>,
    pub(super) apps: Vec<app::Read<'a>>,
    pub(super) policy: Option<decision::Policy>,
    pub(super) management: management::Read<'a>,
    pub(super) control: Option<control::Read<'a>>,
    pub(super) signals: Vec<(SignalStream, Spot<'a>)>,
    pub(super) break_glass: Option<break_glass::Read<'a>>,
    pub(super) auth: Option<auth::Read<'a>>,
}

/// The tables that only the main file may have.
const MAIN_ONLY: [&str; 16] = [
    "include",
    "listen",
    "policy",
    "identity",
    "auth",
    "assertion",
    "posture",
    "threat",
    "management",
    "control",
    "break_glass",
    "store",
    "signals",
    "pages",
    "audit",
    "limits",
];

/// Reads the configuration at `path` with everything it includes. Certificates, policies and facts are not read, only
/// looked for.
///
/// # Errors
/// See [`Invalid`].
pub fn load(path: &Path) -> Result<Loaded, Invalid> {
    let findings = Findings::default();
    let main = Source::read(path)
        .map_err(|error| Invalid { diagnostics: vec![unreadable(path, &error)], readable: Box::default() })?;
    findings.watch(main.folder.join(path.file_name().unwrap_or_default()));
    let root = parse(&main, &findings);
    let Some(mut root) = root else {
        return Err(Invalid { diagnostics: findings.into_parts().0, readable: Box::default() });
    };

    let includes: Vec<Source> = root.texts("include").iter().flat_map(included).collect();
    let (config, readable) = read(root, &includes, &findings);

    let (mut problems, mut watched) = findings.into_parts();
    let order = |file: &Path| includes.iter().position(|include| include.shown == file);
    problems.sort_by_key(|problem| (order(&problem.file), problem.line, problem.column));
    watched.sort();
    watched.dedup();
    let failed = problems.iter().any(Diagnostic::is_error);
    match config {
        Some(config) if !failed => Ok(Loaded { config: Config { watched, ..config }, warnings: problems }),
        _ => Err(Invalid { diagnostics: problems, readable: Box::new(readable) }),
    }
}

/// Every table of the main file, then the apps and trust domains of the others.
fn read<'a>(mut root: Table<'a>, includes: &'a [Source], findings: &'a Findings) -> (Option<Config>, Readable) {
    let mut parts = Parts {
        listen: required_table(&mut root, "listen").and_then(listen::read),
        clients: clients::read(root.table_or_empty("clients")),
        apps: root.tables("app").into_iter().filter_map(app::read).collect(),
        policy: required_table(&mut root, "policy").and_then(decision::policy),
        management: management::read(root.table_or_empty("management")),
        control: root.table("control").and_then(control::read),
        signals: signals::streams(root.tables("signals")),
        break_glass: root.table("break_glass").and_then(break_glass::read),
        auth: root.table("auth").and_then(auth::read),
    };
    let (identity, oidc_spot) = decision::identity(root.table_or_empty("identity"));
    let (posture, source_trust) = decision::posture(root.table_or_empty("posture"));
    let threats = decision::threats(root.tables("threat"));
    let assertion = assertion::read(root.table_or_empty("assertion"), parts.auth.as_ref().map(|read| &read.auth));
    let has_store = root.has("store");
    let store = root.table("store").and_then(store::read);
    if let Some((_, spot)) = parts.signals.first().filter(|_| !has_store) {
        spot.error("what signals change could not be kept", "`[store]`");
    }
    if let Some(auth) = parts.auth.as_ref().filter(|_| !has_store) {
        auth.host_spot.error("sessions could not be kept", "`[store]`");
    }
    if let Some(auth) = parts.auth.as_ref().filter(|read| read.auth.trust.is_empty() && identity.oidc.is_none()) {
        auth.host_spot.warn("nobody can log in", "`[identity.oidc]`, or `trust` with the trust domains of cards");
    }
    if let Some(spot) = oidc_spot.filter(|_| parts.auth.is_none()) {
        spot.error("nobody could log in there", "`[auth]`");
    }
    let pages = Arc::new(pages::read(root.table_or_empty("pages")));
    let audit = audit::read(root.table_or_empty("audit"));
    let limits = limits::read(root.table_or_empty("limits"));
    let source = root.spot.source;
    root.finish();
    for include in includes {
        add_included(include, findings, &mut parts);
    }
    check::known_trust(&source_trust, &parts.clients);
    check::all(&parts, source, findings);

    let apps: Vec<_> = parts.apps.into_iter().map(|read| Arc::new(read.app)).collect();
    let readable = Readable {
        apps: apps.clone(),
        clients: (parts.clients.clients.trust.len() == parts.clients.domains).then(|| parts.clients.clients.clone()),
        policy: parts.policy.clone(),
        identity: identity.clone(),
        posture: Some(posture.clone()),
        audit: Some(audit.clone()),
    };
    let whole = || {
        Some(Config {
            file: source.folder.join(source.shown.file_name()?),
            listen: parts.listen?.listen,
            clients: parts.clients.clients,
            apps,
            policy: parts.policy?,
            identity,
            posture,
            threats,
            management: parts.management.management,
            control: parts.control.map(|read| read.control),
            auth: parts.auth.map(|read| Arc::new(read.auth)),
            assertion,
            signals: parts.signals.into_iter().map(|(stream, _)| Arc::new(stream)).collect(),
            break_glass: parts.break_glass.map(|read| read.break_glass),
            store,
            pages,
            audit,
            limits,
            watched: Vec::new(),
        })
    };
    (whole(), readable)
}

fn required_table<'a>(root: &mut Table<'a>, key: &'static str) -> Option<Table<'a>> {
    if !root.has(key) {
        let missing = Diagnostic::of_file(&root.spot.source.shown, format!("the table `[{key}]` is missing"));
        root.spot.findings.push(missing);
    }
    root.table(key)
}

/// `[[app]]` and `[[clients.trust]]` of an included file.
fn add_included<'a>(source: &'a Source, findings: &'a Findings, parts: &mut Parts<'a>) {
    let Some(mut root) = parse(source, findings) else { return };
    parts.apps.extend(root.tables("app").into_iter().filter_map(app::read));
    if let Some(mut table) = root.table("clients") {
        let trust = table.tables("trust");
        table.finish();
        parts.clients.add(trust);
    }
    for key in MAIN_ONLY {
        if let Some(spot) = root.take_key(key) {
            let expected = "`[[app]]` and `[[clients.trust]]` only";
            spot.error(format!("`{key}` has its place in the main file, not in an included one"), expected);
        }
    }
    root.finish();
}

/// The files that an entry of `include` names, sorted. A pattern may match none.
fn included(entry: &Text<'_>) -> Vec<Source> {
    let paths = match entry.contains('*') {
        true => matching(entry).unwrap_or_default(),
        false => vec![entry.spot.source.shown.with_file_name(&**entry)],
    };
    paths.iter().filter_map(|path| read_included(entry, path)).collect()
}

fn read_included(entry: &Text<'_>, path: &Path) -> Option<Source> {
    if let Ok(absolute) = std::path::absolute(path) {
        entry.spot.findings.watch(absolute);
    }
    match Source::read(path) {
        Ok(source) => Some(source),
        Err(error) => entry.refuse(format!("cannot include `{}`: {}", path.display(), words(&error)), ""),
    }
}

/// `apps.d/*.toml`: the files of one folder whose names match.
fn matching(entry: &Text<'_>) -> Option<Vec<PathBuf>> {
    let (folder, pattern) = entry.rsplit_once('/').unwrap_or(("", entry));
    let Some((prefix, suffix)) = pattern.split_once('*').filter(|(_, suffix)| !suffix.contains('*')) else {
        return entry.refuse("`*` stands once, in the last part of the path", "a pattern such as `apps.d/*.toml`");
    };
    if folder.contains('*') {
        return entry.refuse("`*` stands once, in the last part of the path", "a pattern such as `apps.d/*.toml`");
    }
    entry.spot.findings.watch(entry.spot.resolve(folder));
    match names_in(&entry.spot.resolve(folder), prefix, suffix) {
        Ok(names) => Some(names.iter().map(|name| entry.spot.source.shown.with_file_name(folder).join(name)).collect()),
        Err(error) => entry.refuse(format!("cannot read the folder `{folder}`: {}", words(&error)), ""),
    }
}

/// Sorted. Hidden files (those of editors, mostly) are not meant by `*`.
fn names_in(folder: &Path, prefix: &str, suffix: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let long_enough = name.len() >= prefix.len() + suffix.len();
        if long_enough && !name.starts_with('.') && name.starts_with(prefix) && name.ends_with(suffix) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
