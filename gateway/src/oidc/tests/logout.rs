//! Sessions that end, here and there.

use serde_json::{Value, json};

use super::*;
use crate::clock;
use crate::oidc::{Demand, LogoutToken, OidcError};
use crate::secret::Secret;
use crate::signals::fixtures::Signer;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl Scene {
    fn logout_claims(&self) -> Value {
        let now_s = clock::now_ms() / 1000;
        json!({
            "iss": self.provider.issuer, "aud": CLIENT, "iat": now_s, "exp": now_s + 120, "jti": "logout-1",
            "sub": "u-1", "sid": "sid-1", "events": { EVENT: {} },
        })
    }

    async fn logout(&self, header: &Value, claims: &Value) -> Result<LogoutToken, OidcError> {
        let token = String::from_utf8(self.signer.token_with(header, claims)).unwrap();
        self.rp.logout_token(&token, clock::now_ms()).await
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "logout+jwt"})
}

#[tokio::test]
async fn a_logout_token_names_whose_sessions_end() {
    let scene = Scene::new().await;
    let ended = scene.logout(&header(), &scene.logout_claims()).await.unwrap();
    assert_eq!((ended.sub.as_deref(), ended.sid.as_deref(), &*ended.jti), (Some("u-1"), Some("sid-1"), "logout-1"));
    for without in ["sub", "sid", "exp"] {
        let mut claims = scene.logout_claims();
        claims.as_object_mut().unwrap().remove(without);
        scene.logout(&header(), &claims).await.unwrap();
    }
    for good in [json!({"alg": "ES256"}), json!({"alg": "ES256", "typ": "application/logout+jwt", "kid": "k1"})] {
        scene.logout(&good, &scene.logout_claims()).await.unwrap();
    }
    let mut claims = scene.logout_claims();
    claims["aud"] = json!(["another", CLIENT]);
    scene.logout(&header(), &claims).await.unwrap();
}

#[tokio::test]
async fn a_logout_token_that_is_not_good_ends_nothing() {
    let scene = Scene::new().await;
    let now_s = clock::now_ms() / 1000;
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!(7)),
        ("iat", json!(now_s + 120)),
        ("iat", json!(now_s - 3600)),
        ("iat", json!(i64::MAX)),
        ("iat", json!(i64::MIN)),
        ("exp", json!(now_s - 61)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(300))),
        ("events", json!({})),
        ("events", json!({ EVENT: "yes" })),
        ("events", json!({ "http://schemas.openid.net/event/other": {} })),
        ("events", json!(EVENT)),
        ("nonce", json!("n")),
        ("sub", json!("a\nb")),
    ] {
        let mut claims = scene.logout_claims();
        claims[claim] = value.clone();
        let result = scene.logout(&header(), &claims).await;
        assert!(matches!(result, Err(OidcError::TokenInvalid(_))), "{claim} {value}: {result:?}");
    }
    let mut of_nobody = scene.logout_claims();
    of_nobody.as_object_mut().unwrap().retain(|claim, _| claim != "sub" && claim != "sid");
    assert!(scene.logout(&header(), &of_nobody).await.is_err());
    for header in [
        json!({"alg": "none", "kid": "k1"}),
        json!({"alg": "HS256", "kid": "k1"}),
        json!({"alg": "ES384", "kid": "k1"}),
        json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "k1", "crit": ["x"]}),
        json!({"alg": "ES256", "kid": "k2"}),
        json!({"kid": "k1"}),
    ] {
        let result = scene.logout(&header, &scene.logout_claims()).await;
        assert!(matches!(result, Err(OidcError::TokenInvalid(_))), "{header}: {result:?}");
    }
    let forged = Signer::new("k1").token_with(&header(), &scene.logout_claims());
    assert!(scene.rp.logout_token(&String::from_utf8(forged).unwrap(), clock::now_ms()).await.is_err());
    for garbage in ["", ".", "..", "a.b.c", "é.é.é", &"x".repeat(1 << 20), &format!("{}.x", "a.".repeat(9))] {
        assert!(scene.rp.logout_token(garbage, clock::now_ms()).await.is_err());
    }
    assert_eq!(scene.provider.asked("/jwks").len(), 2, "once in the beginning, and once for all of these");
}

#[tokio::test]
async fn a_logout_token_says_nothing_twice_and_nothing_deep() {
    let scene = Scene::new().await;
    let claims = scene.logout_claims().to_string();
    let with = |member: &str| format!("{{{member},{}", claims.strip_prefix('{').unwrap());
    let twice_named = with(r#""sub":"u-2""#);
    let twice_within = with(r#""x":{"a":1,"a":2}"#);
    let deep = with(&format!(r#""x":{}{}"#, "[".repeat(16), "]".repeat(16)));
    let shallow = with(&format!(r#""x":{}{}"#, "[".repeat(15), "]".repeat(15)));
    let (header, two_types) = (header().to_string(), r#"{"alg":"ES256","kid":"k1","typ":"at+jwt","typ":"logout+jwt"}"#);
    for (header, claims, words) in [
        (&*header, &*twice_named, "duplicate field `sub`"),
        (&header, &twice_within, "duplicate field `a`"),
        (&header, &deep, "nested more than 16 levels"),
        (two_types, &claims, "duplicate field `typ`"),
        (&header, "[]", "not an object"),
        (&header, "{", "cannot be read"),
    ] {
        let token = String::from_utf8(scene.signer.token_of(header.as_bytes(), claims.as_bytes())).unwrap();
        let error = scene.rp.logout_token(&token, clock::now_ms()).await.expect_err(words);
        assert!(matches!(&error, OidcError::TokenInvalid(why) if why.contains(words)), "{words}: {error}");
    }
    let token = String::from_utf8(scene.signer.token_of(header.as_bytes(), shallow.as_bytes())).unwrap();
    scene.rp.logout_token(&token, clock::now_ms()).await.unwrap();
}

#[tokio::test]
async fn a_provider_with_one_key_need_not_name_it() {
    let scene = Scene::new().await;
    let mut key = scene.signer.jwk();
    key.as_object_mut().unwrap().remove("kid");
    scene.provider.answer("/jwks", 200, json!({ "keys": [key] }).to_string());
    scene.rp.ask_now().await.unwrap();
    scene.logout(&json!({"alg": "ES256", "typ": "JWT"}), &scene.logout_claims()).await.unwrap();
    assert!(scene.logout(&header(), &scene.logout_claims()).await.is_err(), "it names a key that is not there");
}

#[tokio::test]
async fn an_id_token_is_no_logout_token() {
    let scene = Scene::new().await;
    let result = scene.logout(&json!({"alg": "ES256", "kid": "k1"}), &scene.claims()).await;
    assert!(matches!(result, Err(OidcError::TokenInvalid(_))), "{result:?}");
}

#[tokio::test]
async fn a_browser_is_sent_to_end_its_session_at_the_provider() {
    let scene = Scene::new().await;
    let hint = Secret::new("the.id.token");
    let url = scene.rp.end_session_url(Some(&hint), "https://auth.example.org/logged-out", "s 1").unwrap();
    let expected = "/end?id_token_hint=the.id.token&client_id=gaccong&post_logout_redirect_uri=\
                    https%3A%2F%2Fauth.example.org%2Flogged-out&state=s+1";
    assert_eq!(url.as_str(), format!("{}{expected}", scene.provider.issuer));
    assert_eq!(url.origin().ascii_serialization(), scene.provider.issuer);
    let kept = Scene::with(|settings| settings.logout = false, Demand::default()).await;
    assert_eq!(kept.rp.end_session_url(None, "https://auth.example.org/", "s"), None);
}

/// A provider that gets 400 does not send a token again.
#[tokio::test]
async fn a_key_that_could_be_a_new_one_is_not_refused_for_good() {
    let scene = Scene::new().await;
    let by = |kid: &str| json!({"alg": "ES256", "kid": kid, "typ": "logout+jwt"});
    let first = scene.logout(&by("k2"), &scene.logout_claims()).await;
    assert!(matches!(first, Err(OidcError::TokenInvalid(_))), "the provider has no such key: {first:?}");
    assert_eq!(scene.logout(&by("k3"), &scene.logout_claims()).await, Err(OidcError::KeyUnknown));
}
