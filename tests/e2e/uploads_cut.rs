//! Access that is taken away stops what a client sends, and does not wait for a client that takes nothing.

use bytes::Bytes;
use gaccong_tests::client::BoxError;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, eventually, within_patience};
use http::Request;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// A service over HTTP/1.1 and one over HTTP/2.
const HOSTS: [&str; 2] = ["one.example.test", "two.example.test"];

/// The service answers when the upload is whole, or at once.
const PATHS: [&str; 2] = ["/upload", "/duplex"];

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_reaches_the_upstream_after_an_upload_is_cut() {
    let (gateway, upstreams) = start().await;
    let bob = gateway.pki().bob();
    let client = gateway.client(&bob);
    let mut uploads = Vec::new();
    for host in HOSTS {
        for path in PATHS {
            uploads.push(pour_over_h1(&client, host, path).await);
            uploads.push(pour_over_h2(&client, host, path).await);
        }
    }
    for upstream in &upstreams {
        eventually("four uploads", || async {
            (upstream.requests() == 4 && upstream.body_bytes() > 100).then_some(())
        })
        .await;
    }

    gateway.revoke(&[&bob]).await;

    let mut received = Vec::new();
    for upstream in &upstreams {
        eventually("the end of four uploads", || async { (upstream.aborts() == 4).then_some(()) }).await;
        received.push(upstream.body_bytes());
    }
    // They pour on until they cannot.
    for upload in uploads {
        within_patience("the end of an upload", upload).await.unwrap();
    }
    assert_eq!(received, upstreams.map(|upstream| upstream.body_bytes()));
    let records = eventually("eight final records", || async {
        let records: Vec<_> = gateway.records().into_iter().filter(|record| record.is_final()).collect();
        (records.len() >= 8).then_some(records)
    })
    .await;
    assert_eq!(records.len(), 8);
    for record in records {
        assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("certificate.revoked")), "{}", record.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_upload_is_cut_too() {
    let (gateway, upstreams) = start().await;
    let bob = gateway.pki().bob();
    let client = gateway.client(&bob);
    let mut open = Vec::new();
    for host in HOSTS {
        for path in PATHS {
            let h2 = client.h2(host).await.unwrap();
            let (mut sender, body) = Channel::<Bytes, BoxError>::new(1);
            let request = h2.request("POST", path).body(body.boxed_unsync()).unwrap();
            let answer = tokio::spawn(async move { h2.send(request).await });
            sender.send_data(Bytes::from_static(b"first")).await.unwrap();
            // Neither an end nor another byte ever comes.
            open.push((sender, answer));
        }
    }
    for upstream in &upstreams {
        eventually("the uploads", || async { (upstream.body_bytes() == 10).then_some(()) }).await;
    }

    gateway.revoke(&[&bob]).await;

    for upstream in &upstreams {
        eventually("the end at the upstream", || async { (upstream.aborts() == 2).then_some(()) }).await;
    }
    for (_sender, answer) in open {
        let answer = within_patience("the end of the upload", answer).await.unwrap();
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 401));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_client_that_takes_nothing_is_cut_with_its_connection() {
    let (gateway, _upstreams) = start().await;
    let bob = gateway.pki().bob();
    let tls = gateway.client(&bob).connect(HOSTS[0], &["h2"]).await.unwrap();
    // No stream may carry a byte: the answer's head comes, its body never does.
    let windows = h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(tls).await;
    let (mut sender, connection) = windows.unwrap();
    let ended = tokio::spawn(connection);
    let uri = format!("https://{}/bytes/100000000", HOSTS[0]);
    let (response, _) = sender.send_request(Request::get(uri).body(()).unwrap(), true).unwrap();
    let response = within_patience("the head of an answer", response).await.unwrap();
    assert_eq!(response.status(), 200);

    gateway.revoke(&[&bob]).await;

    // With or without an error: that is for the h2 crate to say.
    let _ = within_patience("the end of the connection", ended).await.unwrap();
    assert_cut(&gateway, "/bytes/100000000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_1_client_that_takes_nothing_is_cut_with_its_connection() {
    let (gateway, _upstreams) = start().await;
    let bob = gateway.pki().bob();
    let mut tls = gateway.client(&bob).connect(HOSTS[0], &["http/1.1"]).await.unwrap();
    let head = format!("GET /bytes/1000000000 HTTP/1.1\r\nHost: {}\r\n\r\n", HOSTS[0]);
    tls.write_all(head.as_bytes()).await.unwrap();
    tls.read_exact(&mut [0; 1]).await.unwrap();

    gateway.revoke(&[&bob]).await;

    assert_cut(&gateway, "/bytes/1000000000").await;
    drop(tls);
}

async fn assert_cut(gateway: &Gateway, path: &str) {
    let record = gateway.record("the final record", |r| r.path() == Some(path) && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("certificate.revoked")));
}

async fn start() -> (Gateway, [Echo; 2]) {
    let upstreams = [Echo::h1().await, Echo::h2c().await];
    let gateway = Gateway::start(|setup| {
        setup.app_with("one", &[upstreams[0].url()], "body_limit_bytes = 0");
        setup.app_with("two", &[upstreams[1].url()], "body_limit_bytes = 0");
    })
    .await;
    (gateway, upstreams)
}

/// Uploads until the connection does not take any more.
async fn pour_over_h1(client: &Client, host: &str, path: &str) -> JoinHandle<()> {
    let tls = client.connect(host, &["http/1.1"]).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(tls);
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
    writer.write_all(head.as_bytes()).await.unwrap();
    let read = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    tokio::spawn(async move {
        while writer.write_all(b"4\r\nabcd\r\n").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(PACE).await;
        }
        read.abort();
    })
}

/// Uploads until the stream does not take any more.
async fn pour_over_h2(client: &Client, host: &str, path: &str) -> JoinHandle<()> {
    let h2 = client.h2(host).await.unwrap();
    let (mut sender, body) = Channel::<Bytes, BoxError>::new(1);
    let request = h2.request("POST", path).body(body.boxed_unsync()).unwrap();
    let answer = tokio::spawn(async move { h2.send(request).await });
    tokio::spawn(async move {
        while sender.send_data(Bytes::from_static(b"abcd")).await.is_ok() {
            tokio::time::sleep(PACE).await;
        }
        let _ = answer.await;
    })
}

/// The pace of an upload.
const PACE: std::time::Duration = std::time::Duration::from_millis(2);
