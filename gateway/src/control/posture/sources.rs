//! Sources at work: how often each caller reports, and how much each source changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;

use super::window::Window;
use crate::config::{self, HoldRule, PostureSource, Reporter};
use crate::request::decide::Asked;
use crate::state::Live;

/// With more callers than this, those that have not called lately are forgotten.
const MAX_CALLERS: usize = 10_000;

/// What is counted of all sources. It is not kept: after a start, counting begins anew. That a source is held is kept.
#[derive(Debug, Default)]
pub struct Sources(Mutex<HashMap<Arc<str>, Counted>>);

/// What is counted of one source.
#[derive(Debug)]
struct Counted {
    calls: DefaultKeyedRateLimiter<Arc<str>>,
    reports_per_min: u32,
    window: Window,
    /// How many devices it has reported of; unknown until it is first asked.
    known: Option<usize>,
}

impl Counted {
    fn new(source: &PostureSource) -> Self {
        let per_minute = std::num::NonZeroU32::new(source.reports_per_min).unwrap_or(std::num::NonZeroU32::MIN);
        Self {
            calls: RateLimiter::keyed(Quota::per_minute(per_minute)),
            reports_per_min: source.reports_per_min,
            window: Window::default(),
            known: None,
        }
    }
}

impl Sources {
    /// Notes a call of a caller.
    ///
    /// # Errors
    /// It calls too often, and how long it has to wait.
    pub(super) fn call(&self, source: &PostureSource, caller: &Arc<str>) -> Result<(), Duration> {
        self.with(source, |counted| {
            if counted.calls.len() > MAX_CALLERS {
                counted.calls.retain_recent();
            }
            let now = DefaultClock::default().now();
            counted.calls.check_key(caller).map_err(|until| until.wait_time_from(now))
        })
    }

    /// Notes that a source is about to change what it said of these devices.
    ///
    /// # Errors
    /// It would be too many, and how many of how many.
    pub(super) fn change(
        &self,
        source: &PostureSource,
        rule: HoldRule,
        devices: &[Arc<str>],
        live: &Live,
    ) -> Result<(), (usize, usize)> {
        self.with(source, |counted| {
            let known = *counted.known.get_or_insert_with(|| live.posture.reported_by(&source.name));
            counted.window.change(devices, known, rule, Instant::now()).map_err(|changed| (changed, known))
        })
    }

    /// A source has reported of devices for the first time, or what it reported of some was forgotten.
    pub(super) fn knows(&self, source: &str, more: isize) {
        if let Some(known) = self.0.lock().get_mut(source).and_then(|counted| counted.known.as_mut()) {
            *known = known.saturating_add_signed(more);
        }
    }

    /// A person lets a source go on.
    pub(super) fn release(&self, source: &PostureSource) {
        let Some(rule) = source.hold else { return };
        self.with(source, |counted| counted.window.open(rule.window, Instant::now()));
    }

    fn with<T>(&self, source: &PostureSource, work: impl FnOnce(&mut Counted) -> T) -> T {
        let mut sources = self.0.lock();
        let counted = sources.entry(Arc::clone(&source.name)).or_insert_with(|| Counted::new(source));
        if counted.reports_per_min != source.reports_per_min {
            let fresh = Counted::new(source);
            (counted.calls, counted.reports_per_min) = (fresh.calls, fresh.reports_per_min);
        }
        work(counted)
    }
}

/// The source that a caller is when it reports of `device`: the one that it names, or the first that it may be.
pub(super) fn of_caller<'s>(
    settings: &'s config::Posture,
    asked: &Asked,
    device: &str,
    named: Option<&str>,
) -> Option<&'s Arc<PostureSource>> {
    let may_be = |source: &&Arc<PostureSource>| source.who.iter().any(|who| is(who, asked, device));
    settings.sources.iter().filter(|source| named.is_none_or(|name| name == &*source.name)).find(may_be)
}

/// The source that osquery is.
pub(super) fn osquery(settings: &config::Posture) -> Option<&Arc<PostureSource>> {
    settings.sources.iter().find(|source| source.who.contains(&Reporter::Osquery))
}

fn is(who: &Reporter, asked: &Asked, device: &str) -> bool {
    match who {
        Reporter::Devices => asked.device.as_deref() == Some(device),
        // They have protocols of their own.
        Reporter::Osquery | Reporter::Signals => false,
        Reporter::TrustDomain(name) => *name == asked.certificate.trust_domain,
        Reporter::Principal(principal) => *principal == asked.principal,
    }
}
