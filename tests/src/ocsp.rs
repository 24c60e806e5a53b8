//! OpenSSL's OCSP responder in a process of its own.

use std::fmt::Write as _;
use std::net::Ipv6Addr;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::{Ca, Certified, within_patience};

/// The responder of a CA. Without a process it is dead.
pub struct Responder {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Responder {
    /// A responder that is dead still, at a port that was free a moment ago.
    pub async fn new(ca: &Ca, signer: &Ca) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &ca.pem());
        write("signer.pem", &signer.pem());
        write("signer.key", &signer.key_pem());
        // OpenSSL takes no port 0, and listens at all addresses of both families.
        let port = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await.unwrap().local_addr().unwrap().port();
        Self { folder, port, process: None }
    }

    /// As the configuration names it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Starts it anew: it knows these certificates, and that some are revoked.
    pub async fn knows(&mut self, good: &[&Certified], revoked: &[&Certified]) {
        self.dies().await;
        let mut index = String::new();
        for (certificates, columns) in [(good, "V\t401231235959Z\t"), (revoked, "R\t401231235959Z\t260101000000Z")] {
            for certified in certificates {
                let serial: String = certified.serial.to_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
                let _ = writeln!(index, "{columns}\t{serial}\tunknown\t/CN={serial}");
            }
        }
        std::fs::write(self.folder.path().join("index.txt"), index).unwrap();
        self.process = Some(within_patience("start of the responder", spawn(self.folder.path(), self.port)).await);
    }

    /// Ends it.
    pub async fn dies(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.unwrap();
        }
    }
}

/// Starts a responder, and returns when it says that it accepts connections. (One that is only tried hangs it.)
async fn spawn(folder: &Path, port: u16) -> Child {
    let port = port.to_string();
    let mut child = Command::new("openssl")
        .args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"])
        .args(["-port", &port, "-ignore_err"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("openssl: {error}"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the responder accepts connections");
        if line.starts_with("ACCEPT") {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return child;
        }
    }
}
