//! What became of the records, as plain numbers for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    written: AtomicU64,
    failed: AtomicU64,
    suppressed: AtomicU64,
    write_errors: AtomicU64,
}

impl Counters {
    /// Records that were handed to the kernel.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Records that were lost: the disk was still full when the process had to end.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Attempts and requests that have no record of their own but stand in the count of a sum.
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Writes that failed and were tried again.
    pub fn write_errors(&self) -> u64 {
        self.write_errors.load(Ordering::Relaxed)
    }

    pub(super) fn add_written(&self, records: u64) {
        self.written.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn add_failed(&self, records: u64) {
        self.failed.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn add_suppressed(&self, attempts: u64) {
        self.suppressed.fetch_add(attempts, Ordering::Relaxed);
    }

    pub(super) fn add_write_error(&self) {
        self.write_errors.fetch_add(1, Ordering::Relaxed);
    }
}
