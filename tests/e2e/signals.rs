//! Signals: what an identity provider or a device manager says ends access at once, is kept, and is believed only when it is
//! theirs.

use gaccong_tests::client::{full, get, request};
use gaccong_tests::setup::Setup;
use gaccong_tests::streams::{closed, echoes};
use gaccong_tests::transmitter::{CREDENTIAL, Transmitter, about, about_device, about_user, now_s};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Answer, Client, Gateway, Record, eventually};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::control;

const HOST: &str = "echo.example.test";
const CONTROL: &str = "control.example.test";
pub(crate) const BEARER: &str = "the-bearer-of-the-tests";
pub(crate) const STREAM: &str = "name = \"idp\"\nissuer = \"https://idp.example.test/\"\naudience = \"https://gate.example.test/\"\n\
    users = \"email\"\ndevices = \"opaque\"\njwks = { file = \"jwks.json\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_revoked_cuts_the_users_websocket_and_no_other() {
    let (gateway, transmitter, _echo) = start(|_| {}).await;
    let (alice, bob) = (gateway.alice(), gateway.client(&gateway.pki().bob()));
    let mut hers = alice.websocket(HOST, "/socket").await.unwrap();
    let mut his = bob.websocket(HOST, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await && echoes(&mut his).await);

    let reason = json!({"reason_admin": {"en": "Landspeed"}, "initiating_entity": "policy"});
    let claims = about_user("Bob@Example.org", "caep/session-revoked", reason);
    let answer = push(&gateway, &transmitter.token(&claims)).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (202, ""));

    assert_eq!(closed(&mut his).await.code, CloseCode::Policy);
    assert!(echoes(&mut hers).await, "the other is unharmed");
    let record = gateway.record("the cut", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("session.revoked")));
    let record = signal(&gateway, claims["jti"].as_str().unwrap()).await;
    assert_eq!(record.text("/unmapped/gaccong/effect"), Some("reauthenticate"));
    assert_eq!(record.text("/unmapped/gaccong/event"), Some("session-revoked"));
    assert_eq!((record.text("/entity/uid"), record.text("/comment")), (Some("bob@example.org"), Some("Landspeed")));

    // A new handshake proves him anew.
    eventually("access after a new handshake", || async { (bob.get(HOST, "/").await.status == 200).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_compliant_is_refused_until_it_is_again() {
    let compliant = "@id(\"compliant\") forbid (principal, action, resource)
        unless { context has device && context.device has compliant && context.device.compliant };";
    let (gateway, transmitter, _echo) = start(|setup| {
        setup.policies.insert("compliant.cedar", compliant.to_owned());
    })
    .await;
    let alice = gateway.alice();
    assert_eq!(alice.get(HOST, "/").await.status, 200);
    for (status, seconds_ago, refused) in [
        ("not-compliant", 20, true),
        ("compliant", 30, true), // It came late: the device was compliant before it was not.
        ("compliant", 10, false),
    ] {
        let payload = json!({"current_status": status, "previous_status": "compliant",
                             "event_timestamp": now_s() - seconds_ago});
        let claims = about_device("laptop-7", "caep/device-compliance-change", payload);
        assert_eq!(push(&gateway, &transmitter.token(&claims)).await.status, 202);
        let reason = alice.get(HOST, "/").await.reason().map(str::to_owned);
        assert_eq!(reason.as_deref() == Some("policy.forbid"), refused, "{status} {seconds_ago}: {reason:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_repeated_is_acknowledged_and_changes_nothing() {
    let (gateway, transmitter, _echo) = start(|_| {}).await;
    let disabled = about_user("alice@example.org", "risc/account-disabled", json!({"event_timestamp": now_s() - 5}));
    let enabled = about_user("alice@example.org", "risc/account-enabled", json!({}));
    let alice = gateway.alice();
    assert_eq!(push(&gateway, &transmitter.token(&disabled)).await.status, 202);
    assert_eq!(alice.get(HOST, "/").await.reason(), Some("principal.revoked"));
    assert_eq!(push(&gateway, &transmitter.token(&enabled)).await.status, 202);
    assert_eq!(alice.get(HOST, "/").await.status, 200);

    for _ in 0..2 {
        assert_eq!(push(&gateway, &transmitter.token(&disabled)).await.status, 202);
        assert_eq!(alice.get(HOST, "/").await.status, 200);
    }
    let replayed = [("stream", "idp"), ("event", "account-disabled"), ("result", "replayed")];
    assert_eq!(gateway.metrics().await.sum("gaccong_signals_total", &replayed), Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_crash() {
    let (mut gateway, transmitter, _echo) = start(|_| {}).await;
    let disabled = transmitter.token(&about_user("alice@example.org", "risc/account-disabled", json!({})));
    assert_eq!(push(&gateway, &disabled).await.status, 202);
    gateway.kill9().await;
    let gateway = gateway.restart().await;
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("principal.revoked"));
    assert_eq!(gateway.client(&gateway.pki().bob()).get(HOST, "/").await.status, 200);
    // Its replay cache too.
    assert_eq!(push(&gateway, &disabled).await.status, 202);
    let replayed = [("result", "replayed")];
    assert_eq!(gateway.metrics().await.sum("gaccong_signals_total", &replayed), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_the_streams_are_refused_with_their_error() {
    let (gateway, transmitter, _echo) = start(|_| {}).await;
    let stranger = Transmitter::start().await;
    let good = || about_user("alice@example.org", "risc/account-disabled", json!({}));
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        transmitter.token(&claims)
    };
    let mut two = good();
    two["events"]["https://example.test/other"] = json!({});
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for (token, error) in [
        (stranger.token(&good()), "invalid_key"),
        (transmitter.token_of_kid("key-9", &good()), "invalid_key"),
        (with("iss", json!("https://evil.example.test/")), "invalid_issuer"),
        (with("aud", json!("https://other.example.test/")), "invalid_audience"),
        (with("exp", json!(now_s() + 60)), "invalid_request"),
        (with("sub", json!("alice")), "invalid_request"),
        (with("iat", json!(now_s() + 3600)), "invalid_request"),
        (transmitter.token(&two), "invalid_request"),
        (with("deep", serde_json::from_str(&deep[9_950..10_051]).unwrap()), "invalid_request"),
        ("a.b.c".to_owned(), "invalid_request"),
        (String::new(), "invalid_request"),
    ] {
        let answer = push(&gateway, &token).await;
        assert_eq!((answer.status.as_u16(), answer.json()["err"].as_str()), (400, Some(error)), "{}", answer.text());
        assert_eq!(answer.header("content-language"), Some("en"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let untyped = request("POST", CONTROL, "/ssf/events").header("authorization", format!("Bearer {BEARER}"));
    let untyped = untyped.body(full(transmitter.token(&good()))).unwrap();
    let answer = anonymous(&gateway).send(CONTROL, untyped).await.unwrap();
    assert_eq!(answer.json()["err"], "invalid_request");
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200, "none of them had an effect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_mebibyte_is_refused() {
    let (gateway, _transmitter, _echo) = start(|_| {}).await;
    // The gateway may answer and close before it has read everything.
    if let Ok(answer) = anonymous(&gateway).send(CONTROL, pushed(&"a".repeat(1 << 20), BEARER)).await {
        assert_eq!(answer.json()["err"], "invalid_request");
    }
    let record = gateway.record("its record", |r| r.path() == Some("/ssf/events") && r.is_final()).await;
    assert_eq!(record.status(), Some(400));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_only_the_bearer_opens_and_only_this_path() {
    let (gateway, transmitter, _echo) = start(|_| {}).await;
    let token = transmitter.token(&about_user("alice@example.org", "risc/account-disabled", json!({})));
    let client = anonymous(&gateway);
    for wrong in ["", "the-bearer-of-the-testsx", "x"] {
        let answer = client.send(CONTROL, pushed(&token, wrong)).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("certificate.absent")), "{wrong}");
    }
    let elsewhere = [("GET", "/ssf/events"), ("POST", "/v1/revocations?kind=user&id=a"), ("POST", "/ssf/events?a=b")];
    for (method, path) in elsewhere {
        let request = request(method, CONTROL, path).header("authorization", format!("Bearer {BEARER}"));
        let answer = client.send(CONTROL, request.body(full(token.clone())).unwrap()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("certificate.absent")), "{method} {path}");
    }
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);

    let answer = client.send(CONTROL, pushed(&token, BEARER)).await.unwrap();
    assert_eq!(answer.status, 202);
    let record = gateway.final_record(answer.id()).await;
    assert_eq!((record.action(), record.status()), ("Allowed", Some(202)));
    assert_eq!(record.at("/unmapped/gaccong/details"), Some(&json!(["the bearer of the stream of signals `idp`"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bearer_the_control_api_demands_a_certificate() {
    let (gateway, transmitter, _echo) = start_with("push = {}\n", |_| {}).await;
    let token = transmitter.token(&about_user("alice@example.org", "risc/account-disabled", json!({})));
    assert!(anonymous(&gateway).send(CONTROL, pushed(&token, BEARER)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transmitter_with_a_certificate_is_decided_by_policy() {
    let policy = "@id(\"idp\") permit (principal == Workload::\"spiffe://prod.example/billing\",
        action == Action::\"control:signal\", resource)
        when { context has target && context.target.kind == \"stream\" && context.target.id == \"idp\" };";
    let (gateway, transmitter, _echo) = start_with("push = {}\n", |setup| {
        setup.write("control-policies/signals.cedar", policy);
    })
    .await;
    let billing = Client::new(gateway.control(), gateway.pki(), Some(&gateway.pki().billing()));
    let alice = Client::new(gateway.control(), gateway.pki(), Some(&gateway.pki().alice()));
    let token = transmitter.token(&about_user("bob@example.org", "risc/account-disabled", json!({})));
    let call = |path: &str| {
        let request = request("POST", CONTROL, path).header("content-type", "application/secevent+jwt");
        request.body(full(token.clone())).unwrap()
    };
    let path = "/ssf/events?kind=stream&id=idp";
    assert_eq!(alice.send(CONTROL, call(path)).await.unwrap().reason(), Some("policy.no_permit"));
    for other in ["/ssf/events", "/ssf/events?kind=stream&id=other"] {
        assert_eq!(billing.send(CONTROL, call(other)).await.unwrap().reason(), Some("policy.no_permit"), "{other}");
    }
    assert_eq!(billing.send(CONTROL, call(path)).await.unwrap().status, 202);
    assert_eq!(gateway.client(&gateway.pki().bob()).get(HOST, "/").await.reason(), Some("principal.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_nobody_here_bears_is_acknowledged_recorded_and_changes_nothing() {
    let (gateway, transmitter, _echo) = start(|_| {}).await;
    let phone = about(&json!({"format": "phone_number", "phone_number": "+84"}), "risc/account-disabled", json!({}));
    assert_eq!(push(&gateway, &transmitter.token(&phone)).await.status, 202);
    let record = signal(&gateway, phone["jti"].as_str().unwrap()).await;
    assert_eq!(record.text("/unmapped/gaccong/effect"), Some("unmapped"));
    let unknown = about_user("alice@example.org", "caep/session-presented", json!({}));
    assert_eq!(push(&gateway, &transmitter.token(&unknown)).await.status, 202);
    let record = signal(&gateway, unknown["jti"].as_str().unwrap()).await;
    assert_eq!(record.text("/unmapped/gaccong/effect"), Some("unknown_type"));
    let ignored = [("event", "unknown"), ("result", "unknown_type")];
    assert_eq!(gateway.metrics().await.sum("gaccong_signals_total", &ignored), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_polled_acknowledges_what_it_has_kept() {
    let (gateway, transmitter, _echo) = start_polled("").await;
    let alice = gateway.alice();
    let mut hers = alice.websocket(HOST, "/socket").await.unwrap();
    assert!(echoes(&mut hers).await);
    let revoked = about_user("alice@example.org", "caep/session-revoked", json!({}));
    let mut wrong = about_user("bob@example.org", "risc/account-disabled", json!({}));
    wrong["aud"] = json!("https://other.example.test/");
    transmitter.offer(&revoked);
    transmitter.offer(&wrong);

    assert_eq!(closed(&mut hers).await.code, CloseCode::Policy);
    let id = |claims: &Value| claims["jti"].as_str().unwrap().to_owned();
    eventually("both to be settled", || async {
        let settled =
            transmitter.acknowledged().contains(&id(&revoked)) && transmitter.refused().contains_key(&id(&wrong));
        settled.then_some(())
    })
    .await;
    assert_eq!(transmitter.refused()[&id(&wrong)]["err"], "invalid_audience");
    assert_eq!(gateway.client(&gateway.pki().bob()).get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_learned_and_a_storm_of_unknown_ones_asks_for_few() {
    let (gateway, transmitter, _echo) = start_of_url().await;
    let claims =
        || about_user("alice@example.org", "caep/assurance-level-change", json!({"change_direction": "increase"}));
    eventually("the first keys", || async {
        (push(&gateway, &transmitter.token(&claims())).await.status == 202).then_some(())
    })
    .await;
    let before = transmitter.keys_told();
    for number in 0..50 {
        let answer = push(&gateway, &transmitter.token_of_kid(&format!("unknown-{number}"), &claims())).await;
        assert!([400, 503].contains(&answer.status.as_u16()), "{}", answer.text());
    }
    assert!(transmitter.keys_told() <= before + 2, "{} fetches", transmitter.keys_told() - before);
    assert_eq!(push(&gateway, &transmitter.token(&claims())).await.status, 202, "what is known goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_quiet_or_paused_is_seen_by_policy() {
    let forbid = "@id(\"blind\") forbid (principal, action, resource) when { context.signal_lost };";
    let (gateway, transmitter, _echo) = start_with("quiet_s = 2\npush = { bearer = \"file:bearer\" }\n", |setup| {
        setup.policies.insert("blind.cedar", forbid.to_owned());
    })
    .await;
    let alice = gateway.alice();
    let lost = || async {
        let metrics = gateway.metrics().await;
        metrics.sum("gaccong_signal_stream_lost", &[("stream", "idp")]) == Some(1.0)
    };
    let verify = || async {
        let claims = about(&json!({"format": "opaque", "id": "stream-1"}), "ssf/verification", json!({}));
        assert_eq!(push(&gateway, &transmitter.token(&claims)).await.status, 202);
    };
    verify().await;
    eventually("access while the stream is heard", || async {
        verify().await;
        alice.get_unless_cut(HOST, "/").await.filter(|answer| answer.status == 200)
    })
    .await;
    let mut connection = alice.h1(HOST).await.unwrap();
    verify().await;
    let _running = connection.begin(get(HOST, "/sse")).await.unwrap();
    eventually("the loss", || async { lost().await.then_some(()) }).await;
    eventually("refusal", || async {
        alice.get_unless_cut(HOST, "/").await.filter(|answer| answer.reason() == Some("policy.forbid"))
    })
    .await;
    let cut = gateway.record("what ran is cut", |record| record.outcome() == Some("cut")).await;
    assert_eq!(cut.reason(), Some("policy.forbid"));
    let record =
        gateway.state_change("the record of the loss", |r| r.text("/unmapped/gaccong/effect") == Some("lost")).await;
    assert_eq!(record.text("/entity/name"), Some("idp"));

    eventually("access again", || async {
        verify().await;
        alice.get_unless_cut(HOST, "/").await.filter(|answer| answer.status == 200)
    })
    .await;
    let paused =
        about(&json!({"format": "opaque", "id": "stream-1"}), "ssf/stream-updated", json!({"status": "paused"}));
    assert_eq!(push(&gateway, &transmitter.token(&paused)).await.status, 202);
    eventually("the pause", || async { lost().await.then_some(()) }).await;
}

/// A gateway with the app `echo`, a control API and a stream whose transmitter pushes with a bearer.
async fn start(change: impl FnOnce(&mut Setup)) -> (Gateway, Transmitter, Echo) {
    start_with("push = { bearer = \"file:bearer\" }\n", change).await
}

async fn start_with(delivery: &str, change: impl FnOnce(&mut Setup)) -> (Gateway, Transmitter, Echo) {
    let (echo, transmitter) = (Echo::h1().await, Transmitter::start().await);
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        control::control(setup);
        setup.set("store", "path = \"state.redb\"");
        setup.write("jwks.json", &transmitter.jwks());
        setup.write("bearer", BEARER);
        setup.signals(&format!("{STREAM}{delivery}"));
        change(setup);
    })
    .await;
    (gateway, transmitter, echo)
}

/// The same with keys that are fetched.
async fn start_of_url() -> (Gateway, Transmitter, Echo) {
    let (echo, transmitter) = (Echo::h1().await, Transmitter::start().await);
    let jwks = format!("{{ url = \"{}\", ca = [\"transmitter.pem\"] }}", transmitter.url("/jwks.json"));
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        control::control(setup);
        setup.set("store", "path = \"state.redb\"");
        setup.write("transmitter.pem", &transmitter.ca_pem());
        setup.write("bearer", BEARER);
        let stream = STREAM.replace("{ file = \"jwks.json\" }", &jwks);
        setup.signals(&format!("{stream}push = {{ bearer = \"file:bearer\" }}\n"));
    })
    .await;
    (gateway, transmitter, echo)
}

/// A gateway that polls, and fetches keys.
async fn start_polled(lines: &str) -> (Gateway, Transmitter, Echo) {
    let (echo, transmitter) = (Echo::h1().await, Transmitter::start().await);
    let jwks = format!("{{ url = \"{}\", ca = [\"transmitter.pem\"] }}", transmitter.url("/jwks.json"));
    let poll = transmitter.url("/poll");
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("store", "path = \"state.redb\"");
        setup.write("transmitter.pem", &transmitter.ca_pem());
        setup.write("credential", CREDENTIAL);
        let stream = STREAM.replace("{ file = \"jwks.json\" }", &jwks);
        let poll = format!(
            "poll = {{ url = \"{poll}\", ca = [\"transmitter.pem\"], credential = \"file:credential\", every_s = 1 }}"
        );
        setup.signals(&format!("{stream}{lines}{poll}\n"));
    })
    .await;
    (gateway, transmitter, echo)
}

fn anonymous(gateway: &Gateway) -> Client {
    Client::new(gateway.control(), gateway.pki(), None)
}

fn pushed(token: &str, bearer: &str) -> http::Request<gaccong_tests::client::Body> {
    request("POST", CONTROL, "/ssf/events")
        .header("content-type", "application/secevent+jwt")
        .header("authorization", format!("Bearer {bearer}"))
        .body(full(token.to_owned()))
        .unwrap()
}

pub(crate) async fn push(gateway: &Gateway, token: &str) -> Answer {
    anonymous(gateway).send(CONTROL, pushed(token, BEARER)).await.unwrap()
}

/// The record of a signal.
pub(crate) async fn signal(gateway: &Gateway, jti: &str) -> Record {
    gateway.state_change("the record of a signal", |record| record.text("/unmapped/gaccong/jti") == Some(jti)).await
}
