//! Options, profiles, and what a refusal looks like.

use super::*;

fn args(control: &str) -> RemoteArgs {
    RemoteArgs { profile: None, control: Some(control.to_owned()), cert: None, key: None, ca: None }
}

#[test]
fn what_is_missing_is_named() {
    let of = |args: &RemoteArgs| Remote::new(args).unwrap_err();
    assert!(of(&args("https://localhost:1")).to_string().starts_with("`--cert` is missing (or `GACCONG_CERT`"));
    assert!(of(&args("http://localhost:1")).to_string().contains("is not `https://`"));
    assert!(of(&args("localhost")).to_string().contains("is no address"));
    let nothing = of(&RemoteArgs { control: None, ..args("") });
    assert!(nothing.to_string().starts_with("`--control`"));
    assert_eq!(nothing.exit_code(), EXIT_USAGE);
}

#[test]
fn profiles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.toml");
    std::fs::write(&path, "control = \"https://c\"\ncert = \"a.pem\"\nkey = \"/k\"\n").unwrap();
    let profile = Profile::read(&path).unwrap();
    assert_eq!((profile.control.as_deref(), profile.ca), (Some("https://c"), None));
    assert_eq!((profile.cert, profile.key), (Some(folder.path().join("a.pem")), Some("/k".into())));
    std::fs::write(&path, "certificate = \"a.pem\"\n").unwrap();
    assert!(Profile::read(&path).unwrap_err().to_string().contains("unknown key `certificate`"));
}

#[test]
fn a_refusal_is_told_in_one_line() {
    let answer = |status, body: &str| Response {
        status,
        headers: HeaderMap::from_iter([(
            http::header::HeaderName::from_static("x-request-id"),
            HeaderValue::from_static("7"),
        )]),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let body = r#"{"status": 403, "reason": "policy.no_permit", "detail": "No policy permits it.", "advice": "Ask.", "title": "x"}"#;
    let refused = result::<()>(answer(StatusCode::FORBIDDEN, body)).unwrap_err();
    let words = "the gateway answers 403 (policy.no_permit): No policy permits it. Ask. (request 7)";
    assert_eq!((refused.to_string().as_str(), refused.exit_code()), (words, EXIT_NO));
    let broken = result::<()>(answer(StatusCode::BAD_GATEWAY, "<html>")).unwrap_err();
    assert_eq!((broken.to_string().as_str(), broken.exit_code()), ("the gateway answers 502 (request 7)", EXIT_FAILED));
}

#[test]
fn names_become_one_segment() {
    assert_eq!(segment("laptop 7/../x?y").to_string(), "laptop%207%2F..%2Fx%3Fy");
}
