//! `[[signals]]`.

use super::*;
use crate::signals::event::EventType;

const CONTROL_TABLE: &str = r#"
[store]
path = "state.redb"

[control]
address = "127.0.0.1:9443"
trust = ["staff"]
policies = "policies"
certificate = { chain = "server.pem", key = "file:server.key", hosts = ["control.example.org"] }
"#;

const PUSHED: &str = r#"
[[signals]]
name = "idp"
issuer = "https://idp.example.org/"
audience = "https://gate.example.org/"
users = "email"
jwks = { file = "jwks.json" }
push = { bearer = "file:push.token" }
"#;

const POLLED: &str = r#"
[[signals]]
name = "mdm"
issuer = "https://mdm.example.org/"
audience = "https://gate.example.org/"
algorithms = ["ES384"]
devices = "opaque"
subject_issuer = "https://devices.example.org/"
lower_case = true
tenant = "7"
serials = "decimal"
events = ["device-compliance-change", "risk-level-change"]
max_age_s = 3600
fact_max_age_s = 86400
quiet_s = 900
jwks = { url = "https://mdm.example.org/jwks.json", ca = ["staff.pem"] }
poll = { url = "https://mdm.example.org/poll", ca = ["staff.pem"], credential = "file:push.token", every_s = 5 }
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("jwks.json", "{}");
    folder.write("push.token", "secret");
    folder.mode("push.token", 0o600);
    folder
}

#[test]
fn streams_are_read() {
    let folder = folder();
    let Loaded { config, warnings } = folder.load(&and(&format!("{CONTROL_TABLE}{PUSHED}{POLLED}"))).unwrap();
    assert_eq!(shown(&warnings), "");
    let [idp, mdm] = &config.signals[..] else { panic!("{:?}", config.signals) };
    assert_eq!((&*idp.name, idp.events.len(), idp.quiet), ("idp", EventType::ALL.len(), None));
    assert_eq!((idp.names.users, idp.names.devices), (Some(NameFormat::Email), None));
    assert_eq!(&*idp.names.issuer, "https://idp.example.org/");
    assert!(matches!(&idp.delivery, Delivery::Push { bearer: Some(_) }));
    assert_eq!(idp.algorithms.len(), 4);

    assert_eq!(&*mdm.names.issuer, "https://devices.example.org/");
    assert_eq!((mdm.names.serials, mdm.names.tenant.as_deref()), (SerialBase::Decimal, Some("7")));
    assert_eq!(mdm.quiet.unwrap().as_secs(), 900);
    assert!(matches!(&mdm.delivery, Delivery::Poll { every, .. } if every.as_secs() == 5));
    assert!(matches!(&mdm.jwks, JwksSource::Url(endpoint) if endpoint.url.is_https()));
    assert!(config.watched.contains(&folder.path().join("jwks.json")));
}

#[test]
fn what_is_wrong_with_a_stream_is_told() {
    let folder = folder();
    for (old, new, words) in [
        ("name = \"idp\"", "name = \"a b\"", "is not a name"),
        ("issuer = ", "isuer = ", "did you mean `issuer`"),
        ("audience = ", "# ", "`audience` is missing"),
        ("users = \"email\"", "users = \"mail\"", "unknown `users`: `mail`"),
        ("users = \"email\"", "algorithms = [\"HS256\"]", "`HS256` cannot sign tokens here"),
        ("users = \"email\"", "algorithms = [\"none\"]", "`none` cannot sign tokens here"),
        ("users = \"email\"", "events = [\"session-revokd\"]", "did you mean `session-revoked`"),
        ("users = \"email\"", "max_age_s = 1", "`max_age_s` is out of range"),
        ("jwks = { file = \"jwks.json\" }", "", "`jwks` is missing"),
        ("jwks = { file = \"jwks.json\" }", "jwks = {}", "keys come from one place"),
        ("file = \"jwks.json\"", "file = \"absent.json\"", "cannot read `absent.json`"),
        ("file = \"jwks.json\"", "url = \"https://a/\"", "`ca` is missing"),
        ("file = \"jwks.json\"", "url = \"http://a/\", ca = [\"staff.pem\"]", "servers that prove who they are"),
        ("push = { bearer = \"file:push.token\" }", "", "delivered in one way"),
        ("file:push.token", "push.token", "a key needs a scheme"),
    ] {
        assert!(PUSHED.contains(old), "{old}");
        let text = and(&format!("{CONTROL_TABLE}{}", PUSHED.replacen(old, new, 1)));
        let problems = folder.load(&text).expect_err(words);
        assert!(shown(&problems).contains(words), "{words}: {}", shown(&problems));
    }
    let alone = shown(&folder.load(&and(PUSHED)).unwrap_err());
    assert!(alone.contains("the control API, and there is none") && alone.contains("could not be kept"), "{alone}");
    let twice = and(&format!("{CONTROL_TABLE}{PUSHED}{PUSHED}"));
    assert!(shown(&folder.load(&twice).unwrap_err()).contains("already a stream of signals `idp`"));
}
