//! Validity and revocation hold for each request of a living connection, not only for its handshake.

use std::time::{Duration, SystemTime};

use gaccong_tests::client::get;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, eventually, pki};

const HOST: &str = "echo.example.test";

/// Long enough for a gateway to start and a handshake to succeed on a busy machine, short enough to wait for.
const SOON: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_during_its_connection_is_refused() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let mut params = pki::laptop("laptop-7", "alice@example.org");
    params.not_after = (SystemTime::now() + SOON).into();
    let client = gateway.client(&gateway.pki().laptops.issue(params));
    refused_in_time(&gateway, &client, "certificate.expired", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_that_goes_stale_refuses() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.write("laptops.crl", &setup.pki.laptops.crl_until(&[], SystemTime::now() + SOON));
    })
    .await;
    refused_in_time(&gateway, &gateway.alice(), "certificate.crl_stale", 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posture_that_goes_stale_refuses() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("posture", "max_age_s = { default = 6 }");
    })
    .await;
    refused_in_time(&gateway, &gateway.alice(), "device.posture_stale", 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_on_its_living_connection() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let mut hers = gateway.client(&alice).h1(HOST).await.unwrap();
    let mut his = gateway.client(&bob).h1(HOST).await.unwrap();
    assert_eq!(hers.send(get(HOST, "/")).await.unwrap().status, 200);
    assert_eq!(his.send(get(HOST, "/")).await.unwrap().status, 200);

    gateway.revoke(&[&bob]).await;

    // An answer with the reason, or the connection is gone: it may not be served.
    if let Ok(answer) = his.send(get(HOST, "/")).await {
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("certificate.revoked")));
    }
    assert_eq!(hers.send(get(HOST, "/")).await.unwrap().status, 200);
}

/// The first request of a connection is served; a later one of the same connection is refused.
async fn refused_in_time(gateway: &Gateway, client: &gaccong_tests::Client, reason: &str, status: u16) {
    let connection = client.h2(HOST).await.unwrap();
    assert_eq!(connection.get("/").await.unwrap().status, 200);
    let answer = eventually(reason, || async {
        // One that is on its way at that moment is cut.
        connection.get("/").await.ok().filter(|answer| answer.status != 200)
    })
    .await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (status, Some(reason)));
    assert_eq!(gateway.final_record(answer.id()).await.reason(), Some(reason));
}
