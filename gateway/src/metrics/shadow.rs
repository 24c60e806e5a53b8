//! What is counted of the shadow check.

use prometheus::{IntCounter, Registry};

use super::opts;

/// Counters that the requests and the checking thread share.
#[derive(Debug, Clone)]
pub struct ShadowCounters {
    /// Decisions that were made again.
    pub checks: IntCounter,
    /// Of them: those that Cedar made otherwise.
    pub mismatches: IntCounter,
    /// Decisions that were chosen and not made again, for want of time.
    pub dropped: IntCounter,
}

impl ShadowCounters {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::with_opts(opts(name, help))?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            checks: counter("policy_shadow_checks_total", "Decisions that were made again by Cedar.")?,
            mismatches: counter("policy_shadow_mismatch_total", "Decisions that Cedar made otherwise.")?,
            dropped: counter("policy_shadow_dropped_total", "Decisions chosen to be made again, and not.")?,
        })
    }
}
