//! Time: the wall clock for facts and records, and a coarse one for bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The wall clock, milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The kernel's word that nothing keeps its clock right (`TIME_ERROR`, adjtimex(2)).
const UNSYNCHRONISED: i32 = 5;

/// Whether the kernel calls its clock synchronised: facts, certificates and lists are judged by it.
pub fn synchronised() -> std::io::Result<bool> {
    let state = rtime_clock::adjtime::adjtimex(&mut rtime_clock::adjtime::Timex::new())?;
    Ok(state != UNSYNCHRONISED)
}

/// A monotonic clock that advances only when [`Ticker::advance`] is called (four times a second): reading it costs one
/// load, so that every frame of every body can be stamped.
#[derive(Debug)]
pub struct Ticker {
    start: Instant,
    now_ms: AtomicU64,
}

/// A reading of [`Ticker`], milliseconds since its start, never zero.
pub type Tick = u64;

impl Ticker {
    /// How often the clock is meant to be advanced.
    pub const PERIOD: Duration = Duration::from_millis(250);

    /// A clock that reads 1.
    pub fn new() -> Self {
        Self { start: Instant::now(), now_ms: AtomicU64::new(1) }
    }

    /// The last reading.
    pub fn now(&self) -> Tick {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Reads the real clock and returns the new reading.
    pub fn advance(&self) -> Tick {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.now_ms.store(now, Ordering::Relaxed);
        now
    }
}

impl Default for Ticker {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether more than `bound` has passed between two readings.
pub fn elapsed(since: Tick, now: Tick, bound: Duration) -> bool {
    u128::from(now.saturating_sub(since)) > bound.as_millis()
}
