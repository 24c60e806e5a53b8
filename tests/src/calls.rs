//! Calls of the control API.

use std::path::PathBuf;

use http::Request;
use serde_json::Value;

use crate::client::{Answer, Body, empty, full, request};
use crate::pki::{self, Certified};
use crate::setup::Setup;
use crate::{Client, Gateway};

/// The host of the control API: a name that a program of this machine can resolve too.
pub const HOST: &str = "localhost";

/// Gives the set-up a control API with these policies, admitted to `trust`, and a store.
pub fn control(setup: &mut Setup, trust: &[&str], policies: &str) {
    let certified = setup.pki.servers.issue(pki::server(&[HOST]));
    setup.write("control.pem", &certified.pem);
    setup.write("control.key", &certified.key_pem);
    std::fs::create_dir_all(setup.dir().join("control-policies")).unwrap();
    setup.write("control-policies/control.cedar", policies);
    setup.set("control", "address = \"127.0.0.1:0\"");
    setup.set("control", &format!("trust = {}", serde_json::json!(trust)));
    setup.set("control", "policies = \"control-policies\"");
    setup.set("control", "certificate = { chain = \"control.pem\", key = \"file:control.key\" }");
    setup.set("store", "path = \"store.redb\"");
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

/// The options by which a command of `gaccong` calls this gateway with that certificate.
pub fn options(gateway: &Gateway, name: &str, certified: &Certified) -> Vec<String> {
    let file = |extension: &str, text: &str| -> String {
        let path: PathBuf = gateway.dir().join(format!("{name}.{extension}"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (cert, key) = (file("cert.pem", &certified.pem), file("cert.key", &certified.key_pem));
    let ca = file("ca.pem", &gateway.pki().servers.pem());
    let control = format!("https://{HOST}:{}", gateway.control().port());
    [("--control", control), ("--cert", cert), ("--key", key), ("--ca", ca)]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
}
