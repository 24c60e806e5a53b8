//! The upstreams of one app: whose turn it is, who is healthy, and a client with its own connections for each.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::digest;
use http::uri::Authority;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::task::AbortHandle;

use crate::config::diagnostic::Diagnostic;
use crate::config::{App, Health, HostPattern, KeyRef, Scheme, Target, Upstream};
use crate::request::body::RequestBody;
use crate::request::forward::connector::{Connector, Offer};
use crate::request::forward::health;

/// Idle connections kept to each upstream, and for how long.
const IDLE_CONNECTIONS: usize = 256;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client that speaks to one upstream address.
pub type UpstreamClient = Client<Connector, RequestBody>;

/// The upstreams of one app.
#[derive(Debug)]
pub struct Pool {
    upstreams: Vec<Arc<Peer>>,
    turn: AtomicUsize,
    settings: Settings,
    checks: Option<(Health, Authority)>,
    watching: OnceLock<AbortHandle>,
}

/// What a pool was made of: digests of the app's settings and of the files they name.
type Settings = Vec<u8>;

/// One upstream.
#[derive(Debug)]
pub struct Peer {
    /// As the configuration spells it, for records.
    pub name: Arc<str>,
    /// How it is spoken to.
    pub scheme: Scheme,
    /// For requests.
    pub client: UpstreamClient,
    /// For upgrades, which need a connection that speaks HTTP/1.1.
    pub upgrades: UpstreamClient,
    healthy: AtomicBool,
}

impl Pool {
    /// Prepares the clients, or takes over `previous` where it was made of the same.
    pub fn open(app: &App, previous: Option<&Arc<Self>>) -> Result<Arc<Self>, Box<Diagnostic>> {
        let settings = settings(app);
        if let Some(previous) = previous.filter(|previous| previous.settings == settings) {
            return Ok(Arc::clone(previous));
        }
        let upstreams = app.upstreams.iter().map(|upstream| Peer::new(app, upstream).map(Arc::new));
        Ok(Arc::new(Self {
            upstreams: upstreams.collect::<Result<_, _>>()?,
            turn: AtomicUsize::new(0),
            settings,
            checks: app.health.clone().map(|health| (health, health_authority(app))),
            watching: OnceLock::new(),
        }))
    }

    /// Starts the health checks, where the app has any and they do not run yet. They end with the pool.
    pub fn watch_health(&self) {
        if let Some((health, authority)) = &self.checks {
            self.watching.get_or_init(|| {
                let checks = health::run(health.clone(), authority.clone(), self.upstreams.clone());
                tokio::runtime::Handle::current().spawn(checks).abort_handle()
            });
        }
    }

    /// How many upstreams there are.
    pub fn len(&self) -> usize {
        self.upstreams.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.upstreams.is_empty()
    }

    /// The healthy upstreams, beginning with the one whose turn it is.
    pub fn in_turn(&self) -> impl Iterator<Item = &Arc<Peer>> {
        let count = self.upstreams.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count.max(1);
        self.upstreams.iter().cycle().skip(first).take(count).filter(|peer| peer.healthy())
    }

    /// How many upstreams are healthy.
    pub fn healthy(&self) -> usize {
        self.upstreams.iter().filter(|peer| peer.healthy()).count()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(watching) = self.watching.get() {
            watching.abort();
        }
    }
}

impl Peer {
    fn new(app: &App, upstream: &Upstream) -> Result<Self, Box<Diagnostic>> {
        let client = client(Connector::new(app, upstream, Offer::Both)?, upstream.scheme == Scheme::H2c);
        let upgrades = match upstream.scheme {
            Scheme::Https => self::client(Connector::new(app, upstream, Offer::Http1)?, false),
            Scheme::Http | Scheme::H2c => client.clone(),
        };
        Ok(Self {
            name: name_of(upstream).into(),
            scheme: upstream.scheme,
            client,
            upgrades,
            healthy: AtomicBool::new(true),
        })
    }

    /// Whether it takes requests.
    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Takes it into the turn, or out of it; returns whether that is new.
    pub fn set_healthy(&self, healthy: bool) -> bool {
        self.healthy.swap(healthy, Ordering::Relaxed) != healthy
    }
}

fn client(connector: Connector, http2_only: bool) -> UpstreamClient {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .set_host(false)
        // A kept connection that closes before a byte was sent on it is no failure of the request.
        .retry_canceled_requests(true)
        .http2_only(http2_only)
        .build(connector)
}

fn settings(app: &App) -> Settings {
    let tls = &app.upstream_tls;
    let client = tls.client.iter().flat_map(|(chain, KeyRef::File(key))| [chain, key]);
    let mut digest = digest::Context::new(&digest::SHA256);
    let named = (&app.hosts, &app.upstreams, tls, app.connect_timeout, &app.health);
    digest.update(format!("{named:?}").as_bytes());
    for file in tls.ca.iter().chain(client) {
        // A file that cannot be read is reported by whoever makes the connector.
        digest.update(&std::fs::read(file).unwrap_or_default());
    }
    digest.finish().as_ref().to_vec()
}

fn name_of(upstream: &Upstream) -> String {
    let scheme = match upstream.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
        Scheme::H2c => "h2c",
    };
    match &upstream.target {
        Target::Tcp { host, port } if host.contains(':') => format!("{scheme}://[{host}]:{port}"),
        Target::Tcp { host, port } => format!("{scheme}://{host}:{port}"),
        Target::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// The host that health checks ask for: the app's first whole name.
fn health_authority(app: &App) -> Authority {
    let exact = app.hosts.iter().find_map(|host| match host {
        HostPattern::Exact(name) => name.parse().ok(),
        HostPattern::Wildcard(_) => None,
    });
    exact.unwrap_or_else(|| Authority::from_static("health.invalid"))
}
