//! The lane for what fails before the client is authenticated. It is bounded in every direction: each source prefix has a
//! budget of records a minute, and what exceeds it, or finds the lane full, is summed into one event per prefix and reason.
//! So a scanner can neither fill the queue of requests nor the disk, and still every attempt is counted in some record.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::counters::Counters;
use super::event::{ConnectionEvent, ConnectionFacts};
use crate::reason::Reason;

/// How many events may wait in the lane.
const CAPACITY: usize = 1024;
/// How many prefixes have a budget of their own; the rest share one. Also how many sums are kept apart.
const MAX_PREFIXES: usize = 8192;
/// How often sums become events.
const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// How much of the first attempt's detail a sum keeps.
const MAX_DETAIL_CHARS: usize = 200;

/// The sending side. Clones share one lane.
#[derive(Debug, Clone)]
pub struct Lane {
    sender: mpsc::Sender<ConnectionEvent>,
    state: Arc<Mutex<State>>,
    counters: Arc<Counters>,
}

impl Lane {
    /// A lane where each prefix may cause `records_per_min` records, and the side that the writer reads.
    pub(super) fn new(records_per_min: u32, counters: Arc<Counters>) -> (Self, mpsc::Receiver<ConnectionEvent>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self { sender, state: Arc::new(Mutex::new(State::new(records_per_min))), counters }, receiver)
    }

    /// Records an attempt, by itself or in a sum. Never waits.
    pub fn record(&self, event: ConnectionEvent) {
        self.record_at(event, Instant::now());
    }

    /// Whether a request of an unauthenticated client may have a record of its own; takes it from its prefix's budget.
    pub fn admits(&self, source: IpAddr) -> bool {
        self.lock().take_token(prefix(source), Instant::now())
    }

    /// Counts a request that gets no record of its own in a sum: the queue is full, or the budget of its prefix is used up.
    pub fn count(&self, connection: &ConnectionFacts, reason: Reason, time_ms: i64) {
        self.sum(ConnectionEvent {
            id: connection.id,
            time_ms,
            source: connection.source,
            via: connection.via,
            local: connection.local,
            reason,
            detail: String::new(),
            sni: None,
            certificate: None,
            count: 1,
        });
    }

    fn record_at(&self, event: ConnectionEvent, now: Instant) {
        let within_budget = self.lock().take_token(prefix(event.source.ip()), now);
        if !within_budget {
            return self.sum(event);
        }
        if let Err(refused) = self.sender.try_send(event) {
            self.sum(refused.into_inner());
        }
    }

    fn sum(&self, event: ConnectionEvent) {
        self.counters.add_suppressed(event.count);
        self.lock().sum(event);
    }

    /// The sums since the last flush; none when that was less than ten seconds ago.
    pub(super) fn flush(&self, now: Instant) -> Vec<ConnectionEvent> {
        let mut state = self.lock();
        if state.flushed.is_some_and(|last| now.duration_since(last) < FLUSH_INTERVAL) {
            return Vec::new();
        }
        state.flushed = Some(now);
        state.forget_idle(now);
        state.take_sums()
    }

    /// All sums, whenever the last flush was.
    pub(super) fn drain(&self) -> Vec<ConnectionEvent> {
        self.lock().take_sums()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct State {
    records_per_min: f64,
    budgets: HashMap<IpNet, Budget>,
    /// The budget of all prefixes beyond those that have their own.
    shared_budget: Option<Budget>,
    sums: HashMap<(Option<IpNet>, Reason), ConnectionEvent>,
    flushed: Option<Instant>,
}

/// A token bucket that holds one minute's records.
#[derive(Debug, Clone, Copy)]
struct Budget {
    tokens: f64,
    at: Instant,
}

impl State {
    fn new(records_per_min: u32) -> Self {
        Self {
            records_per_min: f64::from(records_per_min),
            budgets: HashMap::new(),
            shared_budget: None,
            sums: HashMap::new(),
            flushed: None,
        }
    }

    fn take_token(&mut self, prefix: IpNet, now: Instant) -> bool {
        let full = Budget { tokens: self.records_per_min, at: now };
        let tracked = self.budgets.len() < MAX_PREFIXES || self.budgets.contains_key(&prefix);
        let budget = match tracked {
            true => self.budgets.entry(prefix).or_insert(full),
            false => self.shared_budget.get_or_insert(full),
        };
        budget.take(self.records_per_min, now)
    }

    /// Forgets the prefixes whose budget is full again: a new one would be the same.
    fn forget_idle(&mut self, now: Instant) {
        let per_min = self.records_per_min;
        self.budgets.retain(|_, budget| budget.tokens_at(per_min, now) < per_min);
    }

    fn sum(&mut self, event: ConnectionEvent) {
        let own = (Some(prefix(event.source.ip())), event.reason);
        let tracked = self.sums.len() < MAX_PREFIXES || self.sums.contains_key(&own);
        let key = if tracked { own } else { (None, event.reason) };
        match self.sums.get_mut(&key) {
            Some(sum) => sum.count = sum.count.saturating_add(event.count),
            None => {
                self.sums.insert(key, first_of_sum(event, key.0));
            }
        }
    }

    fn take_sums(&mut self) -> Vec<ConnectionEvent> {
        std::mem::take(&mut self.sums).into_values().collect()
    }
}

impl Budget {
    fn tokens_at(&self, per_min: f64, now: Instant) -> f64 {
        let refilled = now.saturating_duration_since(self.at).as_secs_f64() * per_min / 60.0;
        (self.tokens + refilled).min(per_min)
    }

    fn take(&mut self, per_min: f64, now: Instant) -> bool {
        self.tokens = self.tokens_at(per_min, now);
        self.at = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

/// The network that a source shares its budget with: IPv4 /24, IPv6 /64.
fn prefix(source: IpAddr) -> IpNet {
    let source = source.to_canonical();
    let length = if source.is_ipv4() { 24 } else { 64 };
    IpNet::new(source, length).map_or_else(|_| IpNet::from(source), |network| network.trunc())
}

/// `event` as the beginning of the sum of `prefix`, or of sources too many to tell apart. What only this one
/// attempt presented is left out.
fn first_of_sum(event: ConnectionEvent, prefix: Option<IpNet>) -> ConnectionEvent {
    let first: String = event.detail.chars().take(MAX_DETAIL_CHARS).collect();
    let (address, detail) = match prefix {
        Some(prefix) => (prefix.network(), format!("several of {prefix}; the first: {first}")),
        None => (Ipv4Addr::UNSPECIFIED.into(), format!("several of many networks; the first: {first}")),
    };
    ConnectionEvent {
        id: Uuid::now_v7(),
        source: SocketAddr::new(address, 0),
        detail,
        sni: None,
        certificate: None,
        ..event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::fixtures;

    fn attempt_from(source: &str) -> ConnectionEvent {
        ConnectionEvent { source: SocketAddr::new(source.parse().expect("address"), 4000), ..fixtures::attempt() }
    }

    fn lane(records_per_min: u32) -> (Lane, mpsc::Receiver<ConnectionEvent>) {
        Lane::new(records_per_min, Arc::default())
    }

    fn received(receiver: &mut mpsc::Receiver<ConnectionEvent>) -> u64 {
        std::iter::from_fn(|| receiver.try_recv().ok()).map(|event| event.count).sum()
    }

    #[test]
    fn beyond_its_budget_a_prefix_is_summed() {
        let (lane, mut receiver) = lane(3);
        let now = Instant::now();
        for host in 0..10 {
            lane.record_at(attempt_from(&format!("203.0.113.{host}")), now);
        }
        lane.record_at(attempt_from("198.51.100.1"), now);
        assert_eq!(received(&mut receiver), 4);
        let sums = lane.flush(now);
        assert_eq!(sums.len(), 1);
        assert_eq!(sums[0].count, 7);
        assert_eq!(sums[0].source, "203.0.113.0:0".parse().expect("address"));
        assert!(sums[0].certificate.is_none());
        assert_eq!(lane.counters.suppressed(), 7);
    }

    #[test]
    fn ipv6_is_budgeted_by_64_and_mapped_ipv4_as_ipv4() {
        assert_eq!(prefix("2001:db8:0:1:2::3".parse().expect("v6")).to_string(), "2001:db8:0:1::/64");
        assert_eq!(prefix("::ffff:203.0.113.9".parse().expect("v6")).to_string(), "203.0.113.0/24");
    }

    #[test]
    fn a_budget_fills_again_with_time() {
        let (lane, mut receiver) = lane(60);
        let start = Instant::now();
        for _ in 0..61 {
            lane.record_at(attempt_from("203.0.113.1"), start);
        }
        assert_eq!(received(&mut receiver), 60);
        lane.record_at(attempt_from("203.0.113.1"), start + Duration::from_secs(1));
        assert_eq!(received(&mut receiver), 1);
    }

    #[test]
    fn sums_are_flushed_at_most_every_ten_seconds() {
        let (lane, _receiver) = lane(0);
        let start = Instant::now();
        lane.record_at(attempt_from("203.0.113.1"), start);
        assert_eq!(lane.flush(start).len(), 1);
        lane.record_at(attempt_from("203.0.113.1"), start);
        assert!(lane.flush(start + Duration::from_secs(9)).is_empty());
        assert_eq!(lane.flush(start + Duration::from_secs(10)).len(), 1);
    }

    #[test]
    fn idle_prefixes_are_forgotten_and_busy_ones_are_not() {
        let (lane, _receiver) = lane(60);
        let start = Instant::now();
        lane.record_at(attempt_from("203.0.113.1"), start);
        lane.flush(start);
        assert_eq!(lane.lock().budgets.len(), 1);
        lane.flush(start + Duration::from_secs(60));
        assert_eq!(lane.lock().budgets.len(), 0);
    }

    #[test]
    fn nothing_is_lost_however_many_sources_and_reasons_there_are() {
        let (lane, mut receiver) = lane(2);
        let now = Instant::now();
        let mut sent = 0;
        for network in 0..(MAX_PREFIXES as u32 + 500) {
            for reason in [Reason::HandshakeNotTls, Reason::CertificateUntrusted, Reason::HandshakeAborted] {
                let source = SocketAddr::new(Ipv4Addr::from(network << 8 | 7).into(), 1);
                lane.record_at(ConnectionEvent { source, reason, ..fixtures::attempt() }, now);
                sent += 1;
            }
        }
        assert_eq!(lane.lock().budgets.len(), MAX_PREFIXES);
        assert!(lane.lock().sums.len() <= MAX_PREFIXES + Reason::ALL.len());
        let alone = received(&mut receiver);
        assert_eq!(alone, CAPACITY as u64);
        let summed: u64 = lane.drain().iter().map(|sum| sum.count).sum();
        assert_eq!(alone + summed, sent);
    }

    #[test]
    fn requests_that_cannot_be_recorded_are_counted() {
        let (lane, mut receiver) = lane(1000);
        let request = fixtures::request();
        for _ in 0..5 {
            lane.count(&request.connection, Reason::AuditQueueFull, 1);
        }
        assert_eq!(received(&mut receiver), 0);
        let sums = lane.drain();
        assert_eq!((sums[0].reason, sums[0].count), (Reason::AuditQueueFull, 5));
    }
}
