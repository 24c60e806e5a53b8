//! The audit log: a thread of its own takes records from the queue and the lane and writes them as whole lines.
//!
//! A line that was handed to the kernel survives the end of this process; it survives the end of the machine once its
//! segment is closed (`fdatasync`). When the disk is full the writer keeps what it holds and tries again; the queue fills,
//! and requests are refused with `audit.queue_full`: what cannot be recorded is not done.

mod sink;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::sink::Sink;
use self::writer::Writer;
use super::counters::Counters;
use super::lane::Lane;
use super::queue::AuditQueue;
use crate::config;

/// How long beyond its deadline the writer may take to give up (a write that hangs in the kernel cannot be interrupted).
const GRACE: Duration = Duration::from_secs(1);

/// The running log.
#[derive(Debug)]
pub struct AuditLog {
    queue: AuditQueue,
    lane: Lane,
    counters: Arc<Counters>,
    sink: &'static str,
    stop: watch::Sender<Option<Instant>>,
    ended: mpsc::Receiver<()>,
}

impl AuditLog {
    /// Mends the segments that killed processes left, opens a new one and starts the writer.
    pub fn start(config: &config::Audit, limits: &config::Limits) -> io::Result<Self> {
        Self::start_with(sink::open(config)?, config.queue_records, limits.unauthenticated_records_per_min)
    }

    fn start_with(sink: Box<dyn Sink>, queue_records: usize, unauthenticated_per_min: u32) -> io::Result<Self> {
        let counters = Arc::new(Counters::default());
        let (queue, records) = AuditQueue::new(queue_records);
        let (lane, attempts) = Lane::new(unauthenticated_per_min, Arc::clone(&counters));
        let (stop, stopped) = watch::channel(None);
        let (end, ended) = mpsc::channel();
        let name = sink.name();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let writer = Writer::new(records, attempts, lane.clone(), sink, Arc::clone(&counters), stopped);
        thread::Builder::new().name("audit".to_owned()).spawn(move || {
            // Dropped at the end, also at the end of a panic: `shutdown` waits for that.
            let _end = end;
            writer.run(&runtime);
        })?;
        Ok(Self { queue, lane, counters, sink: name, stop, ended })
    }

    /// The queue of records.
    pub const fn queue(&self) -> &AuditQueue {
        &self.queue
    }

    /// The lane for what fails before the client is authenticated.
    pub const fn lane(&self) -> &Lane {
        &self.lane
    }

    /// What became of the records.
    pub const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The name of the sink, for metrics: `directory` or `stdout`.
    pub const fn sink(&self) -> &'static str {
        self.sink
    }

    /// Refuses new records, writes all that wait or are reserved, and ends the writer. Blocks for at most `wait` and a
    /// second. Whether everything was written.
    pub fn shutdown(self, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        self.stop.send_replace(Some(deadline));
        let ended = self.ended.recv_timeout(wait + GRACE) != Err(RecvTimeoutError::Timeout);
        ended && self.counters.failed() == 0
    }
}

#[cfg(test)]
mod tests;
