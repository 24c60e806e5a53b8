//! `[[identity.jwt]]`.

use std::time::Duration;

use gaccong_policy::PrincipalKind;
use jsonwebtoken::Algorithm;

use super::*;

const PLAIN: &str = r#"
[[identity.jwt]]
issuer = "https://idp.example.org/"
audience = ["https://gate.example.org/"]
jwks = { file = "jwks.json" }
"#;

const WHOLE: &str = r#"
[[identity.jwt]]
issuer = "https://services.example.org/"
audience = ["a", "b"]
algorithms = ["EdDSA"]
jwks = { url = "https://services.example.org/jwks.json", ca = ["staff.pem"] }
principal = "client_id"
kind = "workload"
groups = "roles"
binding = "none"
leeway_s = 0
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("jwks.json", "{}");
    folder
}

#[test]
fn issuers_are_read() {
    let Loaded { config, warnings } = folder().load(&and(&format!("{PLAIN}{WHOLE}"))).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(shown(&warnings).contains("whoever copies a token"), "{}", shown(&warnings));
    let [plain, whole] = &config.identity.jwt[..] else { panic!("{:?}", config.identity.jwt) };
    assert_eq!((&*plain.principal, &*plain.groups, plain.kind), ("sub", "groups", None));
    assert_eq!((plain.binding, plain.leeway), (TokenBinding::Certificate, Duration::from_secs(60)));
    assert_eq!(plain.algorithms.len(), 4);
    assert_eq!((&*whole.principal, &*whole.groups), ("client_id", "roles"));
    assert_eq!((whole.kind, whole.binding), (Some(PrincipalKind::Workload), TokenBinding::None));
    assert_eq!((&whole.algorithms[..], whole.leeway), (&[Algorithm::EdDSA][..], Duration::ZERO));
    assert!(matches!(&whole.jwks, JwksSource::Url(endpoint) if endpoint.url.is_https()));
}

#[test]
fn what_is_wrong_with_an_issuer_is_told() {
    for (old, new, words) in [
        ("issuer = ", "isuer = ", "did you mean `issuer`"),
        ("audience = [\"https://gate.example.org/\"]", "", "`audience` is missing"),
        ("audience = [\"https://gate.example.org/\"]", "audience = []", "audience"),
        ("jwks = { file = \"jwks.json\" }", "", "`jwks` is missing"),
        ("file = \"jwks.json\"", "file = \"absent.json\"", "cannot read `absent.json`"),
        ("file = \"jwks.json\"", "url = \"http://a/\", ca = [\"staff.pem\"]", "servers that prove who they are"),
        ("jwks = ", "algorithms = [\"HS256\"]\njwks = ", "`HS256` cannot sign tokens here"),
        ("jwks = ", "kind = \"device\"\njwks = ", "unknown `kind`: `device`"),
        ("jwks = ", "binding = \"dpop\"\njwks = ", "unknown `binding`: `dpop`"),
        ("jwks = ", "leeway_s = 301\njwks = ", "`leeway_s` is out of range"),
    ] {
        assert!(PLAIN.contains(old), "{old}");
        let problems = folder().load(&and(&PLAIN.replacen(old, new, 1))).expect_err(words);
        assert!(shown(&problems).contains(words), "{words}: {}", shown(&problems));
    }
    let twice = shown(&folder().load(&and(&format!("{PLAIN}{PLAIN}"))).unwrap_err());
    assert!(twice.contains("already the issuer `https://idp.example.org/`"), "{twice}");
}
