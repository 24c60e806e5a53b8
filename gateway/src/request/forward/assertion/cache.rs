//! Assertions that were just signed: a signature costs more than everything else that the gateway does for a request.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use papaya::{Equivalent, HashMap};

use super::claims::Facts;
use crate::request::decide::Asked;

/// How long an assertion is used again.
pub(super) const REUSED: Duration = Duration::from_secs(10);

/// How many there are at most. Beyond it each request has one signed of its own.
const MAX_ENTRIES: usize = 10_000;

/// The assertions that may be used again. Found without a lock.
pub(super) struct Cache {
    entries: HashMap<Owned, Entry>,
    max_entries: usize,
}

/// What an assertion says, kept.
struct Owned {
    issuer: Arc<str>,
    asked: Arc<Asked>,
}

/// An assertion.
struct Entry {
    value: HeaderValue,
    /// The key that signed it.
    key: Arc<str>,
    until_ms: i64,
}

impl Owned {
    fn facts(&self) -> Facts<'_> {
        Facts::of(&self.issuer, &self.asked)
    }
}

impl Hash for Owned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.facts().hash(state);
    }
}

impl PartialEq for Owned {
    fn eq(&self, other: &Self) -> bool {
        self.facts() == other.facts()
    }
}

impl Eq for Owned {}

impl Equivalent<Owned> for Facts<'_> {
    fn equivalent(&self, key: &Owned) -> bool {
        *self == key.facts()
    }
}

impl Cache {
    /// Nothing was signed yet.
    pub(super) fn new() -> Self {
        Self::of(MAX_ENTRIES)
    }

    fn of(max_entries: usize) -> Self {
        Self { entries: HashMap::new(), max_entries }
    }

    /// The assertion that says just this, by the key that signs now.
    pub(super) fn get(&self, facts: &Facts<'_>, key: &str, now_ms: i64) -> Option<HeaderValue> {
        let entries = self.entries.pin();
        let entry = entries.get(facts)?;
        // A clock that was set back must not make it older than it is.
        let fresh = (entry.until_ms - milliseconds(REUSED)..entry.until_ms).contains(&now_ms);
        (fresh && *entry.key == *key).then(|| entry.value.clone())
    }

    /// Keeps an assertion that was signed now.
    pub(super) fn put(&self, issuer: &Arc<str>, asked: &Arc<Asked>, key: &Arc<str>, value: &HeaderValue, now_ms: i64) {
        let entries = self.entries.pin();
        let owned = Owned { issuer: Arc::clone(issuer), asked: Arc::clone(asked) };
        if entries.len() >= self.max_entries && !entries.contains_key(&owned) {
            return;
        }
        let until_ms = now_ms.saturating_add(milliseconds(REUSED));
        entries.insert(owned, Entry { value: value.clone(), key: Arc::clone(key), until_ms });
    }

    /// Forgets what is not used again.
    pub(super) fn forget_lapsed(&self, now_ms: i64) {
        self.entries.pin().retain(|_, entry| now_ms < entry.until_ms);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.pin().len()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("entries", &self.len()).finish_non_exhaustive()
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::fixtures;
    use crate::request::identify::Credential;
    use crate::request::identify::credential::Method;

    const VALUE: HeaderValue = HeaderValue::from_static("token");

    fn put(cache: &Cache, asked: &Arc<Asked>, now_ms: i64) {
        cache.put(&"iss".into(), asked, &"key".into(), &VALUE, now_ms);
    }

    fn has(cache: &Cache, asked: &Asked, now_ms: i64) -> bool {
        cache.get(&Facts::of("iss", asked), "key", now_ms).is_some()
    }

    #[test]
    fn it_is_used_again_for_a_while_and_by_its_key_only() {
        let (cache, asked) = (Cache::new(), Arc::new(fixtures::asked()));
        put(&cache, &asked, 1_000);
        for (now_ms, used) in [(999, false), (1_000, true), (10_999, true), (11_000, false)] {
            assert_eq!(has(&cache, &asked, now_ms), used, "{now_ms}");
        }
        assert!(cache.get(&Facts::of("iss", &asked), "other", 1_000).is_none());
        assert!(cache.get(&Facts::of("other", &asked), "key", 1_000).is_none());
        cache.forget_lapsed(10_999);
        assert_eq!(cache.len(), 1);
        cache.forget_lapsed(11_000);
        assert_eq!(cache.len(), 0);
    }

    /// What is said of another, or of the same one later, is never served out of the cache.
    #[test]
    fn nothing_that_is_claimed_may_differ() {
        let login = Arc::new(fixtures::credential());
        let asked = Asked { credential: Some(Arc::clone(&login)), ..fixtures::asked() };
        let principal = |id: &str| crate::request::identify::Subject { id: id.into(), ..asked.principal.clone() };
        let mut certificate = (*asked.certificate).clone();
        certificate.fingerprint = "cd".repeat(32).into();
        let mut app = (*asked.app).clone();
        app.name = "wiki".into();
        let logins = [
            Credential { acr: Some("phrh".into()), ..(*login).clone() },
            Credential { auth_time_ms: Some(9), ..(*login).clone() },
            Credential { method: Method::Token { issuer: "iss".into() }, ..(*login).clone() },
        ];
        let others = [
            Asked { credential: None, ..asked.clone() },
            Asked { groups: ["admins".into()].into(), ..asked.clone() },
            Asked { groups: Arc::default(), ..asked.clone() },
            Asked { principal: principal("mallory@example.org"), ..asked.clone() },
            Asked { device: Some("laptop-8".into()), ..asked.clone() },
            Asked { device: None, ..asked.clone() },
            Asked { certificate: Arc::new(certificate), ..asked.clone() },
            Asked { app: Arc::new(app), ..asked.clone() },
        ];
        let cache = Cache::new();
        put(&cache, &Arc::new(asked.clone()), 0);
        let stronger = logins.map(|login| Asked { credential: Some(Arc::new(login)), ..asked.clone() });
        for other in others.iter().chain(&stronger) {
            assert!(!has(&cache, other, 0), "{other:?}");
        }
        let same = Asked { path: "/elsewhere".into(), now_ms: 7, ..asked };
        assert!(has(&cache, &same, 0), "what is not claimed does not matter");
    }

    #[test]
    fn what_has_no_place_is_signed_each_time() {
        let cache = Cache::of(1);
        let first = Arc::new(fixtures::asked());
        let second = Arc::new(Asked { device: None, ..fixtures::asked() });
        put(&cache, &first, 0);
        put(&cache, &second, 0);
        assert!(has(&cache, &first, 0) && !has(&cache, &second, 0));
        put(&cache, &first, 5_000);
        assert!(has(&cache, &first, 14_999), "what has its place keeps it");
    }
}
