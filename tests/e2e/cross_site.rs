//! Other sites: a page that a person visits changes nothing in the person's name, and reads what the configuration says.

use gaccong::reason::Reason;
use gaccong_tests::client::{empty, request};
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::{Echo, Seen};
use gaccong_tests::{Answer, Client, Gateway, control};
use http::header::VARY;

const HOST: &str = "echo.example.test";
const OWN: &str = "https://echo.example.test";
const WIKI: &str = "https://wiki.example.test";
const EVIL: &str = "https://evil.test";

/// The wiki's pages may use the app, with certificate and cookies.
const SHARED: &str = r#"
[app.cors]
origins = ["https://wiki.example.test", "https://portal.example.test:8443"]
methods = ["GET", "PUT"]
headers = ["content-type", "x-csrf-token"]
expose = ["x-kept", "gaccong-reason"]
credentials = true
max_age_s = 60
"#;

async fn send(client: &Client, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request =
        fields.iter().fold(request(method, HOST, path), |request, (name, value)| request.header(*name, *value));
    client.send(HOST, request.body(empty()).unwrap()).await.unwrap()
}

async fn start(lines: &str) -> (Gateway, Echo) {
    start_with(lines, |_| ()).await
}

async fn start_with(lines: &str, change: impl FnOnce(&mut Setup)) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], lines);
        change(setup);
    })
    .await;
    (gateway, echo)
}

async fn assert_refused(gateway: &Gateway, what: &str, answer: &Answer) {
    assert_eq!(answer.reason(), Some(Reason::RequestCrossSite.code()), "{what}: {}", answer.text());
    assert_eq!(answer.status, 403, "{what}");
    let record = gateway.final_record(answer.id()).await;
    assert_eq!((record.reason(), record.action()), (answer.reason(), "Denied"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_change_nothing() {
    let (gateway, echo) = start("").await;
    let alice = gateway.alice();
    for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
        for fields in [
            &[("origin", EVIL)][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://echo.example.test")],
            &[("origin", "https://echo.example.test:8443")],
            &[("origin", "https://echo.example.test.evil.test")],
            &[("origin", "garbage")],
            &[("origin", OWN), ("origin", OWN)],
            &[("origin", WIKI), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            let answer = send(&alice, method, "/", fields).await;
            assert_refused(&gateway, &format!("{method} {fields:?}"), &answer).await;
        }
    }
    let h2 = alice.h2(HOST).await.unwrap();
    let answer = h2.send(h2.request("POST", "/").header("origin", EVIL).body(empty()).unwrap()).await.unwrap();
    assert_refused(&gateway, "HTTP/2", &answer).await;
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_and_programs_send_passes() {
    let (gateway, _echo) = start("").await;
    let alice = gateway.alice();
    for fields in [
        &[][..],
        &[("origin", OWN)],
        &[("origin", "https://echo.example.test:443")],
        &[("origin", OWN), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        // A page with `Referrer-Policy: no-referrer`.
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
    ] {
        assert_eq!(send(&alice, "POST", "/", fields).await.status, 200, "{fields:?}");
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        let fields = [("origin", EVIL), ("sec-fetch-site", "cross-site")];
        assert_eq!(send(&alice, method, "/", &fields).await.status, 200, "{method} changes nothing");
    }
    let bytes = format!("POST / HTTP/1.1\r\nHost: {HOST}:8443\r\nOrigin: {OWN}:8443\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(alice.raw(HOST, bytes.as_bytes()).await.unwrap().status, 200, "the port is of the origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_opens_a_websocket() {
    let (gateway, echo) = start("").await;
    for (field, status) in [
        (format!("Origin: {EVIL}\r\n"), 403),
        ("Origin: null\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
        (format!("Origin: {OWN}\r\n"), 101),
        (String::new(), 101),
    ] {
        let answer = gateway.alice().raw(HOST, handshake(&field).as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{field}");
        if status == 403 {
            assert_refused(&gateway, &field, &answer).await;
        }
    }
    assert_eq!(echo.requests(), 2);
}

fn handshake(field: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{field}\r\n"
    )
}

const BY_SITE: &str = r#"
@id("no-forms-from-elsewhere")
forbid (principal, action, resource)
when { context.request.path like "/api/*" && context.request has site && context.request.site == "cross-site" };
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_app_can_leave_it_to_policy() {
    let (gateway, _echo) = start_with("cross_site = \"policy\"", |setup| {
        setup.policies.insert("sites.cedar", BY_SITE.to_owned());
    })
    .await;
    let fields = [("origin", EVIL), ("sec-fetch-site", "cross-site")];
    let open = send(&gateway.alice(), "POST", "/open", &fields).await;
    assert_eq!(open.status, 200);
    let record = gateway.final_record(open.id()).await;
    let asked = record.question().unwrap().pointer("/context/request").unwrap();
    assert_eq!((&asked["site"], &asked["origin"]), (&"cross-site".into(), &EVIL.into()), "{asked}");

    let closed = send(&gateway.alice(), "POST", "/api/x", &fields).await;
    assert_eq!(closed.reason(), Some("policy.forbid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_are_answered_from_the_configuration() {
    let (gateway, echo) = start_with(SHARED, |setup| {
        setup.set("clients", "certificate = \"optional\"");
    })
    .await;
    let asks = [("access-control-request-method", "PUT"), ("access-control-request-headers", "content-type,x-evil")];
    let preflight = async |origin, path| {
        let fields = [&[("origin", origin)][..], &asks].concat();
        send(&gateway.anonymous(), "OPTIONS", path, &fields).await
    };

    let answer = preflight(WIKI, "/a").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some(WIKI));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type, x-csrf-token"));
    assert_eq!(answer.header("access-control-max-age"), Some("60"));
    assert_eq!(answer.header("vary"), Some("origin"));
    let record = gateway.final_record(answer.id()).await;
    assert_eq!((record.action(), record.status(), record.path()), ("Allowed", Some(204), Some("/a")));
    assert_eq!(gateway.records().iter().filter(|record| record.id() == answer.id()).count(), 1);

    let refused = preflight(EVIL, "/a").await;
    assert_refused(&gateway, "a preflight of another origin", &refused).await;
    assert_eq!(refused.header("access-control-allow-origin"), None);
    let own = preflight(WIKI, "/.gaccong/status").await;
    assert_eq!(own.header("access-control-allow-origin"), None, "what is the gateway's own is shared with nobody");
    for fields in [&[("origin", WIKI)][..], &asks[..1]] {
        let answer = send(&gateway.anonymous(), "OPTIONS", "/a", fields).await;
        assert_eq!(answer.reason(), Some("certificate.absent"), "no preflight: {fields:?}");
    }
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_refusals_are_shared_as_configured() {
    let (gateway, _echo) = start_with(SHARED, |setup| {
        setup.set("clients", "certificate = \"optional\"");
    })
    .await;
    let vary = |answer: &Answer| answer.headers.get_all(VARY).iter().any(|value| value == "origin");

    let shared = send(&gateway.alice(), "GET", "/marked", &[("origin", WIKI)]).await;
    assert_eq!(shared.header("access-control-allow-origin"), Some(WIKI), "and not what the upstream says");
    assert_eq!(shared.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(shared.header("access-control-expose-headers"), Some("x-kept, gaccong-reason"));
    assert_eq!(shared.header("access-control-allow-methods"), None);
    assert!(vary(&shared));
    assert_eq!(send(&gateway.alice(), "PUT", "/", &[("origin", WIKI)]).await.status, 200, "its pages may write");

    let refused = send(&gateway.anonymous(), "GET", "/", &[("origin", WIKI)]).await;
    assert_eq!(refused.reason(), Some("certificate.absent"));
    assert_eq!(refused.header("access-control-allow-origin"), Some(WIKI), "its pages may read why");
    assert!(vary(&refused));

    for fields in [&[("origin", EVIL)][..], &[("origin", "null")], &[]] {
        let answer = send(&gateway.alice(), "GET", "/marked", fields).await;
        assert_eq!(answer.status, 200);
        let said: Vec<_> = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control")).collect();
        assert!(said.is_empty() && vary(&answer), "{fields:?}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_configuration_the_app_answers_for_itself() {
    let (gateway, echo) = start("").await;
    let answer = send(&gateway.alice(), "GET", "/marked", &[("origin", EVIL)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("vary"), None);
    let fields = [("origin", EVIL), ("access-control-request-method", "PUT")];
    let seen = Seen::of(&send(&gateway.alice(), "OPTIONS", "/", &fields).await);
    assert_eq!((seen.method(), echo.requests()), ("OPTIONS", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_allowed_no_more_is_cut() {
    let (gateway, _echo) = start(SHARED).await;
    let mut tls = gateway.alice().connect(HOST, &["http/1.1"]).await.unwrap();
    let answer = gaccong_tests::client::exchange(&mut tls, handshake(&format!("Origin: {WIKI}\r\n")).as_bytes()).await;
    assert_eq!(answer.unwrap().status, 101);
    let toml = std::fs::read_to_string(gateway.dir().join("gaccong.toml")).unwrap();
    gateway.replace("gaccong.toml", &toml.replace("\"https://wiki.example.test\", ", ""));
    gateway.reload().await;
    let record = gateway.record("the end of the WebSocket", |record| record.outcome() == Some("cut")).await;
    assert_eq!(record.reason(), Some(Reason::RequestCrossSite.code()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_logs_anyone_out() {
    let (gateway, _echo) = start_with(SHARED, |setup| {
        setup.set("store", "path = \"store/gaccong.redb\"");
        setup.set("auth", "host = \"auth.example.test\"").set("auth", "trust = [\"people\"]");
    })
    .await;
    for origin in [EVIL, WIKI] {
        let answer = send(&gateway.alice(), "POST", "/.gaccong/logout", &[("origin", origin)]).await;
        assert_refused(&gateway, origin, &answer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_calls_the_control_api() {
    let (gateway, _echo) = start_with("", control::with_control).await;
    let bob = Client::new(gateway.control(), gateway.pki(), Some(&gateway.pki().bob()));
    let get = |fields: &[(&'static str, &'static str)]| {
        let request = request("GET", control::HOST, "/v1/revocations");
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(empty()).unwrap()
    };
    assert_eq!(bob.send(control::HOST, get(&[])).await.unwrap().status, 200);
    for origin in [EVIL, "https://control.example.test"] {
        let answer = bob.send(control::HOST, get(&[("origin", origin)])).await.unwrap();
        assert_refused(&gateway, origin, &answer).await;
    }
}
