//! `Gaccong-Assertion`: what the upstream is told of whoever asks, in a way that it can verify: a signed JWT (RFC 7519)
//! of a minute, for one app.
//!
//! It is bound to the client's certificate and not to the request: what says the same is used again for a few seconds.

mod cache;
mod claims;
mod keys;
mod rotation;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};

use self::cache::Cache;
pub use self::claims::kind;
use self::claims::{Claims, Facts};
pub use self::keys::{JWKS_MAX_AGE, KeyRing, SigningKey};
pub use self::rotation::run;
use crate::request::decide::Asked;
use crate::session::Key;
use crate::session::keys::random_id;

/// The field that bears it. No client can send it.
pub const GACCONG_ASSERTION: HeaderName = HeaderName::from_static("gaccong-assertion");

/// The largest assertion: many servers take 8 KiB a field, and some 8 KiB for all of them.
const MAX_BYTES: usize = 6 * 1024;

/// What signs assertions.
#[derive(Debug)]
pub struct Assertions {
    ring: ArcSwap<KeyRing>,
    cache: Cache,
}

impl Assertions {
    /// Signing with the keys that were kept; with a new one where there is none.
    pub fn new(kept: &[Arc<Key>], now_ms: i64) -> Self {
        let mut keys: Vec<_> = kept.iter().filter_map(|key| SigningKey::read(key)).map(Arc::new).collect();
        if keys.is_empty() {
            // Without random numbers there is none, and nothing is forwarded that should bear an assertion.
            keys.extend(SigningKey::generate(now_ms).map(Arc::new));
        }
        Self { ring: ArcSwap::from_pointee(KeyRing::new(keys)), cache: Cache::new() }
    }

    /// The public keys as a JSON Web Key Set (RFC 7517 §5).
    pub fn jwks(&self, now_ms: i64) -> String {
        self.ring.load().jwks(now_ms)
    }

    /// What `issuer` says of whoever asked; `None` where it cannot be signed.
    pub fn of(&self, issuer: &Arc<str>, asked: &Arc<Asked>, now_ms: i64) -> Option<HeaderValue> {
        let facts = Facts::of(issuer, asked);
        let ring = self.ring.load();
        let key = ring.signing(now_ms)?;
        if let Some(value) = self.cache.get(&facts, key.id(), now_ms) {
            return Some(value);
        }
        let value = sign(key, &facts, now_ms)?;
        self.cache.put(issuer, asked, key.id(), &value, now_ms);
        Some(value)
    }

    /// How many assertions may be used again.
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    /// Forgets what is not used again.
    pub fn forget_lapsed(&self, now_ms: i64) {
        self.cache.forget_lapsed(now_ms);
    }
}

/// The public keys, for whoever verifies assertions.
pub fn key_set(assertions: &Assertions, now_ms: i64) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(assertions.jwks(now_ms)));
    let fields = response.headers_mut();
    // RFC 7517 §8.5.2
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    if let Ok(kept) = HeaderValue::try_from(format!("max-age={}", JWKS_MAX_AGE.as_secs())) {
        fields.insert(CACHE_CONTROL, kept);
    }
    response
}

fn sign(key: &SigningKey, facts: &Facts<'_>, now_ms: i64) -> Option<HeaderValue> {
    let claims = Claims::new(facts, random_id().ok()?, now_ms);
    let mut token = key.sign(&claims)?;
    if token.len() > MAX_BYTES {
        token = key.sign(&claims.without_groups())?;
    }
    let mut value = HeaderValue::try_from(token).ok()?;
    // Not printed, and in no table of HPACK (RFC 7541 §7.1.3).
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
