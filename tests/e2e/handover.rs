//! `run --upgrade` takes the sockets over without a refused connection or a lost request.

use futures_util::{SinkExt, StreamExt};
use gaccong_tests::client::read_answer;
use gaccong_tests::load::Load;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, audit, eventually, within_patience};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn two_upgrades_under_load_lose_no_request() {
    let (first, _echo) = start("drain_ms = 10000").await;
    let load = Load::start(&first.alice(), HOST);
    load.serve(50).await;
    let mut generation = first;
    for _ in 0..2 {
        let next = generation.upgrade().await;
        assert_eq!(next.listen(), generation.listen());
        assert_eq!(next.management(), generation.management());
        load.serve(50).await;
        let status = generation.exit().await;
        assert!(status.success(), "the predecessor ended with {status}");
        load.serve(50).await;
        generation = next;
    }
    let (failures, served) = load.stop().await;
    assert!(failures.is_empty(), "{failures:#?}");
    let recorded = gaccong_tests::eventually("all records", || async {
        let finals = generation.records().iter().filter(|record| record.is_final()).count() as u64;
        (finals >= served).then_some(finals)
    })
    .await;
    assert_eq!(recorded, served, "each request has its record, whichever process served it");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_writes_its_own_segment() {
    let (mut first, _echo) = start("drain_ms = 10000").await;
    let one = first.alice().get(HOST, "/").await;
    first.final_record(one.id()).await;
    let second = first.upgrade().await;
    first.exit().await;
    let two = second.alice().get(HOST, "/").await;
    second.final_record(two.id()).await;

    let holder = |id: &str| {
        let segments = audit::segments(&second.audit_dir());
        let found = segments.iter().find(|(_, text)| audit::parse_lines(text).iter().any(|r| r.id() == id));
        found.map(|(name, _)| name.clone()).unwrap()
    };
    assert_ne!(holder(one.id()), holder(two.id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_the_drain_bound_is_cut_and_recorded() {
    let (mut first, _echo) = start("drain_ms = 500").await;
    let tls = first.alice().connect(HOST, &["http/1.1"]).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://echo.example.test/socket", tls).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));

    let second = first.upgrade().await;
    let last = within_patience("the end of the WebSocket", async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                break;
            }
        }
    });
    last.await;
    first.exit().await;
    let record = second.record("its record", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("gateway.draining")));
    assert_eq!(second.alice().get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_cannot_start_leaves_the_old_one_serving() {
    let (mut first, _echo) = start("drain_ms = 10000").await;
    let good = std::fs::read_to_string(first.dir().join("gaccong.toml")).unwrap();
    first.replace("gaccong.toml", "broken");
    let output = gaccong_tests::gateway::command()
        .args(["run", "--upgrade", "-c"])
        .arg(first.dir().join("gaccong.toml"))
        .output();
    let output = within_patience("the end of the successor", output).await.unwrap();
    assert_eq!(output.status.code(), Some(78));
    first.replace("gaccong.toml", &good);
    assert!(first.is_running());
    assert_eq!(first.alice().get(HOST, "/").await.status, 200);
    assert_eq!(first.manage("/readyz").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_cannot_listen_for_the_next_leaves_the_old_one_serving() {
    let (mut first, _echo) = start("drain_ms = 10000").await;
    std::fs::create_dir(first.dir().join("run/handover.sock.new")).unwrap();
    let output = gaccong_tests::gateway::command()
        .args(["run", "--upgrade", "-c"])
        .arg(first.dir().join("gaccong.toml"))
        .output();
    let output = within_patience("the end of the successor", output).await.unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(first.is_running());
    assert_eq!(first.manage("/readyz").await.unwrap().0, 200);
    std::fs::remove_dir(first.dir().join("run/handover.sock.new")).unwrap();
    let second = first.upgrade().await;
    assert!(first.exit().await.success());
    assert_eq!(second.alice().get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predecessor_that_is_told_to_end_leaves_the_sockets_to_its_successor() {
    let (mut first, _echo) = start("drain_ms = 10000").await;
    let path = first.dir().join("run/handover.sock");
    // A successor that loads for as long as it likes.
    let taken = tokio::task::spawn_blocking(move || gaccong::process::handover::take(&path));
    let (sockets, predecessor) = taken.await.unwrap().unwrap();
    first.terminate();
    assert!(first.exit().await.success());
    predecessor.ready();
    let successor = TcpListener::from_std(sockets.data).unwrap();
    let _client = TcpStream::connect(first.listen()).await.unwrap();
    within_patience("a connection", successor.accept()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_reach_the_successor_only() {
    let (mut first, echo) = start("drain_ms = 600000").await;
    let client = first.alice();
    let running = tokio::spawn(async move { client.get(HOST, "/hold").await });
    eventually("the request at the upstream", || async { (echo.requests() == 1).then_some(()) }).await;
    let mut connected = TcpStream::connect(first.management()).await.unwrap();
    probe(&mut connected).await;

    let second = first.upgrade().await;
    // The predecessor closes what had connected to it: it has stopped.
    within_patience("the end of the old connection", connected.read_to_end(&mut Vec::new())).await.unwrap();
    for _ in 0..100 {
        assert_eq!(second.manage("/readyz").await.unwrap().0, 200);
    }
    assert!(first.is_running());
    echo.release();
    assert_eq!(running.await.unwrap().status, 200);
    assert!(first.exit().await.success());
}

/// Asks `/readyz` and leaves the connection open.
async fn probe(connection: &mut TcpStream) {
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let answer = read_answer(connection).await.unwrap();
    assert_eq!(answer.status, 200);
}

async fn start(listen: &str) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("listen", listen);
    })
    .await;
    (gateway, echo)
}
