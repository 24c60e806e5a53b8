//! One reading of host and path: what is ambiguous is refused, and what is decided on is what the upstream gets.

use gaccong_tests::Gateway;
use gaccong_tests::client::empty;
use gaccong_tests::upstream::{Echo, Seen};
use http::{Request, Version};

const HOST: &str = "echo.example.test";

/// Targets with two readings. None may reach an upstream.
const AMBIGUOUS: &[&[u8]] = &[
    b"/a/../b",
    b"/a/./b",
    b"/..",
    b"/a/..",
    b"/%2e%2e/b",
    b"/a/%2E%2e",
    b"/a/.%2e/b",
    b"/%252e%252e/b",
    b"//a",
    b"/a//b",
    b"/a;b",
    b"/a;jsessionid=1/b",
    b"/..;/b",
    b"/a%3bb",
    b"/a%2fb",
    b"/a%2Fb",
    b"/a%5cb",
    b"/a\\b",
    b"/a%00b",
    b"/a%0d%0ab",
    b"/a%7f",
    b"/%c0%ae%c0%ae/b",
    b"/%c0%af",
    b"/%e0%80%af",
    b"/%ff",
    b"/%zz",
    b"/a%",
    b"/a%2",
    b"/a\xc3\xa9",
];

/// Targets with one reading, and what the upstream gets of each.
const PLAIN: &[(&str, &str)] = &[
    ("/", "/"),
    ("/a", "/a"),
    ("/a/", "/a/"),
    ("/a/b.c/~d", "/a/b.c/~d"),
    ("/a%20b", "/a%20b"),
    ("/caf%C3%A9", "/caf%C3%A9"),
    ("/caf%c3%a9", "/caf%C3%A9"),
    ("/%61%7E", "/a~"),
    ("/...", "/..."),
    ("/a..b", "/a..b"),
    ("/a?x=/../y&z=%2e%2e", "/a?x=/../y&z=%2e%2e"),
    ("/a?", "/a?"),
];

#[tokio::test(flavor = "multi_thread")]
async fn paths_with_two_readings_are_refused() {
    let (gateway, echo) = start().await;
    let alice = gateway.alice();
    for target in AMBIGUOUS {
        let text = String::from_utf8_lossy(target);
        let bytes = [b"GET ", *target, b" HTTP/1.1\r\nHost: echo.example.test\r\n\r\n"].concat();
        let answer = alice.raw(HOST, &bytes).await.unwrap_or_else(|| panic!("no answer for {text}"));
        assert_eq!(answer.status, 400, "{text}");
        // What hyper itself cannot parse has a record, but no header of ours.
        if let Some(reason) = answer.reason() {
            assert_eq!(reason, "request.path_ambiguous", "{text}");
            assert_eq!(gateway.final_record(answer.id()).await.reason(), Some(reason), "{text}");
        }
    }
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_gets_what_was_decided_on() {
    let (gateway, _echo) = start().await;
    let alice = gateway.alice();
    for (target, normal) in PLAIN {
        let answer = alice.get(HOST, target).await;
        let seen = Seen::of(&answer);
        assert_eq!(seen.target().trim_end_matches('?'), normal.trim_end_matches('?'), "{target}");
        let record = gateway.final_record(answer.id()).await;
        let path = seen.target().split('?').next();
        assert_eq!(record.path(), path, "recorded and forwarded differ for {target}");
        let decided = record.question().unwrap().pointer("/context/request/path").unwrap();
        assert_eq!(decided.as_str(), path, "decided and forwarded differ for {target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_strings_are_not_recorded_unless_asked_for() {
    let (gateway, _echo) = start().await;
    let answer = gateway.alice().get(HOST, "/a?token=SECRET").await;
    let record = gateway.final_record(answer.id()).await;
    assert!(!record.0.to_string().contains("SECRET"));

    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("audit", "query_strings = true");
    })
    .await;
    let answer = gateway.alice().get(HOST, "/a?token=SECRET").await;
    let record = gateway.final_record(answer.id()).await;
    assert!(record.0.to_string().contains("SECRET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_has_one_spelling() {
    let (gateway, _echo) = start().await;
    let alice = gateway.alice();
    let port = gateway.listen().port();
    for host in ["ECHO.Example.Test", "echo.example.test:443", &format!("echo.example.test:{port}")] {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = alice.raw(HOST, bytes.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        let record = gateway.final_record(answer.id()).await;
        assert_eq!(record.text("/http_request/url/hostname"), Some(HOST), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_with_two_readings_are_refused() {
    let (gateway, echo) = start().await;
    let alice = gateway.alice();
    let hosts = [
        "a@echo.example.test",
        "echo.example.test.",
        "echo.example.test,other.test",
        "echo.example.test/a",
        "echo.example.test:a",
        "echo_example.test#",
    ];
    for host in hosts {
        let bytes = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = alice.raw(HOST, bytes.as_bytes()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (400, Some("request.host_ambiguous")), "{host}");
    }
    let empty = alice.raw(HOST, b"GET / HTTP/1.1\r\nHost:\r\n\r\n").await.unwrap();
    assert!(empty.reason().is_some_and(|reason| reason.starts_with("request.host_")), "{:?}", empty.reason());
    let old = alice.raw(HOST, b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(old.reason(), Some("request.host_absent"));
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_that_differs_from_host_is_refused() {
    let (gateway, echo) = start().await;
    let alice = gateway.alice();
    for target in ["https://other.example.test/a", "http://other.example.test/a", "https://a@echo.example.test/a"] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: echo.example.test\r\n\r\n");
        let answer = alice.raw(HOST, bytes.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 400, "{target}");
        assert_eq!(answer.reason(), Some("request.host_ambiguous"), "{target}");
    }
    assert_eq!(echo.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_with_two_hosts_is_refused() {
    let (gateway, echo) = start().await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let request = h2.request("GET", "/").header("host", "payroll.example.test").body(empty()).unwrap();
    let answer = h2.send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (400, Some("request.host_ambiguous")));
    assert_eq!(echo.requests(), 0);

    let request = h2.request("GET", "/").header("host", HOST).body(empty()).unwrap();
    assert_eq!(h2.send(request).await.unwrap().status, 200, "the same host twice is one host");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coalesced_connection_is_decided_for_each_host() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url()).app("payroll", echo.url());
        setup.certificate("other", &["app.other.test"], "");
        let nobody = "forbid (principal, action, resource == App::\"payroll\");";
        setup.policies.insert("payroll.cedar", nobody.to_owned());
    })
    .await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    let rows = [
        ("echo.example.test", 200, None),
        ("payroll.example.test", 403, Some("policy.forbid")),
        ("app.other.test", 421, Some("request.host_misdirected")),
        ("nobody.example.test", 421, Some("request.host_unknown")),
    ];
    for (host, status, reason) in rows {
        let uri = format!("https://{host}/");
        let request = Request::builder().version(Version::HTTP_2).uri(uri).body(empty()).unwrap();
        let answer = h2.send(request).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason()), (status, reason), "{host}");
    }
    assert_eq!(echo.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hyper_resolves_ends_its_connection() {
    let (gateway, _echo) = start().await;
    let bytes =
        b"POST /a HTTP/1.1\r\nHost: echo.example.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: echo.example.test\r\n\r\n";
    let answer = gateway.alice().raw(HOST, bytes).await.unwrap();
    if answer.status == 200 {
        assert_eq!(Seen::of(&answer).body_bytes(), 5, "one reading: chunked");
        assert_eq!(answer.header("connection"), Some("close"));
    } else {
        assert_eq!(answer.status, 400);
    }
    // Only that one request was ever seen.
    let seen = gateway.final_record(answer.id()).await;
    assert_ne!(seen.path(), Some("/smuggled"));
    assert!(!gateway.records().iter().any(|record| record.path() == Some("/smuggled")));
}

async fn start() -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    (gateway, echo)
}
