//! How many requests a principal may make of an app.

use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, control, pki};
use serde_json::json;

const HOST: &str = "echo.example.test";
/// Two at once; nothing comes back while a test runs.
const TWO: &str = "rate_limit = { requests_per_min = 1, burst = 2 }";

#[tokio::test(flavor = "multi_thread")]
async fn one_principal_too_many_requests_and_nobody_elses() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], TWO);
        setup.app("other", echo.url());
        setup.device("laptop-9", setup.posture["devices"]["laptop-7"].clone());
    })
    .await;
    let alice = gateway.alice();
    for _ in 0..2 {
        assert_eq!(alice.get(HOST, "/").await.status, 200);
    }
    let refused = alice.get(HOST, "/").await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (429, Some("request.rate_limited")));
    let wait_s: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait_s), "{wait_s}");
    assert_eq!(echo.requests(), 2);

    let record = gateway.final_record(refused.id()).await;
    assert_eq!(record.reason(), Some("request.rate_limited"));
    assert_eq!(record.text("/unmapped/gaccong/question/principal/id"), Some("alice@example.org"));
    let metrics = gateway.metrics().await;
    let limited = [("app", "echo"), ("decision", "deny"), ("reason", "request.rate_limited")];
    assert!((metrics.count("gaccong_requests_total", &limited) - 1.0).abs() < f64::EPSILON);
    assert_eq!(metrics.sum("gaccong_rate_limit_buckets", &[]), Some(1.0));

    // She is one principal on whatever device; another person, and another app, are counted by themselves.
    let elsewhere = gateway.pki().laptops.issue(pki::laptop("laptop-9", "alice@example.org"));
    assert_eq!(gateway.client(&elsewhere).get(HOST, "/").await.reason(), Some("request.rate_limited"));
    assert_eq!(gateway.client(&gateway.pki().bob()).get(HOST, "/").await.status, 200);
    assert_eq!(alice.get("other.example.test", "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policy_refuses_is_not_counted() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], TWO);
        let text =
            "@id(\"private\") forbid (principal, action, resource) when { context.request.path == \"/private\" };";
        setup.policies.insert("private.cedar", text.to_owned());
    })
    .await;
    let alice = gateway.alice();
    for _ in 0..4 {
        assert_eq!(alice.get(HOST, "/private").await.reason(), Some("policy.forbid"));
    }
    for _ in 0..2 {
        assert_eq!(alice.get(HOST, "/").await.status, 200);
    }
    assert_eq!(alice.get(HOST, "/private").await.reason(), Some("policy.forbid"), "the true reason");
    assert_eq!(alice.get(HOST, "/").await.reason(), Some("request.rate_limited"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_changes_begins_anew_and_one_that_stays_goes_on() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], TWO);
    })
    .await;
    let alice = gateway.alice();
    for expected in [200, 200, 429] {
        assert_eq!(alice.get(HOST, "/").await.status, expected);
    }
    gateway.reload().await;
    assert_eq!(alice.get(HOST, "/").await.status, 429);

    let toml = std::fs::read_to_string(gateway.dir().join("gaccong.toml")).unwrap();
    gateway.replace("gaccong.toml", &toml.replace("burst = 2", "burst = 3"));
    gateway.reload().await;
    for expected in [200, 200, 200, 429] {
        assert_eq!(alice.get(HOST, "/").await.status, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_the_control_api_are_counted_too() {
    let gateway = Gateway::start(|setup| {
        control::with_control(setup);
        setup.set("control", TWO);
    })
    .await;
    let billing = gateway.pki().billing();
    for expected in [400, 400, 429] {
        let answer = gateway.call(&billing, "POST", "/v1/decisions/explain", Some(&json!({}))).await;
        assert_eq!(answer.status, expected);
    }
}
