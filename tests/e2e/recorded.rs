//! Every request leaves exactly one final record, whatever becomes of it, and nothing is done that cannot be recorded.

use std::collections::BTreeMap;

use gaccong_tests::client::{empty, get, request};
use gaccong_tests::load::Load;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, eventually};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_requests_has_one_final_record() {
    let (gateway, _echo) = start().await;
    let h2 = std::sync::Arc::new(gateway.alice().h2(HOST).await.unwrap());
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let h2 = h2.clone();
            tokio::spawn(async move { h2.get(&format!("/{n}")).await.unwrap().id().to_owned() })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    for id in &ids {
        gateway.final_record(id).await;
    }
    let mut recorded: Vec<_> = gateway.records().iter().filter(|r| r.is_final()).map(|r| r.id().to_owned()).collect();
    recorded.sort();
    ids.sort();
    assert_eq!(recorded, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_its_record() {
    let (gateway, echo) = start().await;
    let alice = gateway.alice();

    // Before the answer.
    let mut tls = alice.connect(HOST, &["http/1.1"]).await.unwrap();
    tls.write_all(b"GET /hold?1 HTTP/1.1\r\nHost: echo.example.test\r\n\r\n").await.unwrap();
    eventually("the request at the upstream", || async { (echo.requests() == 1).then_some(()) }).await;
    drop(tls);
    one_final_record(&gateway, "/hold").await;

    // During the answer, over HTTP/1.1 and over HTTP/2, where only the stream ends.
    let mut h1 = alice.h1(HOST).await.unwrap();
    drop(h1.begin(get(HOST, "/bytes/100000000")).await.unwrap());
    drop(h1);
    one_final_record(&gateway, "/bytes/100000000").await;

    let h2 = alice.h2(HOST).await.unwrap();
    drop(h2.begin(h2.request("GET", "/bytes/200000000").body(empty()).unwrap()).await.unwrap());
    one_final_record(&gateway, "/bytes/200000000").await;
    assert_eq!(h2.get("/").await.unwrap().status, 200, "the connection lives on");
}

async fn one_final_record(gateway: &Gateway, path: &str) {
    let wanted = |record: &gaccong_tests::Record| record.path() == Some(path) && record.is_final();
    let record = gateway.record(path, wanted).await;
    assert_eq!(record.outcome(), Some("client_gone"), "{path}");
    assert_eq!(gateway.records().iter().filter(|record| wanted(record)).count(), 1, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_stays_open_is_announced() {
    let (gateway, echo) = start().await;
    let client = gateway.alice();
    let held = tokio::spawn(async move { client.get(HOST, "/hold").await });
    let opening = gateway.record("an opening record", |record| !record.is_final()).await;
    assert_eq!(opening.path(), Some("/hold"));
    assert_eq!(opening.action(), "Allowed");
    assert!(opening.question().is_some(), "it says what was asked");
    assert!(!gateway.records().iter().any(|record| record.is_final()), "nothing is final yet");

    echo.release();
    let answer = held.await.unwrap();
    assert_eq!(opening.id(), answer.id());
    assert_eq!(gateway.final_record(answer.id()).await.outcome(), Some("completed"));
    let of_it = gateway.records().iter().filter(|record| record.id() == answer.id()).count();
    assert_eq!(of_it, 2, "one opening, one final");
}

/// What became of the records of one request.
#[derive(Default, Debug)]
struct Seen {
    openings: usize,
    finals: usize,
    opening_after_final: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_record_is_the_one_and_the_last() {
    let (mut gateway, echo) = start().await;
    let (alice, bob) = (gateway.alice(), gateway.pki().bob());
    let load = Load::start(&alice, HOST);
    // Requests of all kinds, all about a second old: their openings and their ends meet.
    let mut held = Vec::new();
    for client in [&alice, &gateway.client(&bob)] {
        for _ in 0..10 {
            let h2 = std::sync::Arc::new(client.h2(HOST).await.unwrap());
            for path in ["/hold", "/sse", "/hold?gone", "/duplex"] {
                let h2 = h2.clone();
                let request = h2.request("GET", path).body(empty()).unwrap();
                held.push((path, tokio::spawn(async move { h2.send(request).await })));
            }
        }
    }
    gateway.record("the first opening record", |record| !record.is_final()).await;
    for (_, request) in held.iter().filter(|(path, _)| *path == "/hold?gone") {
        request.abort();
    }
    echo.release();
    gateway.revoke(&[&bob]).await;
    load.serve(100).await;
    let (failures, _) = load.stop().await;
    assert!(failures.is_empty(), "{failures:#?}");
    drop(held);
    gateway.terminate();
    gateway.exit().await;

    let mut requests = BTreeMap::<String, Seen>::new();
    for record in gateway.records() {
        let seen = requests.entry(record.id().to_owned()).or_default();
        match record.is_final() {
            true => seen.finals += 1,
            false => {
                seen.openings += 1;
                seen.opening_after_final |= seen.finals > 0;
            }
        }
    }
    assert!(requests.values().any(|seen| seen.openings > 0) && requests.len() > 180, "{} requests", requests.len());
    for (id, seen) in requests {
        assert!(seen.finals == 1 && seen.openings <= 1 && !seen.opening_after_final, "{id}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_who_what_whence_and_why() {
    let (gateway, _echo) = start().await;
    let request = request("POST", HOST, "/orders/7").header("user-agent", "test/1.0").body(empty()).unwrap();
    let answer = gateway.alice().send(HOST, request).await.unwrap();
    let record = gateway.final_record(answer.id()).await;

    let expected: &[(&str, &str)] = &[
        ("/metadata/version", "1.8.0"),
        ("/http_request/http_method", "POST"),
        ("/http_request/url/hostname", HOST),
        ("/http_request/url/path", "/orders/7"),
        ("/http_request/user_agent", "test/1.0"),
        ("/src_endpoint/ip", "127.0.0.1"),
        ("/unmapped/gaccong/question/principal/id", "alice@example.org"),
        ("/unmapped/gaccong/question/principal/kind", "user"),
        ("/unmapped/gaccong/question/action", "write"),
        ("/unmapped/gaccong/question/app", "echo"),
        ("/unmapped/gaccong/question/context/device/id", "laptop-7"),
        ("/unmapped/gaccong/question/context/device/source", "mdm"),
        ("/unmapped/gaccong/question/context/certificate/trust_domain", "laptops"),
        ("/unmapped/gaccong/question/context/request/path", "/orders/7"),
    ];
    for (pointer, value) in expected {
        assert_eq!(record.text(pointer), Some(*value), "{pointer} in {}", record.0);
    }
    let device = record.question().unwrap().pointer("/context/device").unwrap();
    assert_eq!(device["disk_encrypted"], Value::Bool(true));
    assert_eq!(device["patch_age_days"], 12);
    let text = record.0.to_string();
    for part in ["\"staff\"", "policy_digest", "TLS", "certificate_fingerprint"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(record.at("/metadata/profiles").unwrap().to_string().contains("security_control"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_recorded_or_logged() {
    let (gateway, _echo) = start().await;
    let request = request("GET", HOST, "/?key=SECRET-query")
        .header("authorization", "Bearer SECRET-token")
        .header("cookie", "session=SECRET-cookie");
    let answer = gateway.alice().send(HOST, request.body(empty()).unwrap()).await.unwrap();
    let bytes = b"GET /a//b?SECRET HTTP/1.1\r\nHost: echo.example.test\r\nCookie: SECRET\r\n\r\n";
    let refused = gateway.alice().raw(HOST, bytes).await.unwrap();
    gateway.final_record(answer.id()).await;
    gateway.final_record(refused.id()).await;
    let records: String = gateway.records().iter().map(|record| record.0.to_string()).collect();
    assert!(!records.contains("SECRET"), "{records}");
    assert!(!gateway.log().contains("SECRET"), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_stays_within_its_line() {
    let (gateway, _echo) = start().await;
    let agent = "\"}\\n{\"class_uid\":4002, \t\u{ff} ".to_owned() + &"x".repeat(20_000);
    let bytes = format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {agent}\r\n\r\n");
    let answer = gateway.alice().raw(HOST, bytes.as_bytes()).await.unwrap();
    // Reading fails on a line that is not one record of at most 60 KiB.
    gateway.final_record(answer.id()).await;
    assert_eq!(gateway.records().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_done() {
    let echo = Echo::h1().await;
    let mut gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("audit", "directory = \"stdout\"").set("audit", "queue_records = 16");
        setup.drain_stdout = false;
    })
    .await;
    // Nobody reads the gateway's standard output: the pipe fills, then the queue.
    let alice = gateway.alice();
    let refused = until_refused(&alice).await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (503, Some("audit.queue_full")));
    // The writer takes a last batch before it is stuck: then nothing goes through any more.
    eventually("twenty refusals in a row", || async {
        for _ in 0..20 {
            alice.get(HOST, "/").await.reason().filter(|reason| *reason == "audit.queue_full")?;
        }
        Some(())
    })
    .await;
    let forwarded = echo.requests();
    assert_eq!(alice.get(HOST, "/").await.reason(), Some("audit.queue_full"));
    assert_eq!(echo.requests(), forwarded, "nothing reached the upstream");

    gateway.read_stdout();
    eventually("requests to be served again", || async { (alice.get(HOST, "/").await.status == 200).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_fails_stops_requests() {
    let echo = Echo::h1().await;
    let mut gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("audit", "directory = \"stdout\"").set("audit", "queue_records = 16");
        setup.drain_stdout = false;
    })
    .await;
    gateway.close_stdout();
    let refused = until_refused(&gateway.alice()).await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (503, Some("audit.queue_full")));
    assert!(gateway.is_running());
}

async fn until_refused(client: &gaccong_tests::Client) -> gaccong_tests::Answer {
    let mut h1 = client.h1(HOST).await.unwrap();
    for _ in 0..5_000 {
        if !h1.is_open() {
            h1 = client.h1(HOST).await.unwrap();
        }
        let answer = h1.send(get(HOST, "/")).await.unwrap();
        if answer.status != 200 {
            return answer;
        }
    }
    panic!("5 000 requests were served and nobody could record them");
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_rotate_and_nothing_is_lost() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("audit", "segment_bytes = 65536");
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    for n in 0..200 {
        assert_eq!(h1.send(get(HOST, &format!("/{n}"))).await.unwrap().status, 200);
    }
    eventually("200 records", || async { (gateway.records().len() == 200).then_some(()) }).await;
    let segments = gaccong_tests::audit::segments(&gateway.audit_dir());
    assert!(segments.len() > 1, "{} segments", segments.len());
}

async fn start() -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    (gateway, echo)
}
