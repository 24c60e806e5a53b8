//! The posture file: JSON, read in one pass without a tree, since it may hold a hundred thousand devices.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{DeserializeSeed, Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::{DevicePosture, Fact, FactName, FactValue, Posture};
use crate::config::diagnostic::{one_of, suggestion};
use crate::config::{self, Diagnostic};
use crate::facts::json;

const MAX_FILE_BYTES: u64 = 512 << 20;
const MAX_TEXT_BYTES: usize = 256;

pub(super) fn load(path: &Path, settings: &config::Posture) -> Result<Posture, Vec<Diagnostic>> {
    let text = json::read(path, MAX_FILE_BYTES)?;
    parse(&text, settings).map_err(|error| vec![json::diagnostic(path, &text, &error)])
}

fn parse(text: &str, settings: &config::Posture) -> Result<Posture, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let devices = json::Only { key: "devices", seed: Devices { settings } }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Posture { devices })
}

struct Devices<'s> {
    settings: &'s config::Posture,
}

impl<'de> DeserializeSeed<'de> for Devices<'_> {
    type Value = HashMap<Box<str>, Arc<DevicePosture>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Devices<'_> {
    type Value = HashMap<Box<str>, Arc<DevicePosture>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of devices")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut devices = HashMap::new();
        while let Some(id) = map.next_key::<Text>()? {
            let device: RawDevice = map.next_value()?;
            let posture = device.check::<A::Error>(self.settings)?;
            if devices.insert(id.0.as_str().into(), Arc::new(posture)).is_some() {
                return Err(A::Error::custom(format!("there is already a device `{}`", id.0)));
            }
        }
        Ok(devices)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDevice {
    source: Option<Text>,
    owner: Option<Text>,
    observed_at: Option<Time>,
    facts: Facts,
}

/// The facts of one device as they stand in the file.
struct Facts(Vec<(FactName, RawFact)>);

struct RawFact {
    value: FactValue,
    observed_at: Option<Time>,
    max_age_s: Option<u32>,
}

impl RawDevice {
    fn check<E: Error>(self, settings: &config::Posture) -> Result<DevicePosture, E> {
        let source: Option<Arc<str>> = self.source.map(|source| source.0.into());
        let facts = self.facts.0.into_iter();
        let facts = facts.map(|(name, fact)| fact.check(name, source.as_ref(), self.observed_at, settings));
        let owner = self.owner.map(|owner| owner.0.into());
        Ok(DevicePosture::new(owner, facts.collect::<Result<Vec<_>, E>>()?))
    }
}

impl RawFact {
    fn check<E: Error>(
        self,
        name: FactName,
        source: Option<&Arc<str>>,
        device: Option<Time>,
        settings: &config::Posture,
    ) -> Result<Fact, E> {
        let observed_at = self.observed_at.or(device);
        let unobserved =
            || E::custom(format!("nothing says when `{}` was observed: `observed_at` is missing", name.as_str()));
        let configured = settings.max_age_of(name);
        let max_age = self.max_age_s.map_or(configured, |seconds| Duration::from_secs(seconds.into()));
        Ok(Fact {
            name,
            value: self.value,
            source: source.cloned(),
            rank: settings.rank_of(source.map(|source| &**source)),
            observed_at_ms: observed_at.ok_or_else(unobserved)?.unix_ms,
            max_age_ms: i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX),
        })
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FactsVisitor)
    }
}

struct FactsVisitor;

impl<'de> Visitor<'de> for FactsVisitor {
    type Value = Facts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of facts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
        let mut facts: Vec<(FactName, RawFact)> = Vec::with_capacity(FactName::ALL.len());
        while let Some(word) = map.next_key::<String>()? {
            let name = fact_name::<A::Error>(&word)?;
            if facts.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("`{word}` is there twice")));
            }
            facts.push((name, map.next_value_seed(FactOf(name))?));
        }
        Ok(Facts(facts))
    }
}

fn fact_name<E: Error>(word: &str) -> Result<FactName, E> {
    let known = || FactName::ALL.into_iter().map(FactName::as_str);
    FactName::parse(word).ok_or_else(|| {
        E::custom(format!("unknown fact `{word}`{}; expected {}", suggestion(word, known()), one_of(known())))
    })
}

/// A value of the kind that the fact has: plain, or in an object with its own time and age.
struct FactOf(FactName);

impl<'de> DeserializeSeed<'de> for FactOf {
    type Value = RawFact;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawFact, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl FactOf {
    fn plain<E: Error>(&self, value: Plain) -> Result<RawFact, E> {
        let value = match (self.0, value) {
            (FactName::Platform | FactName::OsVersion | FactName::Risk, Plain::Text(text)) => {
                FactValue::Text(self.text(&text)?.into())
            }
            (FactName::PatchAgeDays, Plain::Long(number)) => FactValue::Long(number),
            (FactName::Platform | FactName::OsVersion | FactName::Risk | FactName::PatchAgeDays, other) => {
                return Err(E::invalid_type(other.unexpected(), self));
            }
            (_, Plain::Bool(value)) => FactValue::Bool(value),
            (_, other) => return Err(E::invalid_type(other.unexpected(), self)),
        };
        Ok(RawFact { value, observed_at: None, max_age_s: None })
    }

    /// Policies compare these texts with words: another spelling would silently miss them.
    fn text<'t, E: Error>(&self, text: &'t str) -> Result<&'t str, E> {
        let words: &[&str] = match self.0 {
            FactName::Platform => &["windows", "macos", "linux", "android", "ios"],
            FactName::Risk => &["low", "medium", "high"],
            _ => return bounded(text),
        };
        let unknown = || {
            let (name, known) = (self.0.as_str(), one_of(words.iter().copied()));
            E::custom(format!("unknown `{name}`: `{text}`; expected {known}"))
        };
        words.contains(&text).then_some(text).ok_or_else(unknown)
    }
}

impl<'de> Visitor<'de> for FactOf {
    type Value = RawFact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            FactName::Platform | FactName::OsVersion | FactName::Risk => "a string",
            FactName::PatchAgeDays => "a whole number",
            _ => "`true` or `false`",
        };
        write!(f, "{kind} as `{}`", self.0.as_str())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<RawFact, E> {
        self.plain(Plain::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<RawFact, E> {
        self.plain(Plain::Long(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<RawFact, E> {
        let number = i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
        self.plain(Plain::Long(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<RawFact, E> {
        self.plain(Plain::Text(value.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawFact, A::Error> {
        let object = FactObject::deserialize(MapAccessDeserializer::new(map))?;
        let fact = self.plain::<A::Error>(object.value)?;
        Ok(RawFact { observed_at: object.observed_at, max_age_s: object.max_age_s, ..fact })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactObject {
    value: Plain,
    observed_at: Option<Time>,
    max_age_s: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a boolean, a whole number or a string")]
enum Plain {
    Bool(bool),
    Long(i64),
    Text(String),
}

impl Plain {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Long(number) => Unexpected::Signed(*number),
            Self::Text(text) => Unexpected::Str(text),
        }
    }
}

/// A text of bounded length.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bounded::<D::Error>(&text)?;
        Ok(Self(text))
    }
}

fn bounded<E: Error>(text: &str) -> Result<&str, E> {
    match text.len() {
        1..=MAX_TEXT_BYTES => Ok(text),
        length => Err(E::custom(format!("a text has {length} bytes; expected 1 to {MAX_TEXT_BYTES}"))),
    }
}

/// A time in RFC 3339.
#[derive(Clone, Copy)]
struct Time {
    unix_ms: i64,
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unreadable =
            || D::Error::custom(format!("`{text}` is not a time; expected one such as `2026-11-22T08:00:00Z`"));
        let time: jiff::Timestamp = text.parse().map_err(|_| unreadable())?;
        Ok(Self { unix_ms: time.as_millisecond() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> config::Posture {
        config::Posture {
            file: None,
            default_max_age: Duration::from_secs(60),
            max_age: [(FactName::Firewall, Duration::from_secs(5))].into(),
            required: Vec::new(),
        }
    }

    fn device(facts: &str) -> String {
        format!("{{\"devices\": {{\n\"d\": {{\"observed_at\": \"1970-01-01T00:00:10Z\",\n\"facts\": {{{facts}}}}}}}}}")
    }

    #[test]
    fn reads_plain_values_and_values_with_their_own_time() {
        let text = r#"{"devices": {"laptop-7": {"source": "mdm", "owner": "alice@example.org",
            "observed_at": "1970-01-01T07:00:10+07:00",
            "facts": {"disk_encrypted": true, "firewall": false, "os_version": "15.2",
                      "patch_age_days": {"value": 12, "observed_at": "1970-01-01T00:00:05.5Z", "max_age_s": 604800}}}}}"#;
        let posture = parse(text, &settings()).unwrap();
        let laptop = posture.of("laptop-7").unwrap();
        let source = Some("mdm".into());
        let fact = |name, value, observed_at_ms, max_age_ms| {
            let source = source.clone();
            Fact { name, value, source, rank: 0, observed_at_ms, max_age_ms }
        };
        assert_eq!(
            laptop.facts,
            [
                fact(FactName::OsVersion, FactValue::Text("15.2".into()), 10_000, 60_000),
                fact(FactName::DiskEncrypted, FactValue::Bool(true), 10_000, 60_000),
                fact(FactName::Firewall, FactValue::Bool(false), 10_000, 5_000),
                fact(FactName::PatchAgeDays, FactValue::Long(12), 5_500, 604_800_000),
            ]
        );
        assert_eq!(laptop.owner.as_deref(), Some("alice@example.org"));
        assert!(posture.of("laptop-8").is_none());
    }

    #[test]
    fn says_where_the_file_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posture.json");
        for (text, line, message) in [
            (device("\n\"disk_encypted\": true"), 4, "unknown fact `disk_encypted`; did you mean `disk_encrypted`?"),
            (device("\n\"firewall\": \"yes\""), 4, "expected `true` or `false` as `firewall`"),
            (device("\n\"firewall\": {\"value\": 1}"), 4, "expected `true` or `false` as `firewall`"),
            (device("\n\"firewall\": {\"value\": true, \"age\": 1}"), 4, "unknown field `age`"),
            (device("\n\"firewall\": {\"observed_at\": \"1970-01-01T00:00:00Z\"}"), 4, "missing field `value`"),
            (device("\n\"firewall\": {\"value\": true, \"observed_at\": \"now\"}"), 4, "`now` is not a time"),
            (device("\n\"firewall\": null"), 4, "expected `true` or `false` as `firewall`"),
            (device("\n\"patch_age_days\": 1.5"), 4, "expected a whole number as `patch_age_days`"),
            (device("\n\"risk\": \"HIGH\""), 4, "unknown `risk`: `HIGH`; expected `low`, `medium` or `high`"),
            (device("\n\"firewall\": true, \"firewall\": true"), 4, "`firewall` is there twice"),
            ("{\"devices\": {\"d\": {\n\"facts\": {\"firewall\": true}}}}".into(), 2, "`observed_at` is missing"),
            ("{\"devices\": {\"d\": {\"facts\": {}},\n\"d\": {\"facts\": {}}}}".into(), 2, "already a device `d`"),
            ("{\"device\": {}}".into(), 1, "did you mean `devices`?"),
            ("{\"devices\": {\"\": {\"facts\": {}}}}".into(), 1, "expected 1 to 256"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let problems = load(&path, &settings()).unwrap_err();
            assert_eq!((problems.len(), problems[0].line), (1, line), "{text}: {}", problems[0]);
            assert!(problems[0].message.contains(message), "{text}: {}", problems[0]);
        }
    }
}
