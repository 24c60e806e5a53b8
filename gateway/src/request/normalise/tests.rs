//! Whole heads: what is read, and each way to be refused.

use http::{Request, Version};

use super::*;

fn head(version: Version, method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut builder = Request::builder().version(version).method(method).uri(target);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap().into_parts().0
}

fn h1(method: &str, target: &str, fields: &[(&str, &str)]) -> Result<Normal, Rejected> {
    normalise(&head(Version::HTTP_11, method, target, fields))
}

fn h2(method: &str, target: &str, fields: &[(&str, &str)]) -> Result<Normal, Rejected> {
    normalise(&head(Version::HTTP_2, method, target, fields))
}

fn reason(result: Result<Normal, Rejected>) -> Option<Reason> {
    result.err().map(|rejected| rejected.reason)
}

const HOST: (&str, &str) = ("host", "app.test");

#[test]
fn the_forms_of_a_request_have_one_reading() {
    let expected = h1("GET", "/a?q=%2e%2e//", &[HOST]).unwrap();
    assert_eq!((&*expected.host, expected.port, &*expected.path), ("app.test", None, "/a"));
    assert_eq!(expected.path_and_query, "/a?q=%2e%2e//");
    for same in [
        h1("GET", "/%61?q=%2e%2e//", &[("host", "APP.test:443")]),
        h1("GET", "https://App.Test/a?q=%2e%2e//", &[HOST]),
        h2("GET", "https://app.test/a?q=%2e%2e//", &[]),
        h2("GET", "https://app.test:443/a?q=%2e%2e//", &[("host", "app.TEST")]),
    ] {
        assert_eq!(same.as_ref(), Ok(&expected));
    }
}

#[test]
fn a_target_without_a_path_is_the_root() {
    for target in ["https://app.test", "https://app.test?q"] {
        let normal = h1("GET", target, &[HOST]).unwrap();
        assert_eq!(&*normal.path, "/");
        assert!(normal.path_and_query.as_str().starts_with('/'));
    }
    assert_eq!(h1("GET", "https://app.test#fragment", &[HOST]), h1("GET", "/", &[HOST]));
}

#[test]
fn the_port_is_kept_for_the_upstream() {
    let normal = h1("GET", "/", &[("host", "App.test:8443")]).unwrap();
    assert_eq!((normal.port, normal.authority.to_str().unwrap()), (Some(8443), "app.test:8443"));
}

#[test]
fn hosts() {
    use Reason::{RequestHostAbsent as Absent, RequestHostAmbiguous as Ambiguous};
    for (expected, result) in [
        (Absent, h1("GET", "/", &[])),
        (Absent, h1("GET", "https://app.test/", &[])),
        (Ambiguous, h1("GET", "/", &[HOST, HOST])),
        (Ambiguous, h1("GET", "/", &[HOST, ("host", "evil.test")])),
        (Ambiguous, h1("GET", "/", &[("host", "")])),
        (Ambiguous, h1("GET", "/", &[("host", "app.test, evil.test")])),
        (Ambiguous, h1("GET", "http://app.test/", &[HOST])),
        (Ambiguous, h1("GET", "https://evil.test/", &[HOST])),
        (Ambiguous, h1("GET", "https://user@app.test/", &[HOST])),
        (Ambiguous, h1("GET", "https://app.test:8443/", &[HOST])),
        (Absent, h2("GET", "/", &[])),
        (Absent, h2("GET", "/", &[HOST])),
        (Ambiguous, h2("GET", "https://app.test/", &[("host", "evil.test")])),
        (Ambiguous, h2("GET", "https://app.test/", &[HOST, HOST])),
        (Ambiguous, h2("GET", "http://app.test/", &[])),
    ] {
        assert_eq!(reason(result), Some(expected));
    }
}

#[test]
fn methods_and_targets() {
    for method in ["TRACE", "TRACK", "trace", "get", "FOO_BAR", "X!"] {
        assert_eq!(reason(h1(method, "/", &[HOST])), Some(Reason::RequestMethod), "{method}");
    }
    assert_eq!(reason(h1("CONNECT", "app.test:443", &[HOST])), Some(Reason::RequestMethod));
    assert_eq!(reason(h2("CONNECT", "https://app.test/", &[])), Some(Reason::RequestMethod));
    for method in ["GET", "PATCH", "PROPFIND", "VERSION-CONTROL"] {
        assert_eq!(reason(h1(method, "/", &[HOST])), None, "{method}");
    }
    assert_eq!(reason(h1("OPTIONS", "*", &[HOST])), Some(Reason::RequestTarget));
    assert_eq!(reason(h1("GET", "app.test", &[HOST])), Some(Reason::RequestTarget));
    assert_eq!(reason(h1("GET", "/a/%2e%2e/b", &[HOST])), Some(Reason::RequestPathAmbiguous));
}

#[test]
fn framing() {
    for fields in [
        &[HOST, ("content-length", "5"), ("transfer-encoding", "chunked")][..],
        &[HOST, ("content-length", "5"), ("content-length", "6")],
        &[HOST, ("content-length", "5, 5")],
        &[HOST, ("content-length", "+5")],
        &[HOST, ("transfer-encoding", "gzip, chunked")],
        &[HOST, ("transfer-encoding", "identity")],
        &[HOST, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
    ] {
        assert_eq!(reason(h1("POST", "/", fields)), Some(Reason::RequestFraming), "{fields:?}");
    }
    assert_eq!(reason(h1("POST", "/", &[HOST, ("transfer-encoding", "Chunked")])), None);
    assert_eq!(reason(h2("POST", "https://app.test/", &[("te", "gzip")])), Some(Reason::RequestFraming));
    assert_eq!(reason(h2("POST", "https://app.test/", &[("te", "trailers")])), None);
    assert_eq!(
        reason(h2("POST", "https://app.test/", &[("transfer-encoding", "chunked")])),
        Some(Reason::RequestFraming)
    );
}

const WEBSOCKET: [(&str, &str); 5] = [
    HOST,
    ("upgrade", "websocket"),
    ("connection", "keep-alive, Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[test]
fn a_websocket_handshake_is_known() {
    assert!(h1("GET", "/", &WEBSOCKET).unwrap().websocket);
    assert!(!h1("GET", "/", &[HOST]).unwrap().websocket);
    let h2c = [HOST, ("upgrade", "h2c"), ("connection", "Upgrade, HTTP2-Settings"), ("http2-settings", "AAMAAABk")];
    assert!(!h1("GET", "/", &h2c).unwrap().websocket);
}

#[test]
fn a_broken_websocket_handshake_is_refused() {
    for (place, field) in [
        (1, ("upgrade", "TLS/1.0")),
        (1, ("upgrade", "websocket, TLS/1.0")),
        (2, ("connection", "keep-alive")),
        (3, ("sec-websocket-version", "8")),
        (4, ("sec-websocket-key", "")),
        (4, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR==")),
        (4, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25j")),
    ] {
        let mut fields = WEBSOCKET;
        fields[place] = field;
        assert_eq!(reason(h1("GET", "/", &fields)), Some(Reason::RequestUpgrade), "{field:?}");
    }
    let twice = [&WEBSOCKET[..], &WEBSOCKET[4..]].concat();
    assert_eq!(reason(h1("GET", "/", &twice)), Some(Reason::RequestUpgrade));
    let body = [&WEBSOCKET[..], &[("content-length", "5")]].concat();
    assert_eq!(reason(h1("GET", "/", &body)), Some(Reason::RequestUpgrade));
    assert_eq!(reason(h1("POST", "/", &WEBSOCKET)), Some(Reason::RequestUpgrade));
    let h1_0 = normalise(&head(Version::HTTP_10, "GET", "/", &WEBSOCKET));
    assert_eq!(reason(h1_0), Some(Reason::RequestUpgrade));
}

#[test]
fn credentials_of_a_connection_are_refused() {
    for credentials in ["NTLM TlRMTVNTUAAB", "negotiate YII=", "Negotiate"] {
        let result = h1("GET", "/", &[HOST, ("authorization", credentials)]);
        assert_eq!(reason(result), Some(Reason::RequestConnectionAuth), "{credentials}");
    }
    assert_eq!(reason(h1("GET", "/", &[HOST, ("authorization", "Bearer ntlm")])), None);
}

#[test]
fn own_paths_are_known_in_every_spelling() {
    for path in ["/.gaccong/status", "/.gaccong/", "/.gaccong", "/%2egaccong/x", "/.%67accong/x"] {
        assert!(h1("GET", path, &[HOST]).unwrap().own_path, "{path}");
    }
    assert!(!h1("GET", "/.gaccongx/", &[HOST]).unwrap().own_path);
    assert!(!h1("GET", "/a/.gaccong/", &[HOST]).unwrap().own_path);
}

#[test]
fn a_certificate_covers_its_hosts() {
    let hosts = [HostPattern::Exact("app.test".into()), HostPattern::Wildcard("apps.test".into())];
    assert!(covers(&hosts, "app.test") && covers(&hosts, "x.apps.test"));
    assert!(!covers(&hosts, "apps.test") && !covers(&hosts, "y.x.apps.test") && !covers(&hosts, "evil.test"));
}

#[test]
fn what_is_refused_stays_legible() {
    let (host, path) = legible(&head(Version::HTTP_11, "GET", "/a/../b", &[("host", "a\tb")]));
    assert_eq!((host.as_deref(), &*path), (Some("a\u{fffd}b"), "/a/../b"));
    let long = format!("/{}", "a".repeat(9000));
    assert_eq!(legible(&head(Version::HTTP_11, "GET", &long, &[])).1.len(), LEGIBLE_CHARS_MAX);
}
