//! SIGTERM: running requests finish within a bound, then the process ends at once.

use futures_util::{SinkExt, StreamExt};
use gaccong_tests::client::get;
use gaccong_tests::load::Load;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, eventually, within_patience};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_running_request_finishes_and_then_the_process_ends() {
    let (mut gateway, echo) = start(&["drain_ms = 600000"]).await;
    let client = gateway.alice();
    let running = tokio::spawn(async move { client.get(HOST, "/hold").await });
    eventually("the request at the upstream", || async { (echo.requests() == 1).then_some(()) }).await;

    gateway.terminate();
    draining(&gateway).await;
    eventually("new connections to be refused", || async { TcpStream::connect(gateway.listen()).await.err() }).await;
    assert_eq!(gateway.manage("/livez").await.unwrap().0, 200, "it lives while it drains");
    assert!(gateway.is_running());

    echo.release();
    let answer = running.await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(gateway.exit().await.success());
    assert_eq!(gateway.final_record(answer.id()).await.outcome(), Some("completed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_ends_at_once() {
    // The bound is far beyond the patience of the test.
    let (mut gateway, _echo) = start(&["drain_ms = 600000"]).await;
    let alice = gateway.alice();
    let mut h1 = alice.h1(HOST).await.unwrap();
    let h2 = alice.h2(HOST).await.unwrap();
    assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    assert_eq!(h2.get("/").await.unwrap().status, 200);
    let never_used = alice.connect(HOST, &["http/1.1"]).await.unwrap();
    gateway.terminate();
    assert!(gateway.exit().await.success());
    drop(never_used);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_is_cut_and_recorded() {
    let (mut gateway, echo) = start(&["drain_ms = 300"]).await;
    let client = gateway.alice();
    let running = tokio::spawn(async move { client.send(HOST, get(HOST, "/hold")).await });
    eventually("the request at the upstream", || async { (echo.requests() == 1).then_some(()) }).await;
    gateway.terminate();
    if let Ok(answer) = running.await.unwrap() {
        assert_eq!((answer.status.as_u16(), answer.reason()), (503, Some("gateway.draining")));
    }
    assert!(gateway.exit().await.success());
    let record = gateway.record("its record", |r| r.path() == Some("/hold") && r.is_final()).await;
    assert_eq!(record.reason(), Some("gateway.draining"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_dropped_and_recorded() {
    let (mut gateway, echo) = start(&["drain_ms = 300"]).await;
    let mut client = gateway.alice().connect(HOST, &["http/1.1"]).await.unwrap();
    client.write_all(b"GET /bytes/100000000 HTTP/1.1\r\nHost: echo.example.test\r\n\r\n").await.unwrap();
    eventually("the request at the upstream", || async { (echo.requests() == 1).then_some(()) }).await;
    gateway.terminate();
    assert!(gateway.exit().await.success());
    gateway.record("its record", |r| r.path() == Some("/bytes/100000000") && r.is_final()).await;
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_warns_before_connections_are_refused() {
    let (gateway, _echo) = start(&["drain_delay_ms = 600000"]).await;
    assert_eq!(gateway.manage("/readyz").await.unwrap().0, 200);
    gateway.terminate();
    draining(&gateway).await;
    // The balancer has not looked yet: those it still sends are served.
    let load = Load::start(&gateway.alice(), HOST);
    load.serve(50).await;
    let (failures, _) = load.stop().await;
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_opened_while_balancers_still_send() {
    let (gateway, _echo) = start(&["drain_delay_ms = 600000"]).await;
    gateway.terminate();
    draining(&gateway).await;
    let mut socket = gateway.alice().websocket(HOST, "/socket").await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    let echoed = within_patience("an echoed message", socket.next()).await.unwrap().unwrap();
    assert_eq!(echoed, Message::text("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_on_an_old_connection_is_answered_just_after_the_signal() {
    let (mut gateway, echo) = start(&["drain_ms = 600000"]).await;
    let alice = gateway.alice();
    let mut h1 = alice.h1(HOST).await.unwrap();
    assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    // The connection has been idle for a while when another request is a second old.
    let held = tokio::spawn(async move { alice.get(HOST, "/hold").await.status });
    gateway.record("an opening record", |record| !record.is_final()).await;

    gateway.terminate();
    draining(&gateway).await;
    let answer = h1.send(get(HOST, "/")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, Some("close")));

    echo.release();
    assert_eq!(held.await.unwrap(), 200);
    assert!(gateway.exit().await.success());
}

async fn draining(gateway: &Gateway) {
    eventually("readyz to say that it drains", || async {
        gateway.manage("/readyz").await.ok().filter(|(status, _)| *status == 503)
    })
    .await;
}

async fn start(listen: &[&str]) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        for line in listen {
            setup.set("listen", line);
        }
    })
    .await;
    (gateway, echo)
}
