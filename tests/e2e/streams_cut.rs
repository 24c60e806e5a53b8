//! Access that is taken away is taken from live streams too, and only from those.

use futures_util::{SinkExt, StreamExt};
use gaccong_tests::client::empty;
use gaccong_tests::pki::{self, Certified};
use gaccong_tests::setup::{Setup, posture};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, within_patience};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_websocket_is_cut_when_its_certificate_is_revoked() {
    let (gateway, _echo, _sockets) = start(|_| {}).await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let mut hers = websocket(&gateway.client(&alice)).await;
    let mut his = websocket(&gateway.client(&bob)).await;
    for socket in [&mut hers, &mut his] {
        assert!(echoes(socket).await);
    }

    gateway.revoke(&[&bob]).await;

    let last = within_patience("the end of the WebSocket", his.next()).await.unwrap().unwrap();
    let Message::Close(Some(close)) = last else { panic!("expected a close frame, got {last:?}") };
    assert_eq!(close.code, CloseCode::Policy);
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
    let mut hers = events(&gateway.client(&alice), "/sse").await;
    let mut his = events(&gateway.client(&bob), "/sse").await;
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
    let mut hers = events(&gateway.client(&alice), "/sse").await;
    let mut his = events(&gateway.client(&bob), "/sse").await;

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
    let mut stream = events(&gateway.client(&certified), "/sse").await;
    assert_eq!(event(&mut stream).await, None, "nobody changed anything: time did");
    let record = gateway.record("the final record", |r| r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("certificate.expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_cut_too() {
    let (gateway, echo, _sockets) = start(|_| {}).await;
    let bob = gateway.pki().bob();
    let client = gateway.client(&bob);
    let h2 = client.h2(HOST).await.unwrap();
    let (mut sender, body) = http_body_util::channel::Channel::<bytes::Bytes, gaccong_tests::client::BoxError>::new(4);
    let request = h2.request("POST", "/upload").body(body.boxed_unsync()).unwrap();
    let upload = tokio::spawn(async move { h2.send(request).await });
    sender.send_data(bytes::Bytes::from_static(b"first")).await.unwrap();
    gaccong_tests::eventually("the upload at the upstream", || async { (echo.body_bytes() == 5).then_some(()) }).await;

    gateway.revoke(&[&bob]).await;

    let answer = within_patience("the end of the upload", upload).await.unwrap();
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 401));
    gaccong_tests::eventually("the end at the upstream", || async { (echo.aborts() == 1).then_some(()) }).await;
    let record = gateway.record("the final record", |r| r.path() == Some("/upload") && r.is_final()).await;
    assert_eq!(record.reason(), Some("certificate.revoked"));
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

async fn websocket(client: &Client) -> WebSocketStream<TlsStream<TcpStream>> {
    let tls = client.connect("socket.example.test", &["http/1.1"]).await.unwrap();
    tokio_tungstenite::client_async("wss://socket.example.test/socket", tls).await.unwrap().0
}

async fn echoes(socket: &mut WebSocketStream<TlsStream<TcpStream>>) -> bool {
    socket.send(Message::text("are you there?")).await.unwrap();
    let answer = within_patience("an echo", socket.next()).await;
    answer.is_some_and(|message| message.is_ok_and(|message| message.is_text()))
}

async fn events(client: &Client, path: &str) -> Response<Incoming> {
    let h2 = client.h2(HOST).await.unwrap();
    h2.begin(h2.request("GET", path).body(empty()).unwrap()).await.unwrap()
}

/// The next event; `None` when the stream was cut.
async fn event(response: &mut Response<Incoming>) -> Option<String> {
    let frame = within_patience("an event or the end", response.body_mut().frame()).await?;
    let data = frame.ok()?.into_data().ok()?;
    let text = String::from_utf8(data.to_vec()).unwrap();
    Some(text.trim_start_matches("data: ").trim_end().to_owned())
}
