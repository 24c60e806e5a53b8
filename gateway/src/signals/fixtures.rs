//! A transmitter for tests.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::event::EventType;
use crate::config::{Delivery, JwksSource, NameFormat, SerialBase, SignalStream, SubjectNames};

/// When the tokens of tests are issued, milliseconds since the Unix epoch: a whole second.
pub(crate) const NOW_MS: i64 = 1_795_330_800_000;
pub(crate) const ISSUER: &str = "https://idp.example.org/";
pub(crate) const AUDIENCE: &str = "https://gate.example.org/";

/// An ES256 key with a name.
pub(crate) struct Signer {
    kid: String,
    key: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    /// The public key (RFC 7518 §6.2).
    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256",
            "x": coordinate(&point[1..33]), "y": coordinate(&point[33..65]),
        })
    }

    pub(crate) fn jwks(&self) -> Vec<u8> {
        json!({ "keys": [self.jwk()] }).to_string().into_bytes()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(&SystemRandom::new(), message).unwrap())
    }

    /// A token of `claims`.
    pub(crate) fn token(&self, claims: &Value) -> Vec<u8> {
        self.token_with(&json!({"alg": "ES256", "typ": "secevent+jwt", "kid": self.kid}), claims)
    }

    /// A token with a header of its own.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> Vec<u8> {
        self.token_of(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token of bytes that need not be JSON.
    pub(crate) fn token_of(&self, header: &[u8], claims: &[u8]) -> Vec<u8> {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(message.as_bytes());
        format!("{message}.{signature}").into_bytes()
    }
}

/// The claims of a token that is good in every way: Alice's session has ended.
pub(crate) fn claims() -> Value {
    claims_of("caep/event-type/session-revoked", json!({"event_timestamp": NOW_MS / 1000 - 5}))
}

/// The same of another event.
pub(crate) fn claims_of(uri: &str, event: Value) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "jti": "token-1", "iat": NOW_MS / 1000,
        "sub_id": {"format": "email", "email": "Alice@Example.org"},
        "events": { format!("https://schemas.openid.net/secevent/{uri}"): event },
    })
}

/// A stream that names people by e-mail address and devices by an opaque id.
pub(crate) fn stream() -> SignalStream {
    SignalStream {
        name: "idp".into(),
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        algorithms: vec![Algorithm::ES256],
        jwks: JwksSource::File("jwks.json".into()),
        delivery: Delivery::Push { bearer: None },
        names: SubjectNames {
            users: Some(NameFormat::Email),
            devices: Some(NameFormat::Opaque),
            issuer: ISSUER.into(),
            lower_case: false,
            tenant: None,
            serials: SerialBase::Hexadecimal,
        },
        events: EventType::ALL.to_vec(),
        max_age: Duration::from_secs(3600),
        fact_max_age: Duration::from_secs(86_400),
        quiet: None,
    }
}
