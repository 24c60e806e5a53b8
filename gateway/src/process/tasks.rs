//! The tasks that the process cannot be without. When one fails, bounds are no longer enforced or revocations no longer
//! read; then it is safer to end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::facts::snapshot::Listener;
use crate::gateway::Gateway;
use crate::process::watch::Watch;
use crate::process::{grants, management, reload};
use crate::request::accept;
use crate::request::forward::assertion;
use crate::session::{refresh, rotation};
use crate::signals;
use crate::state::{MAX_CHANGES, Writer};
use crate::streams::sweep;

/// How often what has expired is forgotten.
const FORGET_PERIOD: Duration = Duration::from_secs(60);

/// Everything that runs besides the connections.
#[derive(Debug)]
pub struct Tasks {
    accept: Vec<JoinHandle<()>>,
    stop_accepting: CancellationToken,
    stop_management: CancellationToken,
    failed: CancellationToken,
}

/// What the tasks work with.
#[derive(Debug)]
pub struct Inputs {
    /// The socket for clients.
    pub data: TcpListener,
    /// The socket for the control API, where there is one.
    pub control: Option<TcpListener>,
    /// The socket for metrics and health.
    pub management: TcpListener,
    /// The file that is loaded again.
    pub config_file: PathBuf,
    /// What asks for that when a file has changed.
    pub watch: Arc<Watch>,
    /// What asks for that at any time.
    pub hangup: Signal,
    /// What changes what is kept.
    pub writer: Writer,
}

impl Tasks {
    /// Begins to serve.
    pub fn start(gateway: &Arc<Gateway>, inputs: Inputs) -> Self {
        let Inputs { data, control, management, config_file, watch, hangup, writer } = inputs;
        let (stop_accepting, stop_management) = (CancellationToken::new(), CancellationToken::new());
        let failed = CancellationToken::new();
        supervise("sweep", &failed, sweep::run(Arc::clone(gateway)));
        supervise("grants", &failed, grants::run(Arc::clone(gateway)));
        supervise("state", &failed, write_state(Arc::clone(gateway), writer));
        supervise("signals", &failed, signals::watch::Watch::new(gateway).run());
        supervise("forget", &failed, forget_expired(Arc::clone(gateway)));
        supervise("assertions", &failed, assertion::run(Arc::clone(gateway)));
        supervise("sessions", &failed, refresh::run(Arc::clone(gateway)));
        supervise("reload", &failed, reload::run(Arc::clone(gateway), config_file, watch, hangup));
        supervise("management", &failed, management::run(Arc::clone(gateway), management, stop_management.clone()));
        let sockets = [(Listener::Apps, Some(data)), (Listener::Control, control)];
        let accept = sockets.into_iter().filter_map(|(listener, socket)| Some((listener, socket?)));
        let accept = accept.map(|(listener, socket)| {
            let accepting = accept::run(Arc::clone(gateway), listener, socket, stop_accepting.clone());
            supervise("accept", &failed, accepting)
        });
        let accept = accept.collect();
        Self { accept, stop_accepting, stop_management, failed }
    }

    /// Waits until one of them has failed.
    pub async fn failure(&self) {
        self.failed.cancelled().await;
    }

    /// Whether one of them has failed.
    pub fn have_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Accepts no more clients. Drops the sockets, which close unless another process has them too.
    pub async fn stop_accepting(&mut self) {
        self.stop_accepting.cancel();
        // A failure was reported where it happened.
        for accept in &mut self.accept {
            let _ = accept.await;
        }
    }

    /// Leaves metrics and health to the successor.
    pub fn stop_management(&self) {
        self.stop_management.cancel();
    }
}

/// Forgets, once a minute, what is kept and counts no more, and makes new keys when it is time.
async fn forget_expired(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(FORGET_PERIOD);
    loop {
        interval.tick().await;
        rotation::keep_keys(&gateway).await;
        let expired = gateway.state.live().expired(clock::now_ms());
        if expired.is_empty() {
            continue;
        }
        let is_all = expired.len() < MAX_CHANGES;
        match gateway.state.change(expired, Instant::now()).await {
            Ok(_) if !is_all => interval.reset_immediately(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what has expired is not forgotten yet"),
        }
    }
}

/// Works off changes on a thread of its own: commits wait for the disk.
async fn write_state(gateway: Arc<Gateway>, writer: Writer) {
    if let Err(error) = tokio::task::spawn_blocking(move || writer.run(&gateway)).await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a task that ends only when it is told to. If it panics, `failed` is told.
fn supervise(
    name: &'static str,
    failed: &CancellationToken,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let failed = failed.clone();
    tokio::spawn(async move {
        if let Err(error) = tokio::spawn(task).await.map_err(io::Error::from) {
            tracing::error!(task = name, %error, "a task that must not end has failed: the process ends");
            failed.cancel();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_noticed() {
        let failed = CancellationToken::new();
        let task = supervise("test", &failed, async { panic!("of the test") });
        failed.cancelled().await;
        task.await.unwrap();
    }

    #[tokio::test]
    async fn the_end_of_a_task_that_was_told_to_is_no_failure() {
        let (stop, failed) = (CancellationToken::new(), CancellationToken::new());
        let task = supervise("test", &failed, stop.clone().cancelled_owned());
        stop.cancel();
        task.await.unwrap();
        assert!(!failed.is_cancelled());
    }
}
