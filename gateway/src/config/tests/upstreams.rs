//! What upstreams are told of who asks, and what pages of other origins may do.

use super::*;

fn loaded(text: &str) -> Config {
    Folder::new().load(text).unwrap_or_else(|problems| panic!("{}", shown(&problems))).config
}

#[test]
fn pages_of_other_origins_are_named() {
    let cors = "cross_site = \"policy\"\n[app.cors]\norigins = [\"https://wiki.example.org\", \"http://localhost:3000\"]\n\
                methods = [\"PUT\"]\nheaders = [\"X-Token\"]\nexpose = [\"etag\"]\ncredentials = true\nmax_age_s = 5";
    let config = loaded(&and(&format!("{SECOND_APP}{cors}")));
    assert_eq!((config.apps[0].cross_site, config.apps[1].cross_site), (CrossSite::Refuse, CrossSite::Policy));
    assert!(config.apps[0].cors.is_none());
    let cors = config.apps[1].cors.as_ref().unwrap();
    assert!(cors.allows("https://wiki.example.org") && cors.allows("http://localhost:3000"));
    assert!(!cors.allows("https://wiki.example.org:443") && !cors.allows("null"));
    assert_eq!((cors.methods.len(), cors.headers[0].as_str(), cors.expose[0].as_str()), (1, "x-token", "etag"));
    assert_eq!((cors.credentials, cors.max_age.as_secs()), (true, 5));

    let config = loaded(&and(&format!("{SECOND_APP}[app.cors]\norigins = [\"https://wiki.example.org\"]")));
    let cors = config.apps[1].cors.as_ref().unwrap();
    assert_eq!((cors.methods.len(), cors.credentials, cors.max_age.as_secs()), (3, false, 600));
}

#[test]
fn preflights_that_cannot_arrive_are_warned_of() {
    let folder = Folder::new();
    let shared = and(&format!("{SECOND_APP}[app.cors]\norigins = [\"https://wiki.example.org\"]"));
    let warnings = folder.load(&shared).unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].message.contains("preflights for `pay` bear no certificate"));
    let optional = shared.replacen("[[clients.trust]]", "[clients]\ncertificate = \"optional\"\n[[clients.trust]]", 1);
    assert_eq!(shown(&folder.load(&optional).unwrap().warnings), "");
}

#[test]
fn what_is_no_origin_is_refused() {
    let folder = Folder::new();
    for (lines, words) in [
        ("origins = []", "`origins` is empty"),
        ("origins = [\"*\"]", "would let every page of the web read"),
        ("origins = [\"null\"]", "`null` is no origin"),
        ("origins = [\"https://a.test/\"]", "it has a path"),
        ("origins = [\"https://a.test\"]\nmethods = [\"get\"]", "`get` is no method"),
        ("origins = [\"https://a.test\"]\nheaders = [\"a b\"]", "`a b` is no field name"),
        ("origins = [\"https://a.test\"]\nmax_age = 5", "unknown key `max_age`"),
    ] {
        let found = folder.fault(&and(&format!("{SECOND_APP}[app.cors]\n{lines}"))).message;
        assert!(found.contains(words), "{lines}: {found}");
    }
}

#[test]
fn fields_of_an_app_are_taken_from_clients() {
    let headers = "[app.headers]\nX-Remote-User = \"principal\"\nBadge = \"groups\"";
    let app = &loaded(&and(&format!("{SECOND_APP}client_cert = true\n{headers}"))).apps[1];
    let mut told: Vec<_> = app.headers.iter().map(|header| (header.name.as_str(), header.value)).collect();
    told.sort_by_key(|(name, _)| *name);
    assert_eq!(told, [("badge", IdentityValue::Groups), ("x-remote-user", IdentityValue::Principal)]);
    let mut stripped: Vec<_> = app.strip_headers.iter().map(|name| name.as_str()).collect();
    stripped.sort_unstable();
    assert_eq!(stripped, ["badge", "badge-overflow", "x-remote-user", "x-remote-user-overflow"]);
    assert!(app.client_cert);
}

#[test]
fn fields_that_mean_something_else_are_refused() {
    let folder = Folder::new();
    for (line, words) in [
        ("X-Remote-User = \"name\"", "`name` is nothing that a field can say"),
        ("X_Remote_User = \"principal\"", "is not of letters and digits joined by single hyphens"),
        ("Host = \"principal\"", "`Host` means something else"),
        ("Authorization = \"principal\"", "`Authorization` means something else"),
        ("Content-Type = \"principal\"", "`Content-Type` means something else"),
        ("Gaccong-User = \"principal\"", "`Gaccong-User` means something else"),
        ("X-Forwarded-For = \"principal\"", "`X-Forwarded-For` means something else"),
        ("\"a b\" = \"principal\"", "`a b` is no field name"),
        ("A = \"groups\"\nA-Overflow = \"principal\"", "is set twice"),
        ("A = \"groups\"\na = \"principal\"", "is set twice"),
        ("A = 1", "this is an integer"),
    ] {
        let found = folder.fault(&and(&format!("{SECOND_APP}[app.headers]\n{line}"))).message;
        assert!(found.contains(words), "{line}: {found}");
    }
}

#[test]
fn assertions_are_on_and_have_an_issuer() {
    let config = loaded(MINIMAL);
    assert_eq!(config.assertion, Assertion { enabled: true, issuer: "gaccong".into() });
    let auth = "[store]\npath = \"store.redb\"\n[auth]\nhost = \"auth.example.org:8443\"\ntrust = [\"staff\"]";
    assert_eq!(&*loaded(&and(auth)).assertion.issuer, "https://auth.example.org:8443");
    let config = loaded(&and(&format!("{SECOND_APP}assertion = true\n[assertion]\nenabled = false\nissuer = \"us\"")));
    assert_eq!(config.assertion, Assertion { enabled: false, issuer: "us".into() });
    assert_eq!((config.apps[0].assertion, config.apps[1].assertion), (None, Some(true)));
    for bad in ["", "a b", "é"] {
        let found = Folder::new().fault(&and(&format!("[assertion]\nissuer = \"{bad}\""))).message;
        assert!(found.contains("names no issuer"), "{found}");
    }
}
