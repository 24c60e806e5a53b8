//! The gateway: what all connections of the process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::audit::counters::Counters;
use crate::audit::lane::Lane;
use crate::audit::log::AuditLog;
use crate::audit::queue::AuditQueue;
use crate::clock::{self, Tick, Ticker};
use crate::control::posture::sources::Sources;
use crate::facts::snapshot::Snapshot;
use crate::metrics::Metrics;
use crate::process::grants;
use crate::request::accept::bounds::Bounds;
use crate::request::auth::rate::CodeRates;
use crate::request::forward::assertion::Assertions;
use crate::request::rate::RateLimits;
use crate::request::shadow::Shadow;
use crate::state::State;
use crate::streams::Registry;

/// How many logins may wait for the store at once.
const LOGINS_AT_ONCE: usize = 128;

/// What all connections of the process share.
#[derive(Debug)]
pub struct Gateway {
    /// The snapshot in force.
    pub snapshot: ArcSwap<Snapshot>,
    /// What changes while the gateway runs.
    pub state: State,
    /// What is counted of sources of posture.
    pub sources: Sources,
    /// What is live.
    pub streams: Registry,
    /// Where the records of requests go.
    pub audit: AuditQueue,
    /// Where the records of refused connection attempts go.
    pub lane: Lane,
    /// What became of the records.
    pub audit_counters: Arc<Counters>,
    /// The name of the sink of records, for metrics.
    pub audit_sink: &'static str,
    /// What is counted.
    pub metrics: Metrics,
    /// What makes a fraction of the decisions again.
    pub shadow: Shadow,
    /// The coarse clock.
    pub ticker: Arc<Ticker>,
    /// How many connections there are, in all and by source.
    pub bounds: Bounds,
    /// How many requests principals have made of apps that limit them.
    pub rate_limits: RateLimits,
    /// What upstreams are told of who asks.
    pub assertions: Assertions,
    /// Turns of logins that wait for the store: however many there are, revocations find room.
    pub logins: Semaphore,
    /// The number of the first login that the next connection begins: those of neighbours are apart.
    pub first_logins: AtomicU8,
    /// How many codes of the identity provider devices have brought.
    pub code_rates: CodeRates,
    /// The grants for emergencies.
    pub grants: grants::Current,
    /// Since when the process is on its way out; 0 while it is not.
    draining_since: AtomicU64,
}

impl Gateway {
    /// A gateway that serves `snapshot`.
    pub fn new(snapshot: Snapshot, state: State, audit: &AuditLog, metrics: Metrics) -> Self {
        let assertions = Assertions::new(&state.live().sessions.keys.all(), clock::now_ms());
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            state,
            sources: Sources::default(),
            streams: Registry::new(),
            audit: audit.queue().clone(),
            lane: audit.lane().clone(),
            audit_sink: audit.sink(),
            audit_counters: Arc::clone(audit.counters()),
            shadow: Shadow::start(audit.queue().clone(), metrics.shadow().clone()),
            metrics,
            ticker: Arc::default(),
            bounds: Bounds::default(),
            rate_limits: RateLimits::new(),
            assertions,
            logins: Semaphore::new(LOGINS_AT_ONCE),
            first_logins: AtomicU8::new(0),
            code_rates: CodeRates::default(),
            grants: grants::Current::default(),
            draining_since: AtomicU64::new(0),
        }
    }

    /// What a decision rests on: the snapshot's epoch, and the versions of what changes, of the grants and of what
    /// responders say of certificates. Where all are the same before a decision and after, nothing has changed meanwhile.
    pub fn version(&self) -> [u64; 4] {
        let snapshot = self.snapshot.load();
        [snapshot.epoch, self.state.live().version(), self.grants.version(), snapshot.trust.version()]
    }

    /// Whether the process is on its way out: responses close their connections.
    pub fn draining(&self) -> bool {
        self.draining_since().is_some()
    }

    /// Since when the process is on its way out.
    pub fn draining_since(&self) -> Option<Tick> {
        Some(self.draining_since.load(Ordering::Relaxed)).filter(|&tick| tick != 0)
    }

    /// From now on the process is on its way out.
    pub fn drain(&self) {
        self.draining_since.store(self.ticker.advance(), Ordering::Relaxed);
    }
}
