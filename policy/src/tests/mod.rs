//! Tests of the crate through its public API, and what they share.

mod closed_sets;
mod decide;
mod explain;
mod links;
mod load;
mod mended;
mod observe;
mod properties;
mod ranges;
mod step_up;

use std::sync::Arc;

use crate::*;

/// 2026-01-01T00:00:00Z.
pub(super) const NOW_MS: i64 = 1_767_225_600_000;

pub(super) fn source(text: &str) -> Source {
    Source { name: "a.cedar".to_owned(), text: text.to_owned() }
}

pub(super) fn sources(text: &str) -> Sources {
    Sources { policies: vec![source(text)], ..Sources::default() }
}

pub(super) fn groups(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

pub(super) fn load(text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    load_sources(&sources(text))
}

pub(super) fn load_sources(sources: &Sources) -> Result<Loaded, Vec<Diagnostic>> {
    for_our_apps(|vocabulary| PolicySet::load(sources, vocabulary))
}

/// Loads policies that may err too.
pub(super) fn load_erring(text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    for_our_apps(|vocabulary| PolicySet::load_erring(&sources(text), vocabulary))
}

/// A set that may err too.
pub(super) fn set(text: &str) -> PolicySet {
    load_erring(text).unwrap_or_else(|errors| panic!("{errors:#?}")).set
}

/// The apps `hr` (in `internal`) and `wiki` (in `internal` and `public`).
pub(super) fn for_our_apps<T>(work: impl FnOnce(&Vocabulary<'_>) -> T) -> T {
    let (internal, both) = (groups(&["internal"]), groups(&["internal", "public"]));
    let apps = [
        AppScope { name: "hr", groups: &internal, owner: Some("alice"), sensitivity: "high" },
        AppScope { name: "wiki", groups: &both, owner: None, sensitivity: "low" },
    ];
    work(&Vocabulary { apps: &apps, actions: &["approve"], ..Vocabulary::default() })
}

pub(super) fn errors(text: &str) -> Vec<String> {
    load(text).unwrap_err().iter().map(ToString::to_string).collect()
}

pub(super) fn warnings(text: &str) -> Vec<String> {
    load(text).unwrap().warnings.iter().map(ToString::to_string).collect()
}

/// Alice reads `hr` from a laptop.
pub(super) fn question(groups: &[Arc<str>]) -> Question<'_> {
    Question {
        principal: Principal { kind: PrincipalKind::User, id: "alice", groups },
        action: "read",
        app: "hr",
        context: Context {
            device: Some(Device { id: "laptop", age_s: Some(10), patch_age_days: Some(3), ..Device::default() }),
            certificate: Some(Certificate {
                trust_domain: "staff",
                fingerprint: "00ff",
                issuer: "CN=ca",
                serial: "01",
                not_after_ms: NOW_MS + 86_400_000,
            }),
            session: Some(Session { method: "oidc", acr: None, auth_age_s: 60 }),
            ..Context::of(
                Request {
                    host: "hr.test",
                    path: "/a",
                    method: "GET",
                    source_ip: [192, 0, 2, 1].into(),
                    site: None,
                    origin: None,
                },
                NOW_MS,
            )
        },
    }
}

/// A decision in short: `permit a b`, `Forbid a`, `NoPermit`, `Error a`.
pub(super) fn summary(decision: &Decision) -> String {
    let (what, policies) = match decision {
        Decision::Permit(permit) => ("permit".to_owned(), permit.policies()),
        Decision::Deny(denial) => (format!("{:?}", denial.cause), denial.policies.as_slice()),
    };
    policies.iter().fold(what, |summary, policy| format!("{summary} {policy}"))
}

pub(super) fn asked(text: &str, question: &Question<'_>) -> String {
    summary(&set(text).decide(question, Mode::Enforce))
}
