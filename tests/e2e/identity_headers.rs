//! Plain fields for upstreams that cannot verify an assertion: under the names that the app chooses, and from nobody else.

use gaccong_tests::Gateway;
use gaccong_tests::client::{empty, request};
use gaccong_tests::upstream::{Echo, Seen};
use serde_json::json;

const HOST: &str = "echo.example.test";

/// Names that look like nobody's identity, so that only the configuration protects them.
const HEADERS: &str = r#"
client_cert = true
[app.headers]
X-Remote-User = "principal"
Badge = "principal"
Badge-Kind = "kind"
Badge-Groups = "groups"
Badge-Device = "device"
Badge-Acr = "acr"
"#;

async fn start(kind: &str) -> (Gateway, Echo) {
    let echo = if kind == "h1" { Echo::h1().await } else { Echo::h2c().await };
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], HEADERS);
        let many = (0..100).map(|n| (format!("{n:0>100}"), json!(["bob@example.org"])));
        let groups: serde_json::Map<_, _> =
            many.chain([("staff".to_owned(), json!(["alice@example.org", "bob@example.org"]))]).collect();
        setup.groups = json!({"groups": groups});
    })
    .await;
    (gateway, echo)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_is_told_under_the_names_it_knows() {
    for kind in ["h1", "h2c"] {
        let (gateway, _echo) = start(kind).await;
        let alice = gateway.alice().get(HOST, "/").await;
        let seen = Seen::of(&alice);
        for (name, value) in [
            ("x-remote-user", "alice@example.org"),
            ("badge", "alice@example.org"),
            ("badge-kind", "user"),
            ("badge-groups", "staff"),
            ("badge-device", "laptop-7"),
        ] {
            assert_eq!(seen.header(name), [value], "{name}");
        }
        assert!(seen.header("badge-acr").is_empty() && seen.header("badge-groups-overflow").is_empty());
        let certificate = seen.header("client-cert");
        assert!(certificate.len() == 1 && certificate[0].starts_with(":MII"), "{certificate:?}");

        let bob = gateway.client(&gateway.pki().bob()).get(HOST, "/").await;
        let seen = Seen::of(&bob);
        assert!(seen.header("badge-groups").is_empty(), "a part of the groups would be taken for all");
        assert_eq!(seen.header("badge-groups-overflow"), ["101"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_says_it_in_any_spelling() {
    let (gateway, _echo) = start("h1").await;
    let names = [
        "Badge",
        "BADGE",
        "Badge-Acr",
        "badge_acr",
        "Badge.Acr",
        "Badge--Acr",
        "Badge-Groups-Overflow",
        "Badge_Groups_Overflow",
        "Client-Cert",
    ];
    for name in names {
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\n{name}: forged\r\n{name}: forged again\r\nConnection: {name}\r\n\
             Transfer-Encoding: chunked\r\nTrailer: {name}\r\n\r\n2\r\nab\r\n0\r\n{name}: forged\r\n\r\n"
        );
        let answer = gateway.alice().raw(HOST, bytes.as_bytes()).await.unwrap();
        let seen = Seen::of(&answer);
        let forged = seen.headers().chain(seen.trailers()).find(|(_, value)| value.contains("forged"));
        assert_eq!(forged, None, "sent as {name}");
        assert_eq!(seen.header("badge"), ["alice@example.org"], "{name}");
    }
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let forged = h2.request("GET", "/").header("badge", "forged").header("badge_groups", "forged");
    let answer = h2.send(forged.body(empty()).unwrap()).await.unwrap();
    assert_eq!(Seen::of(&answer).header("badge"), ["alice@example.org"]);
    let plain = request("GET", HOST, "/").header("badge-acr", "phr").body(empty()).unwrap();
    let answer = gateway.alice().send(HOST, plain).await.unwrap();
    assert!(Seen::of(&answer).header("badge-acr").is_empty(), "what is not known is not said");
}
