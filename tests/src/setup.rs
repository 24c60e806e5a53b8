//! What a gateway is started with: configuration, certificates, policies and facts, written into a temporary folder.
//!
//! The default is the smallest complete set-up; a test changes only what it is about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pki::{self, Ca, Pki};

/// All hosts of the tests are below this name; the default server certificate is for `*.example.test`.
pub const DOMAIN: &str = "example.test";

/// People in the group `staff` may do everything; so may the billing service.
const POLICY: &str = r#"
@id("staff")
permit (principal in Group::"staff", action, resource);

@id("billing")
permit (principal == Workload::"spiffe://prod.example/billing", action, resource);
"#;

/// A set-up that can still be changed.
pub struct Setup {
    /// The CAs.
    pub pki: Pki,
    /// Trust domains by name; their lines below `[[clients.trust]]`.
    pub trust: BTreeMap<&'static str, String>,
    /// Server certificates by file name: chain, key and further lines below `[[listen.certificates]]`.
    pub certificates: BTreeMap<&'static str, String>,
    /// Policies by file name.
    pub policies: BTreeMap<&'static str, String>,
    /// The posture file.
    pub posture: Value,
    /// The groups file.
    pub groups: Value,
    /// Whether the harness reads on from the gateway's standard output once it is ready.
    pub drain_stdout: bool,
    dir: TempDir,
    sections: BTreeMap<&'static str, Vec<String>>,
    apps: Vec<String>,
    threats: Vec<String>,
    signals: Vec<String>,
}

impl Setup {
    /// The default.
    pub(crate) fn new() -> Self {
        let mut setup = Self {
            pki: Pki::new(),
            trust: BTreeMap::new(),
            certificates: BTreeMap::new(),
            policies: BTreeMap::from([("permits.cedar", POLICY.to_owned())]),
            posture: json!({"devices": {
                "laptop-7": posture("alice@example.org", &json!({"disk_encrypted": true, "compliant": true, "patch_age_days": 12})),
                "laptop-8": posture("bob@example.org", &json!({"disk_encrypted": false, "compliant": false, "patch_age_days": 90})),
            }}),
            groups: json!({"groups": {"staff": ["alice@example.org", "bob@example.org"]}}),
            drain_stdout: true,
            dir: TempDir::new().unwrap(),
            sections: BTreeMap::new(),
            apps: Vec::new(),
            threats: Vec::new(),
            signals: Vec::new(),
        };
        setup.set("listen", "address = \"127.0.0.1:0\"");
        setup.set("listen", "threads = 2");
        setup.set("management", "address = \"127.0.0.1:0\"");
        setup.set("policy", "directory = \"policies\"");
        setup.set("identity", "groups = \"groups.json\"");
        setup.set("posture", "file = \"posture.json\"");
        setup.set("audit", "directory = \"audit\"");
        setup.default_trust();
        setup.certificate("server", &["*.example.test"], "");
        setup
    }

    fn default_trust(&mut self) {
        let laptops = "device = \"uri:urn:device:{id}\"\nperson = \"email\"";
        let services = "workload = \"uri:spiffe://prod.example/{*}\"";
        self.write("laptops.pem", &self.pki.laptops.pem());
        self.write("laptops.crl", &self.pki.laptops.crl(&[]));
        self.write("services.pem", &self.pki.services.pem());
        self.write("services.crl", &self.pki.services.crl(&[]));
        self.write("people.pem", &self.pki.people.pem());
        self.trust.insert("laptops", format!("ca = [\"laptops.pem\"]\ncrl = [\"laptops.crl\"]\n{laptops}"));
        self.trust.insert("services", format!("ca = [\"services.pem\"]\ncrl = [\"services.crl\"]\n{services}"));
        self.trust.insert("people", "ca = [\"people.pem\"]\nperson = \"email\"".to_owned());
    }

    /// Sets a line of a section (`[limits]`, `[listen]`, …): the last line of a key holds.
    pub fn set(&mut self, section: &'static str, line: &str) -> &mut Self {
        let key = |line: &str| line.split('=').next().unwrap().trim().to_owned();
        let lines = self.sections.entry(section).or_default();
        lines.retain(|old| key(old) != key(line));
        lines.push(line.to_owned());
        self
    }

    /// Takes a section away.
    pub fn remove(&mut self, section: &str) -> &mut Self {
        self.sections.remove(section);
        self
    }

    /// Adds a server certificate.
    pub fn certificate(&mut self, name: &'static str, hosts: &[&str], lines: &str) -> &mut Self {
        let certified = self.pki.servers.issue(pki::server(hosts));
        self.write(&format!("{name}.pem"), &certified.pem);
        self.write(&format!("{name}.key"), &certified.key_pem);
        let lines = format!("chain = \"{name}.pem\"\nkey = \"file:{name}.key\"\n{lines}");
        self.certificates.insert(name, lines);
        self
    }

    /// Adds an app at `{name}.example.test`.
    pub fn app(&mut self, name: &str, upstream: &str) -> &mut Self {
        self.app_with(name, &[upstream], "")
    }

    /// Adds an app with several upstreams and further lines (keys first, tables after).
    pub fn app_with(&mut self, name: &str, upstreams: &[&str], lines: &str) -> &mut Self {
        let upstreams = json!(upstreams);
        self.apps.push(format!("name = \"{name}\"\nhosts = [\"{name}.{DOMAIN}\"]\nupstreams = {upstreams}\n{lines}"));
        self
    }

    /// Adds a threat list with these lines.
    pub fn threat_list(&mut self, name: &str, lines: &str) -> &mut Self {
        self.write(&format!("{name}.txt"), lines);
        self.threats.push(format!("name = \"{name}\"\naddresses = \"{name}.txt\""));
        self
    }

    /// Adds a stream of signals with these lines.
    pub fn signals(&mut self, lines: &str) -> &mut Self {
        self.signals.push(lines.to_owned());
        self
    }

    /// Replaces what is known of a device.
    pub fn device(&mut self, device: &str, posture: Value) -> &mut Self {
        self.posture["devices"][device] = posture;
        self
    }

    /// Accepts certificates of a CA that is not of the default set-up.
    pub fn trust_ca(&mut self, name: &'static str, ca: &Ca, lines: &str) -> &mut Self {
        self.write(&format!("{name}.pem"), &ca.pem());
        self.trust.insert(name, format!("ca = [\"{name}.pem\"]\n{lines}"));
        self
    }

    /// Writes a file beside the configuration.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes everything; the folder and the CAs outlive the set-up.
    pub(crate) fn finish(self) -> (TempDir, Pki) {
        let policies = self.dir.path().join("policies");
        std::fs::create_dir_all(&policies).unwrap();
        for (name, text) in &self.policies {
            let path = policies.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.write("posture.json", &self.posture.to_string());
        self.write("groups.json", &self.groups.to_string());
        self.write("gaccong.toml", &self.toml());
        (self.dir, self.pki)
    }

    fn toml(&self) -> String {
        let mut toml = String::new();
        for (section, lines) in &self.sections {
            let _ = writeln!(toml, "[{section}]\n{}\n", lines.join("\n"));
        }
        for lines in self.certificates.values() {
            let _ = writeln!(toml, "[[listen.certificates]]\n{lines}\n");
        }
        for (name, lines) in &self.trust {
            let _ = writeln!(toml, "[[clients.trust]]\nname = \"{name}\"\n{lines}\n");
        }
        for app in &self.apps {
            let _ = writeln!(toml, "[[app]]\n{app}\n");
        }
        for stream in &self.signals {
            let _ = writeln!(toml, "[[signals]]\n{stream}\n");
        }
        for list in &self.threats {
            let _ = writeln!(toml, "[[threat]]\n{list}\n");
        }
        toml
    }
}

/// A posture observed just now, as the posture file spells it.
pub fn posture(owner: &str, facts: &Value) -> Value {
    posture_at(owner, facts, jiff::Timestamp::now())
}

/// A posture observed at another time.
pub fn posture_at(owner: &str, facts: &Value, observed_at: jiff::Timestamp) -> Value {
    json!({"source": "mdm", "owner": owner, "observed_at": observed_at.to_string(), "facts": facts})
}
