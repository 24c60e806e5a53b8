//! Bounds on connections and on the head of a request.

use gaccong_tests::client::{H2, full, get, read_answer, request};
use gaccong_tests::load::Load;
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, Record, audit, eventually, within_patience};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_in_all() {
    bounded("connections = 2", "connection.limit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_by_source() {
    bounded("connections_per_source = 2", "connection.source_limit").await;
}

/// Two connections are let in, a third is not; when one of the two ends, the next is.
async fn bounded(limit: &str, reason: &str) {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("limits", limit);
    })
    .await;
    let alice = gateway.alice();
    let mut first = alice.h1(HOST).await.unwrap();
    let mut second = alice.h1(HOST).await.unwrap();
    assert_eq!(first.send(get(HOST, "/")).await.unwrap().status, 200);
    assert_eq!(second.send(get(HOST, "/")).await.unwrap().status, 200);

    let third = alice.send(HOST, get(HOST, "/")).await;
    assert!(third.is_err(), "a third connection was let in");
    gateway.refused_connection(reason).await;

    assert_eq!(first.send(get(HOST, "/")).await.unwrap().status, 200, "the first two are unharmed");
    drop(second);
    eventually("room for another connection", || async {
        alice.send(HOST, get(HOST, "/")).await.ok().filter(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_network_must_send_a_proxy_header() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("listen", "proxy_protocol = { from = [\"127.0.0.0/8\"] }");
    })
    .await;
    assert!(gateway.alice().connect(HOST, &["http/1.1"]).await.is_err());
    gateway.refused_connection("connection.proxy_header").await;

    // Version 1 is not version 2.
    let mut tcp = TcpStream::connect(gateway.listen()).await.unwrap();
    tcp.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n").await.unwrap();
    assert!(gateway.alice().handshake(tcp, HOST, &["http/1.1"]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_header_names_the_client() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("listen", "proxy_protocol = { from = [\"127.0.0.0/8\"] }");
    })
    .await;
    let mut tcp = TcpStream::connect(gateway.listen()).await.unwrap();
    tcp.write_all(&proxy_v2([192, 0, 2, 17], 4711)).await.unwrap();
    let mut tls = gateway.alice().handshake(tcp, HOST, &["http/1.1"]).await.unwrap();
    tls.write_all(b"GET / HTTP/1.1\r\nHost: echo.example.test\r\n\r\n").await.unwrap();
    let answer = read_answer(&mut tls).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("192.0.2.17"), "the upstream learns it: {}", answer.text());
    let record = gateway.final_record(answer.id()).await;
    assert_eq!(record.text("/src_endpoint/ip"), Some("192.0.2.17"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_header_of_an_unlisted_network_is_not_believed() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("listen", "proxy_protocol = { from = [\"192.0.2.0/24\"] }");
    })
    .await;
    let mut tcp = TcpStream::connect(gateway.listen()).await.unwrap();
    tcp.write_all(&proxy_v2([192, 0, 2, 17], 4711)).await.unwrap();
    assert!(gateway.alice().handshake(tcp, HOST, &["http/1.1"]).await.is_err());
    gateway.refused_connection("handshake.not_tls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_ends() {
    let (gateway, echo) = with_echo(|setup| {
        setup.set("limits", "header_ms = 400");
    })
    .await;
    let mut tls = gateway.alice().connect(HOST, &["http/1.1"]).await.unwrap();
    tls.write_all(b"GET / HTTP/1.1\r\nHost: echo.example.test\r\nX-Slow: ").await.unwrap();
    // A byte whenever there is time for one: the bound is on the whole, not on each piece.
    let (mut reader, mut writer) = tokio::io::split(tls);
    let drip = tokio::spawn(async move {
        while writer.write_all(b"a").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    // An answer 408 or none: the connection ends.
    let _ = within_patience("the end of a slow connection", reader.read_to_end(&mut answer)).await;
    drip.abort();
    gateway.record("a slow head", |record| record.reason() == Some("request.head_timeout") && record.is_final()).await;
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_may_outlive_the_bound_on_heads() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("limits", "header_ms = 200");
    })
    .await;
    let alice = gateway.alice();
    let mut idle = alice.h1(HOST).await.unwrap();
    assert_eq!(idle.send(get(HOST, "/")).await.unwrap().status, 200);
    // Another connection shows that the bound has passed.
    let mut slow = alice.connect(HOST, &["http/1.1"]).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let _ = within_patience("the end of a slow connection", slow.read_to_end(&mut Vec::new())).await;
    assert_eq!(idle.send(get(HOST, "/")).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_ends_in_the_end() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("limits", "idle_ms = 2000");
    })
    .await;
    let alice = gateway.alice();
    let mut h1 = alice.h1(HOST).await.unwrap();
    let h2 = alice.h2(HOST).await.unwrap();
    assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    assert_eq!(h2.get("/").await.unwrap().status, 200);
    let _ = h1.closed().await;
    let _ = h2.closed().await;

    // One that never sends its HTTP/2 preface ends too.
    let mut mute = alice.connect(HOST, &["h2"]).await.unwrap();
    let _ = within_patience("the end of a mute connection", mute.read_to_end(&mut Vec::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_head_is_refused() {
    let (gateway, echo) = with_echo(|_| {}).await;
    let alice = gateway.alice();
    let megabyte = "a".repeat(1024 * 1024);
    let long = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {megabyte}\r\n\r\n");
    let many: String = (0..10_000).map(|n| format!("X-{n}: a\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{many}\r\n");
    let long_path = format!("GET /{megabyte} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    for (seen, bytes) in [long, many, long_path].iter().enumerate() {
        // The connection may end before the answer is through: the record is what counts.
        if let Some(answer) = alice.raw(HOST, bytes.as_bytes()).await {
            assert!([431, 414, 400].contains(&answer.status.as_u16()), "{}", answer.status);
        }
        let records = eventually("a record of too large a head", || async {
            let mut records = gateway.records();
            records.retain(|record| record.reason() == Some("request.head_too_large"));
            (records.len() > seen).then_some(records)
        })
        .await;
        assert_eq!(records.len(), seen + 1);
    }
    assert_eq!(echo.requests(), 0);
    assert_eq!(alice.get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_fields_over_http_2_are_refused() {
    let (gateway, echo) = with_echo(|_| {}).await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let mut request = h2.request("GET", "/");
    for n in 0..200 {
        request = request.header(format!("x-{n}"), "a");
    }
    let answer = h2.send(request.body(gaccong_tests::client::empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (431, Some("request.head_too_large")));
    assert_eq!(echo.requests(), 0);
    gateway.record("too many fields", |record| record.reason() == Some("request.head_too_large")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_connection_are_bounded() {
    let (gateway, echo) = with_echo(|setup| {
        setup.set("limits", "streams = 3");
    })
    .await;
    let h2 = std::sync::Arc::new(gateway.alice().h2(HOST).await.unwrap());
    assert_eq!(h2.get("/").await.unwrap().status, 200);
    let held: Vec<_> = (0..6)
        .map(|_| {
            let h2 = h2.clone();
            tokio::spawn(async move { h2.get("/hold").await.unwrap().status })
        })
        .collect();
    eventually("three streams at the upstream", || async { (echo.requests() == 4).then_some(()) }).await;
    echo.release();
    for answer in held {
        assert_eq!(answer.await.unwrap(), 200, "the others waited for their turn");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn running_requests_are_bounded_by_source() {
    let (mut gateway, echo) = with_echo(|setup| {
        setup.set("limits", "requests_per_source = 2");
    })
    .await;
    let (h1, h2) = (gateway.alice(), std::sync::Arc::new(gateway.alice().h2(HOST).await.unwrap()));
    let held = [hold(&h2), hold(&h2)];
    eventually("two requests at the upstream", || async { (echo.requests() == 2).then_some(()) }).await;

    let mut refused = Vec::new();
    for _ in 0..3 {
        refused.extend([h1.get(HOST, "/").await, h2.get("/").await.unwrap()]);
    }
    for answer in &refused {
        assert_eq!((answer.status.as_u16(), answer.reason()), (429, Some("request.source_limit")));
    }
    assert_eq!(echo.requests(), 2);
    echo.release();
    for answer in held {
        assert_eq!(answer.await.unwrap(), 200, "those within the bound are unharmed");
    }
    assert_eq!(h1.get(HOST, "/").await.status, 200, "there is room again");

    // A sum is written when its time is over or the gateway stops; stopping is quicker.
    gateway.terminate();
    gateway.exit().await;
    let records = gateway.records();
    assert_eq!(summed(&records, "request.source_limit"), 6);
    assert!(!records.iter().any(|record| refused.iter().any(|answer| answer.id() == record.id())));
}

fn hold(h2: &std::sync::Arc<H2>) -> JoinHandle<StatusCode> {
    let h2 = h2.clone();
    tokio::spawn(async move { h2.get("/hold").await.unwrap().status })
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_the_unauthenticated_are_bounded_and_nobody_else_pays() {
    let (mut gateway, _echo) = with_echo(|setup| {
        setup.set("clients", "certificate = \"optional\"");
        setup.set("limits", "unauthenticated_records_per_min = 5");
    })
    .await;
    const REFUSED: usize = 300;
    let load = Load::start(&gateway.alice(), HOST);
    let h2 = gateway.anonymous().h2(HOST).await.unwrap();
    for _ in 0..REFUSED {
        let answer = h2.get("/").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("certificate.absent")));
    }
    let (failures, served) = load.stop().await;
    assert!(failures.is_empty(), "{failures:#?}");

    gateway.terminate();
    gateway.exit().await;
    let records = gateway.records();
    let of_requests = |record: &&Record| record.class() == audit::HTTP_ACTIVITY && record.is_final();
    let own = records.iter().filter(of_requests).filter(|r| r.reason() == Some("certificate.absent")).count();
    assert!((5..20).contains(&own), "{own} records for a budget of 5 a minute");
    assert_eq!(own as u64 + summed(&records, "certificate.absent"), REFUSED as u64, "no request is forgotten");
    let permitted = records.iter().filter(of_requests).filter(|r| r.status() == Some(200)).count();
    assert_eq!(permitted as u64, served, "each request of hers has its record");
}

/// How many attempts or requests stand in sums for this reason.
fn summed(records: &[Record], reason: &str) -> u64 {
    let sums = records.iter().filter(|r| r.class() == audit::NETWORK_ACTIVITY && r.reason() == Some(reason));
    sums.map(Record::count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_after_its_refusal_is_not_a_slow_head() {
    let (gateway, _echo) = with_echo(|setup| {
        setup.set("limits", "header_ms = 200");
    })
    .await;
    let alice = gateway.alice();
    let mut late = alice.connect(HOST, &["http/1.1"]).await.unwrap();
    let head = format!("POST /.gaccong/nothing HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 8\r\n\r\n");
    late.write_all(head.as_bytes()).await.unwrap();
    let refused = read_answer(&mut late).await.unwrap();
    assert_eq!(refused.reason(), Some("request.own_path"));
    // Half of the body: it may find the connection closed, and must not begin a head.
    let _ = late.write_all(b"half").await;
    let _ = late.flush().await;
    // Another connection shows that the bound has passed.
    let mut slow = alice.connect(HOST, &["http/1.1"]).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let _ = within_patience("the end of a slow connection", slow.read_to_end(&mut Vec::new())).await;
    let slow_heads = || async {
        let records = gateway.records();
        let slow = records.iter().filter(|r| r.reason() == Some("request.head_timeout")).count();
        (slow > 0).then_some(slow)
    };
    assert_eq!(eventually("the record of a slow head", slow_heads).await, 1);
    // Whether the connection waits for the rest is hyper's to choose. It never gives the body for another request.
    let _ = late.write_all(format!("bodyGET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await;
    if let Some(answer) = read_answer(&mut late).await {
        assert_eq!(answer.status, 200);
    }
    assert!(!gateway.records().iter().any(|r| r.reason() == Some("request.malformed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_that_has_come_keeps_the_connection() {
    let (gateway, _echo) = with_echo(|_| {}).await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    for _ in 0..3 {
        let refused = request("POST", HOST, "/.gaccong/nothing").body(full("a small body")).unwrap();
        assert_eq!(h1.send(refused).await.unwrap().reason(), Some("request.own_path"));
        assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    }
    assert!(!gateway.records().iter().any(|r| r.reason() == Some("request.head_timeout")));
}

/// A PROXY protocol v2 header for TCP over IPv4.
fn proxy_v2(source: [u8; 4], port: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(source);
    header.extend([192, 0, 2, 1]);
    header.extend(port.to_be_bytes());
    header.extend(443_u16.to_be_bytes());
    header
}

async fn with_echo(change: impl FnOnce(&mut Setup)) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        change(setup);
    })
    .await;
    (gateway, echo)
}
