//! The keys that sign assertions, and when each of them does.
//!
//! A new key is published long before it signs, and an old one until everything that it signed has lapsed: whoever keeps
//! the key set for as long as it says always has the key that is needed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::claims::LIFE;
use crate::session::Key;
use crate::session::keys::{KeyPurpose, NoRandom};

/// How long the key set may be kept (RFC 9111 §5.2.2.1).
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

/// How long after it was made a key begins to sign: whoever has kept the key set has fetched it anew by then, even if one
/// attempt failed.
const PUBLISHED_BEFORE: Duration = Duration::from_secs(2 * JWKS_MAX_AGE.as_secs());

/// How long a key is published after the next one has begun to sign. Clocks of verifiers may be a minute behind.
const PUBLISHED_AFTER: Duration = Duration::from_secs(LIFE.as_secs() + 60);

/// How old the newest key becomes before the next one is made.
const ROTATION: Duration = Duration::from_secs(24 * 3_600);

/// A key that can sign.
pub struct SigningKey {
    /// As it is kept.
    kept: Key,
    pair: EcdsaKeyPair,
    /// The header of everything that it signs (RFC 7515 §4), encoded.
    header: String,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate(now_ms: i64) -> Result<Self, NoRandom> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pkcs8 = pkcs8.map_err(|_| NoRandom)?;
        Self::read(&Key::new(KeyPurpose::Assertion, pkcs8.as_ref(), now_ms)?).ok_or(NoRandom)
    }

    /// A key that was kept; `None` where it is for something else, or is none.
    pub fn read(kept: &Key) -> Option<Self> {
        if kept.purpose != KeyPurpose::Assertion {
            return None;
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &kept.bytes()?).ok()?;
        let header = serde_json::to_vec(&Header { typ: "gaccong-assertion+jwt", alg: "ES256", kid: &kept.id }).ok()?;
        Some(Self { kept: kept.clone(), pair, header: URL_SAFE_NO_PAD.encode(header) })
    }

    /// The name by which a token says which key it is signed with.
    pub fn id(&self) -> &Arc<str> {
        &self.kept.id
    }

    /// The key as it is kept.
    pub fn kept(&self) -> &Key {
        &self.kept
    }

    /// The claims as a signed token (RFC 7515 §3.1); `None` where they cannot be signed.
    pub fn sign(&self, claims: &impl Serialize) -> Option<String> {
        let mut token = self.header.clone();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).ok()?, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes()).ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    fn signs_from_ms(&self) -> i64 {
        self.kept.created_at_ms.saturating_add(milliseconds(PUBLISHED_BEFORE))
    }

    /// As anyone may know it (RFC 7517 §4, RFC 7518 §6.2.1).
    fn public(&self) -> Option<PublicKey<'_>> {
        // An uncompressed point (SEC 1 §2.3.3): 4, then both coordinates.
        let (x, y) = self.pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Some(PublicKey { kty: "EC", crv: "P-256", usage: "sig", alg: "ES256", kid: self.id(), x, y })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kept", &self.kept).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct PublicKey<'a> {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: &'a str,
    x: String,
    y: String,
}

/// The keys at one moment, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Vec<Arc<SigningKey>>);

impl KeyRing {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = Arc<SigningKey>>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by(|a, b| (a.kept.created_at_ms, a.id()).cmp(&(b.kept.created_at_ms, b.id())));
        Self(keys)
    }

    /// All of them.
    pub fn keys(&self) -> &[Arc<SigningKey>] {
        &self.0
    }

    /// The key that signs: the newest that has been published for long enough. The first key of all signs at once:
    /// nobody has kept a key set without it.
    pub fn signing(&self, now_ms: i64) -> Option<&Arc<SigningKey>> {
        self.0.iter().rev().find(|key| key.signs_from_ms() <= now_ms).or(self.0.first())
    }

    /// Whether the next key must be made.
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.0.last().is_none_or(|newest| newest.kept.created_at_ms.saturating_add(milliseconds(ROTATION)) <= now_ms)
    }

    /// The keys of which everything has lapsed that they signed.
    pub fn lapsed(&self, now_ms: i64) -> &[Arc<SigningKey>] {
        let next_signed_long_ago =
            |next: &Arc<SigningKey>| next.signs_from_ms().saturating_add(milliseconds(PUBLISHED_AFTER)) <= now_ms;
        let count = self.0.iter().skip(1).take_while(|next| next_signed_long_ago(next)).count();
        self.0.get(..count).unwrap_or_default()
    }

    /// The public keys as a JSON Web Key Set (RFC 7517 §5).
    pub fn jwks(&self, now_ms: i64) -> String {
        #[derive(Serialize)]
        struct KeySet<'a> {
            keys: Vec<PublicKey<'a>>,
        }
        let published = self.0.iter().skip(self.lapsed(now_ms).len());
        let set = KeySet { keys: published.filter_map(|key| key.public()).collect() };
        serde_json::to_string(&set).unwrap_or_else(|_| r#"{"keys":[]}"#.to_owned())
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn ring(created_at_ms: &[i64]) -> KeyRing {
        KeyRing::new(created_at_ms.iter().map(|at_ms| Arc::new(SigningKey::generate(*at_ms).unwrap())))
    }

    fn signing(ring: &KeyRing, now_ms: i64) -> i64 {
        ring.signing(now_ms).unwrap().kept.created_at_ms
    }

    fn published(ring: &KeyRing, now_ms: i64) -> usize {
        let set: serde_json::Value = serde_json::from_str(&ring.jwks(now_ms)).unwrap();
        set["keys"].as_array().unwrap().len()
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert!(ring(&[]).is_due(0) && ring(&[]).signing(0).is_none());
        let ring = ring(&[5]);
        assert_eq!((signing(&ring, 5), published(&ring, 5)), (5, 1));
        assert!(!ring.is_due(5 + DAY_MS - 1) && ring.is_due(5 + DAY_MS));
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_an_old_one_after() {
        let ring = ring(&[DAY_MS, 0]);
        let (begins, ends) = (DAY_MS + 600_000, DAY_MS + 600_000 + 120_000);
        assert_eq!((signing(&ring, DAY_MS), published(&ring, DAY_MS)), (0, 2));
        assert_eq!((signing(&ring, begins - 1), published(&ring, begins - 1)), (0, 2));
        assert_eq!((signing(&ring, begins), published(&ring, begins)), (DAY_MS, 2));
        assert_eq!((published(&ring, ends - 1), ring.lapsed(ends - 1).len()), (2, 0));
        assert_eq!((published(&ring, ends), ring.lapsed(ends).len()), (1, 1));
        assert_eq!(ring.lapsed(ends)[0].kept.created_at_ms, 0);
    }

    /// Whoever fetches the key set at any time, and keeps it for as long as it says, can verify everything until then.
    #[test]
    fn no_moment_lacks_a_key() {
        let ring = ring(&[0, DAY_MS, 2 * DAY_MS]);
        for fetched_ms in (0..3 * DAY_MS).step_by(20_000) {
            let set = ring.jwks(fetched_ms);
            let kept_until_ms = fetched_ms + milliseconds(JWKS_MAX_AGE);
            // What was signed before arrives late; what is signed until then arrives at once.
            for now_ms in [fetched_ms - milliseconds(LIFE), fetched_ms, kept_until_ms] {
                let existing = KeyRing::new(ring.0.iter().filter(|key| key.kept.created_at_ms <= now_ms).cloned());
                let Some(key) = existing.signing(now_ms) else { continue };
                assert!(set.contains(&**key.id()), "fetched at {fetched_ms}, signed at {now_ms}");
            }
        }
    }

    #[test]
    fn a_key_is_the_same_when_it_was_kept() {
        let key = SigningKey::generate(7).unwrap();
        let again = SigningKey::read(key.kept()).unwrap();
        assert_eq!(KeyRing::new([Arc::new(key)]).jwks(7), KeyRing::new([Arc::new(again)]).jwks(7));
        assert!(SigningKey::read(&Key::seal(1).unwrap()).is_none());
        assert!(SigningKey::read(&Key::new(KeyPurpose::Assertion, b"none", 1).unwrap()).is_none());
    }

    #[test]
    fn keys_are_not_printed() {
        let key = SigningKey::generate(7).unwrap();
        let printed = format!("{key:?}");
        assert!(printed.contains(&**key.id()) && !printed.contains(key.kept.secret.reveal()), "{printed}");
        let public = KeyRing::new([Arc::new(key)]).jwks(7);
        assert!(!public.contains("\"d\""), "{public}");
    }
}
