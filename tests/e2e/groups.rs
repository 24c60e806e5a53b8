//! Groups by the names in certificates.

use gaccong_tests::Gateway;
use gaccong_tests::pki;
use gaccong_tests::upstream::Echo;
use serde_json::json;

const HOST: &str = "echo.example.test";

const RULES: &str = r#"
[[clients.trust.groups]]
match = "spiffe://prod.example/ns/*/sa/billing-*"
groups = ["staff", "billing"]

[[clients.trust.groups]]
match = "spiffe://prod.example/ns/shop/sa/*"
groups = ["shop", "staff"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_in_the_groups_that_its_name_matches_and_in_those_of_the_file() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.trust.get_mut("services").unwrap().push_str(RULES);
        let filed = "spiffe://prod.example/ns/shop/sa/billing-api";
        setup.groups = json!({"groups": {"staff": ["alice@example.org"], "audited": [filed]}});
    })
    .await;
    let service = |path: &str| {
        let id = format!("spiffe://prod.example/{path}");
        gateway.client(&gateway.pki().services.issue(pki::workload(&id)))
    };
    for (path, groups) in [
        ("ns/shop/sa/billing-api", json!(["audited", "billing", "shop", "staff"])),
        ("ns/bank/sa/billing-api", json!(["billing", "staff"])),
    ] {
        let answer = service(path).get(HOST, "/").await;
        assert_eq!(answer.status, 200, "{path}");
        let record = gateway.final_record(answer.id()).await;
        assert_eq!(record.question().unwrap()["principal"]["groups"], groups, "{path}");
    }
    for path in ["ns/bank/sa/web", "ns/a/b/sa/billing-api", "ns/bank/sa/xbilling-api"] {
        assert_eq!(service(path).get(HOST, "/").await.reason(), Some("policy.no_permit"), "{path}");
    }
}
