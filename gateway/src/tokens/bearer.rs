//! A request's bearer token (RFC 6750 §2.1): whose it is, and who asks by it.

use std::sync::Arc;

use http::HeaderValue;

use super::claims::Claims;
use super::issuer::{Issuer, Issuers};
use super::verified::{Digest, Verified, digest_of};
use super::{Refusal, claims};
use crate::jose::jws::{Form, Jws, JwsError};
use crate::jose::object::Object;
use crate::jose::source::Known;
use crate::reason::Reason;
use crate::request::identify::{ClientCertificate, Credential};

/// The largest token that is read.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// What an access token looks like (RFC 9068 §2.1).
const FORM: Form = Form {
    typ: "at+jwt",
    older_types: &[],
    kid_optional: false,
    max_bytes: MAX_TOKEN_BYTES,
    max_header_bytes: 1024,
    max_depth: 16,
};

/// A bearer token, as far as one can tell whose it is.
#[derive(Debug)]
pub enum Bearer<'a> {
    /// One that was verified before.
    Known(Arc<Verified>),
    /// One that says that it is of an issuer of ours.
    Ours(Box<Unverified<'a>>),
    /// One of the app's own, or none at all: why it says nothing here.
    Foreign(Refusal),
}

/// A token of which nothing is believed yet.
#[derive(Debug)]
pub struct Unverified<'a> {
    digest: Digest,
    jws: Jws<'a>,
    claims: Object,
    issuer: &'a Arc<Issuer>,
}

impl Issuers {
    /// The bearer token of an `Authorization` field; `None` where that has none.
    pub fn bearer<'a>(&'a self, authorization: &'a HeaderValue) -> Option<Bearer<'a>> {
        let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| self.recognise(token.trim()))
    }

    /// Whose a token is.
    pub fn recognise<'a>(&'a self, token: &'a str) -> Bearer<'a> {
        if token.len() > MAX_TOKEN_BYTES {
            return Bearer::Foreign(JwsError::TooLarge(MAX_TOKEN_BYTES).into());
        }
        let digest = digest_of(token);
        if let Some(verified) = self.verified.find(&digest) {
            return Bearer::Known(verified);
        }
        self.unverified(token, digest).map_or_else(Bearer::Foreign, |token| Bearer::Ours(Box::new(token)))
    }

    fn unverified<'a>(&'a self, token: &'a str, digest: Digest) -> Result<Unverified<'a>, Refusal> {
        let jws = Jws::read(token.as_bytes(), &FORM)?;
        let claims = Object::read(&jws.payload()?)
            .map_err(|error| Refusal::new(Reason::TokenMalformed, format!("the claims: {error}")))?;
        let issuer = claims.text("iss").and_then(|name| self.of_name(name));
        let issuer = issuer.ok_or_else(|| Refusal::new(Reason::TokenUntrusted, "the token is of no issuer of ours"))?;
        Ok(Unverified { digest, jws, claims, issuer })
    }

    /// Verifies what was recognised: who asks by it.
    ///
    /// # Errors
    /// It does not count at this time on the connection of this certificate.
    pub fn verify(
        &self,
        bearer: Bearer<'_>,
        certificate: &ClientCertificate,
        now_ms: i64,
    ) -> Result<Arc<Credential>, Refusal> {
        match bearer {
            Bearer::Foreign(refusal) => Err(refusal),
            Bearer::Known(verified) => verified.credential(certificate, now_ms),
            Bearer::Ours(token) => {
                let verified = token.verify()?;
                let credential = verified.credential(certificate, now_ms)?;
                self.verified.keep(token.digest, verified);
                Ok(credential)
            }
        }
    }
}

impl Bearer<'_> {
    /// Whether it says that it is of an issuer of ours. Another is the app's own.
    pub fn is_ours(&self) -> bool {
        !matches!(self, Self::Foreign(_))
    }
}

impl Unverified<'_> {
    /// Whether its issuer has signed it, for us.
    fn verify(&self) -> Result<Verified, Refusal> {
        let Issuer { settings, algorithms, keys } = &**self.issuer;
        // Before the key is looked for: a token that never can be good asks nobody for a key.
        if !algorithms.contains(&self.jws.algorithm()) {
            return Err(JwsError::Algorithm.into());
        }
        let keys = match keys.known(self.jws.kid()?) {
            Known::Yes(keys) => keys,
            Known::No => return Err(JwsError::KeyAbsent.into()),
            Known::NotYet => {
                let detail = "the token's key is not known, and its issuer has not answered yet";
                return Err(Refusal::new(Reason::TokenKeysUnavailable, detail));
            }
        };
        self.jws.verify(&keys, algorithms)?;
        claims::check_audience(&self.claims, settings)?;
        Ok(Verified::new(self.issuer, keys, Claims::read(&self.claims, settings)?))
    }
}

impl From<JwsError> for Refusal {
    fn from(error: JwsError) -> Self {
        let reason = match error {
            JwsError::TooLarge(_) | JwsError::Malformed(_) | JwsError::Type(_) | JwsError::TooDeep(_) => {
                Reason::TokenMalformed
            }
            JwsError::Algorithm | JwsError::KeyNotNamed | JwsError::KeyAbsent | JwsError::Signature => {
                Reason::TokenUntrusted
            }
        };
        Self::new(reason, error)
    }
}
