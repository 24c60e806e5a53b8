//! How often a device may come back from the identity provider with a code: each code is a question to the provider, and
//! whoever holds a device can make codes up.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::session::Binding;

/// How many at once: the tabs of a browser that was started anew.
const BURST: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// How many in the long run.
const PER_MIN: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// How many devices are counted at a time. Whoever comes on top is not let through.
const MAX_DEVICES: usize = 100_000;

/// What is counted of each device.
#[derive(Debug)]
pub struct CodeRates {
    limiter: DefaultKeyedRateLimiter<Binding>,
    clock: DefaultClock,
}

impl Default for CodeRates {
    fn default() -> Self {
        let quota = Quota::per_minute(PER_MIN).allow_burst(BURST);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }
}

impl CodeRates {
    /// Counts one code.
    ///
    /// # Errors
    /// It is one too many.
    pub fn count(&self, device: &Binding) -> Result<(), Box<Refused>> {
        if self.limiter.len() >= MAX_DEVICES {
            self.limiter.retain_recent();
        }
        let refused = |wait_s| Refused { retry_after_s: Some(wait_s), ..Refused::of(Reason::RequestRateLimited) };
        if self.limiter.len() >= MAX_DEVICES {
            return Err(Box::new(refused(1)));
        }
        self.limiter.check_key(device).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Box::new(refused(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)))
        })
    }

    /// Forgets those who have all their turns again.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Subject, SubjectKind};

    #[test]
    fn each_device_is_counted_by_itself() {
        let rates = CodeRates::default();
        let device =
            |name: &str| Binding { trust_domain: "laptops".into(), holder: Subject::new(SubjectKind::Device, name) };
        for _ in 0..BURST.get() {
            assert!(rates.count(&device("laptop-1")).is_ok());
        }
        let refused = rates.count(&device("laptop-1")).unwrap_err();
        assert_eq!(refused.reason, Reason::RequestRateLimited);
        assert!(refused.retry_after_s.is_some_and(|wait_s| (1..=3).contains(&wait_s)));
        assert!(rates.count(&device("laptop-2")).is_ok());
        rates.forget_idle();
        assert!(rates.count(&device("laptop-1")).is_err(), "who has no turn left is not forgotten");
    }
}
