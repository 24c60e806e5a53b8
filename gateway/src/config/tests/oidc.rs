//! `[identity.oidc]`.

use jsonwebtoken::Algorithm;

use super::*;

const AUTH: &str = r#"
[store]
path = "state.redb"

[auth]
host = "auth.example.org"
"#;

const LEAST: &str = r#"
[identity.oidc]
issuer = "https://idp.example.org/realms/staff"
ca = ["staff.pem"]
client_id = "gaccong"
client_secret = "file:oidc.secret"
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("oidc.secret", "secret");
    folder.mode("oidc.secret", 0o600);
    folder
}

fn read(text: &str) -> Arc<Oidc> {
    let loaded =
        folder().load(&and(&format!("{AUTH}{text}"))).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    loaded.config.identity.oidc.unwrap()
}

#[test]
fn a_provider_has_defaults() {
    let oidc = read(LEAST);
    assert_eq!((&*oidc.principal, &*oidc.groups), ("sub", "groups"));
    assert_eq!(oidc.scopes, ["profile", "email", "offline_access"].map(Arc::from));
    assert_eq!(oidc.algorithms, [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256, Algorithm::EdDSA]);
    assert_eq!((oidc.refresh_after.as_secs(), oidc.leeway.as_secs()), (900, 60));
    assert_eq!((oidc.refresh, oidc.logout, oidc.userinfo), (true, true, false));
    assert_eq!(read(&format!("{LEAST}refresh = false")).scopes, ["profile", "email"].map(Arc::from));
    assert_eq!(read(&format!("{LEAST}scopes = [\"openid\", \"roles\"]")).scopes, [Arc::from("roles")]);
}

#[test]
fn what_is_wrong_with_a_provider_is_told() {
    let folder = folder();
    for (old, new, words) in [
        ("issuer = ", "isuer = ", "did you mean `issuer`"),
        ("https://", "http://", "the provider must prove who it is"),
        ("realms/staff", "?realm=staff", "has a query"),
        ("https://idp.example.org/realms/staff", "idp", "cannot be called"),
        ("ca = ", "# ", "`ca` is missing"),
        ("\"gaccong\"", "\"the gate\"", "`the gate` is not a name"),
        ("file:oidc.secret", "s3cr3t", "a key needs a scheme"),
        ("client_secret = ", "# ", "`client_secret` is missing"),
        ("client_id = ", "algorithms = [\"HS256\"]\nclient_id = ", "`HS256` cannot sign tokens here"),
        ("client_id = ", "leeway_s = 301\nclient_id = ", "`leeway_s` is out of range"),
        ("client_id = ", "principal = \"\"\nclient_id = ", "`` is not a name"),
    ] {
        assert!(LEAST.contains(old), "{old}");
        let problems = folder.load(&and(&format!("{AUTH}{}", LEAST.replacen(old, new, 1)))).expect_err(words);
        assert!(shown(&problems).contains(words), "{words}: {}", shown(&problems));
    }
    assert!(folder.fault(&and(LEAST)).message.contains("nobody could log in there"));
}
