//! How many requests a principal may make of an app, where the app has a `rate_limit`: one stolen identity cannot empty a
//! service.
//!
//! Each pair of principal and app has a bucket of its own (GCRA, the generic cell rate algorithm of ITU-T I.371), and the
//! buckets are found without a lock. What is asked for is counted once policy has permitted it: a refusal costs no more than
//! this count would save, tells the client the true reason, and leaves no bucket behind.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gaccong_policy::PrincipalKind;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use papaya::{Equivalent, HashMap};

use crate::config::{App, RateLimit};
use crate::request::identify::Subject;

/// How many buckets there are at most. Whoever has none when they are all taken is not limited: to take them, an attacker
/// would need as many identities that policy lets in.
const MAX_BUCKETS: usize = 100_000;

/// The buckets of all principals.
#[derive(Debug)]
pub struct RateLimits<C: Clock<Instant = Nanos> = Uptime> {
    buckets: HashMap<Pair, Bucket<C>>,
    max_buckets: usize,
    clock: C,
}

/// Time since the process began.
#[derive(Debug, Clone, Copy)]
pub struct Uptime(Instant);

impl Clock for Uptime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

/// What is counted together.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Pair {
    kind: PrincipalKind,
    principal: Arc<str>,
    app: Arc<str>,
}

/// The same, lent to look a bucket up: its fields are hashed as those of [`Pair`] are.
#[derive(Debug, Hash)]
struct PairRef<'a> {
    kind: PrincipalKind,
    principal: &'a str,
    app: &'a str,
}

impl Equivalent<Pair> for PairRef<'_> {
    fn equivalent(&self, key: &Pair) -> bool {
        self.kind == key.kind && *self.principal == *key.principal && *self.app == *key.app
    }
}

/// What one principal has left.
#[derive(Debug)]
struct Bucket<C: Clock<Instant = Nanos>> {
    rule: RateLimit,
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<Nanos>>,
    /// By when it is full again at the latest, nanoseconds of the clock.
    full_at_ns: AtomicU64,
}

impl RateLimits {
    /// No request was made yet.
    pub fn new() -> Self {
        Self::with(Uptime(Instant::now()), MAX_BUCKETS)
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock<Instant = Nanos> + Clone> RateLimits<C> {
    fn with(clock: C, max_buckets: usize) -> Self {
        Self { buckets: HashMap::new(), max_buckets, clock }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// It is one too many; the next may come after this many seconds.
    pub fn count(&self, principal: &Subject, app: &App) -> Result<(), u32> {
        let Some(rule) = app.rate_limit else { return Ok(()) };
        let buckets = self.buckets.pin();
        let pair = PairRef { kind: principal.kind, principal: &principal.id, app: &app.name };
        if let Some(bucket) = buckets.get(&pair).filter(|bucket| bucket.rule == rule) {
            return bucket.take(&self.clock);
        }
        // The rule has changed since: what was counted by the old one says nothing about the new.
        let _ = buckets.remove_if(&pair, |_, bucket| bucket.rule != rule);
        if buckets.len() >= self.max_buckets {
            return Ok(());
        }
        let pair = Pair { kind: principal.kind, principal: Arc::clone(&principal.id), app: Arc::clone(&app.name) };
        buckets.get_or_insert_with(pair, || Bucket::new(rule, self.clock.clone())).take(&self.clock)
    }

    /// Forgets the buckets that are full again: new ones would be the same.
    pub fn forget_full(&self) {
        let now_ns = self.clock.now().as_u64();
        self.buckets.pin().retain(|_, bucket| now_ns < bucket.full_at_ns.load(Ordering::Relaxed));
    }

    /// How many buckets there are.
    pub fn len(&self) -> usize {
        self.buckets.pin().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<C: Clock<Instant = Nanos>> Bucket<C> {
    fn new(rule: RateLimit, clock: C) -> Self {
        let limiter = RateLimiter::direct_with_clock(quota(rule), clock);
        Self { rule, limiter, full_at_ns: AtomicU64::new(u64::MAX) }
    }

    fn take(&self, clock: &C) -> Result<(), u32> {
        let now = clock.now();
        let refilled_in = Nanos::from(quota(self.rule).burst_size_replenished_in());
        self.full_at_ns.store(now.as_u64().saturating_add(refilled_in.as_u64()), Ordering::Relaxed);
        self.limiter.check().map_err(|not_until| whole_seconds(not_until.wait_time_from(now)))
    }
}

/// Rounded up, so that whoever waits as long is not too early (RFC 9110 §10.2.3).
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

fn quota(rule: RateLimit) -> Quota {
    Quota::per_minute(rule.requests_per_min).allow_burst(rule.burst)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::audit::fixtures;

    fn subject(kind: PrincipalKind, id: &str) -> Subject {
        Subject { kind, id: id.into() }
    }

    fn app(name: &str, rule: Option<(u32, u32)>) -> App {
        let rate_limit = rule.map(|(requests_per_min, burst)| RateLimit {
            requests_per_min: NonZeroU32::new(requests_per_min).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        });
        App { name: name.into(), rate_limit, ..App::clone(&fixtures::asked().app) }
    }

    fn limits(max_buckets: usize) -> (RateLimits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (RateLimits::with(clock.clone(), max_buckets), clock)
    }

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let (limits, clock) = limits(10);
        let (alice, app) = (subject(PrincipalKind::User, "alice"), app("pay", Some((60, 3))));
        let count = || limits.count(&alice, &app);
        assert_eq!([count(), count(), count()], [Ok(()); 3]);
        assert_eq!(count(), Err(1));
        clock.advance(Duration::from_millis(999));
        assert_eq!(count(), Err(1), "rounded up");
        clock.advance(Duration::from_millis(1));
        assert_eq!(count(), Ok(()));
        assert!(count().is_err());
    }

    #[test]
    fn a_slow_rate_is_waited_for_as_long() {
        let (limits, clock) = limits(10);
        let (alice, app) = (subject(PrincipalKind::User, "alice"), app("pay", Some((1, 1))));
        assert_eq!([limits.count(&alice, &app), limits.count(&alice, &app)], [Ok(()), Err(60)]);
        clock.advance(Duration::from_millis(500));
        assert_eq!(limits.count(&alice, &app), Err(60));
    }

    #[test]
    fn every_principal_and_every_app_counts_by_itself() {
        let (limits, _) = limits(10);
        let (pay, wiki) = (app("pay", Some((60, 1))), app("wiki", Some((60, 1))));
        let (alice, bob) = (subject(PrincipalKind::User, "alice"), subject(PrincipalKind::User, "bob"));
        let namesake = subject(PrincipalKind::Workload, "alice");
        for (principal, app) in [(&alice, &pay), (&alice, &wiki), (&bob, &pay), (&namesake, &pay)] {
            assert_eq!(limits.count(principal, app), Ok(()));
            assert!(limits.count(principal, app).is_err());
        }
        assert_eq!(limits.len(), 4);
    }

    #[test]
    fn an_app_without_a_rule_costs_nothing() {
        let (limits, _) = limits(10);
        assert_eq!(limits.count(&subject(PrincipalKind::User, "alice"), &app("pay", None)), Ok(()));
        assert!(limits.is_empty());
    }

    #[test]
    fn a_new_rule_begins_anew_and_the_old_one_ends() {
        let (limits, _) = limits(10);
        let alice = subject(PrincipalKind::User, "alice");
        let (old, new) = (app("pay", Some((60, 1))), app("pay", Some((60, 2))));
        assert_eq!(limits.count(&alice, &old), Ok(()));
        assert!(limits.count(&alice, &old).is_err());
        assert_eq!([limits.count(&alice, &new), limits.count(&alice, &new)], [Ok(()); 2]);
        assert!(limits.count(&alice, &new).is_err());
        assert_eq!(limits.len(), 1);
    }

    #[test]
    fn only_full_buckets_are_forgotten() {
        let (limits, clock) = limits(10);
        let (alice, app) = (subject(PrincipalKind::User, "alice"), app("pay", Some((60, 2))));
        assert_eq!(limits.count(&alice, &app), Ok(()));
        clock.advance(Duration::from_millis(1_900));
        limits.forget_full();
        assert_eq!(limits.len(), 1);
        clock.advance(Duration::from_millis(100));
        limits.forget_full();
        assert!(limits.is_empty());
    }

    #[test]
    fn whoever_finds_no_room_is_not_limited_and_nobody_is_refused() {
        let (limits, clock) = limits(1);
        let app = app("pay", Some((60, 1)));
        let (alice, bob) = (subject(PrincipalKind::User, "alice"), subject(PrincipalKind::User, "bob"));
        assert_eq!(limits.count(&alice, &app), Ok(()));
        assert_eq!([limits.count(&bob, &app), limits.count(&bob, &app)], [Ok(()); 2]);
        assert!(limits.count(&alice, &app).is_err());
        clock.advance(Duration::from_secs(1));
        limits.forget_full();
        assert_eq!(limits.count(&bob, &app), Ok(()));
        assert!(limits.count(&bob, &app).is_err());
    }
}
