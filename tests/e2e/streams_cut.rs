//! Access that is taken away is taken from live streams too, and only from those.

use gaccong_tests::Gateway;
use gaccong_tests::client::empty;
use gaccong_tests::pki::{self, Certified};
use gaccong_tests::setup::{Setup, posture};
use gaccong_tests::streams::{closed, echoes, event, events};
use gaccong_tests::upstream::Echo;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "echo.example.test";
const SOCKETS: &str = "socket.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_websocket_is_cut_when_its_certificate_is_revoked() {
    let (gateway, _echo, _sockets) = start(|_| {}).await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let mut hers = gateway.client(&alice).websocket(SOCKETS, "/socket").await.unwrap();
    let mut his = gateway.client(&bob).websocket(SOCKETS, "/socket").await.unwrap();
    for socket in [&mut hers, &mut his] {
        assert!(echoes(socket).await);
    }

    gateway.revoke(&[&bob]).await;

    assert_eq!(closed(&mut his).await.code, CloseCode::Policy);
    assert!(echoes(&mut hers).await, "the other is unharmed");

    let record = gateway.record("the final record", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("certificate.revoked")));
    let cut = gateway.metrics().await.count("gaccong_streams_cut_total", &[("reason", "certificate.revoked")]);
    assert!((cut - 1.0).abs() < f64::EPSILON, "{cut} cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_revoked_certificate_are_cut_and_those_of_others_are_not() {
    let (gateway, echo, _sockets) = start(|_| {}).await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let mut hers = events(&gateway.client(&alice), HOST, "/sse").await;
    let mut his = events(&gateway.client(&bob), HOST, "/sse").await;
    echo.emit("one").await;
    assert_eq!((event(&mut hers).await, event(&mut his).await), (Some("one".into()), Some("one".into())));

    gateway.revoke(&[&bob]).await;

    assert_eq!(event(&mut his).await, None);
    echo.emit("two").await;
    assert_eq!(event(&mut hers).await, Some("two".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_is_cut_from_among_its_siblings() {
    let (gateway, echo, _sockets) = start(|_| {}).await;
    // One connection, three streams, two apps: policy takes one app away.
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let mut streams = Vec::new();
    for host in [HOST, "second.example.test", HOST] {
        let uri = format!("https://{host}/sse");
        let request = http::Request::builder().version(http::Version::HTTP_2).uri(uri).body(empty()).unwrap();
        streams.push(h2.begin(request).await.unwrap());
    }
    echo.emit("one").await;
    for stream in &mut streams {
        assert_eq!(event(stream).await.as_deref(), Some("one"));
    }

    let nobody = "@id(\"nobody\") forbid (principal, action, resource == App::\"second\");";
    std::fs::write(gateway.dir().join("policies/second.cedar"), nobody).unwrap();
    gateway.reload().await;

    assert_eq!(event(&mut streams[1]).await, None);
    echo.emit("three").await;
    assert_eq!(event(&mut streams[0]).await.as_deref(), Some("three"));
    assert_eq!(event(&mut streams[2]).await.as_deref(), Some("three"));
    assert_eq!(h2.get("/").await.unwrap().status, 200);
    let record = gateway.record("the record of the cut stream", |r| r.is_final() && r.outcome() == Some("cut")).await;
    assert_eq!(record.reason(), Some("policy.forbid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_no_longer_compliant_loses_its_streams() {
    let compliant = "forbid (principal, action, resource)
        unless { context has device && context.device has compliant && context.device.compliant };";
    let (gateway, echo, _sockets) = start(|setup| {
        let fine = json!({"compliant": true});
        setup.device("laptop-8", posture("bob@example.org", &fine));
        setup.policies.insert("compliant.cedar", compliant.to_owned());
    })
    .await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let mut hers = events(&gateway.client(&alice), HOST, "/sse").await;
    let mut his = events(&gateway.client(&bob), HOST, "/sse").await;

    let worse = json!({"devices": {
        "laptop-7": posture("alice@example.org", &json!({"compliant": true})),
        "laptop-8": posture("bob@example.org", &json!({"compliant": false})),
    }});
    // No signal: the gateway watches the file.
    gateway.replace("posture.json", &worse.to_string());

    assert_eq!(event(&mut his).await, None);
    echo.emit("still here").await;
    assert_eq!(event(&mut hers).await.as_deref(), Some("still here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_certificate() {
    let (gateway, _echo, _sockets) = start(|_| {}).await;
    let mut params = pki::laptop("laptop-7", "alice@example.org");
    params.not_after = (std::time::SystemTime::now() + std::time::Duration::from_secs(5)).into();
    let certified: Certified = gateway.pki().laptops.issue(params);
    let mut stream = events(&gateway.client(&certified), HOST, "/sse").await;
    assert_eq!(event(&mut stream).await, None, "nobody changed anything: time did");
    let record = gateway.record("the final record", |r| r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("certificate.expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_path_becomes_another_action_is_cut() {
    let actions = |action: &str| {
        format!(
            "actions = [{{ path = \"/admin\", action = \"manage\" }}, {{ path = \"/sse\", action = \"{action}\" }}]"
        )
    };
    let echo = Echo::h2c().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], &actions("read")).app("second", echo.url());
        let forbid = "@id(\"manage\") forbid (principal, action == Action::\"manage\", resource);";
        setup.policies.insert("manage.cedar", forbid.to_owned());
    })
    .await;
    let mut stream = events(&gateway.alice(), HOST, "/sse").await;

    edit(&gateway, &actions("read"), &actions("manage")).await;

    assert_eq!(event(&mut stream).await, None);
    let record = gateway.record("the final record", |r| r.path() == Some("/sse") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("policy.forbid")));
    assert_eq!(gateway.alice().get(HOST, "/other").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_host_moves_to_another_app_is_cut() {
    let (gateway, echo, _sockets) = start(|_| {}).await;
    let mut stream = events(&gateway.alice(), HOST, "/sse").await;
    echo.emit("one").await;
    assert_eq!(event(&mut stream).await.as_deref(), Some("one"));

    // Both apps permit her: what she was permitted is the first, though.
    edit(&gateway, "[\"echo.example.test\"]", "[\"first.example.test\"]").await;
    assert_eq!(event(&mut stream).await, None);
    let record = gateway.record("the final record", |r| r.path() == Some("/sse") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("request.host_unknown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_is_quiet_for_too_long_is_closed() {
    let sockets = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("socket", &[sockets.url()], "idle_timeout_ms = 500");
    })
    .await;
    let mut socket = gateway.alice().websocket(SOCKETS, "/socket").await.unwrap();
    assert!(echoes(&mut socket).await);

    let close = closed(&mut socket).await;
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Away, "stream.idle"));
    let record = gateway.record("the final record", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("stream.idle")));
}

/// Changes the configuration and reloads it.
async fn edit(gateway: &Gateway, from: &str, to: &str) {
    let toml = std::fs::read_to_string(gateway.dir().join("gaccong.toml")).unwrap();
    assert!(toml.contains(from), "{toml}");
    gateway.replace("gaccong.toml", &toml.replacen(from, to, 1));
    gateway.reload().await;
}

async fn start(change: impl FnOnce(&mut Setup)) -> (Gateway, Echo, Echo) {
    let echo = Echo::h2c().await;
    let sockets = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url()).app("second", echo.url());
        setup.app("socket", sockets.url());
        change(setup);
    })
    .await;
    (gateway, echo, sockets)
}
