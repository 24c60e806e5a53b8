//! The keys that seal: made when there is none or it is old, forgotten when nothing that they sealed can count any more.

use std::time::{Duration, Instant};

use super::{Key, Sealer};
use crate::clock;
use crate::gateway::Gateway;
use crate::session::keys::KeyPurpose;
use crate::state::Change;

/// Makes and forgets keys as it is time to. A gateway where nobody logs in has none.
pub async fn keep_keys(gateway: &Gateway) {
    let Some(auth) = gateway.snapshot.load().config.auth.clone() else { return };
    let now_ms = clock::now_ms();
    let age = |at_ms: i64| Duration::from_millis(u64::try_from(now_ms - at_ms).unwrap_or_default());
    let mut changes = Vec::new();
    let sessions = &gateway.state.live().sessions;
    if sessions.sealer().newest_at_ms().is_none_or(|at_ms| age(at_ms) >= Sealer::KEY_LIFE) {
        match Key::seal(now_ms) {
            Ok(key) => changes.push(Change::Key(key)),
            Err(error) => tracing::error!(%error, "no new key for cookies: the last one stays"),
        }
    }
    let spent =
        |key: &Key| key.purpose == KeyPurpose::Seal && age(key.created_at_ms) >= Sealer::KEY_LIFE + auth.session;
    let keys = sessions.keys.all();
    // The key that is made above is not among them; without it the newest stays.
    let newest = sessions.sealer().newest_at_ms();
    let spent = keys.iter().filter(|key| spent(key) && Some(key.created_at_ms) != newest);
    changes.extend(spent.map(|key| Change::Unkey(key.id.clone())));
    if changes.is_empty() {
        return;
    }
    if let Err(error) = gateway.state.change(changes, Instant::now()).await {
        tracing::error!(%error, "the keys for cookies are not changed");
    }
}
