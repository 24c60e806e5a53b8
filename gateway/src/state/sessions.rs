//! Sessions in memory, when each was last used, and the keys that the gateway has made for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;

use super::live::Kept;
use crate::session::{Key, Sealer, Session};

/// Who is logged in, and what seals their cookies.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Every session that is kept.
    pub entries: Kept<Session>,
    /// When each was last used, milliseconds since the Unix epoch. Not kept: cookies know it well enough.
    used: papaya::HashMap<Arc<str>, AtomicI64>,
    /// Every key that is kept.
    pub keys: Kept<Key>,
    sealer: ArcSwap<Sealer>,
}

impl Sessions {
    /// What seals and opens.
    pub fn sealer(&self) -> arc_swap::Guard<Arc<Sealer>> {
        self.sealer.load()
    }

    /// A session is used now.
    pub fn note_use(&self, id: &str, now_ms: i64) {
        if let Some(used) = self.used.pin().get(id) {
            used.fetch_max(now_ms, Ordering::Relaxed);
        }
    }

    /// When a session was last used on this node, milliseconds since the Unix epoch.
    pub fn used_at_ms(&self, id: &str) -> Option<i64> {
        self.used.pin().get(id).map(|used| used.load(Ordering::Relaxed))
    }

    pub(super) fn establish(&self, session: Session) {
        self.used.pin().get_or_insert_with(Arc::clone(&session.id), || AtomicI64::new(0));
        self.entries.put(session);
    }

    pub(super) fn discard(&self, id: &Arc<str>) {
        self.entries.remove(id);
        self.used.pin().remove(id);
    }

    pub(super) fn add_key(&self, key: Key) {
        self.keys.put(key);
        self.build_sealer();
    }

    pub(super) fn remove_key(&self, id: &Arc<str>) {
        self.keys.remove(id);
        self.build_sealer();
    }

    fn build_sealer(&self) {
        let keys = self.keys.all();
        self.sealer.store(Arc::new(Sealer::new(keys.iter().map(|key| &**key))));
    }
}
