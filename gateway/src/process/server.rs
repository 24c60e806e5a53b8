//! The life of the process: load, take or open the sockets, serve until told or taken over, drain, end.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::audit::event::PoliciesEvent;
use crate::audit::log::AuditLog;
use crate::audit::read;
use crate::config::diagnostic::Diagnostic;
use crate::config::{AuditSink, Config, Listen};
use crate::facts::snapshot::Snapshot;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::oidc::Provider;
use crate::process::drain::{self, Ending};
use crate::process::grants;
use crate::process::handover::{self, Predecessor, Sockets, Successors};
use crate::process::load::{self, Loaded};
use crate::process::reload;
use crate::process::tasks::{Inputs, Tasks};
use crate::process::watch::Watch;
use crate::session::rotation;
use crate::state::{State, Writer};
use crate::store::embedded::Embedded;
use crate::store::{Store, StoreError};

/// How long the last records may take to be written.
const AUDIT_DRAIN: Duration = Duration::from_secs(10);

/// Why the process could not run, or not to a good end.
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
    /// What is kept cannot be read: the process must not run as if nothing were.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A task failed that the process cannot be without.
    #[error("the gateway ended because a part of it had failed; the log says which")]
    Task,
    /// Requests left no record.
    #[error("not every audit record was written; the log says why")]
    RecordsLost,
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
    /// Whether a store may be older than the records know.
    pub accept_older_store: bool,
}

/// Where a process listens, once it does.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ready {
    /// For clients.
    pub listen: SocketAddr,
    /// For metrics and health.
    pub management: SocketAddr,
    /// For the control API, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<SocketAddr>,
    /// The process.
    pub pid: u32,
}

/// Runs until a signal or a successor ends it. `ready` is called once the process serves; `stop` ends it as SIGTERM does.
///
/// # Errors
/// It could not start, one of its tasks failed, or records were lost at the end.
pub fn run(start: &Start, stop: &CancellationToken, ready: impl FnOnce(Ready)) -> Result<(), RunError> {
    let watch = Watch::on(&start.config_file);
    let loaded = load::load_to_serve(&start.config_file, None, &watch).map_err(RunError::Invalid)?;
    let Loaded { snapshot, warnings, .. } = loaded;
    reload::log(&warnings);
    let config = Arc::clone(&snapshot.config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.listen.threads)
        .enable_all()
        .thread_name("gaccong")
        .build()
        .map_err(cannot("cannot start threads"))?;
    let ended = runtime.block_on(serve(start, snapshot, &config, watch, stop, ready));
    // Tasks that are left have had their time. Dropped, the runtime would wait for those that block.
    runtime.shutdown_background();
    ended
}

async fn serve(
    start: &Start,
    snapshot: Snapshot,
    config: &Config,
    watch: Watch,
    stop: &CancellationToken,
    ready: impl FnOnce(Ready),
) -> Result<(), RunError> {
    // Before anyone can know of the process: a signal that nobody waits for kills.
    let mut signals = Signals::new().map_err(cannot("cannot wait for signals"))?;
    let hangup = signal(SignalKind::hangup()).map_err(cannot("cannot wait for SIGHUP"))?;
    let (sockets, predecessor) = sockets(start, config)?;
    let data = listener(&sockets.data).map_err(cannot("cannot listen for clients"))?;
    let management = listener(&sockets.management).map_err(cannot("cannot listen for management"))?;
    let control = sockets.control.as_ref().map(listener).transpose();
    let control = control.map_err(cannot("cannot listen for the control API"))?;
    let place = Ready {
        listen: data.local_addr().map_err(cannot("no address"))?,
        management: management.local_addr().map_err(cannot("no address"))?,
        control: control.as_ref().and_then(|control| control.local_addr().ok()),
        pid: std::process::id(),
    };
    let handover = &config.listen.handover;
    let successors = Successors::listen(handover, sockets)
        .map_err(cannot(format!("cannot listen for a successor beside {}", handover.display())))?;

    let audit = AuditLog::start(&config.audit, &config.limits).map_err(cannot("cannot open the audit log"))?;
    let (state, writer) = open_state(config, start.accept_older_store)?;
    let gateway = Arc::new(Gateway::new(snapshot, state, &audit, Metrics::new()?));
    gateway.metrics.reloaded(true);
    gateway.audit.put(PoliciesEvent::in_force(&gateway.snapshot.load()));
    if let Some(opened) = gateway.state.opened() {
        gateway.audit.put(opened);
    }
    grants::read_again(&gateway);
    gateway.snapshot.load().routes.iter().for_each(|route| route.pool.watch_health());
    gateway.snapshot.load().trust.keep_current(&gateway);
    gateway.snapshot.load().oidc.iter().for_each(Provider::keep_current);
    let (config_file, watch) = (start.config_file.clone(), Arc::new(watch));
    let inputs = Inputs { data, control, management, config_file, watch, hangup, writer };
    // Nothing can fail any more. From its first change on, this process tells the one that drains.
    if let Some(predecessor) = predecessor.and_then(Predecessor::ready) {
        gateway.state.tell(predecessor).await;
    }
    let mut tasks = Tasks::start(&gateway, inputs);
    rotation::keep_keys(&gateway).await;
    if let Some(provider) = gateway.snapshot.load().oidc.clone() {
        // One that is down is not waited for: living sessions need none.
        let _ = tokio::time::timeout(PROVIDER_WAIT, provider.was_asked()).await;
    }
    if let Err(error) = successors.publish() {
        tracing::error!(%error, "hand-over is off; this process must be restarted to be upgraded");
    }
    ready(place);
    notify_systemd();

    let ending = until_told(&mut signals, successors, &gateway, &tasks, stop).await;
    let running = drain::drain(&gateway, &config.listen, ending, &mut tasks).await;
    close(audit, running).await?;
    if tasks.have_failed() { Err(RunError::Task) } else { Ok(()) }
}

/// How long the first answer of the OpenID provider is waited for.
const PROVIDER_WAIT: Duration = Duration::from_secs(2);

/// Reads what is kept. A store that cannot be read is no empty one, and one that is older than the records know no new
/// one.
fn open_state(config: &Config, accept_older: bool) -> Result<(State, Writer), StoreError> {
    let open = |path: &Path| Embedded::open(path).map(|store| Box::new(store) as Box<dyn Store>);
    let path = config.store.as_ref().map(|store| store.path.clone());
    let store = path.as_deref().map(open).transpose()?;
    if let (Some(store), Some(path), AuditSink::Directory(records)) = (&store, &path, &config.audit.sink) {
        let unreadable = |error| StoreError::Io(format!("{}: {error}", records.display()));
        let known = if records.exists() { read::last_store_serial(records).map_err(unreadable)? } else { None };
        match known {
            Some(known) if store.serial() < known && !accept_older => {
                return Err(StoreError::Older { path: path.clone(), found: store.serial(), known });
            }
            _ => {}
        }
    }
    let (state, writer) = State::load(&config.posture, store)?;
    Ok((state, writer.reopening(move || path.as_deref().map_or(Err(StoreError::Absent), open))))
}

fn listener(socket: &TcpListener) -> io::Result<tokio::net::TcpListener> {
    let socket = socket.try_clone()?;
    socket.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(socket)
}

/// Writes what is left of the records. Those of requests that are `running` are lost.
async fn close(audit: AuditLog, running: usize) -> Result<(), RunError> {
    let written = tokio::task::spawn_blocking(move || audit.shutdown(AUDIT_DRAIN)).await;
    let whole = written.map_err(io::Error::from).map_err(cannot("cannot close the audit log"))?;
    if whole && running == 0 { Ok(()) } else { Err(RunError::RecordsLost) }
}

/// Takes the sockets of the running process, or opens them.
fn sockets(start: &Start, config: &Config) -> Result<(Sockets, Option<Predecessor>), RunError> {
    let Listen { address, handover, .. } = &config.listen;
    let bind = |address: SocketAddr| TcpListener::bind(address).map_err(cannot(format!("cannot listen at {address}")));
    if !start.upgrade {
        let control = config.control.as_ref().map(|control| bind(control.address)).transpose()?;
        return Ok((Sockets { data: bind(*address)?, management: bind(config.management.address)?, control }, None));
    }
    let (mut sockets, predecessor) = handover::take(handover)
        .map_err(cannot(format!("cannot take over from the gateway that listens at {}", handover.display())))?;
    let same = |socket: &TcpListener, wanted: SocketAddr| {
        socket
            .local_addr()
            .is_ok_and(|has| has.ip() == wanted.ip() && (wanted.port() == 0 || has.port() == wanted.port()))
    };
    if !same(&sockets.data, *address) || !same(&sockets.management, config.management.address) {
        let error = io::Error::other("its addresses are not those of this configuration; restart instead");
        return Err(cannot("cannot take over from the running gateway")(error));
    }
    sockets.control = match (&config.control, sockets.control.take()) {
        (Some(control), Some(socket)) if same(&socket, control.address) => Some(socket),
        (Some(control), _) => Some(bind(control.address)?),
        (None, _) => None,
    };
    Ok((sockets, Some(predecessor)))
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

/// Waits for what ends the process. From then on no successor gets the sockets, and this copy of them is dropped.
async fn until_told(
    signals: &mut Signals,
    mut successors: Successors,
    gateway: &Arc<Gateway>,
    tasks: &Tasks,
    stop: &CancellationToken,
) -> Ending {
    tokio::select! {
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
        () = stop.cancelled() => {}
        () = tasks.failure() => {}
        () = successors.taken_over(&gateway.state) => {
            if let Some(successor) = successors.into_successor() {
                let gateway = Arc::clone(gateway);
                drop(tokio::spawn(async move { gateway.state.follow(successor).await }));
            }
            return Ending::HandedOver;
        }
    }
    // A successor that is still loading soon serves what is waiting to be accepted.
    if successors.have_sockets() { Ending::HandedOver } else { Ending::Told }
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
