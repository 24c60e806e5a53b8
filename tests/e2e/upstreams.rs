//! Upstreams of every kind, several of them, and those that are not well.

use std::sync::Arc;

use gaccong_tests::client::get;
use gaccong_tests::pki::{self, Pki};
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::nginx::Nginx;
use gaccong_tests::upstream::{Echo, Raw, Seen, raw};
use gaccong_tests::{Ca, Gateway, eventually};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;

const HOST: &str = "app.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn nginx_serves_through_the_gateway() {
    let nginx = Nginx::start().await;
    nginx.write("hello.txt", b"hello from nginx\n");
    nginx.write("large.bin", &vec![7; 5_000_000]);
    let gateway = Gateway::start(|setup| {
        setup.app("app", &nginx.url());
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    assert_eq!(h1.send(get(HOST, "/hello.txt")).await.unwrap().text(), "hello from nginx\n");
    assert_eq!(h2.get("/hello.txt").await.unwrap().text(), "hello from nginx\n");
    assert_eq!(h1.send(get(HOST, "/large.bin")).await.unwrap().body.len(), 5_000_000);
    assert_eq!(h2.get("/large.bin").await.unwrap().body.len(), 5_000_000);
    let missing = h2.get("/missing").await.unwrap();
    assert_eq!((missing.status.as_u16(), missing.reason()), (404, None), "nginx's own 404, not ours");
    let range = h2.request("GET", "/large.bin").header("range", "bytes=10-19");
    let part = h2.send(range.body(gaccong_tests::client::empty()).unwrap()).await.unwrap();
    assert_eq!((part.status.as_u16(), part.body.len()), (206, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_is_an_upstream() {
    let mut echo = None;
    let gateway = Gateway::start(|setup| {
        let upstream = Echo::unix(setup.dir().join("app.sock"));
        setup.app("app", upstream.url());
        echo = Some(upstream);
    })
    .await;
    let answer = gateway.alice().get(HOST, "/over-unix").await;
    let seen = Seen::of(&answer);
    assert_eq!((seen.target(), seen.header("host")), ("/over-unix", vec![HOST]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_upstream_sees_the_gateways_certificate() {
    for alpn in ["h2", "http/1.1"] {
        let pki = Pki::new();
        let echo = Echo::tls(upstream_tls(&pki, &["localhost"], alpn)).await;
        let gateway = Gateway::start(|setup| https_app(setup, &pki, &echo, "")).await;
        let seen = Seen::of(&gateway.alice().get(HOST, "/over-tls").await);
        let version = if alpn == "h2" { "HTTP/2.0" } else { "HTTP/1.1" };
        assert_eq!((seen.target(), seen.version()), ("/over-tls", version));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_an_https_upstream_can_be_configured() {
    let pki = Pki::new();
    let echo = Echo::tls(upstream_tls(&pki, &["payroll.internal.test"], "http/1.1")).await;
    let gateway =
        Gateway::start(|setup| https_app(setup, &pki, &echo, "server_name = \"payroll.internal.test\"")).await;
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_upstream_that_is_not_the_right_one_gets_nothing() {
    let pki = Pki::new();
    let stranger = Pki::new();
    let wrong_name = Echo::tls(upstream_tls(&pki, &["elsewhere.test"], "h2")).await;
    let mut config = upstream_tls(&stranger, &["localhost"], "h2");
    config.alpn_protocols.push(b"http/1.1".to_vec());
    let wrong_ca = Echo::tls(config).await;
    for echo in [wrong_name, wrong_ca] {
        let gateway = Gateway::start(|setup| https_app(setup, &pki, &echo, "")).await;
        let answer = gateway.alice().get(HOST, "/").await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (502, Some("upstream.connect")));
        assert_eq!(gateway.final_record(answer.id()).await.reason(), Some("upstream.connect"));
        assert_eq!(echo.requests(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_upstreams_take_turns() {
    let echoes = [Echo::h1().await, Echo::h1().await, Echo::h1().await];
    let gateway = Gateway::start(|setup| {
        setup.app_with("app", &echoes.each_ref().map(Echo::url), "");
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    for _ in 0..30 {
        assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    }
    assert_eq!(echoes.each_ref().map(Echo::requests), [10, 10, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_refuses_is_passed_over_when_nothing_was_sent() {
    let (echo, nobody) = (Echo::h1().await, raw::nobody().await);
    let gateway = Gateway::start(|setup| {
        setup.app_with("app", &[&nobody, echo.url()], "");
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    for _ in 0..10 {
        assert_eq!(h1.send(get(HOST, "/")).await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_healthy_upstream_is_said_so() {
    let sick = Raw::start(|mut stream| async move {
        raw::read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let gateway = Gateway::start(|setup| {
        let health = "[app.health]\npath = \"/health\"\ninterval_ms = 50\nunhealthy_after = 1";
        setup.app_with("app", &[&sick.url()], health);
    })
    .await;
    let alice = gateway.alice();
    // Until the first check is through the upstream counts as healthy and its own 500 comes back.
    let answer = eventually("no healthy upstream", || async {
        let answer = alice.get(HOST, "/").await;
        (answer.reason() == Some("upstream.unavailable")).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 502);
    assert_eq!(gateway.final_record(answer.id()).await.reason(), Some("upstream.unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sick_upstream_gets_no_requests_and_comes_back() {
    let well = Echo::h1().await;
    let cured = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = cured.clone();
    let patient = Raw::start(move |mut stream| {
        let cured = flag.clone();
        async move {
            while !raw::read_head(&mut stream).await.is_empty() {
                let status = if cured.load(std::sync::atomic::Ordering::SeqCst) { "200 OK" } else { "503 Sick" };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 7\r\n\r\npatient");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    let gateway = Gateway::start(|setup| {
        let health = "[app.health]\npath = \"/health\"\ninterval_ms = 50\nunhealthy_after = 1\nhealthy_after = 1";
        setup.app_with("app", &[well.url(), &patient.url()], health);
    })
    .await;
    let alice = gateway.alice();
    let turn = async || {
        let answers = [alice.get(HOST, "/").await, alice.get(HOST, "/").await];
        answers.iter().any(|answer| answer.text() == "patient")
    };
    eventually("the sick one to be left out", || async { (!turn().await && !turn().await).then_some(()) }).await;
    cured.store(true, std::sync::atomic::Ordering::SeqCst);
    eventually("the cured one to come back", || async { turn().await.then_some(()) }).await;
}

/// An https upstream that demands a certificate of the services' CA.
fn upstream_tls(pki: &Pki, names: &[&str], alpn: &str) -> ServerConfig {
    let certified = pki.servers.issue(pki::server(names));
    let mut roots = RootCertStore::empty();
    roots.add(pki.services.der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(certified.chain, certified.key)
        .unwrap();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    config
}

fn https_app(setup: &mut Setup, pki: &Pki, echo: &Echo, lines: &str) {
    let ours = Ca::issue(&pki.services, pki::workload("spiffe://prod.example/gateway"));
    setup.write("upstream-ca.pem", &pki.servers.pem());
    setup.write("upstream-client.pem", &ours.pem);
    setup.write("upstream-client.key", &ours.key_pem);
    let tls =
        "[app.tls]\nca = \"upstream-ca.pem\"\nchain = \"upstream-client.pem\"\nkey = \"file:upstream-client.key\"";
    setup.app_with("app", &[echo.url()], &format!("{tls}\n{lines}"));
}
