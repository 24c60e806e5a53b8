//! The bearer token that a request brings (RFC 6750 §2.1).

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap};

use super::{Credential, Identity};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::tokens::{Bearer, Issuers, Refusal};

/// After how many seconds a request may come again whose token's key is being asked for.
const RETRY_AFTER_S: u32 = 2;

/// What is to be made of the `Authorization` of a request.
#[derive(Debug)]
pub enum Bearing {
    /// It has no bearer token, or tokens say nothing here.
    Nothing,
    /// Its bearer token is the app's own, as far as one can tell, and why it says nothing here.
    Foreign(Refusal),
    /// It says who asks, and is not for the app.
    Token(Arc<Credential>),
}

/// What is counted.
pub fn result(bearing: &Result<Bearing, Refusal>) -> Option<&'static str> {
    Some(match bearing {
        Ok(Bearing::Nothing) => return None,
        Ok(Bearing::Foreign(_)) => "foreign",
        Ok(Bearing::Token(_)) => "accepted",
        Err(refusal) => {
            let code = refusal.reason.code();
            code.strip_prefix("token.").unwrap_or(code)
        }
    })
}

/// The token of a request. Only a connection that proves a certificate can bring one.
///
/// # Errors
/// There is one of an issuer of ours, and it does not count.
pub fn read(issuers: &Issuers, identity: &Identity, headers: &HeaderMap, now_ms: i64) -> Result<Bearing, Refusal> {
    let Identity::Proven { certificate, .. } = identity else { return Ok(Bearing::Nothing) };
    if issuers.is_empty() {
        return Ok(Bearing::Nothing);
    }
    let fields = headers.get_all(AUTHORIZATION);
    let mut bearers = fields.iter().filter_map(|field| issuers.bearer(field));
    let Some(bearer) = bearers.next() else { return Ok(Bearing::Nothing) };
    // Of several, the app would choose for itself which counts.
    if fields.iter().count() > 1 && (bearer.is_ours() || bearers.any(|other| other.is_ours())) {
        let detail = "there are several `Authorization` fields".to_owned();
        return Err(Refusal { reason: Reason::TokenMalformed, detail });
    }
    match bearer {
        Bearer::Foreign(refusal) => Ok(Bearing::Foreign(refusal)),
        ours => issuers.verify(ours, certificate, now_ms).map(Bearing::Token),
    }
}

impl From<Refusal> for Box<Refused> {
    fn from(Refusal { reason, detail }: Refusal) -> Self {
        let retry_after_s = (reason == Reason::TokenKeysUnavailable).then_some(RETRY_AFTER_S);
        Self::new(Refused { retry_after_s, ..Refused::because(reason, detail) })
    }
}
