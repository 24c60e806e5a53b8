//! What the provider says of itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::oidc::http::Http;
use crate::oidc::{Demand, OidcError, Provider};
use crate::signals::fixtures::Signer;

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_has_not_told_where_it_is() {
    let provider = FakeProvider::new(&Signer::new("k1")).await;
    let rp = provider.stranger(provider.settings());
    let begun = rp.begin(REDIRECT, "flow", &Demand::default());
    assert!(matches!(begun, Err(OidcError::Unavailable(_))), "{begun:?}");
    assert!(!rp.answers());
    rp.ask_now().await.unwrap();
    assert!(rp.begin(REDIRECT, "flow", &Demand::default()).is_ok() && rp.answers());
}

#[tokio::test]
async fn metadata_that_is_not_good_is_refused_and_the_last_good_stays() {
    let provider = FakeProvider::new(&Signer::new("k1")).await;
    let rp = provider.stranger(provider.settings());
    rp.ask_now().await.unwrap();
    let other = |key: &str, value: Value| {
        let mut metadata = provider.metadata();
        metadata[key] = value;
        metadata.to_string()
    };
    let plain = provider.issuer.replace("https:", "http:");
    for (body, status, words) in [
        (other("issuer", json!(format!("{}/", provider.issuer))), 200, "unexpected issuer"),
        (other("issuer", json!("https://evil.example")), 200, "unexpected issuer"),
        (other("authorization_endpoint", json!(format!("{plain}/authorize"))), 200, "is not https"),
        (other("token_endpoint", json!(format!("{plain}/token"))), 200, "is not https"),
        (other("jwks_uri", json!(format!("{plain}/jwks"))), 200, "is not https"),
        (other("userinfo_endpoint", json!(format!("{plain}/userinfo"))), 200, "is not https"),
        (other("end_session_endpoint", json!("javascript:alert(1)")), 200, "cannot be called"),
        (other("token_endpoint", Value::Null), 200, "no `token_endpoint`"),
        (other("authorization_endpoint", json!(7)), 200, "cannot be read at `authorization_endpoint`"),
        ("<html>".to_owned(), 200, "cannot be read"),
        ("[".repeat(10_000), 200, "cannot be read"),
        (format!("{{\"x\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000)), 200, "cannot be read"),
        ("x".repeat(1 << 20), 200, "longer than"),
        (provider.metadata().to_string(), 500, "500"),
        (provider.metadata().to_string(), 302, "302"),
    ] {
        provider.answer("/.well-known/openid-configuration", status, body);
        let error = rp.ask_now().await.expect_err(words).to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(!rp.answers());
    }
    assert!(rp.begin(REDIRECT, "flow", &Demand::default()).is_ok(), "the last good answer stays");
    provider.tell(&provider.metadata());
    rp.ask_now().await.unwrap();
    assert!(rp.answers());
}

#[tokio::test]
async fn keys_that_anyone_could_sign_by_are_no_keys() {
    let provider = FakeProvider::new(&Signer::new("k1")).await;
    let rp = provider.stranger(provider.settings());
    let short_rsa = json!({"kty": "RSA", "kid": "k1", "n": "x".repeat(171), "e": "AQAB"});
    let symmetric = json!({"kty": "oct", "kid": "k1", "k": "c2VjcmV0"});
    for keys in [json!([]), json!([short_rsa]), json!([symmetric]), json!([{"kty": "new"}, 7])] {
        provider.answer("/jwks", 200, json!({ "keys": keys }).to_string());
        assert!(rp.ask_now().await.is_err(), "{keys}");
    }
}

#[tokio::test]
async fn a_provider_that_is_silent_is_not_waited_for() {
    let provider = FakeProvider::new(&Signer::new("k1")).await;
    provider.be_silent("/.well-known/openid-configuration");
    let http = Http::patient_for(provider.client(), Duration::from_millis(50));
    let rp = Provider::over(Arc::new(provider.settings()), http, Duration::ZERO).unwrap();
    let error = rp.ask_now().await.unwrap_err().to_string();
    assert!(error.contains("no whole answer within 50 ms"), "{error}");
}

#[tokio::test]
async fn a_provider_outlives_reloads_that_do_not_change_it() {
    let provider = FakeProvider::new(&Signer::new("k1")).await;
    let settings = Arc::new(provider.settings());
    let first = Provider::open(&settings, None).unwrap();
    let same = Provider::open(&Arc::new(provider.settings()), Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first, &same));
    std::fs::write(provider.folder.path().join("secret"), "another secret").unwrap();
    assert!(!Arc::ptr_eq(&first, &Provider::open(&settings, Some(&first)).unwrap()));
    std::fs::write(provider.folder.path().join("secret"), " \n").unwrap();
    assert!(Provider::open(&settings, None).is_err());
}
