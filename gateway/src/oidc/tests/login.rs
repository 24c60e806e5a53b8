//! Where a login leads, and what the provider may answer.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::oidc::{AuthorizationResponse, Demand, OidcError};

/// The parameters of the query of a URL.
fn query(url: &str) -> HashMap<String, String> {
    let url = openidconnect::url::Url::parse(url).unwrap();
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_person_logs_in() {
    let scene = Scene::new().await;
    let login = scene.finish_with(&scene.sign(&scene.claims())).await.unwrap();
    assert_eq!(&*login.principal, "alice@example.org");
    assert_eq!(&*login.groups, ["finance", "staff"].map(Arc::from));
    assert_eq!((login.acr.as_deref(), login.sid.as_deref(), &*login.sub), (Some("mfa"), Some("sid-1"), "u-1"));
    assert!(login.auth_time_ms > 0);
    assert_eq!(login.refresh_token.as_ref().unwrap().reveal(), "refresh-1");
    assert_no_secret(&format!("{login:?} {:?} {:?}", scene.begun, scene.rp));

    let asked = scene.provider.asked("/token");
    let sent = query(&format!("https://x/?{}", asked[0]));
    assert_eq!((sent["code"].as_str(), sent["redirect_uri"].as_str()), (CODE, REDIRECT));
    assert_eq!(sent["code_verifier"], scene.begun.verifier.reveal());
}

#[tokio::test]
async fn a_login_asks_for_what_is_demanded() {
    let scene = Scene::new().await;
    let usual = query(&scene.begun.url);
    assert!(scene.begun.url.starts_with(&format!("{}/authorize?", scene.provider.issuer)));
    assert_eq!((usual["response_type"].as_str(), usual["client_id"].as_str()), ("code", CLIENT));
    assert_eq!((usual["scope"].as_str(), usual["state"].as_str()), ("openid email", "flow-1"));
    assert_eq!((usual["code_challenge_method"].as_str(), usual["redirect_uri"].as_str()), ("S256", REDIRECT));
    assert_eq!(usual["nonce"], scene.begun.nonce.reveal());
    assert!(!usual.contains_key("prompt") && !usual.contains_key("acr_values"));

    let demand = Demand { acr: Some("phr".into()), max_age_s: Some(300), login_again: true };
    let stronger = query(&scene.rp.begin(REDIRECT, "flow-2", &demand).unwrap().url);
    assert_eq!((stronger["acr_values"].as_str(), stronger["max_age"].as_str()), ("phr", "300"));
    assert_eq!(stronger["prompt"], "login");
    assert_ne!(usual["code_challenge"], stronger["code_challenge"]);

    let always =
        Scene::with(|settings| settings.acr_values = vec!["mfa".into(), "phr".into()], Demand::default()).await;
    assert_eq!(query(&always.begun.url)["acr_values"], "mfa phr");
}

#[tokio::test]
async fn answers_of_another_provider_are_refused() {
    let scene = Scene::new().await;
    scene.provider.grant(&scene.sign(&scene.claims()));
    let mixed_up = scene.finish(Some("https://evil.example")).await;
    assert!(matches!(mixed_up, Err(OidcError::Refused(_))), "{mixed_up:?}");
    assert!(scene.provider.asked("/token").is_empty(), "its code is shown to nobody");
    scene.finish(Some(&scene.provider.issuer)).await.unwrap();

    let mut metadata = scene.provider.metadata();
    metadata["authorization_response_iss_parameter_supported"] = json!(true);
    scene.provider.tell(&metadata);
    scene.rp.ask_now().await.unwrap();
    assert!(matches!(scene.finish(None).await, Err(OidcError::Refused(_))));
    scene.finish(Some(&scene.provider.issuer)).await.unwrap();
}

#[tokio::test]
async fn what_the_token_endpoint_may_answer() {
    let scene = Scene::new().await;
    let unavailable = |error: &OidcError| matches!(error, OidcError::Unavailable(_));
    let refused = |error: &OidcError| matches!(error, OidcError::Refused(_));
    let invalid = |error: &OidcError| matches!(error, OidcError::TokenInvalid(_));
    type Kind<'a> = &'a dyn Fn(&OidcError) -> bool;
    let access = json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer"});
    let repeats = json!({"error": "invalid_grant", "error_description": format!("no such code {CODE}")});
    let nested = format!("{{\"access_token\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let cases: [(u16, String, Kind<'_>); 13] = [
        (500, "{}".to_owned(), &unavailable),
        (503, "<html>".to_owned(), &unavailable),
        (429, "{\"error\": \"invalid_grant\"}".to_owned(), &unavailable),
        (200, "<html>".to_owned(), &unavailable),
        (200, String::new(), &unavailable),
        (200, "x".repeat(1 << 20), &unavailable),
        (200, nested, &unavailable),
        (400, "{\"error\": \"temporarily_unavailable\"}".to_owned(), &unavailable),
        (400, repeats.to_string(), &refused),
        (401, "{\"error\": \"invalid_client\"}".to_owned(), &refused),
        (200, access.to_string(), &invalid),
        (
            200,
            json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": "eyJ.eyJ"}).to_string(),
            &invalid,
        ),
        (200, json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": 7}).to_string(), &invalid),
    ];
    for (status, body, expected) in cases {
        let shown: String = body.chars().take(80).collect();
        scene.provider.answer("/token", status, body);
        let error = scene.finish(None).await.unwrap_err();
        assert!(expected(&error), "{status} {shown}: {error:?}");
        assert_eq!(scene.rp.answers(), !unavailable(&error), "{status} {shown}");
        assert_no_secret(&format!("{error} {error:?}"));
    }
    for code in [String::new(), "x".repeat(5000)] {
        let login = scene.finish_by(AuthorizationResponse { code: &code, iss: None }).await;
        assert!(matches!(login, Err(OidcError::Refused(_))), "{login:?}");
    }
}

#[tokio::test]
async fn claims_that_the_token_lacks_are_asked_for_where_that_is_configured() {
    let scene = Scene::with(|settings| settings.userinfo = true, Demand::default()).await;
    let mut claims = scene.claims();
    for name in ["email", "email_verified", "groups"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    let told = json!({"sub": "u-1", "email": "bob@example.org", "email_verified": true, "groups": "staff"});
    scene.provider.answer("/userinfo", 200, told.to_string());
    let login = scene.finish_with(&scene.sign(&claims)).await.unwrap();
    assert_eq!((&*login.principal, &*login.groups), ("bob@example.org", &[Arc::from("staff")][..]));

    let other = json!({"sub": "u-2", "email": "eve@example.org", "email_verified": true});
    scene.provider.answer("/userinfo", 200, other.to_string());
    let error = scene.finish(None).await.unwrap_err();
    assert!(matches!(error, OidcError::TokenInvalid(_)), "{error:?}");

    let header_breaking = json!({
        "access_token": "a\r\nb", "token_type": "Bearer",
        "id_token": String::from_utf8(scene.sign(&claims)).unwrap(),
    });
    scene.provider.answer("/token", 200, header_breaking.to_string());
    assert!(matches!(scene.finish(None).await, Err(OidcError::TokenInvalid(_))));

    let without = Scene::new().await;
    let mut claims = without.claims();
    claims.as_object_mut().unwrap().remove("email");
    let error = without.finish_with(&without.sign(&claims)).await.unwrap_err();
    assert!(matches!(error, OidcError::PrincipalAbsent(_)), "{error:?}");
}

#[tokio::test]
async fn the_browser_may_bring_back_an_error() {
    let denied = OidcError::of_callback("access_denied", Some("the person\nsaid no"));
    assert_eq!(denied, OidcError::Refused("`access_denied`: the person\\u{a}said no".to_owned()));
    assert!(matches!(OidcError::of_callback("server_error", None), OidcError::Unavailable(_)));
}
