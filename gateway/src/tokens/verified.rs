//! Tokens that were verified, so that a signature is verified once and not for every request.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;

use super::Refusal;
use super::claims::Claims;
use super::issuer::Issuer;
use crate::jose::jwks::Keys;
use crate::reason::Reason;
use crate::request::identify::{ClientCertificate, Credential};

/// How many tokens are kept. Beyond it all are forgotten, and verified again when they come again.
const MAX_TOKENS: usize = 10_000;

/// SHA-256 of a token.
pub(super) type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// A token whose issuer has signed it, with what must be compared for each request.
pub struct Verified {
    issuer: Arc<Issuer>,
    /// The keys that it was verified by: a key that the issuer withdraws must not count any longer.
    keys: Arc<Keys>,
    claims: Claims,
}

impl Verified {
    pub(super) fn new(issuer: &Arc<Issuer>, keys: Arc<Keys>, claims: Claims) -> Self {
        Self { issuer: Arc::clone(issuer), keys, claims }
    }

    /// Who asks, if the token counts at this time on the connection of this certificate.
    ///
    /// # Errors
    /// It does not.
    pub fn credential(&self, certificate: &ClientCertificate, now_ms: i64) -> Result<Arc<Credential>, Refusal> {
        self.claims.check_time(now_ms)?;
        self.claims.check_binding(self.issuer.settings.binding, certificate)?;
        Ok(Arc::clone(self.claims.credential()))
    }

    fn is_current(&self) -> bool {
        Arc::ptr_eq(&self.keys, &self.issuer.keys.current())
    }

    fn has_expired(&self, now_ms: i64) -> bool {
        self.claims.check_time(now_ms).is_err_and(|refusal| refusal.reason == Reason::TokenExpired)
    }
}

/// What a token says of somebody is not shown by accident.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}

/// Verified tokens by their hash: who has a copy of this memory has no token.
#[derive(Debug, Default)]
pub struct Cache(papaya::HashMap<Digest, Arc<Verified>>);

impl Cache {
    /// The token of this hash, if it was verified by keys that still are its issuer's.
    pub(super) fn find(&self, digest: &Digest) -> Option<Arc<Verified>> {
        let tokens = self.0.pin();
        let verified = tokens.get(digest)?;
        if verified.is_current() {
            return Some(Arc::clone(verified));
        }
        tokens.remove(digest);
        None
    }

    pub(super) fn keep(&self, digest: Digest, verified: Verified) {
        let tokens = self.0.pin();
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(digest, Arc::new(verified));
    }

    /// Forgets what has expired.
    pub(super) fn sweep(&self, now_ms: i64) {
        self.0.pin().retain(|_, verified| verified.is_current() && !verified.has_expired(now_ms));
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The hash by which a token is known.
pub(super) fn digest_of(token: &str) -> Digest {
    let mut bytes = Digest::default();
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().iter().zip(&mut bytes).for_each(|(from, to)| *to = *from);
    bytes
}
