//! A provider that is slow, talks nonsense or is gone lets nobody in and locks nobody out, and is not asked in a storm.

use gaccong_tests::eventually;
use gaccong_tests::fake_provider::Fault;
use gaccong_tests::login::login_url;
use serde_json::json;

use super::login_faults::{APP, Office, refused};

const METADATA: &str = "/.well-known/openid-configuration";

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_while_a_code_is_exchanged_lets_nobody_in() {
    let office = Office::open(|_| {}).await;
    for fault in [
        Fault::Status(500),
        Fault::Body("<html>".to_owned()),
        Fault::Body("{}".to_owned()),
        Fault::Body("[".repeat(10_000)),
        Fault::Body(" ".repeat(3 * 1024 * 1024)),
        Fault::Silence,
    ] {
        let mut agent = office.agent();
        let begun = office.begin(&mut agent).await;
        let back = begun.back(&office.provider, |_| {});
        office.provider.misbehave("/token", Some(fault.clone()));
        let answer = agent.get(&back).await;
        let what = format!("{fault:?}").chars().take(40).collect::<String>();
        assert_eq!(refused(&answer), (503, Some("login.provider_unavailable")), "{what}");
        office.provider.misbehave("/token", None);
    }
    assert_eq!(office.log_in(&mut office.agent()).await.status, 200, "nothing of it lasts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_another_than_it_says_is_not_believed_until_it_is_mended() {
    let office = Office::open_at(|provider| {
        let metadata = json!({
            "issuer": "https://evil.example",
            "authorization_endpoint": "https://evil.example/authorize",
            "token_endpoint": "https://evil.example/token",
            "jwks_uri": "https://evil.example/jwks.json",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        provider.misbehave(METADATA, Some(Fault::Body(metadata.to_string())));
    })
    .await;
    eventually("a question", || async { (office.provider.asked(METADATA) > 0).then_some(()) }).await;
    let mut agent = office.agent();
    let page = agent.get(&format!("{APP}/")).await;
    let answer = agent.get(&login_url(&page)).await;
    assert_eq!(refused(&answer), (503, Some("login.provider_unavailable")));
    assert!(answer.header("location").is_none());

    office.provider.misbehave(METADATA, None);
    assert_eq!(office.log_in(&mut office.agent()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn living_sessions_go_on_without_the_provider() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let mut waiting = office.agent();
    let begun = office.begin(&mut waiting).await;
    let back = begun.back(&office.provider, |_| {});
    let up = || async { office.gateway.metrics().await.sum("gaccong_oidc_up", &[]) };
    assert_eq!(up().await, Some(1.0));

    office.provider.stop();
    assert_eq!(refused(&waiting.get(&back).await), (503, Some("login.provider_unavailable")));
    assert_eq!(up().await, Some(0.0));
    assert_eq!(agent.get(&format!("{APP}/")).await.status, 200);
    // Another app too: the session is the gateway's.
    let page = agent.get("https://wiki.example.test/").await;
    let (_, ended) = agent.follow(&login_url(&page)).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(agent.get("https://wiki.example.test/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_unknown_keys_do_not_make_a_storm() {
    let office = Office::open(|_| {}).await;
    let mut logins = Vec::new();
    for login in 0..20 {
        let mut agent = office.agent();
        let begun = office.begin(&mut agent).await;
        let claims = office.provider.claims(&begun.nonce);
        let token = office.provider.sign_as("JWT", &format!("../../key-{login}"), &claims);
        logins.push((agent, begun.back_with(&office.provider, &token)));
    }
    let before = (office.provider.asked("/jwks.json"), office.provider.asked(METADATA));
    let at_once = logins.into_iter().map(|(mut agent, back)| async move { agent.get(&back).await });
    for answer in futures_util::future::join_all(at_once).await {
        assert_eq!(refused(&answer), (502, Some("login.token_invalid")));
    }
    let after = (office.provider.asked("/jwks.json"), office.provider.asked(METADATA));
    assert!(after.0 <= before.0 + 1 && after.1 <= before.1 + 1, "asked {before:?} times, then {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_pages_asks_nothing_of_the_provider() {
    let office = Office::open(|_| {}).await;
    let begun = office.begin(&mut office.agent()).await;
    let asked = || [METADATA, "/jwks.json", "/token"].map(|path| office.provider.asked(path));
    let before = asked();
    for _ in 0..50 {
        let mut agent = office.agent();
        let page = agent.get(&format!("{APP}/")).await;
        agent.get(&login_url(&page)).await;
        agent.get(&format!("https://auth.example.test/callback?code=x&state={}", begun.state)).await;
    }
    assert_eq!(asked(), before);
}
