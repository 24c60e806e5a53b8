//! The management listener over mutual TLS.

use gaccong_tests::client::get;
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
    for (who, certified) in [
        ("nobody", None),
        ("another trust domain", Some(&pki.alice())),
        ("a CA that no trust domain has", Some(&of_the_wrong_ca)),
    ] {
        let answer = client(certified).send(HOST, get(HOST, "/livez")).await;
        assert!(answer.is_err(), "{who} was admitted: {answer:?}");
    }
    // In clear there is nothing.
    assert!(gateway.manage("/livez").await.is_err());
}
