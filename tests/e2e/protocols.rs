//! Protocols through the gateway: HTTP/1.1, HTTP/2, WebSocket, server-sent events, gRPC, expectations, trailers.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use gaccong_tests::client::{full, read_answer, request};
use gaccong_tests::curl::curl;
use gaccong_tests::upstream::grpc::{Grpc, health_client};
use gaccong_tests::upstream::{Echo, Seen};
use gaccong_tests::{Gateway, within_patience};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_http_versions_works() {
    let (one, two) = (Echo::h1().await, Echo::h2c().await);
    let gateway = Gateway::start(|setup| {
        setup.app("echo", one.url()).app("two", two.url());
    })
    .await;
    let alice = gateway.alice();
    for (host, upstream) in [(HOST, "HTTP/1.1"), ("two.example.test", "HTTP/2.0")] {
        let post = request("POST", host, "/a?b=c").body(full("12345")).unwrap();
        let answers = [alice.send(host, post).await.unwrap(), {
            let h2 = alice.h2(host).await.unwrap();
            h2.send(h2.request("POST", "/a?b=c").body(full("12345")).unwrap()).await.unwrap()
        }];
        for answer in answers {
            let seen = Seen::of(&answer);
            assert_eq!((seen.method(), seen.target(), seen.body_bytes()), ("POST", "/a?b=c", 5));
            assert_eq!(seen.version(), upstream);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_alive() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answer = h1.send(gaccong_tests::client::get(HOST, "/")).await.unwrap();
        assert_eq!(answer.status, 200);
        ids.insert(answer.id().to_owned());
    }
    assert_eq!(ids.len(), 20, "each request has an id of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_works_over_both_versions() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let alice = gateway.pki().alice();
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let format = ["--write-out", "\n%{http_version} %{http_code}", option];
        let output = curl(&gateway, &alice, HOST, "/from-curl", &format).await;
        assert!(output.contains("\"target\":\"/from-curl\""), "{output}");
        assert!(output.ends_with(&format!("{version} 200")), "{output}");
    }
    let upload = curl(&gateway, &alice, HOST, "/", &["--http2", "--data-binary", "hello"]).await;
    assert!(upload.contains("\"body_bytes\":5"), "{upload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_messages_both_ways() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let mut socket = gateway.alice().websocket(HOST, "/socket").await.unwrap();
    for message in [Message::text("hello"), Message::binary(vec![7; 200_000])] {
        socket.send(message.clone()).await.unwrap();
        let echoed = within_patience("an echoed message", socket.next()).await.unwrap().unwrap();
        assert_eq!(echoed, message);
    }
    socket.close(None).await.unwrap();
    while within_patience("the end of the WebSocket", socket.next()).await.is_some_and(|message| message.is_ok()) {}
    drop(socket);

    let record = gateway.record("the record of the WebSocket", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!(record.status(), Some(101));
    assert_eq!(record.action(), "Allowed");
    let action = record.question().unwrap().pointer("/action").unwrap();
    assert_eq!(action.as_str(), Some("write"), "an upgrade is a write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_websocket_is_refused_before_the_upgrade() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        let read_only = "forbid (principal, action == Action::\"write\", resource);";
        setup.policies.insert("read-only.cedar", read_only.to_owned());
    })
    .await;
    let Err(WsError::Http(response)) = gateway.alice().websocket(HOST, "/socket").await else {
        panic!("expected a refusal");
    };
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["gaccong-reason"], "policy.forbid");
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_while_the_stream_is_open() {
    for echo in [Echo::h1().await, Echo::h2c().await] {
        let gateway = Gateway::start(|setup| {
            setup.app("echo", echo.url());
        })
        .await;
        let mut h1 = gateway.alice().h1(HOST).await.unwrap();
        let h2 = gateway.alice().h2(HOST).await.unwrap();
        let mut over_h1 = h1.begin(gaccong_tests::client::get(HOST, "/sse")).await.unwrap();
        let over_h2 = h2.request("GET", "/sse").body(gaccong_tests::client::empty()).unwrap();
        let mut over_h2 = h2.begin(over_h2).await.unwrap();
        for event in ["one", "two"] {
            echo.emit(event).await;
            for response in [&mut over_h1, &mut over_h2] {
                let frame = within_patience("an event", response.body_mut().frame()).await;
                let data = frame.unwrap().unwrap().into_data().unwrap();
                assert_eq!(data, Bytes::from(format!("data: {event}\n\n")));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_works_unary_and_streaming() {
    let grpc = Grpc::start().await;
    let gateway = Gateway::start(|setup| {
        setup.app("grpc", grpc.url());
    })
    .await;
    let mut client = health_client(&gateway.alice(), "grpc.example.test").await.unwrap();
    let whole = HealthCheckRequest { service: String::new() };

    let reply = client.check(whole.clone()).await.unwrap();
    assert_eq!(reply.into_inner().status(), ServingStatus::Serving);

    let unknown = client.check(HealthCheckRequest { service: "unknown".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound, "the status comes in trailers: {unknown:?}");

    let mut stream = client.watch(whole).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    grpc.health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    let next = within_patience("the next message of the stream", stream.message()).await;
    assert_eq!(next.unwrap().unwrap().status(), ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_pass() {
    for echo in [Echo::h1().await, Echo::h2c().await] {
        let gateway = Gateway::start(|setup| {
            setup.app("echo", echo.url());
        })
        .await;
        let h2 = gateway.alice().h2(HOST).await.unwrap();
        let request = h2.request("GET", "/trailers").header("te", "trailers");
        let answer = h2.send(request.body(gaccong_tests::client::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.text(), "body");
        assert_eq!(answer.trailers.unwrap()["x-checksum"], "abc");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_awaited_only_after_100_continue() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.app("closed", echo.url());
        let nobody = "forbid (principal, action, resource == App::\"closed\");";
        setup.policies.insert("closed.cedar", nobody.to_owned());
    })
    .await;
    let head = |host| {
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").into_bytes()
    };

    let mut tls = gateway.alice().connect(HOST, &["http/1.1"]).await.unwrap();
    tls.write_all(&head(HOST)).await.unwrap();
    let mut go_on = [0; 25];
    within_patience("100 Continue", tls.read_exact(&mut go_on)).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    tls.write_all(b"12345").await.unwrap();
    assert_eq!(Seen::of(&read_answer(&mut tls).await.unwrap()).body_bytes(), 5);

    let refused = gateway.alice().raw("closed.example.test", &head("closed.example.test")).await.unwrap();
    assert_eq!(refused.status, 403, "refused without asking for the body");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_no_content_have_no_body() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    let head = request("HEAD", HOST, "/bytes/1000").body(full("")).unwrap();
    let answer = h1.send(head).await.unwrap();
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("1000"), 0));
    assert_eq!(h1.send(gaccong_tests::client::get(HOST, "/")).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_with_a_body_arrives_whole() {
    let (one, two) = (Echo::h1().await, Echo::h2c().await);
    let gateway = Gateway::start(|setup| {
        setup.app("echo", one.url()).app("two", two.url());
    })
    .await;
    let alice = gateway.alice();
    for host in [HOST, "two.example.test"] {
        let fields = format!("Host: {host}\r\nTransfer-Encoding: chunked");
        let chunked = format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let over_h1 = alice.raw(host, chunked.as_bytes()).await.unwrap();

        let h2 = alice.h2(host).await.unwrap();
        let pieces = futures_util::stream::iter(["he", "llo"].map(|piece| Ok(Frame::data(Bytes::from(piece)))));
        let body = StreamBody::new(pieces).boxed_unsync();
        let over_h2 = h2.send(h2.request("GET", "/").body(body).unwrap()).await.unwrap();

        for answer in [over_h1, over_h2] {
            let seen = Seen::of(&answer);
            assert_eq!((seen.method(), seen.body_bytes()), ("GET", 5), "{host}");
        }
    }
}
