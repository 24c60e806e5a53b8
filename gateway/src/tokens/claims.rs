//! What an access token says (RFC 9068 §2.2), and what it must say to count.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gaccong_policy::PrincipalKind;
use serde_json::Value;

use super::Refusal;
use crate::config::{JwtIssuer, TokenBinding};
use crate::jose::claims::{audience, groups, name, principal, time};
use crate::jose::numeric_date::NumericDate;
use crate::jose::object::Object;
use crate::reason::Reason;
use crate::request::identify::credential::Method;
use crate::request::identify::{ClientCertificate, Credential, Subject};
use crate::state::{self, SubjectKind, Subjects};
use crate::text::hex;

/// The member of `cnf` that names a certificate (RFC 8705 §3.1).
const CERTIFICATE: &str = "x5t#S256";

/// What a verified token says, for every request that brings it.
pub(super) struct Claims {
    credential: Arc<Credential>,
    not_before_ms: i64,
    /// SHA-256 of the certificate that it is bound to, lower-case hexadecimal.
    certificate: Option<Box<str>>,
}

/// Whether the token is meant for one of those who this gateway is to its issuer (RFC 9068 §4).
pub(super) fn check_audience(claims: &Object, settings: &JwtIssuer) -> Result<(), Refusal> {
    let named = audience(claims.members()).ok_or_else(|| malformed("`aud` is neither a string nor a list"))?;
    match settings.audience.iter().any(|ours| named.contains(&&**ours)) {
        true => Ok(()),
        false => Err(Refusal::new(Reason::TokenAudience, "the token's `aud` names none of ours")),
    }
}

impl Claims {
    /// Reads the claims of a token that its issuer has signed.
    pub(super) fn read(claims: &Object, settings: &JwtIssuer) -> Result<Self, Refusal> {
        let leeway_ms = milliseconds(settings.leeway);
        let time = |claim| time(claims.members(), claim).map_err(malformed);
        let expires = time("exp")?.ok_or_else(|| malformed("`exp` is not there"))?;
        let (not_before, issued) = (time("nbf")?, time("iat")?);
        let first_ms = [not_before, issued].into_iter().flatten().map(NumericDate::first_ms).max();
        let principal = principal(claims.members(), &settings.principal)
            .map_err(|why| Refusal::new(Reason::TokenPrincipalAbsent, why))?;
        let principal = Subject { kind: settings.kind.unwrap_or_else(|| kind(claims)), id: principal };
        let issued_at_ms = issued.map(NumericDate::first_ms);
        let auth_time = time("auth_time")?.map(NumericDate::first_ms);
        let credential = Credential {
            method: Method::Token { issuer: Arc::clone(&settings.issuer) },
            // Whoever has no login has just shown its own key or secret.
            auth_time_ms: auth_time.or(issued_at_ms.filter(|_| principal.kind == PrincipalKind::Workload)),
            subjects: Subjects::from_iter([state::Subject::new(
                SubjectKind::from(principal.kind),
                principal.id.clone(),
            )]),
            principal,
            groups: groups(claims.members(), &settings.groups).map_err(malformed)?,
            acr: name(claims.members(), "acr").map_err(malformed)?,
            established_at_ms: issued_at_ms.unwrap_or(0),
            expires_at_ms: expires.first_ms().saturating_add(leeway_ms),
            session: None,
        };
        Ok(Self {
            credential: Arc::new(credential),
            not_before_ms: first_ms.map_or(i64::MIN, |ms| ms.saturating_sub(leeway_ms)),
            certificate: certificate(claims)?,
        })
    }

    /// Who asks.
    pub(super) fn credential(&self) -> &Arc<Credential> {
        &self.credential
    }

    /// Whether the token is valid at this time.
    pub(super) fn check_time(&self, now_ms: i64) -> Result<(), Refusal> {
        let expired = |detail| Err(Refusal::new(Reason::TokenExpired, detail));
        match now_ms {
            now_ms if now_ms >= self.credential.expires_at_ms => expired("the token's `exp` is past"),
            now_ms if now_ms < self.not_before_ms => expired("the token's `nbf` or `iat` lies in the future"),
            _ => Ok(()),
        }
    }

    /// Whether the token may be used by who has the key of this certificate. One that names a certificate is always bound
    /// to it.
    pub(super) fn check_binding(&self, binding: TokenBinding, shown: &ClientCertificate) -> Result<(), Refusal> {
        let refused = |detail| Err(Refusal::new(Reason::TokenBinding, detail));
        match &self.certificate {
            Some(bound) if **bound != *shown.fingerprint => refused("the token is bound to another certificate"),
            None if binding == TokenBinding::Certificate => refused("the token is bound to no certificate"),
            _ => Ok(()),
        }
    }
}

/// A client that asks for itself is the subject of its token (RFC 9068 §2.2).
fn kind(claims: &Object) -> PrincipalKind {
    let is_client = claims.text("client_id").is_some() && claims.text("client_id") == claims.text("sub");
    if is_client { PrincipalKind::Workload } else { PrincipalKind::User }
}

/// The certificate that the token is bound to. One that is bound to something else, which nobody here can check, counts
/// for nobody (RFC 7800 §3.1).
fn certificate(claims: &Object) -> Result<Option<Box<str>>, Refusal> {
    let refused = |detail| Refusal::new(Reason::TokenBinding, detail);
    let Some(confirmation) = claims.get("cnf") else { return Ok(None) };
    let members = confirmation.as_object().ok_or_else(|| malformed("`cnf` is no object"))?;
    let (Some(Value::String(text)), 1) = (members.get(CERTIFICATE), members.len()) else {
        return Err(refused("the token is bound to something that is no certificate"));
    };
    let digest = URL_SAFE_NO_PAD.decode(text).ok().filter(|digest| digest.len() == 32);
    digest.map(|digest| Some(hex(&digest).into())).ok_or_else(|| refused("`x5t#S256` is no SHA-256"))
}

fn malformed(detail: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::TokenMalformed, detail)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
