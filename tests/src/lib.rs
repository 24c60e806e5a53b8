//! The harness of the end-to-end tests: a throwaway PKI, a gateway in a process of its own, clients that may misbehave,
//! and upstreams that may too.
//!
//! Nothing here sleeps in order to synchronise. What happens later is waited for with [`eventually`], which polls a
//! condition that can be observed from outside and fails with a name when its bound is over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "a test that cannot go on must stop, and say where"
)]

pub mod audit;
pub mod browser;
pub mod client;
pub mod control;
pub mod curl;
pub mod fake_provider;
pub mod gateway;
pub mod load;
pub mod login;
pub mod metrics;
pub mod ocsp;
pub mod pki;
pub mod program;
pub mod provider;
pub mod setup;
pub mod streams;
pub mod transmitter;
pub mod upstream;
pub mod user_agent;

use std::time::Duration;

use tokio::time::Instant;

pub use audit::Record;
pub use browser::{Browser, Profile, Tab};
pub use client::{Answer, Client};
pub use gateway::Gateway;
pub use metrics::Metrics;
pub use pki::{Ca, Certified, Pki};
pub use provider::Provider;
pub use setup::Setup;
pub use user_agent::UserAgent;

/// How long a condition may take to become true before a test gives up. Generous: a test never passes *because* of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Waits until `check` has an answer. `what` names the condition in the failure.
pub async fn eventually<T, C, F>(what: &str, mut check: C) -> T
where
    C: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Fails, with a name, a future that does not end: a hang must not become a test run that never ends.
pub async fn within_patience<F: Future>(what: &str, future: F) -> F::Output {
    within_patience_of(1, what, future).await
}

/// The same for what takes longer by its nature: this many times as long.
pub async fn within_patience_of<F: Future>(times: u32, what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE * times, future).await {
        Ok(output) => output,
        Err(_) => panic!("did not end: {what}"),
    }
}
