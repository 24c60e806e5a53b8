//! Claims kept current.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::oidc::{OidcError, RefreshError, Refreshed};
use crate::secret::Secret;

impl Scene {
    async fn refresh(&self) -> Result<Refreshed, RefreshError> {
        self.rp.refresh(&Secret::new("refresh-1"), "u-1").await
    }
}

#[tokio::test]
async fn claims_are_those_of_now() {
    let scene = Scene::new().await;
    let mut claims = scene.claims();
    claims.as_object_mut().unwrap().remove("nonce");
    claims["groups"] = json!(["leavers"]);
    scene.provider.grant(&scene.sign(&claims));
    let refreshed = scene.refresh().await.unwrap();
    let current = refreshed.claims.unwrap().unwrap();
    assert_eq!((&*current.principal, &*current.groups), ("alice@example.org", &[Arc::from("leavers")][..]));
    assert!(refreshed.refresh_token.is_some() && refreshed.id_token.is_some());

    let bare = json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer"});
    scene.provider.answer("/token", 200, bare.to_string());
    let refreshed = scene.refresh().await.unwrap();
    assert_eq!((refreshed.claims, refreshed.refresh_token), (Ok(None), None));
}

#[tokio::test]
async fn only_a_word_on_the_session_ends_it() {
    let scene = Scene::new().await;
    for (status, body, over) in [
        (400, "{\"error\": \"invalid_grant\"}", true),
        (400, "{\"error\": \"invalid_grantee\"}", false),
        (401, "{\"error\": \"invalid_client\"}", false),
        (400, "{\"error\": \"unauthorized_client\"}", false),
        (500, "{\"error\": \"invalid_grant\"}", false),
        (200, "<html>", false),
    ] {
        scene.provider.answer("/token", status, body);
        let error = scene.refresh().await.unwrap_err();
        assert_eq!(matches!(error, RefreshError::Refused(_)), over, "{status} {body}: {error:?}");
        assert_no_secret(&error.to_string());
    }
}

#[tokio::test]
async fn another_person_or_none_ends_the_session() {
    let scene = Scene::new().await;
    for (claim, value) in [("sub", json!("u-2")), ("email_verified", json!(false))] {
        let mut claims = scene.claims();
        claims[claim] = value;
        scene.provider.grant(&scene.sign(&claims));
        let error = scene.refresh().await.unwrap_err();
        assert!(matches!(error, RefreshError::Refused(_)), "{claim}: {error:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_of_an_answer_is_no_word_on_the_session() {
    let scene = Scene::new().await;
    let many: Vec<_> = (0..201).map(|number| format!("group-{number}")).collect();
    for (claim, value) in [("aud", json!("another")), ("exp", json!(1)), ("groups", json!(many))] {
        let mut claims = scene.claims();
        claims[claim] = value;
        scene.provider.grant(&scene.sign(&claims));
        let refreshed = scene.refresh().await.unwrap();
        assert!(matches!(refreshed.claims, Err(OidcError::TokenInvalid(_))), "{claim}: {refreshed:?}");
        assert!(refreshed.refresh_token.is_some() && refreshed.id_token.is_none(), "the next token is not lost");
    }
}
