//! What an assertion claims (RFC 7519 §4), and when it lapses.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gaccong_policy::PrincipalKind;
use serde::Serialize;

use crate::request::decide::Asked;

/// How long an assertion holds.
pub(super) const LIFE: Duration = Duration::from_secs(60);

/// What is said of whoever asks: an assertion says the same for as long as all of it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Facts<'a> {
    pub(super) issuer: &'a str,
    pub(super) app: &'a str,
    pub(super) kind: PrincipalKind,
    pub(super) principal: &'a str,
    pub(super) groups: &'a [Arc<str>],
    pub(super) device: Option<&'a str>,
    /// SHA-256 of the client's certificate, lower-case hexadecimal.
    pub(super) fingerprint: &'a str,
    /// `oidc`, `smartcard` or `token`, where there is a session or a token.
    pub(super) auth_method: Option<&'static str>,
    pub(super) acr: Option<&'a str>,
    pub(super) auth_time_ms: Option<i64>,
}

impl<'a> Facts<'a> {
    /// What `issuer` says of whoever asked.
    pub(super) fn of(issuer: &'a str, asked: &'a Asked) -> Self {
        let credential = asked.credential.as_deref();
        Self {
            issuer,
            app: &asked.app.name,
            kind: asked.principal.kind,
            principal: &asked.principal.id,
            groups: &asked.groups,
            device: asked.device.as_deref(),
            fingerprint: &asked.certificate.fingerprint,
            auth_method: credential.map(|credential| credential.method.as_str()),
            acr: credential.and_then(|credential| credential.acr.as_deref()),
            auth_time_ms: credential.and_then(|credential| credential.auth_time_ms),
        }
    }
}

/// The claims of one assertion.
#[derive(Debug, Serialize)]
pub(super) struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    sub_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a [Arc<str>]>,
    /// How many groups there are, where they are too many: a part of them would be taken for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups_overflow: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_method: Option<&'static str>,
    /// As in ID tokens (OpenID Connect Core §2), and `auth_time` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    cnf: Confirmation,
    jti: String,
    iat: i64,
    exp: i64,
}

/// The certificate that the client has shown (RFC 8705 §3.1).
#[derive(Debug, Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl<'a> Claims<'a> {
    /// The claims of an assertion that is made now.
    pub(super) fn new(facts: &Facts<'a>, jti: String, now_ms: i64) -> Self {
        let iat = now_ms.div_euclid(1_000);
        Self {
            iss: facts.issuer,
            aud: facts.app,
            sub: facts.principal,
            sub_kind: kind(facts.kind),
            groups: Some(facts.groups),
            groups_overflow: None,
            device: facts.device,
            auth_method: facts.auth_method,
            acr: facts.acr,
            auth_time: facts.auth_time_ms.map(|at_ms| at_ms.div_euclid(1_000)),
            cnf: Confirmation { certificate: thumbprint(facts.fingerprint) },
            jti,
            iat,
            exp: iat.saturating_add_unsigned(LIFE.as_secs()),
        }
    }

    /// The same without its groups: only how many there are.
    #[must_use]
    pub(super) fn without_groups(self) -> Self {
        Self { groups_overflow: self.groups.map(<[_]>::len), groups: None, ..self }
    }
}

/// What kind of principal this is.
pub fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Workload => "workload",
        PrincipalKind::Device => "device",
    }
}

/// A fingerprint as `x5t#S256` has it: base64url instead of hexadecimal.
fn thumbprint(fingerprint: &str) -> Option<String> {
    let (pairs, []) = fingerprint.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    Some(URL_SAFE_NO_PAD.encode(pairs.iter().map(byte).collect::<Option<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints() {
        assert_eq!(thumbprint("00ff10").as_deref(), Some("AP8Q"));
        assert_eq!(thumbprint("0"), None);
        assert_eq!(thumbprint("zz"), None);
    }
}
