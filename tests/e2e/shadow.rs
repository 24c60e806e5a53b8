//! Decisions are made again by Cedar, beside the requests.

use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, eventually, pki};

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_is_made_again_where_that_is_asked_for() {
    let (gateway, _echo) = start("shadow_fraction = 1").await;
    let (alice, stranger) =
        (gateway.alice(), gateway.client(&gateway.pki().services.issue(pki::workload("spiffe://prod.example/other"))));
    for _ in 0..5 {
        assert_eq!(alice.get("echo.example.test", "/").await.status, 200);
        assert_eq!(alice.get("watched.example.test", "/").await.status, 200);
        assert_eq!(alice.get("closed.example.test", "/").await.reason(), Some("policy.forbid"));
        assert_eq!(stranger.get("echo.example.test", "/").await.reason(), Some("policy.no_permit"));
    }
    assert_eq!(alice.get("echo.example.test", "/a//b").await.status, 400, "of which policy is not asked");
    let metrics = eventually("20 checks", || async {
        let metrics = gateway.metrics().await;
        let count = |name| metrics.count(name, &[]) as u64;
        let seen = count("gaccong_policy_shadow_checks_total") + count("gaccong_policy_shadow_dropped_total");
        (seen == 20).then_some(metrics)
    })
    .await;
    assert_eq!(metrics.sum("gaccong_policy_shadow_checks_total", &[]), Some(20.0));
    assert_eq!(metrics.sum("gaccong_policy_shadow_mismatch_total", &[]), Some(0.0));
    assert!(gateway.all_records().iter().all(|record| record.class() != 2004), "no mismatch is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_is_made_again_where_that_is_switched_off() {
    let (gateway, _echo) = start("shadow_fraction = 0").await;
    assert_eq!(gateway.alice().get("echo.example.test", "/").await.status, 200);
    assert_eq!(gateway.metrics().await.sum("gaccong_policy_shadow_checks_total", &[]), Some(0.0));
}

async fn start(fraction: &str) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.set("policy", fraction);
        setup.app("echo", echo.url());
        setup.app("closed", echo.url());
        setup.app_with("watched", &[echo.url()], "mode = \"observe\"");
        let closed = ["closed", "watched"]
            .map(|app| format!("@id(\"no-{app}\") forbid (principal, action, resource == App::\"{app}\");"));
        setup.policies.insert("closed.cedar", closed.join("\n"));
    })
    .await;
    (gateway, echo)
}
