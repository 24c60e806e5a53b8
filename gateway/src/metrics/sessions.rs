//! What is counted of logins at the identity provider.

use prometheus::{IntCounterVec, Registry};

use super::counter;

/// Refreshes, and logouts by the provider.
#[derive(Debug)]
pub struct SessionCounters {
    refreshes: IntCounterVec,
    logouts: IntCounterVec,
}

impl SessionCounters {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let refreshes = counter("oidc_refreshes_total", "Sessions that the provider was asked about.", &["result"])?;
        let logouts = counter("oidc_logouts_total", "Logout tokens of the provider.", &["result"])?;
        registry.register(Box::new(refreshes.clone()))?;
        registry.register(Box::new(logouts.clone()))?;
        Ok(Self { refreshes, logouts })
    }

    /// The provider was asked about a session.
    pub fn refreshed(&self, result: &'static str) {
        self.refreshes.with_label_values(&[result]).inc();
    }

    /// A logout token came in.
    pub fn logout(&self, result: &'static str) {
        self.logouts.with_label_values(&[result]).inc();
    }
}
