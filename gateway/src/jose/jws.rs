//! Signed JWTs in compact form (RFC 7515 §3.1, RFC 7519), as strict as RFC 8725 advises: bounded, of one type, signed by an
//! algorithm that the receiver allows and the kind of the key can do.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::jwks::Keys;
use super::name::Name;

/// What tokens of one kind look like.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// `typ`, without `application/`.
    pub typ: &'static str,
    /// What issuers say that do not know this type; `None` where they may say nothing.
    pub older_types: &'static [Option<&'static str>],
    /// Whether the header may leave out which key signed it (`kid`). Any of the issuer's may have then.
    pub kid_optional: bool,
    /// The largest token that is read.
    pub max_bytes: usize,
    /// The largest header.
    pub max_header_bytes: usize,
    /// How deep objects and arrays may stand in one another.
    pub max_depth: usize,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// It is larger than any honest one.
    #[error("the token is larger than {0} bytes")]
    TooLarge(usize),
    /// It is no signed JWT.
    #[error("the token is no signed JWT: {0}")]
    Malformed(String),
    /// It is a token for another purpose.
    #[error("the token's `typ` is not `{0}`")]
    Type(&'static str),
    /// Its payload is nested too deep.
    #[error("the claims are nested more than {0} levels deep")]
    TooDeep(usize),
    /// It is signed by an algorithm that is not known or not allowed.
    #[error("the token's `alg` is not allowed")]
    Algorithm,
    /// Nobody can say which key is to verify it.
    #[error("the token's header does not say which key signed it (`kid`)")]
    KeyNotNamed,
    /// The issuer has no such key.
    #[error("the issuer's key set has no key with the token's `kid`")]
    KeyAbsent,
    /// The signature does not verify.
    #[error("the token's signature is not that of the issuer's key")]
    Signature,
}

/// A token whose form and header are good. Who signed it is not known yet.
#[derive(Debug)]
pub struct Jws<'a> {
    algorithm: Algorithm,
    kid: Option<Name>,
    message: &'a str,
    signature: &'a str,
    payload: &'a str,
    max_depth: usize,
}

impl<'a> Jws<'a> {
    /// Takes a token apart, without believing any of it.
    ///
    /// # Errors
    /// It is not of this form.
    pub fn read(token: &'a [u8], form: &Form) -> Result<Self, JwsError> {
        #[derive(Deserialize)]
        struct Header {
            typ: Option<String>,
            alg: String,
            kid: Option<Name>,
            #[serde(default, deserialize_with = "is_there")]
            crit: bool,
        }
        let malformed = |what: &str| JwsError::Malformed(what.to_owned());
        if token.len() > form.max_bytes {
            return Err(JwsError::TooLarge(form.max_bytes));
        }
        let token = std::str::from_utf8(token).map_err(|_| malformed("it is not text"))?;
        let (message, signature) = token.rsplit_once('.').ok_or_else(|| malformed("it has no signature"))?;
        let (header, payload) = message.split_once('.').ok_or_else(|| malformed("it does not have three parts"))?;
        let header = decode("header", header)?;
        if header.len() > form.max_header_bytes {
            return Err(malformed(&format!("its header is larger than {} bytes", form.max_header_bytes)));
        }
        let header: Header =
            serde_json::from_slice(&header).map_err(|error| malformed(&format!("its header: {error}")))?;

        if header.crit {
            return Err(malformed("its header has `crit`, of which nothing is understood"));
        }
        let algorithm = header.alg.parse().map_err(|_| JwsError::Algorithm)?;
        if header.kid.is_none() && !form.kid_optional {
            return Err(JwsError::KeyNotNamed);
        }
        if !form.admits(header.typ.as_deref()) {
            return Err(JwsError::Type(form.typ));
        }
        Ok(Self { algorithm, kid: header.kid, message, signature, payload, max_depth: form.max_depth })
    }

    /// What is said to have signed it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key that is said to have signed it.
    ///
    /// # Errors
    /// The header does not name it, where it need not.
    pub fn kid(&self) -> Result<&str, JwsError> {
        self.kid.as_deref().ok_or(JwsError::KeyNotNamed)
    }

    /// Whether one of `keys` signed it, by an algorithm that is `allowed`.
    ///
    /// # Errors
    /// None did.
    pub fn verify(&self, keys: &Keys, allowed: &HashSet<Algorithm>) -> Result<(), JwsError> {
        if !allowed.contains(&self.algorithm) {
            return Err(JwsError::Algorithm);
        }
        if self.kid.as_ref().is_some_and(|kid| !keys.has(kid)) {
            return Err(JwsError::KeyAbsent);
        }
        let is_signed = keys.verify(self.kid.as_deref(), self.algorithm, self.message.as_bytes(), self.signature);
        is_signed.then_some(()).ok_or(JwsError::Signature)
    }

    /// The payload, whoever signed it: JSON as far as brackets go.
    ///
    /// # Errors
    /// It is not base64url, or nested too deep.
    pub fn payload(&self) -> Result<Vec<u8>, JwsError> {
        let json = decode("payload", self.payload)?;
        if nesting(&json) > self.max_depth {
            return Err(JwsError::TooDeep(self.max_depth));
        }
        Ok(json)
    }
}

impl Form {
    /// Media types are the same in either case, and `application/` may be left out (RFC 7515 §4.1.9).
    fn admits(&self, typ: Option<&str>) -> bool {
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        typ == Some(self.typ) || self.older_types.contains(&typ)
    }
}

/// Whether a parameter is there, whatever its value.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn decode(part: &str, text: &str) -> Result<Vec<u8>, JwsError> {
    let malformed = |_| JwsError::Malformed(format!("its {part} is not base64url without padding"));
    URL_SAFE_NO_PAD.decode(text).map_err(malformed)
}

/// How deep brackets stand in one another, in JSON that was not parsed yet.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof;
