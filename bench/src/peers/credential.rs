//! What clients of the gateway bring beside their certificate: a login session, or an access token.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gaccong::session::{Binding, Carried, Key, Sealer, Session, Voucher};
use gaccong::state::{Subject, SubjectKind};
use gaccong::store::embedded::Embedded;
use gaccong::store::{Store, Table, Write};
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::Serialize;
use serde_json::json;

use crate::certificates::{Certificates, DEVICE, HOST, LOGIN_HOST, PERSON};

/// How long the session and the token count: longer than any run.
const LIFE_S: i64 = 24 * 3600;
const ISSUER: &str = "https://id.localhost";
const AUDIENCE: &str = "https://gate.localhost";

/// A field of every request.
pub(crate) type Field = (HeaderName, HeaderValue);

/// A session of Alice's as a login with her card leaves it, in a store of its own; the configuration that goes with it, and
/// the cookie.
pub(super) fn session(folder: &Path, certificates: &Certificates) -> Result<(String, Field)> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let key = Key::seal(now_ms)?;
    let session = Session {
        id: "bench".into(),
        principal: PERSON.into(),
        groups: Arc::default(),
        voucher: Voucher::Smartcard { trust_domain: "cards".into(), issuer: "CN=bench card CA".into() },
        acr: Some("high".into()),
        auth_time_ms: now_ms,
        established_at_ms: now_ms,
        expires_at_ms: now_ms + LIFE_S * 1000,
        binding: Binding { trust_domain: "laptops".into(), holder: Subject::new(SubjectKind::Device, DEVICE) },
        proofs: Vec::new(),
        provider: None,
    };
    let store = Embedded::open(&folder.join("store.redb"))?;
    store.commit(&[entry(Table::Keys, &key.id, &key)?, entry(Table::Sessions, &session.id, &session)?])?;
    let set = Carried::of(&session, now_ms).set_cookie(HOST, &Sealer::new([&key]), now_ms);
    let set = set.context("the session does not fit into a cookie")?;
    let cookie = set.to_str()?.split(';').next().unwrap_or_default();
    let configuration = format!(
        r#"[auth]
host = "{LOGIN_HOST}"
trust = ["cards"]
idle_s = {LIFE_S}
session_s = {LIFE_S}

[[clients.trust]]
name = "cards"
ca = ["{}"]
person = "email"

[store]
path = "store.redb"
"#,
        certificates.card_ca.display()
    );
    Ok((configuration, (COOKIE, HeaderValue::from_str(cookie)?)))
}

fn entry(table: Table, key: &str, value: &impl Serialize) -> Result<Write> {
    Ok(Write { table, key: serde_json::to_string(key)?, value: Some(serde_json::to_vec(value)?) })
}

/// An access token of Alice's, bound to the certificate (RFC 9068, RFC 8705); the configuration that goes with it.
pub(super) fn token(folder: &Path, certificates: &Certificates) -> Result<(String, Field)> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let (x, y) = key.public_key_raw().get(1..).and_then(|point| point.split_at_checked(32)).context("no point")?;
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "bench", "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    fs::write(folder.join("jwks.json"), json!({ "keys": [jwk] }).to_string())?;
    let now_s = jiff::Timestamp::now().as_second();
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificates.client);
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": PERSON, "client_id": "bench", "jti": "1",
        "iat": now_s, "exp": now_s + LIFE_S, "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint) },
    });
    let header = Header { typ: Some("at+jwt".into()), kid: Some("bench".into()), ..Header::new(Algorithm::ES256) };
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(&key.serialize_der()))?;
    let configuration = format!(
        r#"[[identity.jwt]]
issuer = "{ISSUER}"
audience = ["{AUDIENCE}"]
jwks = {{ file = "jwks.json" }}
"#
    );
    Ok((configuration, (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?)))
}
