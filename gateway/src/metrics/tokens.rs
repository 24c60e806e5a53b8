//! What is counted of access tokens and of the keys that they are verified by.

use prometheus::{IntCounterVec, Registry};

use super::counter;
use crate::jose::source::Fetched;

/// Counters of tokens and key sets.
#[derive(Debug, Clone)]
pub struct TokenCounters {
    tokens: IntCounterVec,
    fetches: IntCounterVec,
}

impl TokenCounters {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let tokens = counter("tokens_total", "Access tokens, by what became of them.", &["result"])?;
        let fetches = counter("jwks_fetches_total", "Key sets of issuers asked for.", &["result"])?;
        registry.register(Box::new(tokens.clone()))?;
        registry.register(Box::new(fetches.clone()))?;
        Ok(Self { tokens, fetches })
    }

    /// A request brought a token.
    pub fn brought(&self, result: &str) {
        self.tokens.with_label_values(&[result]).inc();
    }

    /// Keys were fetched.
    pub fn fetched(&self, fetched: Fetched) {
        self.fetches.with_label_values(&["succeeded"]).inc_by(fetched.succeeded);
        self.fetches.with_label_values(&["failed"]).inc_by(fetched.failed);
    }
}
