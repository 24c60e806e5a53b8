//! `curl`, a client that shares no code with ours.

use std::process::Stdio;

use crate::gateway::Gateway;
use crate::pki::Certified;

/// Runs `curl` against `https://{host}{path}` with a client certificate; returns its standard output.
pub async fn curl(gateway: &Gateway, certified: &Certified, host: &str, path: &str, options: &[&str]) -> String {
    let files = tempfile::tempdir().unwrap();
    let [ca, certificate, key] = ["ca.pem", "client.pem", "client.key"].map(|name| files.path().join(name));
    std::fs::write(&ca, gateway.pki().servers.pem()).unwrap();
    std::fs::write(&certificate, &certified.pem).unwrap();
    std::fs::write(&key, &certified.key_pem).unwrap();

    let address = gateway.listen();
    let output = tokio::process::Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30"])
        .arg("--resolve")
        .arg(format!("{host}:{}:{}", address.port(), address.ip()))
        .arg("--cacert")
        .arg(ca)
        .arg("--cert")
        .arg(certificate)
        .arg("--key")
        .arg(key)
        .args(options)
        .arg(format!("https://{host}:{}{path}", address.port()))
        .stdin(Stdio::null())
        .output()
        .await
        .expect("curl is installed: tests/run sees to it");
    assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
