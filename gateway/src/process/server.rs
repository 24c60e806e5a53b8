//! The life of the process: load, take or open the sockets, serve, drain, end.

use std::future::pending;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::audit::log::AuditLog;
use crate::config::diagnostic::Diagnostic;
use crate::config::{Config, Listen};
use crate::facts::snapshot::Snapshot;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::process::handover::{self, Sockets, Taken};
use crate::process::load::{self, Loaded};
use crate::process::{management, reload};
use crate::reason::Reason;
use crate::request::accept;
use crate::streams::sweep;

/// How long the last records may take to be written.
const AUDIT_DRAIN: Duration = Duration::from_secs(10);

/// How long what was cut at the end of the drain may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How often the drain looks whether the process is idle.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// Why the process could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is invalid.
    #[error("the configuration is invalid")]
    Invalid(Vec<Diagnostic>),
    /// A socket, a thread or a folder could not be had.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What went wrong.
        #[source]
        error: io::Error,
    },
    /// The metrics could not be set up.
    #[error("cannot set up metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

fn cannot(what: impl Into<String>) -> impl FnOnce(io::Error) -> RunError {
    let what = what.into();
    move |error| RunError::Io { what, error }
}

/// What a process is started with.
#[derive(Debug)]
pub struct Start {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Whether to take the sockets of the process that is running.
    pub upgrade: bool,
}

/// Where a process listens, once it does.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ready {
    /// For clients.
    pub listen: SocketAddr,
    /// For metrics and health.
    pub management: SocketAddr,
    /// The process.
    pub pid: u32,
}

/// Runs until a signal or a successor ends it. `ready` is called once the process serves; `stop` ends it as SIGTERM does.
///
/// # Errors
/// Nothing is served after an error.
pub fn run(start: &Start, stop: &CancellationToken, ready: impl FnOnce(Ready)) -> Result<(), RunError> {
    let runtime = |threads: usize| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().thread_name("gaccong").build()
    };
    let Loaded { snapshot, warnings, .. } = load::load(&start.config_file, None).map_err(RunError::Invalid)?;
    reload::log(&warnings);
    let config = Arc::clone(&snapshot.config);
    let runtime = runtime(config.listen.threads).map_err(cannot("cannot start threads"))?;
    runtime.block_on(serve(start, snapshot, &config, stop, ready))?;
    // Tasks that are left have had their time.
    runtime.shutdown_background();
    Ok(())
}

async fn serve(
    start: &Start,
    snapshot: Snapshot,
    config: &Config,
    stop: &CancellationToken,
    ready: impl FnOnce(Ready),
) -> Result<(), RunError> {
    let (sockets, taken) = sockets(start, config)?;
    let audit = AuditLog::start(&config.audit, &config.limits).map_err(cannot("cannot open the audit log"))?;
    let gateway = Arc::new(Gateway::new(snapshot, &audit, Metrics::new()?));
    gateway.metrics.reloaded(true);
    gateway.snapshot.load().routes.iter().for_each(|route| route.pool.watch_health());

    let accepting = CancellationToken::new();
    let listener = |socket: &TcpListener| {
        let socket = socket.try_clone()?;
        socket.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(socket)
    };
    let data = listener(&sockets.data).map_err(cannot("cannot listen for clients"))?;
    let admin = listener(&sockets.management).map_err(cannot("cannot listen for management"))?;
    let place = Ready {
        listen: data.local_addr().map_err(cannot("no address"))?,
        management: admin.local_addr().map_err(cannot("no address"))?,
        pid: std::process::id(),
    };
    tokio::spawn(sweep::run(Arc::clone(&gateway)));
    tokio::spawn(reload::run(Arc::clone(&gateway), start.config_file.clone()));
    tokio::spawn(management::run(Arc::clone(&gateway), admin));
    let accept = tokio::spawn(accept::run(Arc::clone(&gateway), data, accepting.clone()));
    if let Some(taken) = taken {
        taken.ready().map_err(cannot("cannot tell the running gateway that this one is ready"))?;
    }
    let successors = handover::listen(&config.listen.handover)
        .map_err(cannot(format!("cannot listen at {}", config.listen.handover.display())))?;
    ready(place);
    notify_systemd();

    let socket = sockets.data.try_clone().map_err(cannot("cannot keep a socket"))?;
    let ending = until_told(successors, sockets, stop).await?;
    drain(&gateway, config, ending, &accepting, &socket).await;
    // Stops accepting at once; the task has nothing else to do.
    let _ = accept.await;
    tokio::task::spawn_blocking(move || audit.shutdown(AUDIT_DRAIN))
        .await
        .map_err(io::Error::other)
        .and_then(|whole| if whole { Ok(()) } else { Err(io::Error::other("not every record was written")) })
        .map_err(cannot("cannot close the audit log"))
}

/// Takes the sockets of the running process, or opens them.
fn sockets(start: &Start, config: &Config) -> Result<(Sockets, Option<Taken>), RunError> {
    let Listen { address, handover, .. } = &config.listen;
    if !start.upgrade {
        let bind =
            |address: SocketAddr| TcpListener::bind(address).map_err(cannot(format!("cannot listen at {address}")));
        return Ok((Sockets { data: bind(*address)?, management: bind(config.management.address)? }, None));
    }
    let taken = handover::take(handover)
        .map_err(cannot(format!("cannot take over from the gateway that listens at {}", handover.display())))?;
    let same = |socket: &TcpListener, wanted: SocketAddr| {
        socket
            .local_addr()
            .is_ok_and(|has| has.ip() == wanted.ip() && (wanted.port() == 0 || has.port() == wanted.port()))
    };
    if !same(&taken.sockets.data, *address) || !same(&taken.sockets.management, config.management.address) {
        let error = io::Error::other("its addresses are not those of this configuration; restart instead");
        return Err(cannot("cannot take over from the running gateway")(error));
    }
    let copy = |socket: &TcpListener| socket.try_clone().map_err(cannot("cannot keep a socket"));
    let sockets = Sockets { data: copy(&taken.sockets.data)?, management: copy(&taken.sockets.management)? };
    Ok((sockets, Some(taken)))
}

/// What ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Told,
    HandedOver,
}

async fn until_told(successors: UnixListener, sockets: Sockets, stop: &CancellationToken) -> Result<Ending, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot("cannot wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot("cannot wait for SIGINT"))?;
    let handed_over = tokio::task::spawn_blocking(move || wait_for_successor(&successors, &sockets));
    let ending = tokio::select! {
        _ = terminate.recv() => Ending::Told,
        _ = interrupt.recv() => Ending::Told,
        () = stop.cancelled() => Ending::Told,
        handed_over = handed_over => match handed_over {
            Ok(Ok(())) => Ending::HandedOver,
            failed => {
                tracing::error!(?failed, "hand-over is off; this process must be restarted to be upgraded");
                pending().await
            }
        },
    };
    Ok(ending)
}

fn wait_for_successor(successors: &UnixListener, sockets: &Sockets) -> io::Result<()> {
    loop {
        let (mut successor, _) = successors.accept()?;
        match handover::give(&mut successor, sockets) {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(%error, "a successor did not take over; this process goes on"),
        }
    }
}

/// Lets what runs end, within the bound; then cuts it.
async fn drain(
    gateway: &Gateway,
    config: &Config,
    ending: Ending,
    accepting: &CancellationToken,
    socket: &TcpListener,
) {
    tracing::info!(?ending, "draining");
    gateway.drain();
    if ending == Ending::Told {
        // Load balancers see `readyz` before connections are refused.
        tokio::time::sleep(config.listen.drain_delay).await;
        // Other copies of the socket are waiting for a successor: only a shutdown makes the kernel refuse connections.
        if let Err(error) = rustix::net::shutdown(socket, rustix::net::Shutdown::Both) {
            tracing::warn!(%error, "cannot refuse new connections");
        }
    }
    accepting.cancel();
    if tokio::time::timeout(config.listen.drain, idle(gateway)).await.is_err() {
        gateway.streams.for_each(|connection| {
            for request in connection.live() {
                request.cut.cut(Reason::GatewayDraining);
            }
            connection.close.cut(());
        });
        // What does not even take its goodbye ends with the process.
        let _ = tokio::time::timeout(GOODBYE, idle(gateway)).await;
    }
}

async fn idle(gateway: &Gateway) {
    while gateway.bounds.open() > 0 || gateway.streams.running() > 0 {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
}

/// Writes the line that says where the process listens: `{"ready":{…}}`.
pub fn announce(place: Ready) {
    #[derive(Serialize)]
    struct Line {
        ready: Ready,
    }
    if let Ok(line) = serde_json::to_string(&Line { ready: place }) {
        // Nobody has to listen.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
}

fn notify_systemd() {
    use sd_notify::NotifyState;
    let states = [NotifyState::Ready, NotifyState::MainPid(std::process::id())];
    if let Err(error) = sd_notify::notify(&states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
