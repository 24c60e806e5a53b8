//! What the person who is refused can mend. Nothing here speaks of policies, groups, or how apps are guarded.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use super::change::Change;
use super::explanation::{Considered, Explanation};
use super::fact::{Fact, FactValue, Operand, Relation};
use crate::decision::Cause;

/// Something that the person can do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Remedy {
    /// Use a device that the organisation manages.
    Managed,
    /// Let the device report its state.
    Reported,
    /// Encrypt the disk.
    DiskEncrypted,
    /// Turn the firewall on.
    Firewall,
    /// Let the screen lock by itself.
    ScreenLock,
    /// Turn secure boot on.
    SecureBoot,
    /// Start the protection software.
    EdrRunning,
    /// Install security updates.
    PatchAgeDays {
        /// How many days ago any was installed last.
        actual: i64,
        /// How many days ago that may be.
        max: i64,
    },
    /// Update the operating system.
    OsVersion,
    /// Mend what the device manager complains of.
    Compliant,
    /// Log in again.
    AuthAgeS {
        /// How many seconds ago the login may be.
        max: i64,
    },
    /// Log in by stronger means.
    Acr,
}

impl Explanation {
    /// What the person can do to be let in; nothing where that would not be enough.
    pub fn mendable(&self) -> Vec<Remedy> {
        self.remedies().map(|remedies| remedies.into_iter().collect()).unwrap_or_default()
    }

    fn remedies(&self) -> Option<BTreeSet<Remedy>> {
        if !matches!(self.refused, Some(Cause::NoPermit | Cause::Forbid)) {
            return None;
        }
        let mut found = BTreeSet::new();
        for forbid in &self.forbids {
            found.extend(any(forbid.changes())?);
        }
        // Nearest first: where one permits already, nothing is to be mended.
        found.extend(self.permits.iter().find_map(|permit: &Considered| all(permit.changes()))?);
        Some(strictest(found))
    }
}

/// What mends all of `changes`; `None` where one of them is not for the person to mend.
fn all<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Option<BTreeSet<Remedy>> {
    changes.into_iter().try_fold(BTreeSet::new(), |mut found, change| {
        found.extend(of_change(change)?);
        Some(found)
    })
}

/// What mends one of `changes`, with the fewest remedies.
fn any<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Option<BTreeSet<Remedy>> {
    changes.into_iter().filter_map(of_change).min_by_key(BTreeSet::len)
}

fn of_change(change: &Change) -> Option<BTreeSet<Remedy>> {
    match change {
        Change::Fact(fact) => Some(BTreeSet::from([of_fact(fact)?])),
        Change::All(parts) => all(parts),
        Change::Any(parts) => any(parts),
    }
}

fn of_fact(fact: &Fact) -> Option<Remedy> {
    let name = fact.subject.strip_prefix("context.")?;
    if let Some(name) = name.strip_prefix("device.") {
        // What a device says too late, or not at all, policy does not see.
        let reports = fact.actual.is_none() && fact.must != Relation::Absent;
        return if reports { is_reported(name).then_some(Remedy::Reported) } else { of_device(name, fact) };
    }
    match name {
        "session.auth_age_s" if fact.actual.is_some() => Some(Remedy::AuthAgeS { max: at_most(fact)? }),
        "session.acr" => {
            matches!(fact.must, Relation::Equal | Relation::OneOf | Relation::Present).then_some(Remedy::Acr)
        }
        _ => None,
    }
}

fn of_device(name: &str, fact: &Fact) -> Option<Remedy> {
    match (name, &fact.actual) {
        ("patch_age_days", Some(FactValue::Long(actual))) => {
            Some(Remedy::PatchAgeDays { actual: *actual, max: at_most(fact)? })
        }
        ("os_version", Some(_)) if fact.must != Relation::Absent => Some(Remedy::OsVersion),
        _ if is_to_be_true(fact) => switch(name),
        _ => None,
    }
}

/// The remedy of a fact that is either so or not.
fn switch(name: &str) -> Option<Remedy> {
    Some(match name {
        "managed" => Remedy::Managed,
        "disk_encrypted" => Remedy::DiskEncrypted,
        "firewall" => Remedy::Firewall,
        "screen_lock" => Remedy::ScreenLock,
        "secure_boot" => Remedy::SecureBoot,
        "edr_running" => Remedy::EdrRunning,
        "compliant" => Remedy::Compliant,
        _ => return None,
    })
}

/// Whether a device's own report brings the fact.
fn is_reported(name: &str) -> bool {
    switch(name).is_some() || ["patch_age_days", "os_version", "age_s"].contains(&name)
}

fn is_to_be_true(fact: &Fact) -> bool {
    let value = fact.operand.as_ref().and_then(|operand| operand.value.as_ref());
    fact.must == Relation::Equal && value == Some(&FactValue::Bool(true))
}

/// The largest number that is allowed.
fn at_most(fact: &Fact) -> Option<i64> {
    match (fact.must, &fact.operand) {
        (Relation::AtMost, Some(Operand { value: Some(FactValue::Long(max)), .. })) => Some(*max),
        (Relation::Below, Some(Operand { value: Some(FactValue::Long(limit)), .. })) => limit.checked_sub(1),
        _ => None,
    }
}

/// Of two bounds, one is enough: the smaller, which comes first.
fn strictest(remedies: BTreeSet<Remedy>) -> BTreeSet<Remedy> {
    let mut kinds = HashSet::new();
    remedies.into_iter().filter(|remedy| kinds.insert(std::mem::discriminant(remedy))).collect()
}
