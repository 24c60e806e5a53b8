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
    /// The ids of each person's.
    of_person: papaya::HashMap<Arc<str>, Arc<[Arc<str>]>>,
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

    /// Every session of a person.
    pub fn of_person(&self, principal: &Arc<str>) -> Vec<Arc<Session>> {
        let of_person = self.of_person.pin();
        let ids = of_person.get(principal).into_iter().flat_map(|ids| ids.iter());
        ids.filter_map(|id| self.entries.get(id)).collect()
    }

    pub(super) fn establish(&self, session: Session) {
        self.disown(&session.id);
        self.of_person.pin().update_or_insert(
            Arc::clone(&session.principal),
            |ids| ids.iter().chain([&session.id]).cloned().collect(),
            [Arc::clone(&session.id)].into(),
        );
        self.used.pin().get_or_insert_with(Arc::clone(&session.id), || AtomicI64::new(0));
        self.entries.put(session);
    }

    pub(super) fn discard(&self, id: &Arc<str>) {
        self.disown(id);
        self.entries.remove(id);
        self.used.pin().remove(id);
    }

    /// A session is none of its person's any more.
    fn disown(&self, id: &Arc<str>) {
        let Some(session) = self.entries.get(id) else { return };
        let of_person = self.of_person.pin();
        let kept = of_person
            .update(Arc::clone(&session.principal), |ids| ids.iter().filter(|theirs| *theirs != id).cloned().collect());
        if kept.is_some_and(|ids| ids.is_empty()) {
            of_person.remove(&session.principal);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Binding, Voucher};
    use crate::state::{Subject, SubjectKind};

    fn session(id: &str, principal: &str) -> Session {
        Session {
            id: id.into(),
            principal: principal.into(),
            groups: Arc::default(),
            voucher: Voucher::Oidc { issuer: "https://idp.example.org".into() },
            acr: None,
            auth_time_ms: 1,
            established_at_ms: 1,
            expires_at_ms: 2,
            binding: Binding { trust_domain: "staff".into(), holder: Subject::new(SubjectKind::Device, "laptop-1") },
            proofs: Vec::new(),
            provider: None,
        }
    }

    #[test]
    fn a_persons_sessions_are_found() {
        let sessions = Sessions::default();
        let ids = |principal: &str| {
            let theirs = sessions.of_person(&principal.into());
            let mut ids: Vec<_> = theirs.iter().map(|session| session.id.to_string()).collect();
            ids.sort();
            ids
        };
        for (id, principal) in [("1", "alice"), ("2", "alice"), ("3", "bob"), ("1", "alice")] {
            sessions.establish(session(id, principal));
        }
        assert_eq!((ids("alice"), ids("bob"), ids("carol")), (vec!["1".into(), "2".into()], vec!["3".into()], vec![]));
        sessions.establish(session("2", "bob"));
        sessions.discard(&"1".into());
        sessions.discard(&"no such".into());
        assert_eq!((ids("alice"), ids("bob")), (vec![], vec!["2".into(), "3".into()]));
        assert_eq!(sessions.of_person.len(), 1, "who has none is forgotten");
    }
}
