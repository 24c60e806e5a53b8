//! The rotation of keys: the next one is made in time, kept, and forgotten when everything that it signed has lapsed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::keys::{KeyRing, SigningKey};
use crate::clock;
use crate::gateway::Gateway;
use crate::state::Change;

/// How often it is looked whether a key is due.
const PERIOD: Duration = Duration::from_secs(60);

/// Rotates keys until the process ends.
pub async fn run(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // The store, and with it the next key, are the successor's.
        if !gateway.draining() {
            rotate(&gateway, clock::now_ms()).await;
        }
    }
}

/// Makes the next key where it is due, and lets go of those that have lapsed. A key does not wait for the disk in order to be
/// published: it signs much later, and a key that could not be kept is tried again.
async fn rotate(gateway: &Gateway, now_ms: i64) {
    let assertions = &gateway.assertions;
    let ring = assertions.ring.load_full();
    let lapsed: Vec<_> = ring.lapsed(now_ms).iter().map(|key| Arc::clone(key.id())).collect();
    let mut keys: Vec<_> = ring.keys().iter().filter(|key| !lapsed.contains(key.id())).cloned().collect();
    if ring.is_due(now_ms) {
        match SigningKey::generate(now_ms) {
            Ok(key) => keys.push(Arc::new(key)),
            Err(error) => tracing::error!(%error, "cannot make the next key for assertions; the last one goes on"),
        }
    }
    let kept = &gateway.state.live().sessions.keys;
    let new = keys.iter().filter(|key| kept.get(key.id()).is_none()).map(|key| Change::Key(key.kept().clone()));
    let gone = lapsed.into_iter().filter(|id| kept.get(id).is_some()).map(Change::Unkey);
    let changes: Vec<_> = new.chain(gone).collect();
    assertions.ring.store(Arc::new(KeyRing::new(keys)));

    let has_store = gateway.snapshot.load().config.store.is_some();
    if !changes.is_empty()
        && has_store
        && let Err(error) = gateway.state.change(changes, Instant::now()).await
    {
        tracing::warn!(%error, "the keys for assertions are not kept yet");
    }
}
