//! Upstreams that refuse, stall, lie or die: the client learns it, the record says it, nobody else is harmed.

use gaccong_tests::client::get;
use gaccong_tests::upstream::{Echo, Raw, raw};
use gaccong_tests::{Gateway, Record, within_patience};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;

const HOST: &str = "faulty.example.test";

/// An upstream that reads a request, writes these bytes and closes.
async fn says(bytes: &'static [u8]) -> Raw {
    Raw::start(move |mut stream| async move {
        raw::read_head(&mut stream).await;
        let _ = stream.write_all(bytes).await;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_a_bad_gateway() {
    let rows: &[&[u8]] = &[
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ];
    for bytes in rows {
        let upstream = says(bytes).await;
        let (answer, record) = ask(&upstream).await;
        let what = String::from_utf8_lossy(bytes);
        assert_eq!((answer.0, answer.1.as_deref()), (502, Some("upstream.protocol")), "{what:?}");
        assert_eq!(record.reason(), Some("upstream.protocol"), "{what:?}");
    }
}

/// Status, reason and record of one request.
async fn ask(upstream: &Raw) -> ((u16, Option<String>), Record) {
    let gateway = behind(&upstream.url(), "").await;
    let answer = gateway.alice().get(HOST, "/").await;
    let record = gateway.final_record(answer.id()).await;
    ((answer.status.as_u16(), answer.reason().map(str::to_owned)), record)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_dies_midway_breaks_the_answer_visibly() {
    let rows: &[&[u8]] = &[
        // Says more than it sends.
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        // Ends without the last chunk.
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    ];
    for bytes in rows {
        let upstream = says(bytes).await;
        let gateway = behind(&upstream.url(), "").await;
        let alice = gateway.alice();

        let mut h1 = alice.h1(HOST).await.unwrap();
        // The end may overtake the head.
        if let Ok(response) = h1.begin(get(HOST, "/one")).await {
            let body = within_patience("the body", response.into_body().collect()).await;
            assert!(body.is_err(), "looked whole over HTTP/1.1");
        }

        let h2 = alice.h2(HOST).await.unwrap();
        assert!(h2.get("/two").await.is_err(), "looked whole over HTTP/2");

        for path in ["/one", "/two"] {
            let record = gateway.record("the final record", |r| r.path() == Some(path) && r.is_final()).await;
            assert_eq!(record.outcome(), Some("upstream_failed"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_sends_more_than_it_said_does_not_answer_the_next_request() {
    let upstream = Raw::start(|mut stream| async move {
        loop {
            if raw::read_head(&mut stream).await.is_empty() {
                return;
            }
            let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled";
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{smuggled}");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let gateway = behind(&upstream.url(), "").await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    for _ in 0..10 {
        let answer = h1.send(get(HOST, "/")).await.unwrap();
        assert_ne!(answer.text(), "smuggled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_stalls_in_a_body_is_given_up() {
    let upstream = Raw::start(|mut stream| async move {
        raw::read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
        std::future::pending::<()>().await;
    })
    .await;
    let gateway = behind(&upstream.url(), "idle_timeout_ms = 300").await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    let response = h1.begin(get(HOST, "/stall")).await.unwrap();
    assert!(within_patience("the body", response.into_body().collect()).await.is_err());
    let record = gateway.record("the final record", |r| r.path() == Some("/stall") && r.is_final()).await;
    assert_eq!(record.reason(), Some("upstream.timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_again_only_when_nothing_was_sent() {
    // Takes the whole request, then dies: it may have acted on it.
    let upstream = Raw::start(|mut stream| async move {
        raw::read_head(&mut stream).await;
    })
    .await;
    let gateway = behind(&upstream.url(), "").await;
    let answer = gateway.alice().get(HOST, "/").await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (502, Some("upstream.protocol")));
    assert_eq!(upstream.connections(), 1, "it was asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_upstream_closes_is_not_used_again() {
    let upstream = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
    let gateway = behind(&upstream.url(), "").await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    for _ in 0..50 {
        assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_reaches_the_client() {
    // Refuses an upload without reading it.
    let upstream = Raw::start(|mut stream| async move {
        raw::read_head(&mut stream).await;
        let answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let gateway = behind(&upstream.url(), "").await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let body = gaccong_tests::client::full(vec![0; 1_000_000]);
    let answer = h2.send(h2.request("POST", "/").body(body).unwrap()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (413, None), "the upstream's own answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_upstream_does_not_harm_another_app() {
    let stalled = Raw::start(|mut stream| async move {
        raw::read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("faulty", &stalled.url()).app("echo", echo.url());
    })
    .await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let waiting: Vec<_> =
        (0..50).map(|_| h2.request("GET", "/").body(gaccong_tests::client::empty()).unwrap()).collect();
    let h2 = std::sync::Arc::new(h2);
    let tasks: Vec<_> = waiting
        .into_iter()
        .map(|request| {
            let h2 = h2.clone();
            tokio::spawn(async move { h2.send(request).await })
        })
        .collect();
    gaccong_tests::eventually("requests at the stalled upstream", || async {
        (stalled.connections() >= 10).then_some(())
    })
    .await;
    assert_eq!(gateway.alice().get("echo.example.test", "/").await.status, 200);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn behind(url: &str, lines: &str) -> Gateway {
    Gateway::start(|setup| {
        setup.app_with("faulty", &[url], lines);
    })
    .await
}
