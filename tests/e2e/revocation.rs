//! Revocation, new authentication, lockdown and alert: at once, for live streams too, for those concerned only, and
//! across restarts.

use gaccong_tests::control::{self, target};
use gaccong_tests::setup::Setup;
use gaccong_tests::streams::{closed, echoes, event, events};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Certified, Gateway};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "echo.example.test";
const SOCKETS: &str = "socket.example.test";

async fn start(change: impl FnOnce(&mut Setup)) -> (Gateway, Echo, Echo) {
    let (echo, sockets) = (Echo::h2c().await, Echo::h1().await);
    let gateway = Gateway::start(|setup| {
        control::with_control(setup);
        setup.app("echo", echo.url()).app("socket", sockets.url());
        change(setup);
    })
    .await;
    (gateway, echo, sockets)
}

/// Who is refused for which reason, and by what it is named.
async fn revoked(kind: &str, id: impl Fn(&Value) -> String, reason: &str, status: u16) {
    let (gateway, echo, _sockets) = start(|_| {}).await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let id = id(&certificate(&gateway, &alice).await);
    let mut hers = gateway.client(&alice).websocket(SOCKETS, "/socket").await.unwrap();
    let mut stream = events(&gateway.client(&alice), HOST, "/sse").await;
    let mut his = gateway.client(&bob).websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await && echoes(&mut his).await);
    echo.emit("one").await;
    assert_eq!(event(&mut stream).await.as_deref(), Some("one"));

    gateway.revoke_by_call(kind, &id).await;

    let close = closed(&mut hers).await;
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Policy, reason));
    assert_eq!(event(&mut stream).await, None);
    assert!(echoes(&mut his).await, "the other is unharmed");
    let refused = gateway.client(&alice).get(HOST, "/").await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (status, Some(reason)));
    let record = gateway.record("the cut", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some(reason)));
    let change = gateway.state_change("the revocation", |r| r.text("/entity/type") == Some("revocation")).await;
    assert_eq!(change.text("/actor/user/uid"), Some("bob@example.org"));
    assert_eq!(change.at("/unmapped/gaccong/kept"), Some(&json!(true)));

    let lifted = gateway.call(&bob, "DELETE", &target("revocations", kind, &id), None).await;
    assert_eq!(lifted.status, 204, "{}", lifted.text());
    assert_eq!(gateway.client(&alice).get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_revoked() {
    revoked("user", |_| "alice@example.org".into(), "principal.revoked", 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_revoked() {
    revoked("device", |_| "laptop-7".into(), "device.revoked", 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_revoked_by_its_issuer_and_serial_number() {
    let id = |it: &Value| format!("{}|{}", it["issuer"].as_str().unwrap(), it["serial"].as_str().unwrap());
    revoked("certificate", id, "certificate.revoked", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_revoked_by_its_fingerprint() {
    revoked("certificate", |it| it["fingerprint"].as_str().unwrap().into(), "certificate.revoked", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_authenticate_again_gets_in_by_a_new_handshake() {
    let (gateway, _echo, _sockets) = start(|_| {}).await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    assert_eq!(h2.get("/").await.unwrap().status, 200);
    let mut hers = gateway.alice().websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await);

    let asked = target("reauthentications", "user", "alice@example.org");
    assert_eq!(gateway.call(&gateway.pki().bob(), "POST", &asked, None).await.status, 204);

    assert_eq!(closed(&mut hers).await.reason.as_str(), "session.revoked");
    // The connection of before is told to go, and serves nothing more.
    assert!(h2.get("/").await.map_or(true, |answer| answer.reason() == Some("session.revoked")));
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_closes_an_app_until_another_person_opens_it() {
    let (mut gateway, _echo, _sockets) = start(|_| {}).await;
    let (bob, billing) = (gateway.pki().bob(), gateway.pki().billing());
    let mut hers = gateway.alice().websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await);
    let socket = target("lockdowns", "app", "socket");

    assert_eq!(gateway.call(&bob, "POST", &socket, Some(&json!({"reason": "ransomware"}))).await.status, 204);

    assert_eq!(closed(&mut hers).await.reason.as_str(), "access.lockdown");
    let refused = gateway.alice().get(SOCKETS, "/").await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (403, Some("access.lockdown")));
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200, "the other app is open");

    gateway.kill9().await;
    let gateway = gateway.restart().await;
    assert_eq!(gateway.alice().get(SOCKETS, "/").await.reason(), Some("access.lockdown"));
    let own = gateway.call(&bob, "DELETE", &socket, None).await;
    assert_eq!(own.status, 409, "{}", own.text());
    assert_eq!(gateway.alice().get(SOCKETS, "/").await.reason(), Some("access.lockdown"));
    assert_eq!(gateway.call(&billing, "DELETE", &socket, None).await.status, 204);
    assert_eq!(gateway.alice().get(SOCKETS, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_closes_all_apps_to_a_group_an_issuer_or_a_trust_domain() {
    for (kind, id) in [("group", "staff"), ("issuer", ""), ("trust-domain", "laptops")] {
        let (gateway, _echo, _sockets) = start(|_| {}).await;
        let (bob, billing) = (gateway.pki().bob(), gateway.pki().billing());
        let known = certificate(&gateway, &gateway.pki().alice()).await;
        let id = if kind == "issuer" { known["issuer"].as_str().unwrap() } else { id };
        assert_eq!(gateway.call(&bob, "POST", &target("lockdowns", kind, id), None).await.status, 204);
        assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("access.lockdown"), "{kind}");
        assert_eq!(gateway.client(&billing).get(HOST, "/").await.status, 200, "{kind}");
    }
}

/// What policy sees of a certificate.
async fn certificate(gateway: &Gateway, certified: &Certified) -> Value {
    let answer = gateway.client(certified).get(HOST, "/").await;
    let record = gateway.final_record(answer.id()).await;
    record.at("/unmapped/gaccong/question/context/certificate").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_see_the_alert_level() {
    let forbid = "@id(\"alert\") forbid (principal, action, resource == App::\"socket\") \
        when { context.alert_level >= 3 };";
    let (gateway, _echo, _sockets) = start(|setup| drop(setup.policies.insert("alert.cedar", forbid.to_owned()))).await;
    let bob = gateway.pki().bob();
    let mut hers = gateway.alice().websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await);

    assert_eq!(gateway.call(&bob, "PUT", "/v1/alert", Some(&json!({"level": 2}))).await.status, 204);
    assert!(echoes(&mut hers).await);
    assert_eq!(gateway.call(&bob, "PUT", "/v1/alert", Some(&json!({"level": 3}))).await.status, 204);
    assert_eq!(closed(&mut hers).await.reason.as_str(), "policy.forbid");
    let shown = gateway.call(&bob, "GET", "/v1/alert", None).await.json();
    assert_eq!((&shown["level"], &shown["by"]), (&json!(3), &json!("bob@example.org")));
    assert_eq!(gateway.call(&bob, "PUT", "/v1/alert", Some(&json!({"level": 6}))).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_revocation_survives_the_process_and_ends_when_it_says() {
    let (mut gateway, _echo, _sockets) = start(|_| {}).await;
    let bob = gateway.pki().bob();
    gateway.revoke_by_call("user", "alice@example.org").await;
    let device = target("revocations", "device", "laptop-9");
    assert_eq!(gateway.call(&bob, "POST", &device, Some(&json!({"for_s": 3600}))).await.status, 200);
    gateway.kill9().await;

    let gateway = gateway.restart().await;
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("principal.revoked"));
    let listed = gateway.call(&bob, "GET", "/v1/revocations", None).await.json();
    let ids: Vec<_> = listed["revocations"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [json!("alice@example.org"), json!("laptop-9")]);
    assert!(listed["revocations"][1]["until_ms"].is_i64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_takes_the_store_and_all_that_was_kept() {
    let (mut gateway, _echo, _sockets) = start(|_| {}).await;
    gateway.revoke_by_call("user", "alice@example.org").await;
    let successor = gateway.upgrade().await;
    assert!(gateway.exit().await.success());
    assert_eq!(successor.alice().get(HOST, "/").await.reason(), Some("principal.revoked"));
    successor.revoke_by_call("device", "laptop-9").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_by_the_successor_cuts_what_still_runs_in_the_process_before() {
    let (mut gateway, _echo, _sockets) = start(|setup| {
        setup.set("listen", "drain_ms = 600000");
    })
    .await;
    let (alice, carol) = (gateway.pki().alice(), gateway.pki().billing());
    let mut hers = gateway.client(&alice).websocket(SOCKETS, "/socket").await.unwrap();
    let mut theirs = gateway.client(&carol).websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await && echoes(&mut theirs).await);
    let successor = gateway.upgrade().await;
    assert!(gateway.is_running(), "it still has streams");

    successor.revoke_by_call("user", "alice@example.org").await;

    assert_eq!(closed(&mut hers).await.reason.as_str(), "principal.revoked");
    assert!(echoes(&mut theirs).await, "the other is unharmed");
    drop(theirs);
    assert!(gateway.exit().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_done_say_why() {
    let (gateway, _echo, _sockets) = start(|_| {}).await;
    let bob = gateway.pki().bob();
    let revoke = |query: &str| format!("/v1/revocations{query}");
    let calls: [(&str, String, Option<Value>, u16); 10] = [
        ("POST", revoke("?kind=user&id=x"), Some(json!([null, null])), 400),
        ("POST", revoke(""), None, 400),
        ("POST", revoke("?kind=cat&id=tom"), None, 400),
        ("POST", revoke("?kind=user&kind=device&id=x"), None, 400),
        ("POST", revoke("?kind=user&id=x"), Some(json!({"for_s": 0})), 400),
        ("POST", revoke("?kind=user&id=x"), Some(json!({"reasn": "typo"})), 400),
        ("POST", revoke("?kind=user&id=x"), Some(json!({"reason": "x".repeat(1001)})), 400),
        ("DELETE", revoke("?kind=user&id=x"), None, 404),
        ("DELETE", "/v1/lockdowns?kind=app&id=x".into(), None, 404),
        ("PUT", "/v1/alert".into(), Some(json!({})), 400),
    ];
    for (method, path, body, status) in calls {
        let answer = gateway.call(&bob, method, &path, body.as_ref()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text());
        assert!(answer.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{method} {path}");
    }
    // Alice is staff, and the control API's policies do not know her.
    let hers = gateway.call(&gateway.pki().alice(), "POST", &revoke("?kind=user&id=x"), None).await;
    assert_eq!((hers.status.as_u16(), hers.reason()), (403, Some("policy.no_permit")));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_nothing_is_acknowledged() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        control::with_control(setup);
        setup.remove("store");
    })
    .await;
    let answer = gateway.call(&gateway.pki().bob(), "POST", &target("revocations", "user", "x"), None).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("[store]"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_soc_revokes_and_locks_down_from_the_command_line() {
    let (gateway, _echo, _sockets) = start(|_| {}).await;
    let bob = gateway.client_profile("bob", &gateway.pki().bob());
    let billing = gateway.client_profile("billing", &gateway.pki().billing());
    let mut hers = gateway.alice().websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await);

    let revoke = ["revoke", "user", "alice@example.org", "--reason", "stolen laptop", "--for", "8h"];
    assert_eq!(gateway.command(&bob, &revoke).await.0, 0);
    assert_eq!(closed(&mut hers).await.reason.as_str(), "principal.revoked");
    let (code, listed, _) = gateway.command(&bob, &["revoke", "list", "--format", "json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((code, &listed["revocations"][0]["reason"]), (0, &json!("stolen laptop")));
    assert_eq!(gateway.command(&bob, &["revoke", "lift", "user", "alice@example.org"]).await.0, 0);
    let (code, _, error) = gateway.command(&bob, &["revoke", "lift", "user", "alice@example.org"]).await;
    assert_eq!((code, error.contains("is not revoked")), (1, true), "{error}");

    assert_eq!(gateway.command(&bob, &["lockdown", "trust-domain", "laptops"]).await.0, 0);
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("access.lockdown"));
    let lift = ["lockdown", "lift", "trust-domain", "laptops"];
    let (code, _, error) = gateway.command(&bob, &lift).await;
    assert_eq!((code, error.contains("another person")), (1, true), "{error}");
    assert_eq!(gateway.command(&billing, &lift).await.0, 0);
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);

    assert_eq!(gateway.command(&bob, &["alert", "set", "4"]).await.0, 0);
    let (_, shown, _) = gateway.command(&bob, &["alert", "show"]).await;
    assert!(shown.contains("level=4"), "{shown}");
    // Alice may not.
    let hers = gateway.client_profile("alice", &gateway.pki().alice());
    let (code, _, error) = gateway.command(&hers, &["alert", "set", "0"]).await;
    assert_eq!((code, error.contains("policy.no_permit")), (1, true), "{error}");
}
