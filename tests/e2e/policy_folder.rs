//! A folder with a configuration and policies, for the commands that need no gateway.

use std::path::Path;

use gaccong_tests::gateway::command;
use gaccong_tests::within_patience;
use tempfile::TempDir;

/// Another id of the forbid of [`POLICIES`].
pub(crate) const LAPTOP: &str = "laptops-only";

/// What stands in `policies/payroll.cedar`, laid out as `gaccong policy fmt` does.
pub(crate) const POLICIES: &str = r#"// Finance reads payroll.
@id("finance-reads")
permit (
  principal in Group::"finance",
  action == Action::"read",
  resource == App::"payroll"
);

@id("finance-approves")
permit (
  principal in Group::"finance",
  action == Action::"approve",
  resource == App::"payroll"
);

@id("managed-only")
forbid (
  principal is User,
  action,
  resource
)
unless { context has device && context.device has managed && context.device.managed };
"#;

/// No certificate that it names is there: these commands do not need them.
const CONFIGURATION: &str = r#"
[listen]
address = "127.0.0.1:0"
[[listen.certificates]]
chain = "server.pem"
key = "file:server.key"
[[clients.trust]]
name = "laptops"
ca = ["laptops.pem"]
crl = ["laptops.crl"]
person = "email"
[policy]
directory = "policies"
[identity]
groups = "groups.json"
[[app]]
name = "payroll"
hosts = ["payroll.example.test"]
upstreams = ["http://127.0.0.1:9"]
actions = [{ method = "POST", path = "/approve/*", action = "approve" }]
"#;

/// A temporary folder.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// With a configuration, groups and three policies.
    pub(crate) fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        folder.write("gaccong.toml", CONFIGURATION);
        folder.write("groups.json", r#"{"groups": {"finance": ["lan@example.test"]}}"#);
        folder.write("policies/payroll.cedar", POLICIES);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Runs a command in the folder. Exit code and standard output; standard error where there is no output.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (i32, String) {
        run_in(self.path(), arguments).await
    }
}

/// Runs a command in a folder. Exit code and standard output; standard error where there is no output.
pub(crate) async fn run_in(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = within_patience("a command", command().args(arguments).current_dir(folder).output()).await.unwrap();
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}
