//! What is counted of streams of signals.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::{counter, gauge};
use crate::signals::event::EventType;

/// Counters of the receiver.
#[derive(Debug, Clone)]
pub struct SignalCounters {
    received: IntCounterVec,
    lost: IntGaugeVec,
}

impl SignalCounters {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let labels = &["stream", "event", "result"];
        let received = counter("signals_total", "Signals received, by what became of them.", labels)?;
        let lost = gauge("signal_stream_lost", "Whether a stream is quiet, paused or disabled.", &["stream"])?;
        registry.register(Box::new(received.clone()))?;
        registry.register(Box::new(lost.clone()))?;
        Ok(Self { received, lost })
    }

    /// A token came in. `event` is its type, where it could be read and is understood.
    pub fn received(&self, stream: &str, event: Option<EventType>, result: &str) {
        self.received.with_label_values(&[stream, event.map_or("unknown", EventType::as_str), result]).inc();
    }

    /// Whether a stream is lost.
    pub fn lost(&self, stream: &str, lost: bool) {
        self.lost.with_label_values(&[stream]).set(lost.into());
    }

    /// A stream is not configured any more.
    pub fn forget(&self, stream: &str) {
        // It may never have been set.
        let _ = self.lost.remove_label_values(&[stream]);
    }
}
