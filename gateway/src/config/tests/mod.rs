//! Whole files in; configurations, warnings or errors out.

mod faults;
mod jwt;
mod oidc;
mod pages;
mod rate;
mod revocation;
mod signals;
mod signing;
mod upstreams;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::facts::posture::FactName;

/// The smallest useful file.
const MINIMAL: &str = r#"
[listen]
address = "0.0.0.0:8443"
certificates = [{ chain = "server.pem", key = "file:server.key" }]

[[clients.trust]]
name = "staff"
ca = ["staff.pem"]
crl = ["staff.crl"]
device = "uri:urn:device:{id}"
person = "email"

[policy]
directory = "policies"

[[app]]
name = "wiki"
hosts = ["wiki.example.org"]
upstreams = ["http://127.0.0.1:8080"]
"#;

/// A folder with every file that a configuration may name.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["server.pem", "server.key", "staff.pem", "staff.crl", "groups.json", "posture.json"] {
            folder.write(name, "x");
        }
        folder.mode("server.key", 0o600);
        fs::create_dir(folder.path().join("policies")).unwrap();
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, text: &str) -> Result<Loaded, Vec<Diagnostic>> {
        self.write("gaccong.toml", text);
        load(&self.path().join("gaccong.toml")).map_err(|invalid| invalid.diagnostics)
    }

    /// The one thing that is wrong.
    fn fault(&self, text: &str) -> Diagnostic {
        let mut problems = self.load(text).expect_err(text);
        assert_eq!(problems.len(), 1, "{}", shown(&problems));
        problems.remove(0)
    }
}

fn shown(problems: &[Diagnostic]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// `MINIMAL` with one line replaced.
fn with(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    MINIMAL.replacen(old, new, 1)
}

/// `MINIMAL` with more at the end.
fn and(more: &str) -> String {
    format!("{MINIMAL}{more}\n")
}

const SECOND_APP: &str =
    "[[app]]\nname = \"pay\"\nhosts = [\"pay.example.org\"]\nupstreams = [\"http://127.0.0.1:8081\"]\n";

#[test]
fn the_minimal_file_gets_every_default() {
    let folder = Folder::new();
    let Loaded { config, warnings } = folder.load(MINIMAL).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    assert_eq!(shown(&warnings), "");
    assert_eq!(config.file, folder.path().join("gaccong.toml"));
    assert!(config.listen.threads > 0);
    assert_eq!(config.listen.handover, folder.path().join("run/handover.sock"));
    assert_eq!(config.listen.certificates[0].min_tls, TlsVersion::Tls13);
    assert_eq!(config.listen.certificates[0].chain, folder.path().join("server.pem"));
    assert_eq!(config.clients.certificate, CertificateMode::Required);
    assert_eq!(config.apps[0].body_limit_bytes, Some(16 << 20));
    assert_eq!(config.apps[0].posture, PostureMode::Required);
    assert_eq!(config.management.address.to_string(), "127.0.0.1:9090");
    assert_eq!(config.audit.sink, AuditSink::Stdout);
    assert_eq!(config.limits.connections, 50_000);
    assert!(config.policy.signing.is_none() && config.threats.is_empty());
    assert_eq!(config.policy.shadow_every, 1000);
    let watched = ["gaccong.toml", "policies", "server.key", "server.pem", "staff.crl", "staff.pem"];
    assert_eq!(config.watched, watched.map(|name| folder.path().join(name)));
}

#[test]
fn every_key_is_read() {
    let folder = Folder::new();
    let text = r#"
[listen]
address = "[::]:443"
threads = 3
handover = "/run/gaccong.sock"
drain_ms = 1000
drain_delay_ms = 2000
proxy_protocol.from = ["10.0.0.0/8", "fd00::/8"]

[[listen.certificates]]
hosts = ["*.example.org"]
chain = "server.pem"
key = "file:server.key"
tls = "1.2"

[clients]
certificate = "optional"
on_invalid = "page"

[[clients.trust]]
name = "prod"
ca = ["staff.pem"]
crl = ["staff.crl"]
workload = "uri:spiffe://prod.example/{*}"

[[app]]
name = "pay"
hosts = ["pay.example.org"]
upstreams = ["https://10.0.0.7", "https://[fd00::7]:8443/"]
owner = "finance@example.org"
sensitivity = "secret"
groups = ["money"]
posture = "policy"
mode = "observe"
actions = [{ method = "POST", path = "/approve/*", action = "approve" }, { path = "/x", action = "read" }]
connect_timeout_ms = 10
first_byte_timeout_ms = 20
idle_timeout_ms = 30
body_limit_bytes = 0

[app.tls]
ca = "staff.pem"
server_name = "pay.internal"
chain = "server.pem"
key = "file:server.key"

[app.health]
path = "/healthz?deep=1"
interval_ms = 100
timeout_ms = 50
healthy_after = 3
unhealthy_after = 4

[[app]]
name = "chat"
hosts = ["chat.example.org"]
upstreams = ["unix:run/chat.sock"]

[policy]
directory = "policies"
mode = "observe"

[identity]
groups = "groups.json"

[posture]
file = "posture.json"
required = ["disk_encrypted"]
max_age_s = { default = 60, patch_age_days = 120 }
[[posture.source]]
name = "mdm"
who = ["workload:spiffe://prod.example/mdm", "trust:prod"]
rank = 10
facts = ["managed", "compliant"]
max_age_s = { compliant = 30 }
reports_per_min = 5
hold_window_s = 60
[posture.osquery]
enroll_secret = "file:server.key"
edr_processes = ["falcond"]
interval_s = 30

[management]
address = "0.0.0.0:9443"
[management.tls]
chain = "server.pem"
key = "file:server.key"
trust = ["prod"]

[audit]
directory = "audit"
segment_bytes = 1048576
segment_age_s = 60
keep_segments = 9
queue_records = 100
query_strings = true

[limits]
connections = 1
connections_per_source = 2
handshake_ms = 1000
header_ms = 1001
header_bytes = 9000
headers = 11
idle_ms = 1002
min_body_bytes_per_s = 12
streams = 13
control_frames_per_10s = 14
unauthenticated_records_per_min = 15
"#;
    let Loaded { config, warnings } = folder.load(text).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    assert_eq!(shown(&warnings), "");
    assert_eq!(config.listen.threads, 3);
    assert_eq!(config.listen.proxy_protocol_from.len(), 2);
    assert_eq!(config.listen.certificates[0].hosts, [HostPattern::Wildcard("example.org".into())]);
    let rule = config.clients.trust[0].workload.clone().unwrap();
    assert_eq!((rule.source, &*rule.prefix, rule.whole), (NameSource::Uri, "spiffe://prod.example/", true));
    let pay = &config.apps[0];
    let targets: Vec<_> = pay.upstreams.iter().map(|upstream| &upstream.target).collect();
    let tcp = |host: &str, port| Target::Tcp { host: host.into(), port };
    assert_eq!(targets, [&tcp("10.0.0.7", 443), &tcp("fd00::7", 8443)]);
    assert_eq!((pay.body_limit_bytes, pay.mode, pay.sensitivity), (None, Some(Mode::Observe), Sensitivity::Secret));
    assert_eq!(pay.actions[0].path, Some(PathPattern::Prefix("/approve/".into())));
    assert!(pay.upstream_tls.client.is_some());
    assert_eq!(pay.health.as_ref().unwrap().path, "/healthz?deep=1");
    assert_eq!(config.apps[1].upstreams[0].target, Target::Unix(folder.path().join("run/chat.sock")));
    assert_eq!(config.posture.required, [FactName::DiskEncrypted]);
    assert_eq!(config.posture.max_age[&FactName::PatchAgeDays].as_secs(), 120);
    assert_eq!(config.posture.default_max_age.as_secs(), 60);
    let max_age_s = |fact, source| config.posture.max_age_of(fact, source).as_secs();
    assert_eq!((max_age_s(FactName::Compliant, Some("mdm")), max_age_s(FactName::Compliant, None)), (30, 60));
    assert_eq!(max_age_s(FactName::PatchAgeDays, Some("mdm")), 120);
    assert_eq!((config.posture.rank_of(Some("mdm")), config.posture.rank_of(None)), (10, 100));
    let names: Vec<_> = config.posture.sources.iter().map(|source| &*source.name).collect();
    assert_eq!(names, ["mdm", "agent", "osquery"]);
    let holds: Vec<_> = config.posture.sources.iter().map(|source| source.hold.map(|rule| rule.share)).collect();
    assert_eq!(holds, [Some(0.25), None, None], "who reports of itself alone moves one device only");
    assert_eq!(config.posture.osquery.enroll_secret.as_ref().map(|digest| digest.len()), Some(32));
    assert_eq!(config.audit.sink, AuditSink::Directory(folder.path().join("audit")));
    assert_eq!(config.limits.unauthenticated_records_per_min, 15);
    assert!(config.management.tls.is_some());
}

#[test]
fn what_is_odd_is_a_warning() {
    let folder = Folder::new();
    let actions = "actions = [{ path = \"/a/*\", action = \"read\" }, { method = \"POST\", path = \"/a/b\", action = \"write\" }]\n";
    for (text, message) in [
        (with("crl = [\"staff.crl\"]\n", ""), "revocation is not checked"),
        (and(actions), "this rule is never reached"),
        (with("\"wiki.example.org\"", "\"wiki.example.org\", \"*.example.org\""), "already covered"),
        (
            with("{ chain", "{ hosts = [\"example.org\"], chain"),
            "no certificate of `[listen]` is for `wiki.example.org`",
        ),
        (and(SECOND_APP).replace("wiki.example.org", "*.example.org") + "posture = \"policy\"\n", "which demands more"),
    ] {
        let loaded = folder.load(&text).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
        assert_eq!(loaded.warnings.len(), 1, "{}", shown(&loaded.warnings));
        assert!(loaded.warnings[0].message.contains(message), "{}", loaded.warnings[0]);
        assert!(loaded.warnings[0].to_string().contains(": warning: "));
    }
    let loaded = folder.load(&and(SECOND_APP).replace("wiki.example.org", "*.example.org")).unwrap();
    assert_eq!(shown(&loaded.warnings), "", "an exact host beside a wildcard is nothing odd");
}

#[test]
fn a_key_for_everyone_is_a_warning() {
    let folder = Folder::new();
    folder.mode("server.key", 0o644);
    let loaded = folder.load(MINIMAL).unwrap();
    assert!(loaded.warnings[0].message.contains("private key"), "{}", shown(&loaded.warnings));
}

#[test]
fn includes_add_apps_and_trust_in_the_order_of_their_names() {
    let folder = Folder::new();
    let app = |name: &str| SECOND_APP.replace("pay", name);
    let trust = "[[clients.trust]]\nname = \"prod\"\nca = [\"ca.pem\"]\ncrl = [\"../staff.crl\"]\ndevice = \"dns\"\n";
    folder.write("apps.d/b.toml", &app("b"));
    folder.write("apps.d/a.toml", &(app("a") + trust));
    folder.write("apps.d/ca.pem", "x");
    folder.write("apps.d/.hidden.toml", "[");
    folder.write("apps.d/a.toml~", "[");
    let main = format!("include = [\"apps.d/*.toml\"]\n{MINIMAL}");
    let config = folder.load(&main).unwrap_or_else(|problems| panic!("{}", shown(&problems))).config;
    assert_eq!(config.apps.iter().map(|app| &*app.name).collect::<Vec<_>>(), ["wiki", "a", "b"]);
    assert_eq!(config.clients.trust[1].ca, [folder.path().join("apps.d/ca.pem")], "relative to the file that names it");
    for name in ["apps.d", "apps.d/a.toml", "apps.d/b.toml", "apps.d/ca.pem"] {
        assert!(config.watched.contains(&folder.path().join(name)), "{name}");
    }

    folder.write("apps.d/b.toml", &(app("a") + "[limits]\nstreams = 1\n[clients]\non_invalid = \"page\"\n"));
    let problems = folder.load(&main).unwrap_err();
    let b = folder.path().join("apps.d/b.toml");
    assert!(problems.iter().all(|problem| problem.file == b), "{}", shown(&problems));
    let messages = shown(&problems);
    assert!(messages.contains("there is already an app `a`, at"), "{messages}");
    assert!(messages.contains("`limits` has its place in the main file"), "{messages}");
    assert!(messages.contains("unknown key `on_invalid`"), "{messages}");
}

#[test]
fn includes_that_cannot_be_read() {
    let folder = Folder::new();
    for (include, message) in [
        ("nope.toml", "cannot include"),
        ("nope.d/*.toml", "cannot read the folder `nope.d`"),
        ("*/a.toml", "stands once, in the last part"),
        ("a*b*.toml", "stands once, in the last part"),
    ] {
        let fault = folder.fault(&format!("include = [\"{include}\"]\n{MINIMAL}"));
        assert_eq!(fault.line, 1);
        assert!(fault.message.contains(message), "{fault}");
    }
}
