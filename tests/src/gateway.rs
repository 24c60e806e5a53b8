//! A gateway in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::audit::{self, Record};
use crate::client::Client;
use crate::metrics::Metrics;
use crate::pki::{Certified, Pki};
use crate::setup::Setup;
use crate::{eventually, within_patience};

/// A running gateway. It is killed when dropped, and what it logged is printed if the test failed.
pub struct Gateway {
    folder: Arc<Folder>,
    child: Child,
    ready: Ready,
    log: Log,
    /// Standard output, where the set-up said not to read it.
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    drain_stdout: bool,
}

struct Folder {
    dir: TempDir,
    pki: Pki,
}

#[derive(Clone, Copy)]
struct Ready {
    listen: SocketAddr,
    management: SocketAddr,
    control: Option<SocketAddr>,
    pid: i32,
}

type Log = Arc<Mutex<String>>;

impl Gateway {
    /// Starts a gateway and returns when it says that it is ready.
    pub async fn start(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::new();
        change(&mut setup);
        let drain_stdout = setup.drain_stdout;
        let (dir, pki) = setup.finish();
        Self::spawn(Arc::new(Folder { dir, pki }), &[], drain_stdout).await
    }

    /// Starts a successor, which takes the sockets over from this one.
    pub async fn upgrade(&self) -> Self {
        Self::spawn(self.folder.clone(), &["--upgrade"], self.drain_stdout).await
    }

    /// Starts another where this one was.
    pub async fn restart(&self) -> Self {
        Self::spawn(self.folder.clone(), &[], self.drain_stdout).await
    }

    /// Starts another where this one was, with further options.
    pub async fn restart_with(&self, options: &[&str]) -> Self {
        Self::spawn(self.folder.clone(), options, self.drain_stdout).await
    }

    async fn spawn(folder: Arc<Folder>, options: &[&str], drain_stdout: bool) -> Self {
        let mut child = command()
            .arg("run")
            .arg("-c")
            .arg(folder.dir.path().join("gaccong.toml"))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: build it first", binary().display()));

        let log = Log::default();
        keep(child.stderr.take().unwrap(), log.clone());
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = within_patience("start of the gateway", wait_until_ready(&mut stdout, &log)).await;
        let stdout = if drain_stdout {
            keep_lines(stdout, log.clone());
            None
        } else {
            Some(stdout)
        };
        Self { folder, child, ready, log, stdout, drain_stdout }
    }

    /// Where clients connect.
    pub fn listen(&self) -> SocketAddr {
        self.ready.listen
    }

    /// Where metrics and health are.
    pub fn management(&self) -> SocketAddr {
        self.ready.management
    }

    /// Where the control API is.
    pub fn control(&self) -> SocketAddr {
        self.ready.control.expect("the set-up has a control API")
    }

    /// The process.
    pub fn pid(&self) -> i32 {
        self.ready.pid
    }

    /// The CAs.
    pub fn pki(&self) -> &Pki {
        &self.folder.pki
    }

    /// The folder with the configuration.
    pub fn dir(&self) -> &Path {
        self.folder.dir.path()
    }

    /// The folder with the records.
    pub fn audit_dir(&self) -> PathBuf {
        self.dir().join("audit")
    }

    /// A client with a certificate.
    pub fn client(&self, certified: &Certified) -> Client {
        Client::new(self.listen(), self.pki(), Some(certified))
    }

    /// A client without one.
    pub fn anonymous(&self) -> Client {
        Client::new(self.listen(), self.pki(), None)
    }

    /// Alice on her compliant laptop.
    pub fn alice(&self) -> Client {
        self.client(&self.pki().alice())
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Replaces a file of the folder in one step, as a careful operator does.
    pub fn replace(&self, name: &str, text: &str) {
        let new = self.dir().join(format!("{name}.new"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.dir().join(name)).unwrap();
    }

    /// Takes certificates of laptops back and waits until the gateway has read it.
    pub async fn revoke(&self, revoked: &[&Certified]) {
        self.replace("laptops.crl", &self.pki().laptops.crl(revoked));
        self.reload().await;
    }

    /// SIGHUP, and waits for the reload to succeed.
    pub async fn reload(&self) {
        let before = self.reloaded_at().await;
        self.signal(Signal::HUP);
        eventually("a reload", || async {
            let metrics = self.metrics().await;
            let succeeded = metrics.sum("gaccong_config_last_reload_success", &[]) == Some(1.0);
            (succeeded && self.reloaded_at().await > before).then_some(())
        })
        .await;
    }

    /// SIGHUP, and waits for the reload to fail.
    pub async fn reload_in_vain(&self) {
        let before = self.reloaded_at().await;
        self.signal(Signal::HUP);
        eventually("a reload that fails", || async {
            let metrics = self.metrics().await;
            let failed = metrics.sum("gaccong_config_last_reload_success", &[]) == Some(0.0);
            (failed && self.reloaded_at().await > before).then_some(())
        })
        .await;
    }

    async fn reloaded_at(&self) -> f64 {
        let metrics = self.metrics().await;
        metrics.sum("gaccong_config_last_reload_timestamp_seconds", &[]).expect("the time of the last reload")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // Fails only when the process is already gone, which the test then sees.
        let _ = kill_process(Pid::from_raw(self.ready.pid).unwrap(), signal);
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        within_patience("exit of the gateway", self.child.wait()).await.unwrap()
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill9(&mut self) {
        self.signal(Signal::KILL);
        self.exit().await;
    }

    /// `GET` on the management listener; status and body.
    pub async fn manage(&self, path: &str) -> std::io::Result<(u16, String)> {
        crate::client::plain_get(self.management(), path).await
    }

    /// The metrics.
    pub async fn metrics(&self) -> Metrics {
        let (status, text) = self.manage("/metrics").await.expect("the management listener answers");
        assert_eq!(status, 200, "{text}");
        Metrics::parse(text)
    }

    /// Every whole record of a request or connection attempt so far.
    pub fn records(&self) -> Vec<Record> {
        self.all_records().into_iter().filter(Record::is_of_client).collect()
    }

    /// Every whole record so far, those of the gateway itself too.
    pub fn all_records(&self) -> Vec<Record> {
        audit::read(&self.audit_dir())
    }

    /// The loads of policies so far.
    pub fn policy_loads(&self) -> Vec<Record> {
        self.entities().filter(|record| record.text("/entity/type") == Some("policy")).collect()
    }

    fn entities(&self) -> impl Iterator<Item = Record> {
        self.all_records().into_iter().filter(|record| record.class() == audit::ENTITY_MANAGEMENT)
    }

    /// Waits for the record of a change of what is kept.
    pub async fn state_change(&self, what: &str, wanted: impl Fn(&Record) -> bool) -> Record {
        eventually(what, || async { self.entities().find(&wanted) }).await
    }

    /// Waits for a record.
    pub async fn record(&self, what: &str, wanted: impl Fn(&Record) -> bool) -> Record {
        eventually(what, || async { self.records().into_iter().find(&wanted) }).await
    }

    /// Waits for the record of a load of policies.
    pub async fn policy_load(&self, what: &str, wanted: impl Fn(&Record) -> bool) -> Record {
        eventually(what, || async { self.policy_loads().into_iter().find(&wanted) }).await
    }

    /// Waits for the final record of a request.
    pub async fn final_record(&self, id: &str) -> Record {
        self.record(&format!("the final record of {id}"), |record| record.id() == id && record.is_final()).await
    }

    /// Waits for the record of a refused connection attempt.
    pub async fn refused_connection(&self, reason: &str) -> Record {
        self.record(&format!("a refused connection attempt for {reason}"), |record| {
            record.class() == audit::NETWORK_ACTIVITY && record.reason() == Some(reason)
        })
        .await
    }

    /// Resident memory now.
    pub fn rss_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The largest resident memory since the start.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.ready.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes the standard output that the set-up left unread.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Begins to read the standard output that the set-up left unread.
    pub fn read_stdout(&mut self) {
        if let Some(stdout) = self.stdout.take() {
            keep_lines(stdout, self.log.clone());
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}--- its records ---", self.log());
            let segments = audit::segments(&self.audit_dir());
            let lines: Vec<_> = segments.iter().flat_map(|(_, segment)| segment.split(|byte| *byte == b'\n')).collect();
            for line in lines.iter().rev().take(20).rev() {
                eprintln!("{}", String::from_utf8_lossy(line));
            }
        }
    }
}

/// The binary: beside the test's own executable, unless `GACCONG_BIN` names another.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("GACCONG_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("gaccong")
}

/// `gaccong`, to be given arguments.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    command.env("RUST_BACKTRACE", "1");
    command
}

async fn wait_until_ready(stdout: &mut Lines<BufReader<ChildStdout>>, log: &Log) -> Ready {
    while let Some(line) = stdout.next_line().await.unwrap() {
        let parsed: Option<Value> = serde_json::from_str(&line).ok();
        if let Some(ready) = parsed.as_ref().and_then(|line| line.get("ready")) {
            let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
            let pid = ready["pid"].as_i64().unwrap().try_into().unwrap();
            let control = ready.get("control").map(|_| address("control"));
            return Ready { listen: address("listen"), management: address("management"), control, pid };
        }
        append(log, &line);
    }
    // Standard error may end a moment after standard output.
    eventually("the gateway's last words", || async { (!log.lock().unwrap().is_empty()).then_some(()) }).await;
    panic!("the gateway did not start:\n{}", log.lock().unwrap());
}

fn keep(stream: impl AsyncRead + Send + Unpin + 'static, log: Log) {
    keep_lines(BufReader::new(stream).lines(), log);
}

fn keep_lines<R: AsyncBufReadExt + Send + Unpin + 'static>(mut lines: Lines<R>, log: Log) {
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            append(&log, &line);
        }
    });
}

fn append(log: &Log, line: &str) {
    let mut log = log.lock().unwrap();
    log.push_str(line);
    log.push('\n');
}
