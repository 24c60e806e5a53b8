//! Revocation lists that the gateway fetches by itself.

use futures_util::{SinkExt, StreamExt};
use gaccong_tests::client::get;
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::{Echo, Publisher};
use gaccong_tests::{Certified, Gateway, Pki, eventually, within_patience};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "echo.example.test";
const SOCKETS: &str = "socket.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_on_a_list_that_is_fetched_is_cut() {
    let echo = Echo::h1().await;
    let pki = Pki::new();
    let publisher = Publisher::of(pki.laptops.crl(&[])).await;
    let gateway = Gateway::start(|setup| {
        fetching(setup, pki, &publisher);
        setup.app("echo", echo.url()).app("socket", echo.url());
    })
    .await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    served(&gateway, &alice).await;
    let mut hers = gateway.client(&alice).websocket(SOCKETS, "/socket").await.unwrap();
    let mut his = gateway.client(&bob).websocket(SOCKETS, "/socket").await.unwrap();
    // A list that has not changed is not sent again.
    eventually("a list that is not sent", || async { (publisher.unchanged() > 0).then_some(()) }).await;
    assert_eq!(publisher.sent(), 1);

    publisher.replace(gateway.pki().laptops.crl(&[&bob]));

    let closed = within_patience("the close frame", his.next()).await;
    let Some(Ok(Message::Close(Some(frame)))) = closed else { panic!("{closed:?}") };
    assert_eq!(frame.code, CloseCode::Policy);
    let record = gateway.record("the final record", |r| r.path() == Some("/socket") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("certificate.revoked")));
    hers.send(Message::text("still here")).await.unwrap();
    assert!(matches!(within_patience("an echo", hers.next()).await, Some(Ok(Message::Text(_)))));
    let metrics = gateway.metrics().await;
    let fetched = |result| metrics.count("gaccong_crl_fetches_total", &[("trust", "laptops"), ("result", result)]);
    assert!(fetched("new") >= 2.0 && fetched("unchanged") >= 1.0 && fetched("failed") < 1.0, "{}", metrics.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_list_outlives_bad_ones_and_a_restart() {
    let echo = Echo::h1().await;
    let pki = Pki::new();
    let (alice, bob) = (pki.alice(), pki.bob());
    let older = pki.laptops.crl(&[]);
    let newer = pki.laptops.crl(&[&bob]);
    let strangers = Pki::new().laptops.crl(&[]);
    let publisher = Publisher::of(newer).await;
    let mut gateway = Gateway::start(|setup| {
        fetching(setup, pki, &publisher);
        setup.app("echo", echo.url());
    })
    .await;
    served(&gateway, &alice).await;
    assert!(!is_served(&gateway, &bob).await, "bob is on the list");

    for bad in [older.into_bytes(), strangers.into_bytes(), b"garbage".to_vec()] {
        let before = refused(&gateway).await;
        publisher.replace(bad);
        eventually("a list that is refused", || async { (refused(&gateway).await > before).then_some(()) }).await;
    }
    assert!(!is_served(&gateway, &bob).await, "the last good list stays in force");

    drop(publisher);
    gateway.terminate();
    gateway.exit().await;
    let gateway = gateway.restart().await;
    served(&gateway, &alice).await;
    assert!(!is_served(&gateway, &bob).await, "the list was kept");
}

/// Laptops whose list is fetched every second.
fn fetching(setup: &mut Setup, pki: Pki, publisher: &Publisher) {
    setup.write("laptops.pem", &pki.laptops.pem());
    setup.pki.laptops = pki.laptops;
    std::fs::create_dir(setup.dir().join("cache")).unwrap();
    setup.set("clients", "cache = \"cache\"");
    let names = "device = \"uri:urn:device:{id}\"\nperson = \"email\"";
    let fetch = format!("crl_fetch = [{{ url = \"{}\", every_s = 1 }}]", publisher.url());
    setup.trust.insert("laptops", format!("ca = [\"laptops.pem\"]\n{fetch}\n{names}"));
}

/// Waits until a client is served.
async fn served(gateway: &Gateway, certified: &Certified) {
    eventually("a request that is served", || async { is_served(gateway, certified).await.then_some(()) }).await;
}

async fn is_served(gateway: &Gateway, certified: &Certified) -> bool {
    let Ok(mut connection) = gateway.client(certified).h1(HOST).await else { return false };
    connection.send(get(HOST, "/")).await.is_ok_and(|answer| answer.status == 200)
}

async fn refused(gateway: &Gateway) -> f64 {
    gateway.metrics().await.count("gaccong_crl_fetches_total", &[("result", "refused")])
}
