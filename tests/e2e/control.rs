//! The control API: a listener, a certificate, trust domains and policies of its own.

use gaccong_tests::client::{get, post_json};
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway};
use serde_json::{Value, json};

use crate::bodies::zeros;

const HOST: &str = "control.example.test";
const EXPLAIN: &str = "/v1/decisions/explain";

const POLICY: &str = r#"
@id("billing-explains")
permit (
  principal == Workload::"spiffe://prod.example/billing",
  action == Action::"control:explain",
  resource == App::"control"
);
"#;

pub(crate) fn control(setup: &mut Setup) {
    std::fs::create_dir(setup.dir().join("control-policies")).unwrap();
    setup.write("control-policies/soc.cedar", POLICY);
    setup.set("control", "address = \"127.0.0.1:0\"");
    setup.set("control", "trust = [\"services\", \"laptops\"]");
    setup.set("control", "policies = \"control-policies\"");
    let certificate = "{ hosts = [\"control.example.test\"], chain = \"server.pem\", key = \"file:server.key\" }";
    setup.set("control", &format!("certificate = {certificate}"));
}

/// Bob asks to read the app `echo` from a laptop.
fn question() -> Value {
    json!({
        "principal": {"kind": "user", "id": "bob@example.org", "groups": []},
        "action": "read",
        "app": "echo",
        "context": {
            "device": {"id": "laptop-8"},
            "request": {"host": "echo.example.test", "path": "/", "method": "GET", "source_ip": "192.0.2.7"},
            "now_ms": 1_767_225_600_000_i64,
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_decided_by_policies_of_their_own_and_recorded() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        control(setup);
    })
    .await;
    let client = |certified| Client::new(gateway.control(), gateway.pki(), certified);
    let (billing, alice) = (gateway.pki().billing(), gateway.pki().alice());

    let explained = client(Some(&billing)).send(HOST, post_json(HOST, EXPLAIN, &question())).await.unwrap();
    assert_eq!(explained.status, 200);
    assert_eq!(explained.json()["refused"], "no_permit", "{}", explained.text());

    // The apps' policies let the staff do everything; those of the control API know nothing of that.
    let refused = client(Some(&alice)).send(HOST, post_json(HOST, EXPLAIN, &question())).await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.reason()), (403, Some("policy.no_permit")));
    let of_another_kind = client(Some(&billing)).send(HOST, get(HOST, "/")).await.unwrap();
    assert_eq!((of_another_kind.status.as_u16(), of_another_kind.reason()), (403, Some("policy.no_permit")));

    let record = gateway.final_record(explained.id()).await;
    assert_eq!(record.text("/unmapped/gaccong/question/action"), Some("control:explain"));
    assert_eq!(record.at("/unmapped/gaccong/policies"), Some(&json!(["billing-explains"])));
    assert_eq!(gateway.final_record(refused.id()).await.reason(), Some("policy.no_permit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_question_is_a_bad_request() {
    let gateway = Gateway::start(control).await;
    let billing = gateway.pki().billing();
    let client = Client::new(gateway.control(), gateway.pki(), Some(&billing));
    for body in [json!({}), json!([1]), json!({"principal": {"kind": "device"}})] {
        let answer = client.send(HOST, post_json(HOST, EXPLAIN, &body)).await.unwrap();
        assert_eq!(answer.status, 400, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_trust_domains_that_are_named_are_admitted() {
    let gateway = Gateway::start(|setup| {
        control(setup);
        setup.set("control", "trust = [\"services\"]");
    })
    .await;
    let alice = gateway.pki().alice();
    for certified in [None, Some(&alice)] {
        let client = Client::new(gateway.control(), gateway.pki(), certified);
        assert!(client.send(HOST, post_json(HOST, EXPLAIN, &question())).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_forbids_every_app_does_not_lock_out_the_control_api() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.policies.insert("mistake.cedar", "@id(\"mistake\") forbid (principal, action, resource);".to_owned());
        control(setup);
    })
    .await;
    let billing = gateway.pki().billing();
    let refused = gateway.client(&billing).get("echo.example.test", "/").await;
    assert_eq!(refused.reason(), Some("policy.forbid"));
    let client = Client::new(gateway.control(), gateway.pki(), Some(&billing));
    assert_eq!(client.send(HOST, post_json(HOST, EXPLAIN, &question())).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_too_large_is_refused_and_recorded_as_such() {
    let gateway = Gateway::start(control).await;
    let billing = gateway.pki().billing();
    let h2 = Client::new(gateway.control(), gateway.pki(), Some(&billing)).h2(HOST).await.unwrap();
    let answer = h2.send(h2.request("POST", EXPLAIN).body(zeros(4 << 20)).unwrap()).await;
    if let Ok(answer) = answer {
        assert_eq!((answer.status.as_u16(), answer.reason()), (413, Some("request.body_too_large")));
    }
    let record = gateway.record("the record", |record| record.path() == Some(EXPLAIN) && record.is_final()).await;
    assert_eq!((record.reason(), record.outcome()), (Some("request.body_too_large"), Some("body_refused")));
}
