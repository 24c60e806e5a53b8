//! What is counted of reports on devices.

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::{counter, opts};

/// Reports by source and what became of them.
#[derive(Debug)]
pub struct PostureCounters {
    reports: IntCounterVec,
    osquery_ignored: IntCounter,
}

impl PostureCounters {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let reports = counter("posture_reports_total", "Reports of devices.", &["source", "result"])?;
        let ignored = opts("osquery_ignored_total", "Results of osquery that were passed over.");
        let osquery_ignored = IntCounter::with_opts(ignored)?;
        registry.register(Box::new(reports.clone()))?;
        registry.register(Box::new(osquery_ignored.clone()))?;
        Ok(Self { reports, osquery_ignored })
    }

    /// Reports were taken, or found older than what was known.
    pub fn taken(&self, source: &str, taken: usize, outdated: usize) {
        for (result, number) in [("taken", taken), ("report.outdated", outdated)] {
            self.reports.with_label_values(&[source, result]).inc_by(number as u64);
        }
    }

    /// A call was not taken, for this reason.
    pub fn refused(&self, source: &str, result: &str) {
        self.reports.with_label_values(&[source, result]).inc();
    }

    /// Results of osquery were passed over.
    pub fn ignored(&self, results: usize) {
        self.osquery_ignored.inc_by(results as u64);
    }
}
