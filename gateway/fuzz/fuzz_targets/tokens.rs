//! No token makes the gateway panic, and what it accepts is what was expected.
//!
//! Input: an `Authorization` field, or after a first byte 1 the claims of a token, which the target signs itself.

#![no_main]

use std::io::Write;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gaccong::config::{JwksSource, JwtIssuer, TokenBinding};
use gaccong::request::identify::{ClientCertificate, Names};
use gaccong::tokens::Issuers;
use http::HeaderValue;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const NOW_MS: i64 = 1_795_330_800_000;

/// An Ed25519 key of a fixed seed, in PKCS #8 (RFC 8410 §7), and who believes it.
static WORLD: LazyLock<(EncodingKey, Issuers)> = LazyLock::new(|| {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([7; 32]);
    let key = EncodingKey::from_ed_der(&der);
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some("k".to_owned());
    let path = std::env::temp_dir().join(format!("gaccong-fuzz-{}.json", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    let settings = JwtIssuer {
        issuer: "i".into(),
        audience: vec!["a".into()],
        algorithms: vec![Algorithm::EdDSA],
        jwks: JwksSource::File(path.clone()),
        principal: "sub".into(),
        kind: None,
        groups: "groups".into(),
        binding: TokenBinding::None,
        leeway: Duration::from_secs(60),
    };
    let issuers = Issuers::load(&[Arc::new(settings)], None).unwrap();
    std::fs::remove_file(path).unwrap();
    (key, issuers)
});

fuzz_target!(|data: &[u8]| {
    let field = match data.split_first() {
        Some((1, claims)) => format!("Bearer {}", signed(claims)).into_bytes(),
        _ => data.to_vec(),
    };
    let (Ok(field), (_, issuers)) = (HeaderValue::from_bytes(&field), &*WORLD) else { return };
    let Some(bearer) = issuers.bearer(&field) else { return };
    let certificate = ClientCertificate {
        trust_domain: "d".into(),
        names: Names::default(),
        subject: "".into(),
        issuer: "".into(),
        serial: "".into(),
        fingerprint: "ab".repeat(32).into(),
        der: Box::default(),
        not_before_ms: 0,
        not_after_ms: i64::MAX,
        chain: Vec::new(),
    };
    let Ok(credential) = issuers.verify(bearer, &certificate, NOW_MS) else { return };
    assert!((1..=256).contains(&credential.principal.id.len()));
    assert!(!credential.principal.id.chars().any(char::is_control));
    assert!(credential.groups.len() <= 200 && credential.groups.is_sorted());
    assert!(credential.expires_at_ms > NOW_MS && credential.established_at_ms <= NOW_MS + 60_000);
});

fn signed(claims: &[u8]) -> String {
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"}).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(message.as_bytes(), &WORLD.0, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}
