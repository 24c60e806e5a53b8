//! What can only be seen by comparing tables with each other.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, one_of, suggestion};
use super::load::Parts;
use super::source::{Findings, Source, Spot};
use super::{
    App, CONTROL, CertificateMode, Delivery, HostPattern, Mode, PostureMode, SignalStream, app, clients, decision,
    listen,
};

/// Compares everything with everything it could contradict. Warnings wait until there is no error: where a part could not
/// be read, much looks odd that is not.
pub(super) fn all(parts: &Parts<'_>, main: &Source, findings: &Findings) {
    contradictions(parts, main, findings);
    if !findings.have_errors() {
        oddities(parts, main, findings);
    }
}

fn contradictions(parts: &Parts<'_>, main: &Source, findings: &Findings) {
    unique(parts.apps.iter().map(|read| (&read.app.name, read.name_spot)), "an app");
    unique(placed_hosts(&parts.apps), "an app with the host");
    trust_domains(&parts.clients, main, findings);
    known_trust(&parts.management.trust, &parts.clients);
    if let Some(control) = &parts.control {
        known_trust(&control.trust, &parts.clients);
    }
    unique(parts.signals.iter().map(|(stream, spot)| (&stream.name, *spot)), "a stream of signals");
    for (stream, spot) in &parts.signals {
        pushed_without_control(stream, *spot, parts.control.is_some());
    }
    if let Some(break_glass) = &parts.break_glass {
        known_trust(&break_glass.trust, &parts.clients);
        let control = parts.control.iter().flat_map(|control| &control.trust);
        for (name, spot) in control.filter(|(name, _)| break_glass.break_glass.trust.contains(name)) {
            let message = format!("the trust domain `{name}` is for `[break_glass]`, which opens apps only");
            spot.error(message, "another trust domain");
        }
    }
    for read in parts.apps.iter().filter(|read| &*read.app.name == CONTROL) {
        read.name_spot.error(format!("`{CONTROL}` is the name of the control API"), "another name");
    }
    if let Some(auth) = &parts.auth {
        known_trust(&auth.trust, &parts.clients);
        let name = &auth.auth.host.name;
        let same = |host: &HostPattern| matches!(host, HostPattern::Exact(exact) if **exact == **name);
        for (_, spot) in placed_hosts(&parts.apps).filter(|(host, _)| same(host)) {
            spot.error(format!("`{name}` is the host where people log in, and has no app"), "another host");
        }
    }
    if let Some(listen) = &parts.listen {
        unique(listen.hosts.iter().map(|(host, spot)| (host, *spot)), "a certificate for the host");
        addresses_differ(listen, parts);
    }
}

fn oddities(parts: &Parts<'_>, main: &Source, findings: &Findings) {
    if parts.apps.is_empty() {
        let missing = Diagnostic::of_file(&main.shown, "no app: every request will be refused");
        findings.push(missing.expecting("at least one `[[app]]`").as_warning());
    }
    if let Some(listen) = &parts.listen {
        certificates_cover(listen, &parts.apps);
    }
    if parts.clients.clients.certificate == CertificateMode::Required {
        preflights_arrive(&parts.apps);
    }
    if let Some(policy) = &parts.policy {
        shadowed_hosts(&parts.apps, policy);
    }
}

/// A browser sends a preflight without a certificate, on a connection of its own.
fn preflights_arrive(apps: &[app::Read<'_>]) {
    for read in apps.iter().filter(|read| read.app.cors.is_some()) {
        let message = format!("preflights for `{}` bear no certificate, and so end in the handshake", read.app.name);
        read.name_spot.warn(message, "`certificate = \"optional\"` in `[clients]`");
    }
}

fn pushed_without_control(stream: &SignalStream, spot: Spot<'_>, has_control: bool) {
    if matches!(stream.delivery, Delivery::Push { .. }) && !has_control {
        spot.error("tokens are pushed to the control API, and there is none", "`[control]`, or `[signals.poll]`");
    }
}

fn trust_domains(clients: &clients::Read<'_>, main: &Source, findings: &Findings) {
    unique(clients.names.iter().map(|(name, spot)| (name, *spot)), "a trust domain");
    if clients.domains == 0 {
        let missing = Diagnostic::of_file(&main.shown, "no trust domain: no client certificate could ever be accepted");
        findings.push(missing.expecting("at least one `[[clients.trust]]`"));
    }
}

fn placed_hosts<'r>(apps: &'r [app::Read<'_>]) -> impl Iterator<Item = (&'r HostPattern, Spot<'r>)> {
    hosts(apps).map(|(_, host, spot)| (host, spot))
}

/// Records an error for each key that was there before.
fn unique<'a, K: Eq + Hash + Display>(keys: impl Iterator<Item = (K, Spot<'a>)>, what: &str) {
    let mut first: HashMap<K, Spot<'_>> = HashMap::new();
    for (key, spot) in keys {
        match first.get(&key) {
            Some(earlier) => spot.error(format!("there is already {what} `{key}`, at {}", earlier.shown()), ""),
            None => {
                first.insert(key, spot);
            }
        }
    }
}

/// Where every certificate names its hosts, a host that none of them covers can never be reached.
fn certificates_cover(listen: &listen::Read<'_>, apps: &[app::Read<'_>]) {
    if listen.listen.certificates.iter().any(|certificate| certificate.hosts.is_empty()) {
        return;
    }
    for (host, spot) in placed_hosts(apps) {
        if !listen.hosts.iter().any(|(covering, _)| covering.covers(host)) {
            spot.warn(format!("no certificate of `[listen]` is for `{host}`: it cannot be reached"), "");
        }
    }
}

fn addresses_differ(listen: &listen::Read<'_>, parts: &Parts<'_>) {
    let management = &parts.management;
    let management_spot = management.address_spot.unwrap_or(listen.address_spot);
    let control = parts.control.as_ref().map(|read| ("the control API", read.control.address, read.address_spot));
    let others = [("management", management.management.address, management_spot)].into_iter().chain(control);
    let mut taken = vec![("clients", listen.listen.address)];
    for (what, address, spot) in others {
        if let Some((first, same)) = taken.iter().find(|(_, other)| collide(*other, address)) {
            spot.error(format!("{first} (`{same}`) and {what} (`{address}`) have one address"), "different ports");
        }
        taken.push((what, address));
    }
}

/// Port 0 asks the system for any free port.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && same_ip && b.port() != 0
}

pub(super) fn known_trust(named: &[(Arc<str>, Spot<'_>)], clients: &clients::Read<'_>) {
    let known = || clients.names.iter().map(|(name, _)| &**name);
    for (name, spot) in named {
        if !known().any(|domain| domain == &**name) {
            spot.error(format!("unknown trust domain `{name}`{}", suggestion(name, known())), one_of(known()));
        }
    }
}

/// An exact host wins over a wildcard, which is what one expects, except where the exact one has no effect, or takes a
/// host out of a stricter app into a laxer one.
fn shadowed_hosts(apps: &[app::Read<'_>], policy: &decision::Policy) {
    let wildcards: Vec<_> = hosts(apps).filter(|(_, host, _)| matches!(host, HostPattern::Wildcard(_))).collect();
    for (app, host, spot) in hosts(apps) {
        let HostPattern::Exact(name) = host else { continue };
        let Some((other, wildcard, _)) = wildcards.iter().find(|(_, wildcard, _)| wildcard.matches(name)) else {
            continue;
        };
        if other.name == app.name {
            spot.warn(format!("`{host}` is already covered by `{wildcard}` of the same app"), "");
        } else if laxer(app, other, policy) {
            spot.warn(
                format!("`{host}` is taken out of `{wildcard}` of the app `{}`, which demands more", other.name),
                "the same `posture` and `mode`, if this is not meant",
            );
        }
    }
}

fn hosts<'r>(apps: &'r [app::Read<'_>]) -> impl Iterator<Item = (&'r App, &'r HostPattern, Spot<'r>)> {
    apps.iter().flat_map(|read| read.hosts.iter().map(|(host, spot)| (&read.app, host, *spot)))
}

fn laxer(app: &App, than: &App, policy: &decision::Policy) -> bool {
    let observes = |app: &App| app.mode.unwrap_or(policy.mode) == Mode::Observe;
    (app.posture == PostureMode::Policy && than.posture == PostureMode::Required) || (observes(app) && !observes(than))
}
