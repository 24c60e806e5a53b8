//! Floods: those who make them are cut, those who do not are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gaccong_tests::client::get;
use gaccong_tests::pki::{self, Certified};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, within_patience};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HOST: &str = "echo.example.test";

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";
const PRIORITY: &[u8] = b"\0\0\x05\x02\0\0\0\0\x03\0\0\0\0\x10";
const WINDOW_UPDATE: &[u8] = b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01";
const UNKNOWN: &[u8] = b"\0\0\0\x42\0\0\0\0\0";

#[tokio::test(flavor = "multi_thread")]
async fn good_traffic_goes_on_while_another_floods_with_bad_handshakes() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let untrusted = gateway.pki().servers.issue(pki::laptop("laptop-7", "alice@example.org"));
    let stop = Arc::new(AtomicBool::new(false));
    let attempts = Arc::new(AtomicU64::new(0));
    let attacker = tokio::spawn(attack(gateway.client(&untrusted), gateway.listen(), stop.clone(), attempts.clone()));

    let refused = a_thousand_a_second(&gateway, &gateway.pki().alice(), 5).await;

    stop.store(true, Ordering::SeqCst);
    attacker.await.unwrap();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(attempts.load(Ordering::SeqCst) > 100, "hardly a flood");
    // They were summed up, not recorded one by one.
    let recorded =
        gateway.records().iter().filter(|record| record.class() == gaccong_tests::audit::NETWORK_ACTIVITY).count();
    assert!(recorded <= 200, "{recorded} records");
}

/// One after the other, as fast as they go: not TLS, half a handshake, an untrusted certificate.
async fn attack(client: Client, address: std::net::SocketAddr, stop: Arc<AtomicBool>, attempts: Arc<AtomicU64>) {
    while !stop.load(Ordering::SeqCst) {
        for bytes in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[0x16, 0x03, 0x01, 0x00, 0xff]] {
            if let Ok(mut tcp) = TcpStream::connect(address).await {
                let _ = tcp.write_all(bytes).await;
            }
        }
        if let Ok(mut tls) = client.connect(HOST, &["http/1.1"]).await {
            let _ = tls.read(&mut [0; 1]).await;
        }
        attempts.fetch_add(3, Ordering::SeqCst);
    }
}

/// Offers a thousand requests a second over twenty connections; returns those that were not served.
async fn a_thousand_a_second(gateway: &Gateway, certified: &Certified, seconds: usize) -> Vec<String> {
    const CONNECTIONS: usize = 20;
    let mut workers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut h1 = gateway.client(certified).h1(HOST).await.unwrap();
        workers.push(tokio::spawn(async move {
            let mut refused = Vec::new();
            let mut pace = tokio::time::interval(Duration::from_millis(CONNECTIONS as u64));
            for _ in 0..1000 / CONNECTIONS * seconds {
                pace.tick().await;
                match h1.send(get(HOST, "/")).await {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => refused.push(format!("{} {:?}", answer.status, answer.reason())),
                    Err(error) => {
                        refused.push(error.to_string());
                        break;
                    }
                }
            }
            refused
        }));
    }
    let mut refused = Vec::new();
    for worker in workers {
        refused.extend(worker.await.unwrap());
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_control_frames_is_cut() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("limits", "control_frames_per_10s = 100");
    })
    .await;
    let frames = [
        ("SETTINGS", SETTINGS),
        ("PING", PING),
        ("PRIORITY", PRIORITY),
        ("WINDOW_UPDATE", WINDOW_UPDATE),
        ("unknown", UNKNOWN),
    ];
    for (seen, (name, frame)) in frames.into_iter().enumerate() {
        flood(&gateway.alice(), name, frame).await;
        gaccong_tests::eventually(&format!("the record of a flood of {name}"), || async {
            let records = gateway.records();
            let floods = records.iter().filter(|record| record.reason() == Some("connection.flood")).count();
            (floods == seen + 1).then_some(())
        })
        .await;
    }
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}

/// Sends frames until the connection ends.
async fn flood(client: &Client, name: &str, frame: &[u8]) {
    let tls = client.connect(HOST, &["h2"]).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(tls);
    let read = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    within_patience(&format!("the end of a flood of {name}"), async {
        let _ = writer.write_all(PREFACE).await;
        let many = frame.repeat(50);
        for _ in 0..10_000 {
            if writer.write_all(&many).await.is_err() || read.is_finished() {
                return;
            }
        }
        panic!("500 000 frames of {name} were taken");
    })
    .await;
    read.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_are_cut() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("limits", "control_frames_per_10s = 100");
    })
    .await;
    let tls = gateway.alice().connect(HOST, &["h2"]).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(tls);
    let read = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    within_patience("the end of rapid resets", async {
        let _ = writer.write_all(PREFACE).await;
        for stream in (1_u32..).step_by(2).take(100_000) {
            if writer.write_all(&opened_and_reset(stream)).await.is_err() || read.is_finished() {
                return;
            }
        }
        panic!("100 000 resets were taken");
    })
    .await;
    assert!(echo.requests() < 1_000, "{} requests were forwarded", echo.requests());
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}

/// HEADERS for `GET https://echo.example.test/` and RST_STREAM.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    // Static table: :method GET, :scheme https, :path /; :authority as a literal without indexing.
    let mut block = vec![0x82, 0x87, 0x84, 0x01, u8::try_from(HOST.len()).unwrap()];
    block.extend(HOST.as_bytes());
    let mut frames = vec![0, 0, u8::try_from(block.len()).unwrap(), 0x01, 0x05];
    frames.extend(stream.to_be_bytes());
    frames.extend(block);
    frames.extend([0, 0, 4, 0x03, 0]);
    frames.extend(stream.to_be_bytes());
    frames.extend(8_u32.to_be_bytes());
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_cut() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("limits", "control_frames_per_10s = 100");
    })
    .await;
    let tls = gateway.alice().connect(HOST, &["h2"]).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(tls);
    let read = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    within_patience("the end of an endless head", async {
        let _ = writer.write_all(PREFACE).await;
        // HEADERS without END_HEADERS, then CONTINUATION without end.
        let _ = writer.write_all(b"\0\0\x01\x01\x01\0\0\0\x01\x82").await;
        for _ in 0..100_000 {
            let continuation = b"\0\0\x04\x09\0\0\0\0\x01\0\x01a\0";
            if writer.write_all(continuation).await.is_err() || read.is_finished() {
                return;
            }
        }
        panic!("100 000 CONTINUATION frames were taken");
    })
    .await;
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}
