//! Whole messages across the gateway.

use proptest::prelude::*;

use super::*;

const EVIL: HeaderValue = HeaderValue::from_static("evil");

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    headers
}

fn forwarded(mut headers: HeaderMap, websocket: bool) -> HeaderMap {
    let forwarding = Forwarding {
        client_ip: [192, 0, 2, 1].into(),
        authority: &HeaderValue::from_static("app.test"),
        request_id: &request_id_value(Uuid::nil()),
        websocket,
        also_removed: &[HeaderName::from_static("x-badge")],
    };
    to_upstream(&mut headers, &forwarding);
    headers
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

const OURS: [&str; 6] =
    ["forwarded", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];

#[test]
fn an_ordinary_request_passes_and_forwarding_fields_are_ours() {
    let passing = [
        ("accept", "text/html"),
        ("authorization", "Bearer x"),
        ("content-type", "text/plain"),
        ("cookie", "a=b"),
        ("grpc-timeout", "1S"),
        ("sec-fetch-mode", "navigate"),
        ("upgrade-insecure-requests", "1"),
        ("x-csrf-token", "t"),
        ("x-requested-with", "XMLHttpRequest"),
    ];
    let headers = forwarded(map(&passing), false);
    for (name, value) in passing {
        assert_eq!(headers[name], value);
    }
    assert_eq!(headers.len(), passing.len() + OURS.len());
    assert_eq!(headers["host"], "app.test");
    assert_eq!(headers["x-request-id"], "00000000-0000-0000-0000-000000000000");
}

#[test]
fn hop_by_hop_fields_end_here() {
    let headers = forwarded(
        map(&[
            ("connection", "close, X-Hop, x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy", "evil"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABk"),
        ]),
        false,
    );
    assert_eq!(names(&headers), OURS);
}

#[test]
fn connection_cannot_take_away_what_the_upstream_relies_on() {
    let relied_on = [
        ("authorization", "Bearer x"),
        ("content-length", "5"),
        ("cookie", "a=b"),
        ("if-match", "\"1\""),
        ("origin", "https://evil.test"),
        ("sec-fetch-site", "cross-site"),
    ];
    for (name, value) in relied_on {
        let headers = forwarded(map(&[("connection", name), (name, value)]), false);
        assert_eq!(headers[name], value);
    }
    let headers = forwarded(map(&[("connection", "host, x-forwarded-for, x-request-id, forwarded")]), false);
    assert_eq!(names(&headers), OURS);
}

#[test]
fn trailers_and_websockets_are_announced_anew() {
    let headers = forwarded(map(&[("te", "gzip, Trailers"), ("trailer", "grpc-status")]), false);
    assert_eq!(
        (&headers["te"], &headers["trailer"]),
        (&HeaderValue::from_static("trailers"), &HeaderValue::from_static("grpc-status"))
    );
    let headers =
        forwarded(map(&[("connection", "keep-alive, Upgrade, sec-websocket-key"), ("sec-websocket-key", "k")]), true);
    assert_eq!(
        (&headers["connection"], &headers["upgrade"]),
        (&HeaderValue::from_static("upgrade"), &HeaderValue::from_static("websocket"))
    );
    assert_eq!(headers["sec-websocket-key"], "k");
}

#[test]
fn what_the_operator_lists_is_removed_too() {
    assert!(!forwarded(map(&[("x-badge", "evil")]), false).contains_key("x-badge"));
}

#[test]
fn nothing_of_ours_comes_back_from_an_upstream() {
    let mut headers = map(&[
        ("alt-svc", "h3=\":443\""),
        ("connection", "x-hop, set-cookie"),
        ("content-type", "text/html"),
        ("gaccong-reason", "evil"),
        ("gaccong_reason", "evil"),
        ("x-gaccong.reason", "evil"),
        ("-x--gaccong-id", "evil"),
        ("set-cookie", "a=b"),
        ("set-cookie", "__Host-gaccong=evil"),
        ("x-hop", "1"),
        ("x-request-id", "evil"),
        ("x_odd", "passes"),
    ]);
    to_client(&mut headers, &HeaderValue::from_static("id"), false);
    assert_eq!(names(&headers), ["content-type", "set-cookie", "x-request-id", "x_odd"]);
    assert_eq!(
        (&headers["set-cookie"], &headers["x-request-id"]),
        (&HeaderValue::from_static("a=b"), &HeaderValue::from_static("id"))
    );

    let mut switched = map(&[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "a")]);
    to_client(&mut switched, &HeaderValue::from_static("id"), true);
    assert_eq!(names(&switched), ["connection", "sec-websocket-accept", "upgrade", "x-request-id"]);
}

#[test]
fn trailers_are_stripped_too() {
    let mut trailers = map(&[
        ("x-user", "evil"),
        ("x_user", "evil"),
        ("host", "evil"),
        ("authorization", "evil"),
        ("x-checksum", "1"),
    ]);
    trailers_to_upstream(&mut trailers, &[]);
    assert_eq!(names(&trailers), ["x-checksum"]);
    let mut trailers =
        map(&[("gaccong-reason", "evil"), ("set-cookie", "evil"), ("grpc-status", "0"), ("grpc-message", "ok")]);
    trailers_to_client(&mut trailers);
    assert_eq!(names(&trailers), ["grpc-message", "grpc-status"]);
}

#[test]
fn connection_authentication_is_seen() {
    for challenge in ["NTLM", "negotiate", "Negotiate YII=", "Basic realm=\"x\", NTLM", "Basic realm=x,ntlm"] {
        assert!(
            asks_connection_auth(&map(&[("www-authenticate", "Bearer"), ("www-authenticate", challenge)])),
            "{challenge}"
        );
    }
    for challenge in ["Basic realm=\"NTLM\"", "Bearer", "NTLMv3", ""] {
        assert!(!asks_connection_auth(&map(&[("www-authenticate", challenge)])), "{challenge}");
    }
}

/// What upstreams are known to take for identity, routing or method, written down apart from the code's own lists.
const IDENTITY: [&str; 48] = [
    "X-User",
    "X-User-Id",
    "X-Username",
    "X-Remote-User",
    "X-Remote-Group",
    "Remote-User",
    "Remote-Groups",
    "X-Auth-Request-Email",
    "X-Auth-User",
    "X-Forwarded-User",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Access-Token",
    "Forwarded",
    "X-Real-IP",
    "X-Client-IP",
    "X-Client-Cert",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-SSL-Client-DN",
    "X-SSL-Cert",
    "SSL-Client-Cert",
    "SSL-Client-Verify",
    "X-WebAuth-User",
    "X-Authenticated-User",
    "X-Email",
    "X-Groups",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-IAP-JWT-Assertion",
    "X-MS-Client-Principal",
    "X-MS-Client-Principal-Name",
    "X-Amzn-Oidc-Identity",
    "X-Pomerium-Claim-Email",
    "Cf-Access-Jwt-Assertion",
    "True-Client-IP",
    "X-Spiffe-Id",
    "X-Request-Id",
    "Gaccong-Assertion",
    "X-Gaccong-User",
    "X-Authentik-Username",
    "Tailscale-User-Login",
];

/// A name in a spelling that some upstream folds into the same variable.
fn spelling() -> impl Strategy<Value = String> {
    let hyphen = prop::sample::select(vec!["-", "-", "_", ".", "--", "-_", "~"]);
    let edge = prop::sample::select(vec!["", "", "-", "_"]);
    (prop::sample::select(&IDENTITY[..]), hyphen, edge.clone(), edge, any::<u64>()).prop_map(
        |(name, hyphen, before, after, cases)| {
            let name: String = name
                .chars()
                .enumerate()
                .map(
                    |(place, c)| {
                        if cases >> (place % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
                    },
                )
                .collect();
            format!("{before}{}{after}", name.replace('-', hyphen))
        },
    )
}

proptest! {
    #[test]
    fn no_spelling_of_an_identity_passes(spellings in prop::collection::vec(spelling(), 1..6), named in any::<bool>()) {
        let mut headers = HeaderMap::new();
        for name in &spellings {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), EVIL);
            if named {
                headers.append(CONNECTION, name.parse().unwrap());
            }
        }
        let mut trailers = headers.clone();
        let headers = forwarded(headers, false);
        prop_assert!(headers.values().all(|value| value != EVIL), "{:?}", headers);
        prop_assert_eq!(names(&headers), OURS);
        trailers_to_upstream(&mut trailers, &[]);
        prop_assert!(trailers.is_empty(), "{:?}", trailers);
    }

    /// However the sender names its fields, only regular names reach an upstream.
    #[test]
    fn only_regular_names_pass(name in "[a-zA-Z0-9_.~!-]{1,12}") {
        let headers = forwarded(map(&[(&name, "1")]), false);
        for name in headers.keys() {
            prop_assert!(name.as_str().split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric())));
        }
    }
}
