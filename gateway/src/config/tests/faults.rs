//! What is wrong is said, at its place, and nothing else is.

use std::path::Path;

use super::{Folder, and, shown, with};
use crate::config::load;

#[test]
fn five_faults_are_five_diagnostics() {
    let folder = Folder::new();
    let text = r#"[listen]
address = "0.0.0.0"
certificates = [{ chain = "absent.pem", key = "file:server.key" }]

[[clients.trust]]
name = "staff"
ca = ["staff.pem"]
crl = ["staff.crl"]
person = "email"

[policy]
directory = "policies"

[[app]]
name = "wiki"
hosts = ["wiki.example.org"]
upstream = ["http://127.0.0.1:8080"]

[[app]]
name = "pay"
hosts = ["pay.example.org"]
upstreams = ["htp://10.0.0.7:8080"]
"#;
    let problems = folder.load(text).unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column, &*problem.message)).collect();
    assert_eq!(
        places,
        [
            (2, 12, "`0.0.0.0` is not an address and port"),
            (3, 28, "cannot read `absent.pem`: no such file or folder"),
            (14, 1, "`upstreams` is missing"),
            (17, 1, "unknown key `upstream`; did you mean `upstreams`?"),
            (22, 15, "unknown upstream scheme `htp`"),
        ]
    );
    let file = folder.path().join("gaccong.toml");
    assert_eq!(
        problems[4].to_string(),
        format!(
            "{}:22:15: unknown upstream scheme `htp`\n  upstreams = [\"htp://10.0.0.7:8080\"]\n  {:14}^^^ expected `http`, `https`, `h2c` or `unix`",
            file.display(),
            ""
        )
    );
    assert_eq!(problems[2].source_line.as_deref(), Some("[[app]]"));
    assert_eq!(problems[2].underline, Some((0, 7)));
}

#[test]
fn syntax_errors_have_a_place() {
    let fault = Folder::new().fault("[listen]\naddress = 0.0.0.0:8443\n");
    assert_eq!(fault.line, 2);
}

#[test]
fn a_file_that_is_not_there() {
    let problems = load(Path::new("/nowhere/gaccong.toml")).unwrap_err();
    assert_eq!(shown(&problems.diagnostics), "/nowhere/gaccong.toml: cannot be read: no such file or folder\n");
}

#[test]
fn an_empty_file_lacks_all_that_has_no_default() {
    let mut messages: Vec<_> = Folder::new().load("").unwrap_err().into_iter().map(|problem| problem.message).collect();
    messages.sort();
    assert_eq!(
        messages,
        [
            "no trust domain: no client certificate could ever be accepted",
            "the table `[listen]` is missing",
            "the table `[policy]` is missing",
        ]
    );
}

/// Each line: what is put in place of what, and what must be said of it.
#[test]
fn each_wrong_value_is_told() {
    let folder = Folder::new();
    folder.write("secrets/a", "x");
    for (old, new, line, message) in [
        ("[policy]", "[polcy]", 0, ""),
        ("\"0.0.0.0:8443\"", "8443", 3, "this is an integer"),
        ("file:server.key", "server.key", 4, "a key needs a scheme"),
        ("file:server.key", "pkcs11:token=x", 4, "not supported yet"),
        ("file:server.key", "vault:x", 4, "unknown key scheme `vault`"),
        ("file:server.key", "file:nope", 4, "cannot read the key `nope`"),
        ("[{ chain = \"server.pem\", key = \"file:server.key\" }]", "[]", 4, "`certificates` is empty"),
        (", key =", ", tls = \"1.1\", key =", 4, "unknown `tls`: `1.1`"),
        ("staff.pem", "secrets", 8, "not a regular file"),
        ("[\"staff.pem\"]", "[]", 8, "`ca` is empty"),
        ("\"staff\"", "\"\"", 7, "is not a name"),
        ("\"email\"", "\"mail\"", 11, "did you mean `email`?"),
        ("\"email\"", "\"uri:urn:person:\"", 11, "does not say which part"),
        ("\"policies\"", "\"policy.d\"", 14, "cannot read the folder `policy.d`"),
        ("wiki.example.org", "Wiki.example.org", 18, "upper-case"),
        ("wiki.example.org", "wiki.example.org:443", 18, "a port"),
        ("wiki.example.org", "bücher.example.org", 18, "not ASCII"),
        ("wiki.example.org", "a.*.example.org", 18, "whole first label"),
        ("http://127.0.0.1:8080", "https://127.0.0.1:8080", 19, "whom to trust"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/app", 19, "an upstream has no path"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:99999", 19, "not a host and a port"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:", 19, "not a host and a port"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:0", 19, "not a host and a port"),
        ("http://127.0.0.1:8080", "http://u@h:1", 19, "not a host and a port"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", 19, "is not an upstream"),
        ("http://127.0.0.1:8080", "unix:", 19, "names no socket"),
        ("127.0.0.1:8080\"", "127.0.0.1:8080\", \"h2c://127.0.0.1:1\"", 19, "different schemes"),
    ] {
        let problems = folder.load(&with(old, new)).expect_err(new);
        if line > 0 {
            assert_eq!((problems.len(), problems[0].line), (1, line), "{new}: {}", shown(&problems));
        }
        assert!(problems[0].message.contains(message), "{new}: {}", shown(&problems));
    }
}

#[test]
fn each_wrong_addition_is_told() {
    let folder = Folder::new();
    for (more, message) in [
        ("[limit]", "did you mean `limits`?"),
        ("[limits]\nheader_ms = 0", "`header_ms` is out of range: `0`"),
        ("[limits]\nheader_ms = -1", "`header_ms` is out of range: `-1`"),
        ("[limits]\nstreams = \"many\"", "this is a string"),
        ("[app.tls]\nca = \"staff.pem\"", "no upstream is `https`"),
        ("[app.health]\npath = \"healthz\"", "`healthz` is not a path"),
        ("[[app.actions]]\nmethod = \"post\"\naction = \"write\"", "`post` is not a method"),
        ("[[app.actions]]\npath = \"/a/../b\"\naction = \"write\"", "no request has the path"),
        ("[[app.actions]]\npath = \"/a\"", "`action` is missing"),
        ("[posture]\nrequired = [\"disk_encypted\"]", "did you mean `disk_encrypted`?"),
        ("[posture]\nmax_age_s = { firewal = 3 }", "did you mean `firewall`?"),
        ("[posture]\nfile = \"nope.json\"", "cannot read `nope.json`"),
        ("[[posture.source]]\nwho = [\"devices\"]", "`name` is missing"),
        ("[[posture.source]]\nname = \"mdm\"\nwho = []", "`who` is empty"),
        ("[[posture.source]]\nname = \"mdm\"\nwho = [\"everyone\"]", "`everyone` names no caller"),
        ("[[posture.source]]\nname = \"mdm\"\nwho = [\"trust:stuff\"]", "did you mean `staff`?"),
        ("[[posture.source]]\nname = \"mdm\"\nwho = [\"devices\"]\nhold_share = 2", "`hold_share` is no fraction"),
        ("[[posture.source]]\nname = \"mdm\"\nwho = [\"devices\"]\nfacts = [\"fire\"]", "unknown fact `fire`"),
        ("[posture.osquery]\nenroll_secret = \"abc\"", "needs a scheme"),
        ("[posture.osquery]\nenroll_secret = \"file:nope\"", "cannot read `nope`"),
        ("[identity]\ngroups = \"nope.json\"", "cannot read `nope.json`"),
        ("[management]\naddress = \"127.0.0.1:8443\"", "have one address"),
        ("[management]\naddress = \"10.0.0.1:9090\"", "is not loopback"),
        (
            "[management.tls]\nchain = \"server.pem\"\nkey = \"file:server.key\"\ntrust = [\"stuff\"]",
            "did you mean `staff`?",
        ),
        ("[[app]]\nname = \"wiki\"\nhosts = [\"w.example.org\"]\nupstreams = [\"http://h\"]", "already an app `wiki`"),
        (
            "[[app]]\nname = \"pay\"\nhosts = [\"wiki.example.org\"]\nupstreams = [\"http://h\"]",
            "already an app with the host",
        ),
        (
            "[[clients.trust]]\nname = \"staff\"\nca = [\"staff.pem\"]\ncrl = [\"staff.crl\"]\ndevice = \"cn\"",
            "already a trust domain",
        ),
        ("[[clients.trust]]\nname = \"b\"\nca = [\"staff.pem\"]\ncrl = [\"staff.crl\"]", "names nobody"),
    ] {
        let fault = folder.fault(&and(more));
        assert!(fault.message.contains(message), "{more}: {fault}");
        assert!(fault.line > 19, "{more}: {fault}");
    }
}

#[test]
fn half_a_client_certificate() {
    let text = with("http://127.0.0.1:8080", "https://a:1") + "[app.tls]\nca = \"staff.pem\"\nchain = \"server.pem\"\n";
    assert_eq!(Folder::new().fault(&text).message, "`key` is missing");
}
