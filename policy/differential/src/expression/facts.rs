//! The attributes that expressions can read, and what must be tested before they may be.

use super::Type;

/// An attribute of the context or of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fact {
    /// The expression that has it.
    pub(super) base: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) is_optional: bool,
}

const fn always(base: &'static str, name: &'static str, kind: Type) -> Fact {
    Fact { base, name, kind, is_optional: false }
}

const fn perhaps(base: &'static str, name: &'static str, kind: Type) -> Fact {
    Fact { base, name, kind, is_optional: true }
}

const DEVICE: &str = "context.device";
const CERTIFICATE: &str = "context.certificate";
const SESSION: &str = "context.session";
const REQUEST: &str = "context.request";

pub(super) const FACTS: &[Fact] = &[
    always("context", "now", Type::Datetime),
    always("context", "request", Type::Part("request")),
    perhaps("context", "device", Type::Part("device")),
    perhaps("context", "certificate", Type::Part("certificate")),
    perhaps("context", "session", Type::Part("session")),
    perhaps("context", "threat", Type::Part("threat")),
    perhaps("context", "target", Type::Part("target")),
    perhaps("context", "risk", Type::Text),
    perhaps("context", "break_glass", Type::Part("break_glass")),
    always("context", "alert_level", Type::Long),
    always("context", "signal_lost", Type::Bool),
    always(DEVICE, "id", Type::Text),
    perhaps(DEVICE, "managed", Type::Bool),
    perhaps(DEVICE, "platform", Type::Text),
    perhaps(DEVICE, "os_version", Type::Text),
    perhaps(DEVICE, "disk_encrypted", Type::Bool),
    perhaps(DEVICE, "firewall", Type::Bool),
    perhaps(DEVICE, "screen_lock", Type::Bool),
    perhaps(DEVICE, "secure_boot", Type::Bool),
    perhaps(DEVICE, "edr_running", Type::Bool),
    perhaps(DEVICE, "patch_age_days", Type::Long),
    perhaps(DEVICE, "compliant", Type::Bool),
    perhaps(DEVICE, "risk", Type::Text),
    perhaps(DEVICE, "owner", Type::Text),
    perhaps(DEVICE, "source", Type::Text),
    perhaps(DEVICE, "age_s", Type::Long),
    always(CERTIFICATE, "trust_domain", Type::Text),
    always(CERTIFICATE, "fingerprint", Type::Text),
    always(CERTIFICATE, "issuer", Type::Text),
    always(CERTIFICATE, "serial", Type::Text),
    always(CERTIFICATE, "not_after", Type::Datetime),
    always(SESSION, "method", Type::Text),
    perhaps(SESSION, "acr", Type::Text),
    always(SESSION, "auth_age_s", Type::Long),
    always("context.threat", "list", Type::Text),
    always("context.target", "kind", Type::Text),
    always("context.target", "id", Type::Text),
    always("context.break_glass", "grant", Type::Text),
    always(REQUEST, "host", Type::Text),
    always(REQUEST, "path", Type::Text),
    always(REQUEST, "method", Type::Text),
    always(REQUEST, "source_ip", Type::Ip),
    perhaps(REQUEST, "site", Type::Text),
    perhaps(REQUEST, "origin", Type::Text),
    always("resource", "sensitivity", Type::Text),
    perhaps("resource", "owner", Type::Text),
    always("App::\"a1\"", "sensitivity", Type::Text),
    perhaps("App::\"a1\"", "owner", Type::Text),
    // An app that does not exist: to read this is an error.
    always("App::\"nowhere\"", "sensitivity", Type::Text),
    perhaps("App::\"nowhere\"", "owner", Type::Text),
];

/// Tests for attributes that no schema declares or that are always there.
pub(super) const IDLE_TESTS: &[&str] = &[
    "(context has \"no such\")",
    "(context has device.nothing)",
    "(context.request has path)",
    "(context.request has query)",
    "(principal has name)",
    "(resource has sensitivity)",
    "(action has name)",
    "(User::\"u0\" has name)",
    "(Group::\"s0\" has name)",
];

impl Fact {
    /// The fact that is the base of this one, where that is optional itself.
    pub(super) fn optional_base(&self) -> Option<&'static Self> {
        FACTS.iter().find(|fact| fact.is_optional && fact.is_at(self.base))
    }

    fn is_at(&self, path: &str) -> bool {
        path.strip_prefix(self.base).and_then(|rest| rest.strip_prefix('.')) == Some(self.name)
    }
}
