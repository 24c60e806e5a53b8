//! The control API of a gateway under test: its set-up, and a client of it.

use std::path::{Path, PathBuf};

use http::Request;
use serde_json::Value;

use crate::client::{Answer, Body, Client, empty, full, request};
use crate::pki;
use crate::{Certified, Gateway, Setup, eventually, within_patience};

/// The host of the control API.
pub const HOST: &str = "control.example.test";

/// Bob and the billing service may do everything; a device may report for itself.
pub const POLICY: &str = r#"
@id("soc")
permit (principal == User::"bob@example.org", action, resource == App::"control");
@id("second")
permit (principal == Workload::"spiffe://prod.example/billing", action, resource == App::"control");
@id("agents")
permit (principal is Device, action, resource == App::"control")
when { context has target && context.target.kind == "device" && context has device && context.target.id == context.device.id };
"#;

/// Gives a set-up a control API with [`POLICY`], and a store.
pub fn with_control(setup: &mut Setup) {
    with_policy(setup, POLICY);
}

/// Gives a set-up a control API with other policies, and a store.
pub fn with_policy(setup: &mut Setup, policy: &str) {
    std::fs::create_dir(setup.dir().join("control-policies")).unwrap();
    setup.write("control-policies/all.cedar", policy);
    setup.set("control", "address = \"127.0.0.1:0\"");
    setup.set("control", "trust = [\"services\", \"laptops\"]");
    setup.set("control", "policies = \"control-policies\"");
    let certified = setup.pki.servers.issue(pki::server(&[HOST, "localhost"]));
    setup.write("control.pem", &certified.pem);
    setup.write("control.key", &certified.key_pem);
    let hosts = format!("[\"{HOST}\", \"localhost\"]");
    let certificate = format!("{{ hosts = {hosts}, chain = \"control.pem\", key = \"file:control.key\" }}");
    setup.set("control", &format!("certificate = {certificate}"));
    setup.set("store", "path = \"store/gaccong.redb\"");
}

impl Gateway {
    /// A call of the control API.
    pub async fn call(&self, who: &Certified, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let client = Client::new(self.control(), self.pki(), Some(who));
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder().method(method).uri(target).header("host", HOST);
        let request = request.header("content-type", "application/json").body(full(body)).unwrap();
        client.send(HOST, request).await.unwrap()
    }

    /// What a person gives to commands that ask the control API: address, certificate, key and CA, in a file.
    pub fn client_profile(&self, name: &str, who: &Certified) -> PathBuf {
        let file = |end: &str, text: &str| std::fs::write(self.dir().join(format!("{name}.{end}")), text).unwrap();
        file("pem", &who.pem);
        file("key", &who.key_pem);
        std::fs::write(self.dir().join("server-ca.pem"), self.pki().servers.pem()).unwrap();
        let address = format!("https://localhost:{}", self.control().port());
        let lines = [("control", address), ("cert", format!("{name}.pem")), ("key", format!("{name}.key"))];
        let lines: String = lines.iter().map(|(key, value)| format!("{key} = \"{value}\"\n")).collect();
        file("toml", &(lines + "ca = \"server-ca.pem\"\n"));
        self.dir().join(format!("{name}.toml"))
    }

    /// Runs a command that asks the control API: exit code, standard output, standard error.
    pub async fn command(&self, profile: &Path, arguments: &[&str]) -> (i32, String, String) {
        let mut command = crate::gateway::command();
        command.args(arguments).env("GACCONG_PROFILE", profile).current_dir(self.dir());
        let output = within_patience("a command", command.output()).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// Bob revokes. A process that hands over to another asks to be asked again.
    pub async fn revoke_by_call(&self, kind: &str, id: &str) {
        let (bob, target) = (self.pki().bob(), target("revocations", kind, id));
        let answer = eventually("a process that takes changes", || async {
            Some(self.call(&bob, "POST", &target, None).await).filter(|answer| answer.status != 503)
        })
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// The target of a call about a subject or a scope.
pub fn target(what: &str, kind: &str, id: &str) -> String {
    let id: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/v1/{what}?kind={kind}&id={id}")
}

/// Someone who calls the control API.
pub struct Caller(Client);

impl Caller {
    /// With that certificate.
    pub fn new(gateway: &Gateway, certified: &Certified) -> Self {
        Self(Client::new(gateway.control(), gateway.pki(), Some(certified)))
    }

    /// A call without a body.
    pub async fn call(&self, method: &str, path: &str) -> Answer {
        self.send(request(method, HOST, path).body(empty()).unwrap()).await
    }

    /// A call with a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = request(method, HOST, path).header("content-type", "application/json");
        self.send(request.body(full(body.to_string())).unwrap()).await
    }

    /// Any call.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.0.send(HOST, request).await.unwrap()
    }
}
