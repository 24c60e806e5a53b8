//! A connection after its handshake: what it proves, what runs on it, and how it is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::audit::event::{ConnectionEvent, ConnectionFacts, PresentedCertificate};
use crate::clock::{self, Tick};
use crate::config::HostPattern;
use crate::facts::snapshot::Listener;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::accept::bounds::Source;
use crate::state::{Subject, Subjects};
use crate::streams::{Cut, LiveRequest};

/// How many subjects of sessions and tokens are kept before those that do not run are looked for.
const SHOWN_MAX: usize = 64;

/// How far apart the numbers begin under which connections begin logins.
const LOGINS_APART: u8 = 7;

/// A connection whose handshake is complete.
#[derive(Debug)]
pub struct Connection {
    /// The process it belongs to.
    pub gateway: Arc<Gateway>,
    /// The listener it came in by.
    pub listener: Listener,
    /// What its records say of it.
    pub facts: Arc<ConnectionFacts>,
    /// Everyone and everything that it proves to be.
    pub subjects: Subjects,
    /// When its handshake proved that, milliseconds since the Unix epoch.
    pub authenticated_at_ms: i64,
    /// The hosts of the server certificate that the client has seen.
    pub hosts: Arc<[HostPattern]>,
    /// What its source has open.
    pub source: Arc<Source>,
    /// Whether it speaks HTTP/2.
    pub http2: bool,
    /// Ends the whole connection at once.
    pub cut: Cut,
    /// Closes the connection when what runs on it has ended.
    pub close: Cut<()>,
    live: Mutex<Slab<Arc<LiveRequest>>>,
    /// The subjects of sessions and tokens that its requests have shown, under which it is found.
    shown: Mutex<Vec<Subject>>,
    /// The number of the next login that is begun on it.
    next_login: AtomicU8,
    /// Requests whose head was read and whose response has not ended, forwarded or not.
    running: AtomicUsize,
    /// Since when a request's head is incomplete; 0 when none is.
    head_since: AtomicU64,
    /// Whether the rest of a refused request's body may still come.
    unread_body: AtomicBool,
    /// Since when nothing runs; 0 while something does.
    idle_since: AtomicU64,
    /// Notified when nothing runs any more.
    idle: Notify,
}

impl Connection {
    /// A connection that waits for its first request.
    pub fn new(
        gateway: Arc<Gateway>,
        listener: Listener,
        facts: Arc<ConnectionFacts>,
        hosts: Arc<[HostPattern]>,
        source: Arc<Source>,
        http2: bool,
    ) -> Self {
        let now = gateway.ticker.now();
        // A browser may come by several connections, or by another one while logins of the last one are under way.
        let next_login = AtomicU8::new(gateway.first_logins.fetch_add(LOGINS_APART, Ordering::Relaxed));
        Self {
            gateway,
            listener,
            subjects: Subject::of(&facts.identity),
            authenticated_at_ms: clock::now_ms(),
            facts,
            hosts,
            source,
            http2,
            cut: Cut::default(),
            close: Cut::default(),
            live: Mutex::new(Slab::new()),
            shown: Mutex::default(),
            next_login,
            running: AtomicUsize::new(0),
            head_since: AtomicU64::new(0),
            unread_body: AtomicBool::new(false),
            idle_since: AtomicU64::new(now),
            idle: Notify::new(),
        }
    }

    /// Records that the connection was ended through the client's own fault.
    pub fn refused(&self, reason: Reason, detail: String) {
        self.gateway.metrics.connection_cut(reason);
        self.gateway.lane.record(ConnectionEvent {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            source: self.facts.source,
            via: self.facts.via,
            local: self.facts.local,
            reason,
            detail,
            sni: self.facts.tls.as_ref().and_then(|tls| tls.sni.clone()),
            certificate: self.facts.identity.certificate().map(|certificate| PresentedCertificate {
                fingerprint: Arc::clone(&certificate.fingerprint),
                subject: Arc::clone(&certificate.subject),
                issuer: Arc::clone(&certificate.issuer),
                serial: Arc::clone(&certificate.serial),
            }),
            count: 1,
        });
    }

    /// Numbers a login that is begun on it. All tabs of a browser share a connection over HTTP/2: so what they begin at
    /// once, they begin under different numbers.
    pub fn number_login(&self) -> u8 {
        self.next_login.fetch_add(1, Ordering::Relaxed)
    }

    /// How many requests run on it.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Since when nothing runs on it.
    pub fn idle_since(&self) -> Option<Tick> {
        Some(self.idle_since.load(Ordering::Relaxed)).filter(|&tick| tick != 0 && self.running() == 0)
    }

    /// Since when a request's head is incomplete.
    pub fn head_since(&self) -> Option<Tick> {
        Some(self.head_since.load(Ordering::Relaxed)).filter(|&tick| tick != 0)
    }

    /// The first bytes of a head have come.
    pub fn head_begun(&self) {
        let _ = self.head_since.compare_exchange(0, self.gateway.ticker.now(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// No head is incomplete any more.
    pub fn head_ended(&self) {
        self.head_since.store(0, Ordering::Relaxed);
    }

    /// Bytes have come while nothing runs: the first of a head, unless the rest of a refused body is on its way.
    pub fn received_idle(&self) {
        if !self.unread_body.load(Ordering::Relaxed) {
            self.head_begun();
        }
    }

    /// A request was refused before its body was read.
    pub fn leaves_body_unread(&self) {
        self.unread_body.store(true, Ordering::Relaxed);
    }

    /// A request's head is complete.
    pub fn head_complete(&self) {
        self.head_ended();
        self.unread_body.store(false, Ordering::Relaxed);
    }

    /// A request begins.
    pub fn begin(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.idle_since.store(0, Ordering::Relaxed);
    }

    /// A request has ended.
    pub fn end(&self) {
        if self.running.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.idle_since.store(self.gateway.ticker.now(), Ordering::Relaxed);
            self.idle.notify_one();
        }
    }

    /// Waits until nothing runs on it any more. A WebSocket outlives the HTTP connection that it began as.
    pub async fn ended(&self) {
        while self.running() > 0 {
            self.idle.notified().await;
        }
    }

    /// Registers a forwarded request; the key is for [`Self::unregister`].
    pub fn register(self: &Arc<Self>, request: Arc<LiveRequest>) -> usize {
        let credential = request.asked.credential.clone();
        let key = self.live.lock().insert(request);
        if let Some(credential) = credential {
            self.show(&credential.subjects);
        }
        key
    }

    /// From now on the connection is found under the subjects of a session or token that came over it. A proxy that shows
    /// many over one connection leaves behind those that do not run any more.
    fn show(self: &Arc<Self>, subjects: &[Subject]) {
        let mut shown = self.shown.lock();
        let news: Subjects = subjects.iter().filter(|it| !shown.contains(it)).cloned().collect();
        if news.is_empty() {
            return;
        }
        if shown.len() >= SHOWN_MAX {
            let live = self.live();
            let runs = |subject: &Subject| {
                let of = |request: &Arc<LiveRequest>| request.asked.credential.as_ref().map(Arc::clone);
                live.iter().filter_map(of).any(|credential| credential.subjects.contains(subject))
            };
            let (kept, gone): (Vec<_>, Vec<_>) = shown.drain(..).partition(runs);
            *shown = kept;
            self.gateway.streams.no_more_of(self, &gone);
        }
        self.gateway.streams.also_of(self, &news);
        shown.extend(news);
    }

    /// Forgets the subjects of sessions and tokens; returns them.
    pub(super) fn take_shown(&self) -> Vec<Subject> {
        std::mem::take(&mut self.shown.lock())
    }

    /// Forgets a request that has ended.
    pub fn unregister(&self, key: usize) {
        self.live.lock().try_remove(key);
    }

    /// The requests that are live now.
    pub fn live(&self) -> Vec<Arc<LiveRequest>> {
        self.live.lock().iter().map(|(_, request)| Arc::clone(request)).collect()
    }
}
