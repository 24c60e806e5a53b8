//! ID tokens that are not what they must be.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::oidc::{Demand, OidcError};
use crate::reason::Reason;
use crate::signals::fixtures::Signer;

#[tokio::test]
async fn claims_that_are_not_good_are_refused() {
    let scene = Scene::new().await;
    let now_s = crate::clock::now_ms() / 1000;
    let many: Vec<_> = (0..201).map(|number| format!("group-{number}")).collect();
    let (token, principal) = (Reason::LoginTokenInvalid, Reason::LoginPrincipalAbsent);
    for (claim, value, reason, words) in [
        ("iss", json!("https://evil.example"), token, "issuer"),
        ("iss", json!(format!("{}/", scene.provider.issuer)), token, "issuer"),
        ("aud", json!("another"), token, "audiences"),
        ("aud", json!([CLIENT, "another"]), token, "audience"),
        ("aud", Value::Null, token, ""),
        ("azp", json!("another"), token, "azp"),
        ("exp", json!(now_s - 61), token, "Expired"),
        ("exp", Value::Null, token, "signed JWT"),
        ("iat", json!(now_s + 120), token, "in the future"),
        ("iat", json!(now_s - 3600), token, "too long ago"),
        ("nonce", json!("another"), token, "nonce"),
        ("nonce", Value::Null, token, "nonce"),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), token, "at_hash"),
        ("sub", Value::Null, token, "signed JWT"),
        ("groups", json!(many), token, "more than 200"),
        ("groups", json!(["x".repeat(257)]), token, "names what is no group"),
        ("groups", json!([7]), token, "names what is no group"),
        ("groups", json!({"admin": true}), token, "names what is no group"),
        ("sid", json!("a\u{7}b"), token, "`sid` is no name"),
        ("email", Value::Null, principal, "is not there"),
        ("email", json!(""), principal, "is no name"),
        ("email", json!("eve\u{202e}@example.org"), principal, "is no name"),
        ("email_verified", json!(false), principal, "not verified"),
        ("email_verified", Value::Null, principal, "not verified"),
    ] {
        let mut claims = scene.claims();
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(claim)),
            false => claims[claim] = value,
        }
        let error = scene.finish_with(&scene.sign(&claims)).await.expect_err(claim);
        assert!(error.reason() == reason && error.to_string().contains(words), "{claim}: {words}: {error}");
        assert_no_secret(&error.to_string());
    }
    scene.finish_with(&scene.sign(&scene.claims())).await.unwrap();
}

#[tokio::test]
async fn signatures_that_prove_nothing_are_refused() {
    let scene = Scene::new().await;
    let claims = scene.claims();
    let encoded = |header: Value| {
        let parts = [header.to_string(), claims.to_string()];
        parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
    };
    let mac = |key: &[u8]| {
        let message = encoded(json!({"alg": "HS256", "kid": "k1"}));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)).into_bytes()
    };
    let unsigned = format!("{}.", encoded(json!({"alg": "none"}))).into_bytes();
    let good = scene.sign(&claims);
    let mut changed = good.clone();
    let at = changed.len() - 10;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let header = |header| scene.signer.token_with(&header, &claims);
    let public_key = scene.signer.jwk().to_string();
    for (name, token) in [
        ("alg none", unsigned),
        ("the client's secret", mac(SECRET.as_bytes())),
        ("the public key as a secret", mac(public_key.as_bytes())),
        ("a changed signature", changed),
        ("another's key", Signer::new("k1").token_with(&json!({"alg": "ES256", "kid": "k1"}), &claims)),
        ("an algorithm that is not allowed", header(json!({"alg": "ES384", "kid": "k1"}))),
        ("an algorithm of another kind of key", header(json!({"alg": "RS256", "kid": "k1"}))),
        ("a path as kid", header(json!({"alg": "ES256", "kid": "../../dev/null"}))),
        ("crit", header(json!({"alg": "ES256", "kid": "k1", "crit": ["exp"]}))),
        ("a nested token", header(json!({"alg": "ES256", "kid": "k1", "cty": "JWT"}))),
        ("another type", header(json!({"alg": "ES256", "kid": "k1", "typ": "logout+jwt"}))),
    ] {
        let error = scene.finish_with(&token).await.expect_err(name);
        assert_eq!(error.reason(), Reason::LoginTokenInvalid, "{name}: {error:?}");
        assert_no_secret(&error.to_string());
    }
    let deep = format!("{{\"x\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = scene.signer.token_of(b"{\"alg\": \"ES256\", \"kid\": \"k1\"}", deep.as_bytes());
    assert!(matches!(scene.finish_with(&deep).await, Err(OidcError::TokenInvalid(_))));
}

#[tokio::test]
async fn a_demand_is_met_or_there_is_no_login() {
    let now_s = crate::clock::now_ms() / 1000;
    let strong = Demand { acr: Some("phr".into()), ..Demand::default() };
    let recent = Demand { max_age_s: Some(300), ..Demand::default() };
    let again = Demand { login_again: true, ..Demand::default() };
    for (demand, claim, value, good) in [
        (&strong, "acr", json!("phr"), true),
        (&strong, "acr", json!("mfa"), false),
        (&strong, "acr", Value::Null, false),
        (&recent, "auth_time", json!(now_s - 200), true),
        (&recent, "auth_time", json!(now_s - 400), false),
        (&recent, "auth_time", Value::Null, false),
        (&again, "auth_time", json!(now_s), true),
        (&again, "auth_time", json!(now_s - 120), false),
        (&again, "auth_time", Value::Null, false),
    ] {
        let scene = Scene::with(|_| {}, demand.clone()).await;
        let mut claims = scene.claims();
        claims[claim] = value.clone();
        let login = scene.finish_with(&scene.sign(&claims)).await;
        assert_eq!(login.is_ok(), good, "{demand:?} {claim} {value}: {login:?}");
    }
    let scene = Scene::new().await;
    let mut claims = scene.claims();
    claims.as_object_mut().unwrap().remove("auth_time");
    assert_eq!(scene.finish_with(&scene.sign(&claims)).await.unwrap().auth_time_ms, 0, "it counts as long ago");
}

#[tokio::test]
async fn a_new_key_is_learned_from_the_token_that_names_it() {
    let signer = Signer::new("k1");
    let provider = FakeProvider::new(&signer).await;
    let rp = super::super::Provider::over(
        std::sync::Arc::new(provider.settings()),
        super::super::http::Http::new(provider.client()),
        std::time::Duration::ZERO,
    )
    .unwrap();
    rp.ask_now().await.unwrap();
    let begun = rp.begin(REDIRECT, "flow-1", &Demand::default()).unwrap();
    let scene = Scene { provider, signer, rp, demand: Demand::default(), begun };

    let next = Signer::new("k2");
    let token = next.token_with(&json!({"alg": "ES256", "kid": "k2"}), &scene.claims());
    assert!(scene.finish_with(&token).await.is_err());
    scene.provider.sign_with(&[&next]);
    scene.finish_with(&token).await.unwrap();
    let old = scene.finish_with(&scene.sign(&scene.claims())).await;
    let old = old.expect_err("a key that was withdrawn counts no more");
    assert_eq!(old.reason(), Reason::LoginTokenInvalid);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_causes_no_storm_of_questions() {
    let scene = Scene::new().await;
    for number in 0..50 {
        let header = json!({"alg": "ES256", "kid": format!("unknown-{number}")});
        let token = scene.signer.token_with(&header, &scene.claims());
        let error = scene.finish_with(&token).await.unwrap_err();
        assert_eq!(matches!(error, OidcError::KeyUnknown), number > 0, "{number}: {error:?}");
        assert_eq!(error.reason(), Reason::LoginTokenInvalid);
    }
    assert_eq!(scene.provider.asked("/jwks").len(), 2, "once in the beginning, and once for all of these");
    scene.finish_with(&scene.sign(&scene.claims())).await.unwrap();
}
