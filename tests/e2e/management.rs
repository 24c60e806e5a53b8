//! The management listener over TLS.

use gaccong_tests::client::{empty, get, request};
use gaccong_tests::pki;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway};

const HOST: &str = "management.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_trust_domains_that_are_named_are_admitted() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        let tls = "tls = { chain = \"server.pem\", key = \"file:server.key\", trust = [\"services\"] }";
        setup.set("management", tls);
    })
    .await;
    let pki = gateway.pki();
    let client = |certified| Client::new(gateway.management(), pki, certified);

    let billing = pki.billing();
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(client(Some(&billing)).get(HOST, path).await.status, 200, "{path}");
    }

    let of_the_wrong_ca = pki.servers.issue(pki::workload("spiffe://prod.example/billing"));
    let alice = pki.alice();
    for (who, certified) in [("another trust domain", &alice), ("a CA that no trust domain has", &of_the_wrong_ca)] {
        let answer = client(Some(certified)).send(HOST, get(HOST, "/livez")).await;
        assert!(answer.is_err(), "{who} was admitted: {answer:?}");
    }
    // Services have no certificate, and fetch the keys of assertions from other machines.
    let nobody = client(None);
    assert!(nobody.get(HOST, "/jwks.json").await.json()["keys"].is_array());
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(nobody.get(HOST, path).await.status, 403, "{path}");
    }
    let request = request("POST", HOST, "/jwks.json").body(empty()).unwrap();
    assert_eq!(nobody.send(HOST, request).await.unwrap().status, 403);
    // In clear there is nothing.
    assert!(gateway.manage("/livez").await.is_err());
}
