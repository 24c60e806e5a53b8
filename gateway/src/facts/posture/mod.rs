//! Posture: the facts last reported of each device, each with its source, the time it was observed and the age at which
//! it dies.
//!
//! Several sources may report one fact. Of those that are fresh, the best rank counts; among equals the worse value wins
//! (`Fact::precedence`).

mod fact;
mod file;
pub mod wire;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub use fact::{CLOCK_SKEW_MS, Fact, FactName, FactValue};

use crate::config::{self, Diagnostic};
use crate::reason::Reason;

/// What was last reported of every device.
#[derive(Debug, Clone, Default)]
pub struct Posture {
    devices: HashMap<Box<str>, Arc<DevicePosture>>,
}

/// What was last reported of one device.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DevicePosture {
    /// The person the device is assigned to.
    pub owner: Option<Arc<str>>,
    /// The facts by name; of one name, that which counts while it is fresh comes first.
    facts: Vec<Fact>,
}

impl Posture {
    /// Reads a file of facts by device.
    ///
    /// ```json
    /// {"devices": {"laptop-7": {"source": "mdm", "owner": "alice@example.org", "observed_at": "2026-11-22T08:00:00Z",
    ///    "facts": {"disk_encrypted": true, "patch_age_days": {"value": 12, "observed_at": "2026-11-21T08:00:00Z"}}}}}
    /// ```
    ///
    /// A plain value was observed when the device says and lives as long as the configuration says; an object may
    /// say otherwise with `observed_at` and `max_age_s`.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn load(path: &Path, settings: &config::Posture) -> Result<Self, Vec<Diagnostic>> {
        file::load(path, settings)
    }

    /// What is known of a device.
    pub fn of(&self, device: &str) -> Option<&Arc<DevicePosture>> {
        self.devices.get(device)
    }

    /// All devices of which something is known.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &Arc<DevicePosture>)> {
        self.devices.iter().map(|(id, posture)| (&**id, posture))
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether nothing is known of any device.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

impl DevicePosture {
    /// The facts of a device, whoever reported them.
    pub fn new(owner: Option<Arc<str>>, facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut facts: Vec<_> = facts.into_iter().collect();
        facts.sort_by(|one, other| one.name.cmp(&other.name).then_with(|| one.precedence(other)));
        Self { owner, facts }
    }

    /// What is known of a device by this and by `other`, whose word on the owner comes second.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let owner = self.owner.as_ref().or(other.owner.as_ref()).cloned();
        Self::new(owner, self.facts.iter().chain(&other.facts).cloned())
    }

    /// The facts by name; of one name, that which counts while it is fresh comes first.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The facts that count at `now_ms`, one a name.
    pub fn counting(&self, now_ms: i64) -> impl Iterator<Item = &Fact> {
        let mut last = None;
        self.facts.iter().filter(move |fact| {
            let counts = fact.is_fresh(now_ms) && last != Some(fact.name);
            if counts {
                last = Some(fact.name);
            }
            counts
        })
    }

    /// What policy sees of the device at `now_ms`: facts that are older than their maximum age, or from the future, are
    /// not in it. The source is named where all facts have the same.
    pub fn as_of<'a>(&'a self, id: &'a str, now_ms: i64) -> gaccong_policy::Device<'a> {
        let mut device =
            gaccong_policy::Device { id, owner: self.owner.as_deref(), ..gaccong_policy::Device::default() };
        let mut sources = None;
        for fact in self.counting(now_ms) {
            fact.show(&mut device);
            let age_s = now_ms.saturating_sub(fact.observed_at_ms).max(0) / 1000;
            device.age_s = device.age_s.max(Some(age_s));
            let source = fact.source.as_deref();
            sources = Some(sources.map_or(source, |before| if before == source { source } else { None }));
        }
        device.source = sources.flatten();
        device
    }

    /// When the oldest fact was observed, milliseconds since the Unix epoch.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.facts.iter().map(|fact| fact.observed_at_ms).min()
    }

    /// Whether the device has the facts that every device must have. Where none is required by name, there must be at
    /// least one, and none that was reported may be stale. A fact is as fresh as the freshest report of it.
    ///
    /// # Errors
    /// The reason for which a request from the device is refused.
    pub fn requirement(&self, required: &[FactName], now_ms: i64) -> Result<(), Reason> {
        if self.facts.is_empty() {
            return Err(Reason::PostureAbsent);
        }
        let of_name = |name: FactName| self.facts.iter().filter(move |fact| fact.name == name);
        if required.iter().any(|name| of_name(*name).next().is_none()) {
            return Err(Reason::PostureIncomplete);
        }
        let is_fresh = |name: FactName| of_name(name).any(|fact| fact.is_fresh(now_ms));
        let fresh = match required {
            [] => self.facts.iter().all(|fact| is_fresh(fact.name)),
            required => required.iter().all(|name| is_fresh(*name)),
        };
        if fresh { Ok(()) } else { Err(Reason::PostureStale) }
    }

    /// The first time after `now_ms` at which the device looks different by time alone: a fact dies, or one that was
    /// reported with a time in the future begins to count. `None` where that never happens.
    pub fn holds_until_ms(&self, now_ms: i64) -> Option<i64> {
        let changes = self.facts.iter().flat_map(|fact| [fact.begins_ms(), fact.dies_ms()]);
        changes.filter(|change_ms| *change_ms > now_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(name: FactName, observed_at_ms: i64, max_age_ms: i64) -> Fact {
        let value = match name {
            FactName::PatchAgeDays => FactValue::Long(3),
            FactName::Platform | FactName::OsVersion | FactName::Risk => FactValue::Text("x".into()),
            _ => FactValue::Bool(true),
        };
        Fact { name, value, source: Some("mdm".into()), rank: 0, observed_at_ms, max_age_ms }
    }

    fn device(facts: impl IntoIterator<Item = Fact>) -> DevicePosture {
        DevicePosture::new(None, facts)
    }

    /// The names of the facts that policy can see.
    fn visible(posture: &DevicePosture, now_ms: i64) -> Vec<FactName> {
        let seen = serde_json::to_value(posture.as_of("d", now_ms)).unwrap();
        FactName::ALL.into_iter().filter(|name| seen.get(name.as_str()).is_some()).collect()
    }

    #[test]
    fn a_fact_lives_to_the_last_millisecond_of_its_age() {
        let posture = device([fact(FactName::Firewall, 1_000_000, 5_000)]);
        assert_eq!(visible(&posture, 1_005_000), [FactName::Firewall]);
        assert_eq!(posture.as_of("d", 1_005_000).age_s, Some(5));
        assert_eq!(posture.holds_until_ms(1_005_000), Some(1_005_001));
        assert_eq!(visible(&posture, 1_005_001), []);
        assert_eq!(posture.as_of("d", 1_005_001).age_s, None);
        assert_eq!(posture.holds_until_ms(1_005_001), None);
    }

    #[test]
    fn a_fact_from_the_future_does_not_count_until_clocks_may_agree() {
        let posture = device([fact(FactName::Firewall, 1_000_000, 5_000)]);
        assert_eq!(visible(&posture, 939_999), []);
        assert_eq!(posture.requirement(&[], 939_999), Err(Reason::PostureStale));
        assert_eq!(posture.holds_until_ms(939_999), Some(940_000));
        assert_eq!(visible(&posture, 940_000), [FactName::Firewall]);
        assert_eq!(posture.as_of("d", 940_000).age_s, Some(0));
    }

    #[test]
    fn age_is_that_of_the_oldest_fact_present() {
        let posture = device([
            fact(FactName::Firewall, 90_000, 100_000),
            fact(FactName::Managed, 50_000, 100_000),
            fact(FactName::Risk, 0, 10),
        ]);
        assert_eq!(posture.as_of("d", 100_000).age_s, Some(50));
    }

    #[test]
    fn requirements() {
        let posture = device([fact(FactName::Firewall, 0, 1_000), fact(FactName::Managed, 0, 9_000)]);
        assert_eq!(posture.requirement(&[], 500), Ok(()));
        assert_eq!(posture.requirement(&[], 5_000), Err(Reason::PostureStale));
        assert_eq!(posture.requirement(&[FactName::Managed], 5_000), Ok(()));
        assert_eq!(posture.requirement(&[FactName::Managed, FactName::Firewall], 5_000), Err(Reason::PostureStale));
        assert_eq!(posture.requirement(&[FactName::DiskEncrypted], 500), Err(Reason::PostureIncomplete));
        assert_eq!(device([]).requirement(&[], 500), Err(Reason::PostureAbsent));
    }

    #[test]
    fn names_are_those_of_policy() {
        for name in FactName::ALL {
            assert_eq!(FactName::parse(name.as_str()), Some(name));
            assert_eq!(visible(&device([fact(name, 0, 10)]), 5), [name]);
        }
        assert_eq!(FactName::parse("Firewall"), None);
    }

    fn facts() -> impl Strategy<Value = Vec<Fact>> {
        let one = |name| (Just(name), any::<i64>(), 0..=i64::MAX).prop_map(|(name, at, age)| fact(name, at, age));
        let near = |name| (Just(name), -200_000..200_000_i64, 0..200_000_i64).prop_map(|(n, at, age)| fact(n, at, age));
        prop::sample::subsequence(FactName::ALL.to_vec(), 0..=FactName::ALL.len()).prop_flat_map(move |names| {
            names.into_iter().map(|name| prop_oneof![one(name), near(name)]).collect::<Vec<_>>()
        })
    }

    proptest! {
        #[test]
        fn no_stale_fact_is_ever_visible(facts in facts(), now_ms in prop_oneof![any::<i64>(), -300_000..300_000_i64]) {
            let posture = device(facts);
            let expected: Vec<_> = posture.facts.iter().filter(|fact| {
                let age_ms = i128::from(now_ms) - i128::from(fact.observed_at_ms);
                // At the very end of time an age cannot be told from one that has just ended: then it has ended.
                let representable = i128::from(fact.observed_at_ms) + i128::from(fact.max_age_ms) < i128::from(i64::MAX);
                (-60_000..=i128::from(fact.max_age_ms)).contains(&age_ms) && (representable || now_ms < i64::MAX)
            }).map(|fact| fact.name).collect();
            prop_assert_eq!(visible(&posture, now_ms), expected);
        }

        #[test]
        fn nothing_changes_before_the_time_given(facts in facts(), now_ms in -300_000..300_000_i64, later in 0.0..1.0_f64) {
            let posture = device(facts);
            let until_ms = posture.holds_until_ms(now_ms).unwrap_or(i64::MAX).min(now_ms + 1_000_000);
            prop_assert!(until_ms > now_ms);
            let between_ms = now_ms + ((until_ms - 1 - now_ms) as f64 * later) as i64;
            prop_assert_eq!(visible(&posture, now_ms), visible(&posture, between_ms));
        }
    }
}
