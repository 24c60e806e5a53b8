//! Header fields: what a client sends never becomes an identity, what an upstream sends never speaks for the gateway.

use gaccong_tests::client::{empty, request};
use gaccong_tests::upstream::{Echo, Seen};
use gaccong_tests::{Answer, Gateway};

const HOST: &str = "echo.example.test";

/// Names by which upstreams commonly learn who asks or from where, each in some spelling.
const FORGED: &[&str] = &[
    "Gaccong-Assertion",
    "gaccong-user",
    "GACCONG_ASSERTION",
    "Gaccong_Assertion",
    "X-Gaccong-User",
    "X-User",
    "x-user",
    "X_User",
    "x_user",
    "X-User-Id",
    "X-Username",
    "X-Email",
    "X-Groups",
    "X-Roles",
    "X-Remote-User",
    "X_Remote_User",
    "Remote-User",
    "Remote_User",
    "REMOTE_USER",
    "X-Auth-User",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Authenticated-User",
    "X-WEBAUTH-USER",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-For",
    "X_Forwarded_For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Anything",
    "Forwarded",
    "X-Real-IP",
    "X_Real_Ip",
    "True-Client-IP",
    "X-Client-IP",
    "CF-Connecting-IP",
    "Client-Cert",
    "Client_Cert",
    "Client-Cert-Chain",
    "X-Client-Cert",
    "X-Client-DN",
    "X-Client-Verify",
    "X-SSL-Client-Cert",
    "X-SSL-Client-S-DN",
    "SSL-Client-Cert",
    "SSL_CLIENT_S_DN",
    "X-Device-Id",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X_HTTP_Method_Override",
    "X-Original-URL",
    "X-Original-Host",
    "X-Original-Method",
    "X-Rewrite-URL",
    "X_Rewrite_Url",
    "X-Host",
    "X-Forwarded-Server",
    "X-Goog-Authenticated-User-Email",
    "X-Amzn-Oidc-Identity",
    "X-MS-Client-Principal",
    "Cf-Access-Authenticated-User-Email",
    "X-Pomerium-Jwt-Assertion",
    "Tailscale-User-Login",
];

/// Fields that are the app's business.
const KEPT: &[(&str, &str)] = &[
    ("accept", "text/plain"),
    ("cookie", "theirs=1"),
    ("x-requested-with", "XMLHttpRequest"),
    ("x-custom", "kept"),
    ("authorization", "Bearer of-the-app"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_client_sets_an_identity_over_http_1() {
    let (gateway, _echo) = start("h1").await;
    for name in FORGED {
        // Twice: a duplicate must not survive the removal of the first.
        let bytes = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{name}: forged\r\n{name}: forged again\r\n\r\n");
        let answer = gateway.alice().raw(HOST, bytes.as_bytes()).await.unwrap();
        assert_not_forged(name, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_sets_an_identity_over_http_2() {
    let (gateway, _echo) = start("h2c").await;
    let h2 = gateway.alice().h2(HOST).await.unwrap();
    for name in FORGED {
        let request = h2.request("GET", "/").header(*name, "forged").header(*name, "forged again");
        assert_not_forged(name, &h2.send(request.body(empty()).unwrap()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_trailer_sets_an_identity() {
    for kind in ["h1", "h2c"] {
        let (gateway, _echo) = start(kind).await;
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nTrailer: X-User\r\n\r\n\
             2\r\nab\r\n0\r\nX-User: forged\r\nX_User: forged\r\nGaccong-Assertion: forged\r\n\r\n"
        );
        let answer = gateway.alice().raw(HOST, bytes.as_bytes()).await.unwrap();
        assert_not_forged("a trailer", &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_option_removes_what_we_add() {
    let (gateway, _echo) = start("h1").await;
    let bytes = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: keep-alive, X-Request-Id, X-Forwarded-For, Forwarded\r\n\r\n"
    );
    let answer = gateway.alice().raw(HOST, bytes.as_bytes()).await.unwrap();
    let seen = Seen::of(&answer);
    for name in ["x-request-id", "x-forwarded-for", "forwarded"] {
        assert_eq!(seen.header(name).len(), 1, "{name}");
    }
    assert!(seen.header("connection").iter().all(|value| !value.to_lowercase().contains("x-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_fields_are_rebuilt() {
    let (gateway, _echo) = start("h1").await;
    let request = request("GET", HOST, "/")
        .header("x-request-id", "clients-own")
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9");
    let answer = gateway.alice().send(HOST, request.body(empty()).unwrap()).await.unwrap();
    let seen = Seen::of(&answer);
    assert_eq!(seen.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.header("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.header("x-forwarded-host"), [HOST]);
    let forwarded = seen.header("forwarded");
    assert!(forwarded.len() == 1 && forwarded[0].contains("for=127.0.0.1"), "{forwarded:?}");
    assert_eq!(seen.header("host"), [HOST]);

    assert_eq!(seen.header("x-request-id"), [answer.id()], "the id is ours, and one everywhere");
    assert_ne!(answer.id(), "clients-own");
    let record = gateway.final_record(answer.id()).await;
    assert!(record.0.to_string().contains("clients-own"), "kept as correlation: {}", record.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_apps_business_passes() {
    for kind in ["h1", "h2c"] {
        let (gateway, _echo) = start(kind).await;
        let mut request = request("GET", HOST, "/");
        for (name, value) in KEPT {
            request = request.header(*name, *value);
        }
        let answer = gateway.alice().send(HOST, request.body(empty()).unwrap()).await.unwrap();
        let seen = Seen::of(&answer);
        for (name, value) in KEPT.iter().filter(|(name, _)| *name != "traceparent") {
            assert_eq!(seen.header(name), [*value], "{name} to {kind}");
        }
        let trace = seen.header("traceparent");
        assert!(trace.len() == 1 && trace[0].contains("4bf92f3577b34da6a3ce929d0e0e4736"), "{trace:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hop_by_hop_fields_end_at_the_gateway() {
    let (gateway, _echo) = start("h1").await;
    let bytes = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         TE: trailers, deflate\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\n\r\n"
    );
    let seen = Seen::of(&gateway.alice().raw(HOST, bytes.as_bytes()).await.unwrap());
    for name in ["x-hop", "keep-alive", "proxy-authorization", "proxy-connection"] {
        assert!(seen.header(name).is_empty(), "{name}");
    }
    assert!(seen.header("te").iter().all(|te| *te == "trailers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_ours_do_not_reach_the_upstream() {
    let (gateway, _echo) = start("h1").await;
    let request = request("GET", HOST, "/").header(
        "cookie",
        "a=1; __Host-gaccong-session=secret; b=2; __Secure-gaccong-state=secret; gaccong-state=secret",
    );
    let seen = Seen::of(&gateway.alice().send(HOST, request.body(empty()).unwrap()).await.unwrap());
    let cookies = seen.header("cookie").join("; ");
    assert!(cookies.contains("a=1") && cookies.contains("b=2"), "{cookies}");
    assert!(!cookies.contains("secret"), "{cookies}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_upstream_speaks_for_the_gateway() {
    for kind in ["h1", "h2c"] {
        let (gateway, _echo) = start(kind).await;
        let answer = gateway.alice().get(HOST, "/marked").await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "marked"));
        assert_eq!(answer.header("x-kept"), Some("kept"));
        for name in ["gaccong-reason", "gaccong-assertion", "gaccong-anything", "alt-svc"] {
            assert_eq!(answer.header(name), None, "{name} from {kind}");
        }
        assert_ne!(answer.id(), "forged");
    }
}

/// A refusal is as good as a removal: either way nothing forged arrives.
fn assert_not_forged(name: &str, answer: &Answer) {
    if answer.status == 200 {
        let seen = Seen::of(answer);
        let forged = seen.headers().chain(seen.trailers()).find(|(_, value)| value.contains("forged"));
        assert_eq!(forged, None, "sent as {name}");
    } else {
        assert_eq!(answer.status, 400, "{name}");
    }
}

async fn start(kind: &str) -> (Gateway, Echo) {
    let echo = if kind == "h1" { Echo::h1().await } else { Echo::h2c().await };
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    (gateway, echo)
}
