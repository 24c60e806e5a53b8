//! `mode = "observe"` lets through what policy would refuse, and says so in the record.

use gaccong_tests::Gateway;
use gaccong_tests::upstream::Echo;

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_refused_is_recorded_and_forwarded() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("watched", &[echo.url()], "mode = \"observe\"");
        setup.app("strict", echo.url());
        setup.policies.insert("nobody.cedar", "@id(\"nobody\") forbid (principal, action, resource);".to_owned());
    })
    .await;
    let alice = gateway.alice();

    let watched = alice.get("watched.example.test", "/").await;
    assert_eq!((watched.status.as_u16(), watched.reason()), (200, None));
    let record = gateway.final_record(watched.id()).await;
    assert_eq!((record.action(), record.reason()), ("Observed", Some("policy.forbid")));
    assert!(record.0.to_string().contains("\"nobody\""), "the policy is named");

    let strict = alice.get("strict.example.test", "/").await;
    assert_eq!((strict.status.as_u16(), strict.reason()), (403, Some("policy.forbid")));
    assert_eq!(echo.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn observing_never_admits_who_is_not_proven() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.set("clients", "certificate = \"optional\"");
        setup.set("policy", "mode = \"observe\"");
        setup.app("watched", echo.url());
    })
    .await;
    let answer = gateway.anonymous().get("watched.example.test", "/").await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("certificate.absent")));
    let answer = gateway.alice().get("watched.example.test", "/a//b").await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (400, Some("request.path_ambiguous")));
    assert_eq!(echo.requests(), 0);
}
