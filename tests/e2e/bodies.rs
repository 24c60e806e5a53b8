//! Bodies of any size in constant memory, with a bound on their size and on their slowness.

use bytes::Bytes;
use futures_util::stream;
use gaccong_tests::client::{Body, BoxError, read_answer, request};
use gaccong_tests::upstream::{Echo, Seen};
use gaccong_tests::{Answer, Client, Gateway, eventually, within_patience};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

const HOST: &str = "echo.example.test";

const GIB: u64 = 1024 * 1024 * 1024;

/// What a gigabyte may cost in memory: some buffers, not the body.
const BOUND: u64 = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_each_way_takes_constant_memory() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], "body_limit_bytes = 0");
    })
    .await;
    let alice = gateway.alice();
    assert_eq!(alice.get(HOST, "/").await.status, 200);
    let before = gateway.peak_rss_bytes();

    let upload = request("POST", HOST, "/").header("content-length", GIB).body(zeros(GIB)).unwrap();
    let mut h1 = alice.h1(HOST).await.unwrap();
    let response = with_progress("an upload of 1 GiB", &gateway, h1_send(&mut h1, upload)).await;
    assert_eq!(response, GIB);

    let received = with_progress("a download of 1 GiB", &gateway, download(&alice)).await;
    assert_eq!(received, GIB);

    let grown = gateway.peak_rss_bytes().saturating_sub(before);
    assert!(grown < BOUND, "memory grew by {grown} bytes");
}

async fn h1_send(h1: &mut gaccong_tests::client::H1, upload: http::Request<Body>) -> u64 {
    let answer = h1.send_slowly(upload).await.unwrap();
    Seen::of(&answer).body_bytes()
}

async fn download(alice: &Client) -> u64 {
    let mut h1 = alice.h1(HOST).await.unwrap();
    let request = request("GET", HOST, &format!("/bytes/{GIB}")).body(gaccong_tests::client::empty()).unwrap();
    let mut response = h1.begin(request).await.unwrap();
    let mut received = 0;
    while let Some(frame) = response.body_mut().frame().await {
        received += frame.unwrap().into_data().map_or(0, |data| data.len() as u64);
    }
    received
}

/// A long transfer has no bound in time; it fails only when the gateway is gone.
async fn with_progress<T>(what: &str, gateway: &Gateway, transfer: impl Future<Output = T>) -> T {
    let gone = async {
        loop {
            if gateway.manage("/livez").await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        done = transfer => done,
        () = gone => panic!("the gateway died during {what}"),
    }
}

pub(crate) fn zeros(count: u64) -> Body {
    const PIECE: u64 = 64 * 1024;
    let piece = Bytes::from(vec![0; PIECE as usize]);
    let pieces = stream::iter((0..count / PIECE).map(move |_| Ok(Frame::data(piece.clone()))));
    StreamBody::new(pieces).boxed_unsync()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_the_upstream_back() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let alice = gateway.alice();
    assert_eq!(alice.get(HOST, "/").await.status, 200);
    let before = gateway.peak_rss_bytes();
    let mut lazy = Vec::new();
    for _ in 0..8 {
        let mut tls = alice.connect(HOST, &["http/1.1"]).await.unwrap();
        let request = format!("GET /bytes/{GIB} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        tls.write_all(request.as_bytes()).await.unwrap();
        tls.read_exact(&mut [0; 1]).await.unwrap();
        lazy.push(tls);
    }
    // Requests of others go on, and show that time passes.
    for _ in 0..200 {
        assert_eq!(alice.get(HOST, "/").await.status, 200);
    }
    let grown = gateway.peak_rss_bytes().saturating_sub(before);
    assert!(grown < BOUND, "memory grew by {grown} bytes for clients that do not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_cut_where_its_length_was_not_said() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], "body_limit_bytes = 100000");
    })
    .await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let answer = h2.send(h2.request("POST", "/large").body(zeros(64 * 1024 * 64)).unwrap()).await;
    if let Ok(answer) = answer {
        assert_eq!((answer.status.as_u16(), answer.reason()), (413, Some("request.body_too_large")));
    }
    let record = gateway.record("the record", |r| r.path() == Some("/large") && r.is_final()).await;
    assert_eq!(record.reason(), Some("request.body_too_large"));
    assert!(echo.body_bytes() <= 100_000, "the upstream got {} bytes", echo.body_bytes());

    // Exactly the limit is within it.
    let exact = request("POST", HOST, "/").body(gaccong_tests::client::full(vec![0; 100_000])).unwrap();
    assert_eq!(Seen::of(&gateway.alice().send(HOST, exact).await.unwrap()).body_bytes(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_slower_than_the_least_rate_is_cut() {
    let (echo, grpc) = (Echo::h1().await, Echo::h2c().await);
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url()).app("grpc", grpc.url());
        setup.set("limits", "min_body_bytes_per_s = 1000");
    })
    .await;
    // A conversation that is as slow, begun before: one that has no answer yet, and one that has.
    let conversations = [converse(&gateway, "/duplex").await, converse(&gateway, "/echo").await];
    let mut tls = gateway.alice().connect(HOST, &["http/1.1"]).await.unwrap();
    let head = format!("POST /slow HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n\r\n");
    tls.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(tls);
    let drip = tokio::spawn(async move {
        while writer.write_all(b"a").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    if let Some(answer) = read_answer(&mut reader).await {
        assert_eq!((answer.status.as_u16(), answer.reason()), (408, Some("request.body_too_slow")));
    }
    drip.abort();
    let record = gateway.record("the record", |r| r.path() == Some("/slow") && r.is_final()).await;
    assert_eq!(record.reason(), Some("request.body_too_slow"));
    eventually("the end of the upstream's request", || async { (echo.aborts() == 1).then_some(()) }).await;

    for (mut said, answer) in conversations {
        said.send_data(Bytes::from_static(b"bye")).await.expect("a conversation may pause");
        drop(said);
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!((grpc.body_bytes(), grpc.aborts()), (10, 0));
}

/// Begins a gRPC call over HTTP/2 that says a word and falls silent.
async fn converse(gateway: &Gateway, path: &str) -> (Sender<Bytes, BoxError>, JoinHandle<Answer>) {
    let h2 = gateway.alice().h2("grpc.example.test").await.unwrap();
    let (mut said, body) = Channel::new(1);
    let request = h2.request("POST", path).header("content-type", "application/grpc").body(body.boxed_unsync());
    let answer =
        tokio::spawn(async move { within_patience("a conversation", h2.send(request.unwrap())).await.unwrap() });
    said.send_data(Bytes::from_static(b"hi")).await.unwrap();
    (said, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_never_looks_whole() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    for (tried, framing) in ["Content-Length: 1000", "Transfer-Encoding: chunked"].into_iter().enumerate() {
        let before = echo.body_bytes();
        let mut tls = gateway.alice().connect(HOST, &["http/1.1"]).await.unwrap();
        let head = format!("POST /broken HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n3\r\nabc\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        tls.flush().await.unwrap();
        eventually("first bytes at the upstream", || async { (echo.body_bytes() > before).then_some(()) }).await;
        drop(tls);
        let aborts = tried as u64 + 1;
        eventually("a broken body at the upstream", || async { (echo.aborts() == aborts).then_some(()) }).await;
    }
    let record = gateway.record("the record", |r| r.path() == Some("/broken") && r.is_final()).await;
    assert_eq!(record.outcome(), Some("client_gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_counted() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let post = request("POST", HOST, "/").body(gaccong_tests::client::full(vec![0; 1234])).unwrap();
    let answer = within_patience("an answer", gateway.alice().send(HOST, post)).await.unwrap();
    let record = gateway.final_record(answer.id()).await;
    assert_eq!(record.request_bytes(), Some(1234));
    assert_eq!(record.response_bytes(), Some(answer.body.len() as u64));
}
