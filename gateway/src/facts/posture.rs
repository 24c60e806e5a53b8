//! Posture: the facts last reported of each device, each with the time it was observed and the age at which it dies.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::posture_file;
use crate::config::{self, Diagnostic};
use crate::reason::Reason;

/// How far a reporter's clock may be ahead of ours.
const CLOCK_SKEW_MS: i64 = 60_000;

/// What was last reported of every device.
#[derive(Debug, Clone, Default)]
pub struct Posture {
    pub(super) devices: HashMap<Box<str>, Arc<DevicePosture>>,
}

/// What was last reported of one device.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DevicePosture {
    /// Who reported.
    pub source: Option<Arc<str>>,
    /// The person the device is assigned to.
    pub owner: Option<Arc<str>>,
    /// The facts, one a name.
    pub facts: Vec<Fact>,
}

/// One observed value.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Which fact.
    pub name: FactName,
    /// Its value.
    pub value: FactValue,
    /// When it was observed, milliseconds since the Unix epoch.
    pub observed_at_ms: i64,
    /// How old it may become, milliseconds.
    pub max_age_ms: i64,
}

/// The facts that are known, by their names in policies and in posture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "documented at gaccong_policy::Device, whose fields they fill")]
pub enum FactName {
    Managed,
    Platform,
    OsVersion,
    DiskEncrypted,
    Firewall,
    ScreenLock,
    SecureBoot,
    EdrRunning,
    PatchAgeDays,
    Compliant,
    Risk,
}

/// The value of a fact. Which kind a fact has is fixed by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Long(i64),
    /// A text.
    Text(Arc<str>),
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
        posture_file::load(path, settings)
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
    /// What policy sees of the device at `now_ms`: facts that are older than their maximum age, or from the future, are not in it.
    pub fn as_of<'a>(&'a self, id: &'a str, now_ms: i64) -> gaccong_policy::Device<'a> {
        let mut device = gaccong_policy::Device {
            id,
            owner: self.owner.as_deref(),
            source: self.source.as_deref(),
            ..gaccong_policy::Device::default()
        };
        for fact in self.facts.iter().filter(|fact| fact.is_fresh(now_ms)) {
            fact.show(&mut device);
            let age_s = now_ms.saturating_sub(fact.observed_at_ms).max(0) / 1000;
            device.age_s = device.age_s.max(Some(age_s));
        }
        device
    }

    /// When the oldest fact was observed, milliseconds since the Unix epoch.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.facts.iter().map(|fact| fact.observed_at_ms).min()
    }

    /// Whether the device has the facts that every device must have. Where none is required by name, there must be at
    /// least one, and none that was reported may be stale.
    ///
    /// # Errors
    /// The reason for which a request from the device is refused.
    pub fn requirement(&self, required: &[FactName], now_ms: i64) -> Result<(), Reason> {
        if self.facts.is_empty() {
            return Err(Reason::PostureAbsent);
        }
        if required.is_empty() && !self.facts.iter().all(|fact| fact.is_fresh(now_ms)) {
            return Err(Reason::PostureStale);
        }
        for name in required {
            let fact = self.facts.iter().find(|fact| fact.name == *name).ok_or(Reason::PostureIncomplete)?;
            if !fact.is_fresh(now_ms) {
                return Err(Reason::PostureStale);
            }
        }
        Ok(())
    }

    /// The first time after `now_ms` at which the device looks different by time alone: a fact dies, or one that was
    /// reported with a time in the future begins to count. `None` where that never happens.
    pub fn holds_until_ms(&self, now_ms: i64) -> Option<i64> {
        let changes = self.facts.iter().flat_map(|fact| [fact.begins_ms(), fact.dies_ms()]);
        changes.filter(|change_ms| *change_ms > now_ms).min()
    }
}

impl Fact {
    /// Whether it counts at `now_ms`.
    pub fn is_fresh(&self, now_ms: i64) -> bool {
        self.begins_ms() <= now_ms && now_ms < self.dies_ms()
    }

    fn begins_ms(&self) -> i64 {
        self.observed_at_ms.saturating_sub(CLOCK_SKEW_MS)
    }

    /// The first moment at which it is older than it may become.
    fn dies_ms(&self) -> i64 {
        self.observed_at_ms.saturating_add(self.max_age_ms).saturating_add(1)
    }

    /// Sets the one field of `device` that it is about. A value of another kind than the name's cannot be loaded;
    /// were there one, it would be absent.
    fn show<'a>(&'a self, device: &mut gaccong_policy::Device<'a>) {
        match self.name {
            FactName::Managed => device.managed = self.value.as_bool(),
            FactName::Platform => device.platform = self.value.as_text(),
            FactName::OsVersion => device.os_version = self.value.as_text(),
            FactName::DiskEncrypted => device.disk_encrypted = self.value.as_bool(),
            FactName::Firewall => device.firewall = self.value.as_bool(),
            FactName::ScreenLock => device.screen_lock = self.value.as_bool(),
            FactName::SecureBoot => device.secure_boot = self.value.as_bool(),
            FactName::EdrRunning => device.edr_running = self.value.as_bool(),
            FactName::PatchAgeDays => device.patch_age_days = self.value.as_long(),
            FactName::Compliant => device.compliant = self.value.as_bool(),
            FactName::Risk => device.risk = self.value.as_text(),
        }
    }
}

impl FactValue {
    fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    fn as_long(&self) -> Option<i64> {
        if let Self::Long(value) = self { Some(*value) } else { None }
    }

    fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }
}

impl FactName {
    /// Every fact, in the order of their declaration.
    pub const ALL: [Self; 11] = [
        Self::Managed,
        Self::Platform,
        Self::OsVersion,
        Self::DiskEncrypted,
        Self::Firewall,
        Self::ScreenLock,
        Self::SecureBoot,
        Self::EdrRunning,
        Self::PatchAgeDays,
        Self::Compliant,
        Self::Risk,
    ];

    /// As policies, posture files and the configuration spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Platform => "platform",
            Self::OsVersion => "os_version",
            Self::DiskEncrypted => "disk_encrypted",
            Self::Firewall => "firewall",
            Self::ScreenLock => "screen_lock",
            Self::SecureBoot => "secure_boot",
            Self::EdrRunning => "edr_running",
            Self::PatchAgeDays => "patch_age_days",
            Self::Compliant => "compliant",
            Self::Risk => "risk",
        }
    }

    /// The fact of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.as_str() == name)
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
        Fact { name, value, observed_at_ms, max_age_ms }
    }

    fn device(facts: impl IntoIterator<Item = Fact>) -> DevicePosture {
        DevicePosture { source: Some("mdm".into()), owner: None, facts: facts.into_iter().collect() }
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
