//! `mode = "observe"` lets through what policy would refuse, and says so in the record.

use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, pki};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_only_observed_is_counted_and_named() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.app("closed", echo.url());
        let policies = "@id(\"stricter\") @mode(\"observe\") forbid (principal, action, resource == App::\"echo\");
            @id(\"nobody\") forbid (principal is User, action, resource == App::\"closed\");
            @id(\"looser\") @mode(\"observe\")
            permit (principal == Workload::\"spiffe://prod.example/other\", action, resource == App::\"closed\");";
        setup.policies.insert("rollout.cedar", policies.to_owned());
    })
    .await;
    let forwarded = gateway.alice().get("echo.example.test", "/").await;
    assert_eq!(forwarded.status, 200);
    let record = gateway.final_record(forwarded.id()).await;
    assert_eq!((record.action(), record.reason()), ("Observed", Some("policy.forbid")));
    assert_eq!(record.at("/unmapped/gaccong/policies"), Some(&serde_json::json!(["stricter"])));
    let observed = [("app", "echo"), ("decision", "observed_deny"), ("reason", "policy.forbid")];
    assert_eq!(gateway.metrics().await.sum("gaccong_requests_total", &observed), Some(1.0));

    let other = gateway.pki().services.issue(pki::workload("spiffe://prod.example/other"));
    let refused = gateway.client(&other).get("closed.example.test", "/").await;
    assert_eq!(refused.reason(), Some("policy.no_permit"));
    let record = gateway.final_record(refused.id()).await;
    assert_eq!(record.at("/unmapped/gaccong/would_permit"), Some(&serde_json::json!(["looser"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_twice_is_recorded_before_it_is_forwarded() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        let emergency = "@id(\"emergency\") @record(\"twice\")
            permit (principal in Group::\"staff\", action, resource == App::\"echo\");";
        setup.policies.insert("emergency.cedar", emergency.to_owned());
    })
    .await;
    let answer = gateway.alice().get("echo.example.test", "/").await;
    assert_eq!(answer.status, 200);
    gateway.final_record(answer.id()).await;
    let records = gateway.records();
    let phases: Vec<_> =
        records.iter().filter(|record| record.id() == answer.id()).map(|record| record.is_final()).collect();
    assert_eq!(phases, [false, true], "a quick request too, and the opening record first");
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains("recorded twice")).expect("a line of the log");
    assert!(line.contains(answer.id()) && line.contains("emergency") && !line.contains("alice"), "{line}");
}
