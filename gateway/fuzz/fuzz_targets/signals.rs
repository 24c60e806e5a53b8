//! No token makes the receiver of signals panic, and what it accepts is what was expected.
//!
//! Input: a token as it comes in, or after a first byte 1 the claims of one, which the target signs itself.

#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use gaccong::jose::jwks::Keys;
use gaccong::jose::name::MAX_NAME_BYTES;
use gaccong::signals::set::{Expected, MAX_SET_BYTES, SignedSet};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const NOW_MS: i64 = 1_795_330_800_000;
const ISSUER: &str = "https://idp.example.org/";

/// An Ed25519 key of a fixed seed, in PKCS #8 (RFC 8410 §7), and its key set.
static KEY: LazyLock<(EncodingKey, Keys)> = LazyLock::new(|| {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([7; 32]);
    let key = EncodingKey::from_ed_der(&der);
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some("k".to_owned());
    let keys = Keys::read(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    (key, keys)
});

fuzz_target!(|data: &[u8]| {
    let token = match data.split_first() {
        Some((1, claims)) => signed(claims),
        _ => data.to_vec(),
    };
    let _ = Keys::read(data);
    let allowed = HashSet::from([Algorithm::EdDSA]);
    let Ok(set) = SignedSet::read(&token, &allowed) else { return };
    let expected =
        Expected { issuer: ISSUER, audience: "a", max_age: Duration::from_secs(3600), now_ms: NOW_MS };
    let Ok(event) = set.verify(&KEY.1, &expected) else { return };
    assert!(token.len() <= MAX_SET_BYTES);
    assert!(!event.jti.is_empty() && event.jti.len() <= MAX_NAME_BYTES);
    assert!(event.issued_at.first_ms() <= NOW_MS + 60_000);
    assert!(event.circumstances.happened_at.is_none_or(|time| time.first_ms() <= NOW_MS + 60_000));
    assert!(!event.subject.to_string().chars().any(char::is_control));
});

fn signed(claims: &[u8]) -> Vec<u8> {
    // {"alg":"EdDSA","typ":"secevent+jwt","kid":"k"}
    let header = "eyJhbGciOiJFZERTQSIsInR5cCI6InNlY2V2ZW50K2p3dCIsImtpZCI6ImsifQ";
    let message = format!("{header}.{}", base64url(claims));
    let signature = crypto::sign(message.as_bytes(), &KEY.0, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}").into_bytes()
}

/// Base64url without padding (RFC 4648 §5).
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        (0..=group.len()).for_each(|place| text.push(digit(bits >> (18 - 6 * place))));
    }
    text
}
