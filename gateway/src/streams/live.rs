//! A request between its permit and its end: what it was permitted on, how far it has come, and its cut.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use crate::audit::event::{DecisionFacts, Outcome};
use crate::clock::{self, Tick, Ticker};
use crate::reason::Reason;
use crate::request::decide::Asked;
use crate::request::head::Head;
use crate::streams::cut::Cut;

/// One request between its permit and its end.
#[derive(Debug)]
pub struct LiveRequest {
    /// What its record says of the request itself.
    pub head: Head,
    /// What policy was asked.
    pub asked: Arc<Asked>,
    /// What policy answered.
    pub decision: DecisionFacts,
    /// Time spent on the decision, nanoseconds.
    pub decision_ns: u64,
    /// Ends it.
    pub cut: Cut,
    /// The request's body on its way to the upstream.
    pub upload: Upload,
    /// Bytes of the response's body handed to the client's connection.
    pub bytes_out: AtomicU64,
    ticker: Arc<Ticker>,
    /// When a byte last moved in either direction.
    progress: AtomicU64,
    /// When the upstream's answer began; 0 before.
    answered: AtomicU64,
    /// When the permit must be asked for again, milliseconds since the Unix epoch; `i64::MAX` for never.
    holds_until_ms: AtomicI64,
    /// Which of its records were written.
    records: Mutex<Records>,
    /// When it was cut; 0 before.
    cut_at: AtomicU64,
    /// Whether the client waits for the upstream, and not the other way round.
    pub awaits_upstream: AtomicBool,
}

/// Which records of a request were written.
#[derive(Debug, Default)]
struct Records {
    opening: bool,
    last: bool,
}

impl LiveRequest {
    /// A request that was just permitted.
    pub fn new(
        head: Head,
        asked: Arc<Asked>,
        decision: DecisionFacts,
        decision_ns: u64,
        holds_until_ms: i64,
        ticker: &Arc<Ticker>,
    ) -> Self {
        let now = ticker.now();
        Self {
            ticker: Arc::clone(ticker),
            head,
            asked,
            decision,
            decision_ns,
            cut: Cut::default(),
            upload: Upload::default(),
            bytes_out: AtomicU64::new(0),
            progress: AtomicU64::new(now),
            answered: AtomicU64::new(0),
            holds_until_ms: AtomicI64::new(holds_until_ms),
            records: Mutex::default(),
            cut_at: AtomicU64::new(0),
            awaits_upstream: AtomicBool::new(true),
        }
    }

    /// The coarse clock of the process.
    pub fn now(&self) -> Tick {
        self.ticker.now()
    }

    /// Notes that a byte moved.
    pub fn progressed(&self, now: Tick) {
        self.progress.store(now, Ordering::Relaxed);
    }

    /// Notes that the upstream's answer began.
    pub fn answered(&self, now: Tick) {
        self.answered.store(now, Ordering::Relaxed);
        self.progressed(now);
    }

    /// Whether the permit has to be asked for again.
    pub fn lapsed(&self, now_ms: i64) -> bool {
        now_ms >= self.holds_until_ms.load(Ordering::Relaxed)
    }

    /// The permit was given again.
    pub fn renewed(&self, holds_until_ms: i64) {
        self.holds_until_ms.store(holds_until_ms, Ordering::Relaxed);
    }

    /// Has the opening record written by `write`, unless it was or the request has ended. `write` says whether it could.
    pub fn open_record(&self, write: impl FnOnce() -> bool) {
        let mut records = self.records.lock();
        if !records.opening && !records.last {
            records.opening = write();
        }
    }

    /// The final record is about to be written: no opening record follows it.
    pub fn last_record(&self) {
        self.records.lock().last = true;
    }

    /// Since when it should have ended: a stream whose client takes nothing does not notice its cut.
    pub fn cut_since(&self, now: Tick) -> Option<(Tick, Reason)> {
        let reason = self.cut.reason()?;
        let at = self.cut_at.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).unwrap_or_else(|at| at);
        Some((if at == 0 { now } else { at }, reason))
    }

    /// The bound that the request has broken by `now`, if any: a body slower than the minimum, an upstream that does not
    /// answer, or nothing moving for too long.
    pub fn overdue(&self, now: Tick, min_body_bytes_per_s: u32) -> Option<Reason> {
        let app = &self.asked.app;
        let answered = self.answered.load(Ordering::Relaxed) != 0;
        if !answered {
            if let Some(done) = self.upload.done_at() {
                return clock::elapsed(done, now, app.first_byte_timeout).then_some(Reason::UpstreamTimeout);
            }
            if self.upload.too_slow(now, min_body_bytes_per_s) {
                return Some(Reason::RequestBodyTooSlow);
            }
        }
        if !clock::elapsed(self.progress.load(Ordering::Relaxed), now, app.idle_timeout) {
            return None;
        }
        let upstream =
            if answered { self.awaits_upstream.load(Ordering::Relaxed) } else { !self.upload.waits_for_client() };
        Some(if upstream { Reason::UpstreamTimeout } else { Reason::StreamIdle })
    }
}

/// How far the request's body has come.
#[derive(Debug, Default)]
pub struct Upload {
    /// Bytes read from the client.
    pub bytes: AtomicU64,
    /// When the body ended; 0 before.
    done: AtomicU64,
    /// Since when we wait for the client; 0 while we do not.
    waiting_since: AtomicU64,
    /// Time spent waiting in the present window, milliseconds.
    window_wait_ms: AtomicU64,
    /// Bytes that came in the present window.
    window_bytes: AtomicU64,
    /// Whether the body is one side of a conversation (gRPC), which may pause.
    conversation: AtomicBool,
    /// How it ended early.
    ended: OnceLock<Outcome>,
}

/// The stretch of waiting over which the minimum rate is judged.
const RATE_WINDOW: Duration = Duration::from_secs(10);

impl Upload {
    /// The body is one side of a conversation: it may pause, within the idle bound.
    pub fn is_conversation(&self) {
        self.conversation.store(true, Ordering::Relaxed);
    }

    /// Nothing has come: we wait for the client from now on.
    pub fn waiting(&self, now: Tick) {
        let _ = self.waiting_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A piece of `length` bytes has come.
    pub fn received(&self, length: u64, now: Tick) {
        self.bytes.fetch_add(length, Ordering::Relaxed);
        self.window_bytes.fetch_add(length, Ordering::Relaxed);
        let since = self.waiting_since.swap(0, Ordering::Relaxed);
        if since != 0 {
            self.window_wait_ms.fetch_add(now.saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// The body ended early: it broke a bound, or the client went away. The first word stays.
    pub fn end(&self, outcome: Outcome) {
        let _ = self.ended.set(outcome);
    }

    /// How the body ended early, if it did.
    pub fn ended(&self) -> Option<Outcome> {
        self.ended.get().copied()
    }

    /// The body has ended.
    pub fn done(&self, now: Tick) {
        self.waiting_since.store(0, Ordering::Relaxed);
        self.done.store(now, Ordering::Relaxed);
    }

    fn done_at(&self) -> Option<Tick> {
        Some(self.done.load(Ordering::Relaxed)).filter(|&tick| tick != 0)
    }

    fn waits_for_client(&self) -> bool {
        self.waiting_since.load(Ordering::Relaxed) != 0
    }

    /// Judges a full window and begins a new one. Only time spent waiting for the client counts, so an upstream that
    /// reads slowly is never held against the client.
    fn too_slow(&self, now: Tick, min_bytes_per_s: u32) -> bool {
        if self.conversation.load(Ordering::Relaxed) {
            return false;
        }
        let since = self.waiting_since.load(Ordering::Relaxed);
        let current = if since == 0 { 0 } else { now.saturating_sub(since) };
        let waited_ms = self.window_wait_ms.load(Ordering::Relaxed) + current;
        if u128::from(waited_ms) < RATE_WINDOW.as_millis() {
            return false;
        }
        let received = self.window_bytes.load(Ordering::Relaxed);
        if received.saturating_mul(1000) < u64::from(min_bytes_per_s).saturating_mul(waited_ms) {
            return true;
        }
        self.window_bytes.store(0, Ordering::Relaxed);
        self.window_wait_ms.store(0, Ordering::Relaxed);
        if since != 0 {
            self.waiting_since.store(now, Ordering::Relaxed);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_BYTES_PER_S: u32 = 100;

    /// Bytes a second, each second, for a minute; whether that was judged too slow.
    fn too_slow_at(upload: &Upload, bytes_per_s: u64) -> bool {
        (1..=60).any(|second| {
            upload.waiting(second * 1000);
            upload.received(bytes_per_s, (second + 1) * 1000);
            upload.waiting((second + 1) * 1000);
            upload.too_slow((second + 1) * 1000, MIN_BYTES_PER_S)
        })
    }

    #[test]
    fn a_body_is_judged_by_its_rate() {
        assert!(too_slow_at(&Upload::default(), 99));
        assert!(!too_slow_at(&Upload::default(), 100));
    }

    #[test]
    fn a_silent_body_is_too_slow_after_a_window() {
        let upload = Upload::default();
        upload.waiting(1);
        assert!(!upload.too_slow(10_000, MIN_BYTES_PER_S));
        assert!(upload.too_slow(10_001, MIN_BYTES_PER_S));
    }

    #[test]
    fn a_conversation_may_pause() {
        let upload = Upload::default();
        upload.is_conversation();
        upload.waiting(1);
        assert!(!upload.too_slow(3_600_000, MIN_BYTES_PER_S));
    }

    #[test]
    fn the_time_of_a_slow_upstream_is_not_the_clients() {
        let upload = Upload::default();
        // Each piece is there as soon as the upstream asks for it, once a minute.
        for minute in 1..=60 {
            upload.waiting(minute * 60_000);
            upload.received(1, minute * 60_000 + 1);
            assert!(!upload.too_slow((minute + 1) * 60_000, MIN_BYTES_PER_S));
        }
    }
}
