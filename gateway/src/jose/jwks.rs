//! The public keys of an issuer: a JSON Web Key Set (RFC 7517).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The largest key set that is read.
pub const MAX_JWKS_BYTES: u64 = 256 * 1024;
/// The most keys of a set that are kept.
const MAX_KEYS: usize = 64;

/// Why a key set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// It is not JSON of the right form.
    #[error("not a JSON Web Key Set: {0}")]
    Malformed(String),
    /// Every key of it is of another use, or of a kind that is not known.
    #[error("the key set has no public signing key with a `kid`")]
    Empty,
}

/// The keys of a set that can verify a signature.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    kid: Option<String>,
    /// What it may verify: fixed by the kind of the key, never by a token.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Keys {
    /// Reads a key set. Keys that verify no signature are left out: symmetric ones, those for encryption, unknown kinds. So
    /// are those that no token can name.
    ///
    /// # Errors
    /// The set is malformed, or nothing is left of it.
    pub fn read(json: &[u8]) -> Result<Self, JwksError> {
        Self::read_where(json, |key| key.kid.is_some())
    }

    /// The same with keys that have no name, by which an issuer of one key may sign (OpenID Connect Core 1.0 §10.1).
    ///
    /// # Errors
    /// As above.
    pub fn read_unnamed_too(json: &[u8]) -> Result<Self, JwksError> {
        Self::read_where(json, |_| true)
    }

    fn read_where(json: &[u8], is_wanted: impl Fn(&Key) -> bool) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct KeySet {
            keys: Vec<Value>,
        }
        let set: KeySet = serde_json::from_slice(json).map_err(|error| JwksError::Malformed(error.to_string()))?;
        let keys: Vec<_> = set.keys.into_iter().take(MAX_KEYS).filter_map(Key::read).filter(is_wanted).collect();
        if keys.is_empty() { Err(JwksError::Empty) } else { Ok(Self(keys)) }
    }

    /// Whether the set has a key of this name.
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether `signature` is that of `message`, by a key for this algorithm: the one of this name, any where none is named.
    pub fn verify(&self, kid: Option<&str>, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        let named = self.0.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let mut able = named.filter(|key| key.algorithms.contains(&algorithm));
        able.any(|key| jsonwebtoken::crypto::verify(signature, message, &key.key, algorithm).unwrap_or(false))
    }
}

impl Key {
    fn read(jwk: Value) -> Option<Self> {
        let jwk = Jwk::deserialize(jwk).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        if jwk.common.key_operations.as_ref().is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
            return None;
        }
        let of_kind = algorithms(&jwk.algorithm).iter().copied();
        let algorithms: Vec<_> = match jwk.common.key_algorithm {
            Some(named) => of_kind.filter(|algorithm| Algorithm::try_from(named) == Ok(*algorithm)).collect(),
            None => of_kind.collect(),
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (!algorithms.is_empty()).then_some(Self { kid: jwk.common.key_id, algorithms, key })
    }
}

/// What a kind of key can verify (RFC 7518 §3.1, RFC 8037 §3.1). A symmetric key nothing.
fn algorithms(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    use Algorithm as A;
    match parameters {
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[A::ES256],
            EllipticCurve::P384 => &[A::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[A::EdDSA],
        AlgorithmParameters::RSA(_) => &[A::PS256, A::PS384, A::PS512, A::RS256, A::RS384, A::RS512],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::fixtures::Signer;

    fn read(keys: &[Value]) -> Result<Keys, JwksError> {
        Keys::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    /// `jwk` with `name` set to `value`.
    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    #[test]
    fn a_signature_is_verified_by_the_key_that_it_names() {
        let (one, two) = (Signer::new("one"), Signer::new("two"));
        let keys = read(&[one.jwk(), two.jwk()]).unwrap();
        let signature = one.sign(b"message");
        assert!(keys.verify(Some("one"), Algorithm::ES256, b"message", &signature));
        assert!(!keys.verify(Some("two"), Algorithm::ES256, b"message", &signature));
        assert!(!keys.verify(Some("three"), Algorithm::ES256, b"message", &signature));
        assert!(!keys.verify(Some("one"), Algorithm::ES256, b"massage", &signature));
        assert!(!keys.verify(Some("one"), Algorithm::ES256, b"message", "not base64!"));
        assert!(keys.verify(None, Algorithm::ES256, b"message", &signature), "any may have signed what names none");
        assert!(!keys.verify(None, Algorithm::ES256, b"massage", &signature));
    }

    #[test]
    fn a_key_without_a_name_verifies_what_names_none_where_that_is_wanted() {
        let signer = Signer::new("one");
        let set = json!({ "keys": [with(signer.jwk(), "kid", json!(null))] }).to_string();
        assert_eq!(Keys::read(set.as_bytes()).unwrap_err(), JwksError::Empty);
        let keys = Keys::read_unnamed_too(set.as_bytes()).unwrap();
        let signature = signer.sign(b"message");
        assert!(keys.verify(None, Algorithm::ES256, b"message", &signature));
        assert!(!keys.verify(Some("one"), Algorithm::ES256, b"message", &signature) && !keys.has("one"));
    }

    #[test]
    fn a_key_verifies_only_what_its_kind_can() {
        let signer = Signer::new("one");
        let keys = read(&[signer.jwk()]).unwrap();
        let signature = signer.sign(b"message");
        for other in [Algorithm::HS256, Algorithm::ES384, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA] {
            assert!(!keys.verify(Some("one"), other, b"message", &signature), "{other:?}");
        }
    }

    #[test]
    fn keys_that_verify_nothing_are_left_out() {
        let good = Signer::new("good").jwk();
        for bad in [
            json!({"kty": "oct", "kid": "good", "k": "c2VjcmV0"}),
            with(good.clone(), "use", json!("enc")),
            with(good.clone(), "key_ops", json!(["encrypt"])),
            with(good.clone(), "key_ops", json!([])),
            with(good.clone(), "alg", json!("ES384")),
            with(good.clone(), "alg", json!("none")),
            with(good.clone(), "kid", json!(null)),
            with(good.clone(), "crv", json!("P-999")),
            with(good.clone(), "x", json!("!")),
            json!({"kty": "RSA", "kid": "good"}),
            json!("good"),
            json!(null),
        ] {
            assert_eq!(read(std::slice::from_ref(&bad)).unwrap_err(), JwksError::Empty, "{bad}");
            assert!(read(&[bad, good.clone()]).unwrap().has("good"));
        }
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for text in ["", "[]", "{}", "{\"keys\": 1}", "{\"keys\": {}}"] {
            assert!(matches!(Keys::read(text.as_bytes()), Err(JwksError::Malformed(_))), "{text}");
        }
        let many: Vec<_> = (0..1000).map(|_| json!({})).chain([Signer::new("late").jwk()]).collect();
        assert_eq!(read(&many).unwrap_err(), JwksError::Empty);
    }
}
