//! One observed value: what it is, who saw it, when, and how long that counts.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How far a reporter's clock may be ahead of ours.
pub const CLOCK_SKEW_MS: i64 = 60_000;

/// One observed value.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Which fact.
    pub name: FactName,
    /// Its value.
    pub value: FactValue,
    /// Who reported it, where that is known.
    pub source: Option<Arc<str>>,
    /// The rank of the source: a smaller one counts before a larger one.
    pub rank: u16,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Long(i64),
    /// A text.
    Text(Arc<str>),
}

impl Fact {
    /// Whether this one counts before `other`, of the same name, where both are fresh: the better rank (the smaller
    /// number), then the worse value, then the later observation. An unranked liar can so only make things worse.
    pub(super) fn precedence(&self, other: &Self) -> Ordering {
        let worse_first = other.badness().cmp(&self.badness());
        let later_first = other.observed_at_ms.cmp(&self.observed_at_ms);
        self.rank.cmp(&other.rank).then(worse_first).then(later_first)
    }

    /// How bad the value is; texts without an order are all the same.
    fn badness(&self) -> i64 {
        match (&self.value, self.name) {
            (FactValue::Bool(good), _) => i64::from(!good),
            (FactValue::Long(days), _) => *days,
            (FactValue::Text(level), FactName::Risk) => match &**level {
                "low" => 0,
                "medium" => 1,
                _ => 2,
            },
            (FactValue::Text(_), _) => 0,
        }
    }

    /// Whether it counts at `now_ms`.
    pub fn is_fresh(&self, now_ms: i64) -> bool {
        self.begins_ms() <= now_ms && now_ms < self.dies_ms()
    }

    pub(super) fn begins_ms(&self) -> i64 {
        self.observed_at_ms.saturating_sub(CLOCK_SKEW_MS)
    }

    /// The first moment at which it is older than it may become.
    pub(super) fn dies_ms(&self) -> i64 {
        self.observed_at_ms.saturating_add(self.max_age_ms).saturating_add(1)
    }

    /// Sets the one field of `device` that it is about. A value of another kind than the name's cannot be loaded;
    /// were there one, it would be absent.
    pub(super) fn show<'a>(&'a self, device: &mut gaccong_policy::Device<'a>) {
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

impl Serialize for FactName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FactName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom(format!("unknown fact `{name}`")))
    }
}
