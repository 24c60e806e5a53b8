//! Metrics and health on the management listener.

use std::collections::BTreeSet;
use std::process::Stdio;

use gaccong::reason::Reason;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, Metrics, eventually};
use tokio::io::AsyncWriteExt;

const HOST: &str = "echo.example.test";

/// Names that dashboards and alerts rely on.
const NAMES: &[&str] = &[
    "gaccong_requests_total",
    "gaccong_request_duration_seconds_bucket",
    "gaccong_decision_duration_seconds_bucket",
    "gaccong_handshakes_total",
    "gaccong_handshake_duration_seconds_bucket",
    "gaccong_connections",
    "gaccong_live_streams",
    "gaccong_crl_next_update_seconds",
    "gaccong_upstream_requests_total",
    "gaccong_upstream_duration_seconds_bucket",
    "gaccong_audit_records_total",
    "gaccong_audit_queue_records",
    "gaccong_rate_limit_buckets",
    "gaccong_break_glass_grants",
    "gaccong_config_last_reload_success",
    "gaccong_config_last_reload_timestamp_seconds",
    "gaccong_policy_info",
    "gaccong_policy_shadow_checks_total",
    "gaccong_policy_shadow_dropped_total",
    "gaccong_policy_shadow_mismatch_total",
    "gaccong_certificate_expiry_seconds",
    "gaccong_build_info",
];

/// Labels whose values come from closed sets.
const LABELS: &[&str] = &[
    "action", "app", "ca", "decision", "digest", "group", "le", "reason", "result", "revision", "sink", "source",
    "trust", "use", "version",
];

#[tokio::test(flavor = "multi_thread")]
async fn requests_handshakes_and_records_are_counted() {
    let (gateway, metrics) = after_some_traffic().await;
    let count = |name, labels: &[(&str, &str)]| metrics.count(name, labels) as u64;
    assert_eq!(count("gaccong_requests_total", &[("app", "echo"), ("decision", "permit")]), 3);
    assert_eq!(count("gaccong_requests_total", &[("decision", "deny"), ("reason", "request.path_ambiguous")]), 1);
    assert_eq!(count("gaccong_upstream_requests_total", &[("app", "echo")]), 3);
    assert_eq!(count("gaccong_handshakes_total", &[("group", "X25519MLKEM768")]), 4);
    assert_eq!(count("gaccong_config_last_reload_success", &[]), 1);
    eventually("four records and that of the policies to be counted", || async {
        let metrics = gateway.metrics().await;
        (metrics.count("gaccong_audit_records_total", &[]) as u64 == 5).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_are_those_that_are_promised() {
    let (_gateway, metrics) = after_some_traffic().await;
    let names: BTreeSet<_> = metrics.names().collect();
    let missing: Vec<_> = NAMES.iter().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} in\n{}", metrics.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_come_from_closed_sets() {
    let (_gateway, metrics) = after_some_traffic().await;
    let reasons: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    for (name, label, value) in metrics.labels().filter(|(name, ..)| name.starts_with("gaccong_")) {
        assert!(LABELS.contains(&label), "{label} of {name}");
        assert!(!value.contains('@') && !value.contains('/'), "{label}=\"{value}\" of {name}");
        assert!(!value.contains("127.0.0.1") && !value.contains("laptop-"), "{label}=\"{value}\" of {name}");
        if label == "reason" && !value.is_empty() && value != "none" {
            assert!(reasons.contains(value), "{value} of {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_is_content() {
    let (_gateway, metrics) = after_some_traffic().await;
    let mut promtool = tokio::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: tests/run sees to it");
    promtool.stdin.take().unwrap().write_all(metrics.text.as_bytes()).await.unwrap();
    let output = promtool.wait_with_output().await.unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.trim().is_empty(), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told() {
    let (gateway, _) = after_some_traffic().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(gateway.manage(path).await.unwrap().0, 200, "{path}");
    }
    assert_eq!(gateway.manage("/nothing").await.unwrap().0, 404);
    assert_eq!(gateway.manage("/../etc/passwd").await.unwrap().0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_streams_and_connections_go_up_and_down() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let gauge = async |name: &'static str, value: u64| {
        eventually(&format!("{name} to be {value}"), || async {
            (gateway.metrics().await.count(name, &[]) as u64 == value).then_some(())
        })
        .await;
    };
    gauge("gaccong_connections", 0).await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    let stream = h1.begin(gaccong_tests::client::get(HOST, "/sse")).await.unwrap();
    gauge("gaccong_connections", 1).await;
    gauge("gaccong_live_streams", 1).await;
    drop(stream);
    drop(h1);
    gauge("gaccong_live_streams", 0).await;
    gauge("gaccong_connections", 0).await;
}

/// Three requests that are served and one that is not.
async fn after_some_traffic() -> (Gateway, Metrics) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let alice = gateway.alice();
    for _ in 0..3 {
        assert_eq!(alice.get(HOST, "/").await.status, 200);
    }
    assert_eq!(alice.get(HOST, "/a//b").await.status, 400);
    // A request is counted when it is over, which may be a moment after its answer arrived.
    let metrics = eventually("four requests to be counted", || async {
        let metrics = gateway.metrics().await;
        (metrics.count("gaccong_requests_total", &[]) as u64 == 4).then_some(metrics)
    })
    .await;
    (gateway, metrics)
}
