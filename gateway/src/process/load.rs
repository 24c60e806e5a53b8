//! Loading: from the configuration file to a snapshot, with everything that is wrong reported at once.

use std::path::Path;
use std::sync::Arc;

use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::{self, App, Config, HostPattern, KeyRef, Listen, ServerCertificate, TlsVersion};
use crate::facts::break_glass::BreakGlass;
use crate::facts::groups::Groups;
use crate::facts::posture::Posture;
use crate::facts::snapshot::{Control, Route, Routes, Snapshot};
use crate::facts::threat::Threats;
use crate::facts::trust::{Trust, TrustProblem};
use crate::oidc::Provider;
use crate::process::policies;
use crate::process::watch::Watch;
use crate::request::accept::tls::ServerTls;
use crate::request::forward::pool::Pool;
use crate::signals::stream::Streams;
use crate::signers::Signers;
use crate::tokens::Issuers;

/// A snapshot that can be put in force, and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What is probably not meant, or will soon be wrong.
    pub warnings: Vec<Diagnostic>,
    /// Whether something failed to load and its last good version stays in force.
    pub kept: bool,
}

/// Reads the configuration at `path` and everything it names. What has not changed since `previous` and holds
/// connections (pools of upstreams) is taken over from it.
///
/// # Errors
/// All that is wrong, in all files.
pub fn load(path: &Path, previous: Option<&Snapshot>) -> Result<Loaded, Vec<Diagnostic>> {
    match config::load(path) {
        Ok(loaded) => load_what_it_names(loaded, previous),
        Err(invalid) => Err(with_facts_and_policies(invalid)),
    }
}

fn load_what_it_names(loaded: config::Loaded, previous: Option<&Snapshot>) -> Result<Loaded, Vec<Diagnostic>> {
    let config::Loaded { config, warnings } = loaded;
    let mut findings = Findings { errors: Vec::new(), warnings, kept: false };
    let tls = findings.take(ServerTls::load(&config.listen));
    let management_tls = management_tls(&config, &mut findings);
    let trust = load_trust(&config, previous, &mut findings);
    let groups = findings.keep(load_groups(&config.identity));
    let posture = findings.keep(load_posture(&config.posture));
    let threats = load_threats(&config, previous, &mut findings);
    let listed = groups.as_ref().filter(|_| !config.identity.has_issuers());
    let names = policies::Names::of(&config.apps, listed, Some(&config.clients));
    let in_force = previous.and_then(|previous| previous.bundle.as_ref());
    let policies = findings.take(policies::load_signed(&config.policy, in_force, &names));
    let control = config.control.as_ref().map(|control| {
        let app = std::slice::from_ref(&control.app);
        let names = policies::Names::of(app, listed, Some(&config.clients)).with_devices();
        load_control(control, &config.listen, &names, &mut findings)
    });
    let break_glass = config.break_glass.as_ref().map(|settings| load_break_glass(settings, &names, &mut findings));
    let routes = findings.keep(open_routes(&config.apps, previous));
    let tokens = findings.keep(Issuers::load(&config.identity.jwt, previous.map(|previous| &previous.tokens)));
    let signals = findings.keep(Streams::load(&config.signals, previous.map(|previous| &previous.signals)));

    let oidc = findings.keep(load_oidc(&config, previous));
    match (tls, trust, groups, posture, threats, policies, routes, signals, oidc, tokens) {
        (
            Some(tls),
            Some(trust),
            Some(groups),
            Some(posture),
            Some(threats),
            Some(policies),
            Some(routes),
            Some(signals),
            Some(oidc),
            Some(tokens),
        ) if findings.errors.is_empty() => {
            let snapshot = Snapshot {
                epoch: previous.map_or(1, |previous| previous.epoch + 1),
                config: Arc::new(config),
                tls,
                management_tls,
                trust: Arc::new(trust),
                groups,
                posture,
                threats,
                policies: Arc::new(policies.set),
                bundle: policies.bundle,
                routes,
                signals,
                oidc,
                tokens,
                control: control.flatten(),
                break_glass: break_glass.flatten(),
            };
            Ok(Loaded { snapshot, warnings: findings.warnings, kept: findings.kept })
        }
        _ => {
            findings.errors.append(&mut findings.warnings);
            Err(findings.errors)
        }
    }
}

/// As [`load`], for a snapshot that is put in force next: no older bundle of policies comes after it, and what is read is
/// watched from before it is read.
///
/// # Errors
/// All that is wrong, or that this cannot be kept.
pub fn load_to_serve(path: &Path, previous: Option<&Snapshot>, watch: &Watch) -> Result<Loaded, Vec<Diagnostic>> {
    let loaded = config::load(path).map_err(with_facts_and_policies)?;
    watch.also(&loaded.config.watched);
    let loaded = load_what_it_names(loaded, previous)?;
    policies::keep(&loaded.snapshot.config.policy, loaded.snapshot.bundle.as_ref()).map_err(|error| vec![*error])?;
    Ok(loaded)
}

/// The diagnostics of a configuration that cannot be used, and those of the facts and policies it names all the same.
fn with_facts_and_policies(invalid: config::Invalid) -> Vec<Diagnostic> {
    let mut diagnostics = invalid.diagnostics;
    let config::Readable { apps, policy, identity, posture, .. } = *invalid.readable;
    let groups = load_groups(&identity);
    let listed = groups.as_ref().ok().filter(|_| !identity.has_issuers());
    let names = policies::Names::of(&apps, listed, None);
    let policies = policy.and_then(|policy| policies::load_signed(&policy, None, &names).err());
    diagnostics.extend(groups.err().unwrap_or_default());
    diagnostics.extend(posture.and_then(|posture| load_posture(&posture).err()).unwrap_or_default());
    diagnostics.extend(policies.unwrap_or_default());
    // A file that is not there was reported where it is named.
    let mut seen = std::collections::BTreeSet::new();
    diagnostics.retain(|found| seen.insert((found.file.clone(), found.line, found.column, found.message.clone())));
    diagnostics
}

fn load_groups(identity: &config::Identity) -> Result<Groups, Vec<Diagnostic>> {
    identity.groups.as_deref().map_or_else(|| Ok(Groups::default()), Groups::load)
}

/// The OpenID provider; that of before where it is the same, with all that is known of it.
fn load_oidc(config: &Config, previous: Option<&Snapshot>) -> Result<Option<Arc<Provider>>, Vec<Diagnostic>> {
    let before = previous.and_then(|previous| previous.oidc.as_ref());
    let open = |settings| Provider::open(settings, before).map_err(|error| vec![*error]);
    config.identity.oidc.as_ref().map(open).transpose()
}

fn load_posture(settings: &config::Posture) -> Result<Posture, Vec<Diagnostic>> {
    match &settings.file {
        Some(file) => Posture::load(file, settings),
        None => Ok(Posture::default()),
    }
}

/// What was found wrong so far.
struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    kept: bool,
}

impl Findings {
    /// Keeps what was loaded, or its errors.
    fn keep<T>(&mut self, loaded: Result<T, Vec<Diagnostic>>) -> Option<T> {
        self.take(loaded.map(|value| (value, Vec::new())))
    }

    /// Keeps what was loaded and its warnings, or its errors.
    fn take<T>(&mut self, loaded: Result<(T, Vec<Diagnostic>), Vec<Diagnostic>>) -> Option<T> {
        match loaded {
            Ok((value, mut warnings)) => {
                self.warnings.append(&mut warnings);
                Some(value)
            }
            Err(mut errors) => {
                self.errors.append(&mut errors);
                None
            }
        }
    }
}

fn load_trust(config: &Config, previous: Option<&Snapshot>, findings: &mut Findings) -> Option<Trust> {
    let problem = |TrustProblem { file, message }| Diagnostic::of_file(file, message);
    match Trust::load(&config.clients, clock::now_ms(), previous.map(|previous| &*previous.trust)) {
        Ok(loaded) => {
            findings.warnings.extend(loaded.warnings.into_iter().map(|warning| problem(warning).as_warning()));
            findings.kept |= loaded.kept_list;
            Some(loaded.trust)
        }
        Err(problems) => {
            findings.errors.extend(problems.into_iter().map(problem));
            None
        }
    }
}

/// The threat lists. One that cannot be read keeps its last good version: it must not keep other facts from being read.
fn load_threats(config: &Config, previous: Option<&Snapshot>, findings: &mut Findings) -> Option<Threats> {
    let loaded = findings.take(Threats::load(&config.threats, previous.map(|previous| &previous.threats)))?;
    findings.kept |= loaded.kept;
    Some(loaded.threats)
}

/// The management listener's own certificate, where it has one.
fn management_tls(config: &Config, findings: &mut Findings) -> Option<ServerTls> {
    let settings = config.management.tls.as_ref()?;
    let KeyRef::File(key) = &settings.key;
    let certificate = ServerCertificate {
        hosts: vec![HostPattern::Exact("management".into())],
        chain: settings.chain.clone(),
        key: KeyRef::File(key.clone()),
        min_tls: TlsVersion::Tls13,
    };
    findings.take(ServerTls::load(&Listen { certificates: vec![certificate], ..config.listen.clone() }))
}

/// The control API, with its certificate and its policies.
fn load_control(
    settings: &config::Control,
    listen: &Listen,
    names: &policies::Names<'_>,
    findings: &mut Findings,
) -> Option<Control> {
    let certificates = vec![settings.certificate.clone()];
    let tls = findings.take(ServerTls::load(&Listen { certificates, ..listen.clone() }));
    let policies = findings.take(policies::load(&settings.policies, names));
    let (app, trust) = (Arc::clone(&settings.app), settings.trust.clone());
    Some(Control { tls: tls?, app, trust, policies: Arc::new(policies?) })
}

/// The way in for emergencies. The grants are read apart.
fn load_break_glass(
    settings: &config::BreakGlass,
    names: &policies::Names<'_>,
    findings: &mut Findings,
) -> Option<BreakGlass> {
    let signers = findings.keep(Signers::load(&settings.signers));
    let policies = findings.take(policies::load(&settings.policies, names));
    let (trust, directory) = (settings.trust.clone(), settings.grants.clone());
    Some(BreakGlass { trust, policies: Arc::new(policies?), signers: signers?, directory })
}

/// Opens the pools of all apps; one whose settings and files are as before is taken over with its connections.
fn open_routes(apps: &[Arc<App>], previous: Option<&Snapshot>) -> Result<Routes, Vec<Diagnostic>> {
    let (mut routes, mut errors) = (Vec::new(), Vec::new());
    for app in apps {
        let before = previous.and_then(|previous| previous.routes.of_app(&app.name));
        match Pool::open(app, before.map(|route| &route.pool)) {
            Ok(pool) => routes.push(Arc::new(Route { app: Arc::clone(app), pool })),
            Err(error) => errors.push(*error),
        }
    }
    if errors.is_empty() { Ok(Routes::new(routes)) } else { Err(errors) }
}
