//! The keys that seal: made when there is none or it is old, forgotten when nothing that they sealed can count any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tickets::{CODE_MS, FLOW_MS};
use super::{Key, Sealer};
use crate::clock;
use crate::gateway::Gateway;
use crate::session::keys::KeyPurpose;
use crate::state::Change;

/// Makes and forgets keys as it is time to. A gateway where nobody logs in has none.
pub async fn keep_keys(gateway: &Gateway) {
    let Some(auth) = gateway.snapshot.load().config.auth.clone() else { return };
    let now_ms = clock::now_ms();
    let due = Due::at(now_ms, &gateway.state.live().sessions.keys.all(), auth.session);
    let mut changes: Vec<_> = due.spent.into_iter().map(Change::Unkey).collect();
    if due.new {
        match Key::seal(now_ms) {
            Ok(key) => changes.push(Change::Key(key)),
            Err(error) => tracing::error!(%error, "no new key for cookies: the last one stays"),
        }
    }
    if changes.is_empty() {
        return;
    }
    if let Err(error) = gateway.state.change(changes, Instant::now()).await {
        tracing::error!(%error, "the keys for cookies are not changed");
    }
}

/// What it is time for.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    /// A key that seals from now on.
    new: bool,
    /// The ids of keys that can be forgotten.
    spent: Vec<Arc<str>>,
}

impl Due {
    /// What is due at a time with these keys, where sessions last so long at most.
    fn at(now_ms: i64, keys: &[Arc<Key>], session: Duration) -> Self {
        let age = |at_ms: i64| Duration::from_millis(u64::try_from(now_ms - at_ms).unwrap_or_default());
        let flow = Duration::from_millis((FLOW_MS + CODE_MS).unsigned_abs());
        let mut sealing: Vec<_> = keys.iter().filter(|key| key.purpose == KeyPurpose::Seal).collect();
        sealing.sort_unstable_by_key(|key| key.created_at_ms);
        // The one that seals: the newest, unless that is damaged.
        let newest_at_ms = Sealer::new(sealing.iter().map(|key| &***key)).newest_at_ms();
        // A key has sealed until the next was made, however late that was.
        let replaced = sealing.iter().zip(sealing.iter().skip(1));
        let spent = replaced.filter(|(key, next)| {
            Some(key.created_at_ms) != newest_at_ms && age(next.created_at_ms) >= session.max(flow)
        });
        Self {
            new: newest_at_ms.is_none_or(|at_ms| age(at_ms) >= Sealer::KEY_LIFE),
            spent: spent.map(|(key, _)| Arc::clone(&key.id)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::session::Purpose;

    const SESSION: Duration = Duration::from_secs(12 * 3600);

    const fn ms(duration: Duration) -> i64 {
        duration.as_millis() as i64
    }

    const WEEK_MS: i64 = ms(Sealer::KEY_LIFE);
    const SESSION_MS: i64 = ms(SESSION);

    fn made_at(times_ms: &[i64]) -> Vec<Arc<Key>> {
        times_ms.iter().map(|at_ms| Arc::new(Key::seal(*at_ms).unwrap())).collect()
    }

    /// Whether a key is due, and when those were made that are spent.
    fn due(now_ms: i64, keys: &[Arc<Key>]) -> (bool, Vec<i64>) {
        let Due { new, spent } = Due::at(now_ms, keys, SESSION);
        let made_at_ms = |id: &Arc<str>| keys.iter().find(|key| key.id == *id).unwrap().created_at_ms;
        (new, spent.iter().map(made_at_ms).collect())
    }

    #[test]
    fn a_key_is_made_where_there_is_none_and_when_its_week_is_over() {
        assert_eq!(due(5, &[]), (true, vec![]));
        let keys = made_at(&[0]);
        assert_eq!(due(0, &keys), (false, vec![]));
        assert_eq!(due(WEEK_MS - 1, &keys), (false, vec![]));
        assert_eq!(due(WEEK_MS, &keys), (true, vec![]));
        // A clock that was ahead makes no storm of keys.
        assert_eq!(due(-WEEK_MS, &keys), (false, vec![]));
    }

    #[test]
    fn a_key_is_forgotten_when_all_that_it_sealed_has_ended() {
        for late_ms in [0, 60_000, 3 * WEEK_MS] {
            let next_ms = WEEK_MS + late_ms;
            // In any order.
            let keys = made_at(&[next_ms, 0]);
            assert_eq!(due(next_ms + SESSION_MS - 1, &keys), (false, vec![]), "{late_ms}");
            assert_eq!(due(next_ms + SESSION_MS, &keys), (false, vec![0]), "{late_ms}");
        }
        let keys = made_at(&[0, WEEK_MS, 2 * WEEK_MS]);
        assert_eq!(due(3 * WEEK_MS, &keys), (true, vec![0, WEEK_MS]));
        assert_eq!(due(9 * WEEK_MS, &made_at(&[0])), (true, vec![]), "the only one seals until there is another");
    }

    #[test]
    fn a_login_that_is_under_way_outlives_short_sessions() {
        let keys = made_at(&[0, WEEK_MS]);
        let spent = |now_ms| Due::at(now_ms, &keys, Duration::from_secs(1)).spent.len();
        assert_eq!((spent(WEEK_MS + FLOW_MS + CODE_MS - 1), spent(WEEK_MS + FLOW_MS + CODE_MS)), (0, 1));
    }

    #[test]
    fn what_the_old_key_sealed_is_opened_until_it_is_forgotten() {
        let mut keys = made_at(&[0]);
        let sealed = Sealer::new(keys.iter().map(|key| &**key)).seal(Purpose::Session, "a.example", &7).unwrap();
        keys.extend(made_at(&[WEEK_MS]));
        let mut opened_at = |now_ms| {
            let spent = Due::at(now_ms, &keys, SESSION).spent;
            keys.retain(|key| !spent.contains(&key.id));
            Sealer::new(keys.iter().map(|key| &**key)).open::<i32>(Purpose::Session, "a.example", &sealed).is_ok()
        };
        assert!(opened_at(WEEK_MS + SESSION_MS - 1));
        assert!(!opened_at(WEEK_MS + SESSION_MS));
    }

    #[test]
    fn keys_for_other_things_and_damaged_ones_do_not_count() {
        let other = Key { purpose: KeyPurpose::Assertion, ..Key::seal(WEEK_MS).unwrap() };
        let damaged = Key { secret: Secret::new("A".to_owned()), ..Key::seal(WEEK_MS).unwrap() };
        let mut keys = made_at(&[0]);
        keys.extend([Arc::new(other), Arc::new(damaged)]);
        assert_eq!(due(WEEK_MS - 1, &keys), (false, vec![]));
        assert_eq!(due(2 * WEEK_MS, &keys), (true, vec![]), "the one that seals stays");
    }
}
