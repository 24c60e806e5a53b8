//! nginx as Debian packages it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::eventually;

/// A running nginx that serves files from a folder and accepts uploads nowhere.
pub struct Nginx {
    address: SocketAddr,
    dir: TempDir,
    _child: Child,
}

impl Nginx {
    /// Starts it with a server of files.
    pub async fn start() -> Self {
        Self::with(|address, dir| {
            format!("server {{ listen {address}; location / {{ root {}/www; }} }}", dir.display())
        })
        .await
    }

    /// Starts it with servers of one's own, at an address and with a folder. The port was free a moment ago; it takes another
    /// when somebody was faster.
    pub async fn with(servers: impl Fn(SocketAddr, &Path) -> String) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("www")).unwrap();
        loop {
            let address = free_address();
            let child = spawn(&dir, &servers(address, dir.path()));
            if let Some(child) = answering(child, address).await {
                return Self { address, dir, _child: child };
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As an app's `upstreams` names it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a file where it serves it.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.dir.path().join("www").join(name), bytes).unwrap();
    }
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn spawn(dir: &TempDir, servers: &str) -> Child {
    let path = dir.path().display();
    let configuration = format!(
        "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
    uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
    {servers}
}}"
    );
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    Command::new("nginx")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args(["-e".as_ref(), dir.path().join("error.log").as_os_str()])
        .args(["-c".as_ref(), file.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("nginx is installed: tests/run sees to it")
}

/// The process, once it answers; `None` when it ended because the port was taken.
async fn answering(mut child: Child, address: SocketAddr) -> Option<Child> {
    let answers = eventually("nginx", || {
        let ended = child.try_wait().unwrap().is_some();
        async move {
            if ended {
                return Some(false);
            }
            crate::client::plain_get(address, "/").await.is_ok().then_some(true)
        }
    })
    .await;
    answers.then_some(child)
}
