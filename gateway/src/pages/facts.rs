//! The facts of a device in words, for the person who uses it.

use std::borrow::Cow;

use super::Language;
use super::status::{Check, State};
use crate::facts::posture::{Fact, FactName, FactValue};

/// What is shown of facts that are sorted by name: of each name that which counts, or the first of those that do not.
pub fn checks(facts: &[Fact], language: Language, now_ms: i64) -> Vec<Check<'_>> {
    let by_name = facts.chunk_by(|one, other| one.name == other.name);
    let shown = by_name.filter_map(|same| same.iter().find(|fact| fact.is_fresh(now_ms)).or(same.first()));
    shown.map(|fact| check(fact, language, now_ms)).collect()
}

fn check(fact: &Fact, language: Language, now_ms: i64) -> Check<'_> {
    let state = if fact.is_fresh(now_ms) { state(fact) } else { State::Stale };
    Check {
        name: name(fact.name, language),
        value: value(&fact.value, language),
        state,
        age_s: now_ms.saturating_sub(fact.observed_at_ms) / 1000,
        source: fact.source.as_deref().map(Cow::Borrowed),
        mend: mend(fact.name, state).map(|key| language.say(key)),
    }
}

/// What a fact is called.
fn name(name: FactName, language: Language) -> Cow<'static, str> {
    language.say(match name {
        FactName::Managed => "fact-managed",
        FactName::Platform => "fact-platform",
        FactName::OsVersion => "fact-os_version",
        FactName::DiskEncrypted => "fact-disk_encrypted",
        FactName::Firewall => "fact-firewall",
        FactName::ScreenLock => "fact-screen_lock",
        FactName::SecureBoot => "fact-secure_boot",
        FactName::EdrRunning => "fact-edr_running",
        FactName::PatchAgeDays => "fact-patch_age_days",
        FactName::Compliant => "fact-compliant",
        FactName::Risk => "fact-risk",
    })
}

fn value(value: &FactValue, language: Language) -> Cow<'_, str> {
    match value {
        FactValue::Bool(true) => language.say("yes"),
        FactValue::Bool(false) => language.say("no"),
        FactValue::Long(number) => number.to_string().into(),
        FactValue::Text(text) => Cow::Borrowed(text),
    }
}

/// Numbers and names are for policies to judge.
fn state(fact: &Fact) -> State {
    match (&fact.value, fact.name) {
        (FactValue::Bool(true), _) => State::Good,
        (FactValue::Bool(false), _) => State::Bad,
        (FactValue::Text(level), FactName::Risk) if &**level == "low" => State::Good,
        (FactValue::Text(_), FactName::Risk) => State::Bad,
        (FactValue::Long(_) | FactValue::Text(_), _) => State::Neutral,
    }
}

/// What the person can do; nothing where all is well, or nothing can be done here.
fn mend(name: FactName, state: State) -> Option<&'static str> {
    match (state, name) {
        (State::Good | State::Neutral, _) => None,
        (State::Stale, _) => Some("remedy-reported"),
        (State::Bad, FactName::Managed) => Some("remedy-managed"),
        (State::Bad, FactName::DiskEncrypted) => Some("remedy-disk_encrypted"),
        (State::Bad, FactName::Firewall) => Some("remedy-firewall"),
        (State::Bad, FactName::ScreenLock) => Some("remedy-screen_lock"),
        (State::Bad, FactName::SecureBoot) => Some("remedy-secure_boot"),
        (State::Bad, FactName::EdrRunning) => Some("remedy-edr_running"),
        (State::Bad, FactName::Compliant) => Some("remedy-compliant"),
        (State::Bad, FactName::Platform | FactName::OsVersion | FactName::PatchAgeDays | FactName::Risk) => None,
    }
}
