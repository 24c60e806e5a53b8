//! The writer: drains queue and lane, serializes, and writes batches of whole lines, however the disk behaves.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::sink::Sink;
use crate::audit::counters::Counters;
use crate::audit::event::{ConnectionEvent, Event};
use crate::audit::lane::Lane;
use crate::audit::ocsf::{LINE_LIMIT, write_line};

/// The most that one write takes.
const BATCH_BYTES: usize = 64 * 1024;
/// How many records are taken from the queue before the lane has its turn.
const TURN_RECORDS: usize = 1024;
/// The pause after a drain that found something. Under load records gather meanwhile, and their senders have nobody to wake.
const PAUSE: Duration = Duration::from_millis(20);
/// How often an idle writer looks for sums and for a segment that is old.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// The first and the longest wait after a failed write.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// How long to drain when the log is dropped without being shut down.
const DROPPED_WAIT: Duration = Duration::from_secs(5);

/// The writer; lives on its own thread.
pub(super) struct Writer {
    records: mpsc::Receiver<Event>,
    attempts: mpsc::Receiver<ConnectionEvent>,
    lane: Lane,
    sink: Box<dyn Sink>,
    counters: Arc<Counters>,
    stop: watch::Receiver<Option<Instant>>,
    deadline: Option<Instant>,
    batch: Batch,
}

/// Whole lines that wait for the sink, which may have taken the first `taken` bytes already.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    records: u64,
    taken: usize,
}

impl Writer {
    pub(super) fn new(
        records: mpsc::Receiver<Event>,
        attempts: mpsc::Receiver<ConnectionEvent>,
        lane: Lane,
        sink: Box<dyn Sink>,
        counters: Arc<Counters>,
        stop: watch::Receiver<Option<Instant>>,
    ) -> Self {
        let batch = Batch { bytes: Vec::with_capacity(BATCH_BYTES + LINE_LIMIT), ..Batch::default() };
        Self { records, attempts, lane, sink, counters, stop, deadline: None, batch }
    }

    /// Writes until the log is shut down, and then what is left.
    pub(super) fn run(mut self, runtime: &Runtime) {
        while self.deadline().is_none() {
            match self.drain(Instant::now()) {
                true => thread::sleep(PAUSE),
                false => runtime.block_on(self.wait()),
            }
        }
        self.finish(runtime);
    }

    /// Writes everything that waits. Whether there was anything.
    fn drain(&mut self, now: Instant) -> bool {
        let mut found = !self.batch.bytes.is_empty();
        while self.take_turn() {
            found = true;
        }
        for sum in self.lane.flush(now) {
            found = true;
            self.append(&Event::Connection(Box::new(sum)));
        }
        self.write_out();
        if let Err(error) = self.sink.rotate_if_due(0, now) {
            tracing::error!(%error, "cannot begin a new audit segment; the old one goes on");
        }
        found
    }

    /// Takes a bounded number of records from queue and lane. Whether there was any.
    fn take_turn(&mut self) -> bool {
        let mut found = false;
        for _ in 0..TURN_RECORDS {
            let Ok(event) = self.records.try_recv() else { break };
            found = true;
            self.append(&event);
        }
        for _ in 0..TURN_RECORDS {
            let Ok(attempt) = self.attempts.try_recv() else { break };
            found = true;
            self.append(&Event::Connection(Box::new(attempt)));
        }
        found
    }

    /// Waits for a record, the end, or the next look around.
    async fn wait(&mut self) {
        let event = tokio::select! {
            Some(event) = self.records.recv() => event,
            Some(attempt) = self.attempts.recv() => Event::Connection(Box::new(attempt)),
            _ = self.stop.changed() => return,
            () = tokio::time::sleep(IDLE_INTERVAL) => return,
        };
        self.append(&event);
    }

    /// Adds a line to the batch; writes the batch first where the line would make it too large.
    fn append(&mut self, event: &Event) {
        let before = self.batch.bytes.len();
        if let Err(error) = write_line(event, &mut self.batch.bytes) {
            self.counters.add_failed(1);
            tracing::error!(%error, "an audit record was lost");
            return;
        }
        if self.batch.bytes.len() > BATCH_BYTES && before > 0 {
            let line = self.batch.bytes.split_off(before);
            self.write_out();
            self.batch.bytes.extend_from_slice(&line);
        }
        self.batch.records += 1;
    }

    /// Writes the batch, and tries again until that succeeds or the time for it is over.
    fn write_out(&mut self) {
        if self.batch.bytes.is_empty() {
            return;
        }
        let (mut backoff, longest) = BACKOFF;
        while let Err(error) = self.try_write_out() {
            self.counters.add_write_error();
            tracing::error!(%error, sink = self.sink.name(), "cannot write audit records; trying again");
            if self.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
                return self.give_up();
            }
            thread::sleep(backoff);
            backoff = (backoff * 2).min(longest);
        }
        self.counters.add_written(self.batch.records);
        self.batch.clear();
    }

    fn try_write_out(&mut self) -> io::Result<()> {
        if self.batch.taken == 0
            && let Err(error) = self.sink.rotate_if_due(self.batch.bytes.len(), Instant::now())
        {
            tracing::error!(%error, "cannot begin a new audit segment; the old one goes on");
        }
        while let Some(rest) = self.batch.bytes.get(self.batch.taken..)
            && !rest.is_empty()
        {
            match self.sink.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.batch.taken += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Leaves the sink at the end of a whole line and counts what is lost.
    fn give_up(&mut self) {
        let taken = self.batch.bytes.get(..self.batch.taken).unwrap_or_default();
        let written = memchr::memchr_iter(b'\n', taken).count() as u64;
        let torn = taken.len() - memchr::memrchr(b'\n', taken).map_or(0, |newline| newline + 1);
        if torn > 0
            && let Err(error) = self.sink.retract(torn)
        {
            tracing::error!(%error, "an audit segment ends in half a line; the next start mends it");
        }
        self.counters.add_written(written);
        self.counters.add_failed(self.batch.records - written);
        self.batch.clear();
    }

    /// Writes what waits and what is still reserved, until the deadline.
    fn finish(&mut self, runtime: &Runtime) {
        let deadline = self.deadline().unwrap_or_else(Instant::now);
        self.records.close();
        let closed = async {
            while let Some(event) = self.records.recv().await {
                self.append(&event);
            }
        };
        if runtime.block_on(async { tokio::time::timeout_at(deadline.into(), closed).await }).is_err() {
            tracing::error!("requests were still running when the audit log had to end");
        }
        self.attempts.close();
        while self.take_turn() {}
        for sum in self.lane.drain() {
            self.append(&Event::Connection(Box::new(sum)));
        }
        self.write_out();
        if let Err(error) = self.sink.sync() {
            tracing::error!(%error, "cannot sync the audit log");
        }
    }

    /// When to give up; `None` while the log is not shut down.
    fn deadline(&mut self) -> Option<Instant> {
        if self.deadline.is_none() {
            let dropped = || self.stop.has_changed().is_err().then(|| Instant::now() + DROPPED_WAIT);
            self.deadline = (*self.stop.borrow()).or_else(dropped);
        }
        self.deadline
    }
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
        self.taken = 0;
    }
}
