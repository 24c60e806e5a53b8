//! Facts as they are written: in posture files, and in reports over the control API.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::{FactName, FactValue};
use crate::config::diagnostic::{one_of, suggestion};
use crate::facts::json;
use crate::state::ReportedFact;

/// The longest text.
const MAX_TEXT_BYTES: usize = 256;

/// One device and its facts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// The source, where it is said.
    pub source: Option<Text>,
    /// The person that the device is assigned to.
    pub owner: Option<Text>,
    /// When it was observed.
    pub observed_at: Option<Time>,
    /// The facts, one a name.
    pub facts: Facts,
}

/// The facts of one device.
pub struct Facts(pub Vec<WrittenFact>);

/// One fact.
pub struct WrittenFact {
    /// Which.
    pub name: FactName,
    /// Its value, of the kind that the name has.
    pub value: FactValue,
    /// When it was observed, where that differs from the rest.
    pub observed_at: Option<Time>,
    /// How old it may become, where that is said.
    pub max_age_s: Option<u32>,
}

impl WrittenFact {
    /// As a fact of a report that was observed then.
    pub fn observed(self, at_ms: i64) -> ReportedFact {
        let observed_at_ms = self.observed_at.map_or(at_ms, |time| time.unix_ms);
        ReportedFact { name: self.name, value: self.value, observed_at_ms, max_age_s: self.max_age_s }
    }
}

/// Reads a report of one device.
///
/// # Errors
/// What is wrong with it, and where.
pub fn report(json: &[u8]) -> Result<Reported, serde_json::Error> {
    serde_json::from_slice(json)
}

/// Reads reports of at most `max_devices`, in the form of the posture file.
///
/// # Errors
/// What is wrong with them, and where.
pub fn batch(json: &[u8], max_devices: usize) -> Result<Vec<(Arc<str>, Reported)>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let devices = json::Only { key: "devices", seed: Batch { max_devices } }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(devices)
}

struct Batch {
    max_devices: usize,
}

impl<'de> DeserializeSeed<'de> for Batch {
    type Value = Vec<(Arc<str>, Reported)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Batch {
    type Value = Vec<(Arc<str>, Reported)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of devices")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut devices, mut seen) = (Vec::new(), HashSet::new());
        while let Some(Text(id)) = map.next_key()? {
            if !seen.insert(Arc::clone(&id)) {
                return Err(A::Error::custom(format!("there is already a device `{id}`")));
            }
            if seen.len() > self.max_devices {
                return Err(A::Error::custom(format!("there are more than {} devices", self.max_devices)));
            }
            devices.push((id, map.next_value()?));
        }
        Ok(devices)
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
        let mut facts: Vec<WrittenFact> = Vec::with_capacity(FactName::ALL.len());
        while let Some(word) = map.next_key::<String>()? {
            let name = fact_name::<A::Error>(&word)?;
            if facts.iter().any(|known| known.name == name) {
                return Err(A::Error::custom(format!("`{word}` is there twice")));
            }
            facts.push(map.next_value_seed(FactOf(name))?);
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
    type Value = WrittenFact;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<WrittenFact, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl FactOf {
    fn plain<E: Error>(&self, value: Plain) -> Result<WrittenFact, E> {
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
        Ok(WrittenFact { name: self.0, value, observed_at: None, max_age_s: None })
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
    type Value = WrittenFact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            FactName::Platform | FactName::OsVersion | FactName::Risk => "a string",
            FactName::PatchAgeDays => "a whole number",
            _ => "`true` or `false`",
        };
        write!(f, "{kind} as `{}`", self.0.as_str())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<WrittenFact, E> {
        self.plain(Plain::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<WrittenFact, E> {
        self.plain(Plain::Long(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<WrittenFact, E> {
        let number = i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
        self.plain(Plain::Long(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<WrittenFact, E> {
        self.plain(Plain::Text(value.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenFact, A::Error> {
        let object = FactObject::deserialize(MapAccessDeserializer::new(map))?;
        let fact = self.plain::<A::Error>(object.value)?;
        Ok(WrittenFact { observed_at: object.observed_at, max_age_s: object.max_age_s, ..fact })
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
pub struct Text(pub Arc<str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bounded::<D::Error>(&text)?;
        Ok(Self(text.into()))
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
pub struct Time {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: i64,
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

    #[test]
    fn a_batch_is_bounded_and_names_each_device_once() {
        let device = r#"{"facts": {"firewall": true}}"#;
        let read = |devices: &[&str], max| {
            let entries: Vec<_> = devices.iter().map(|id| format!("\"{id}\": {device}")).collect();
            batch(format!("{{\"devices\": {{{}}}}}", entries.join(",")).as_bytes(), max)
        };
        assert_eq!(read(&["a", "b"], 2).unwrap().len(), 2);
        let why = |result: Result<Vec<_>, serde_json::Error>| result.err().unwrap().to_string();
        assert!(why(read(&["a", "b", "c"], 2)).starts_with("there are more than 2 devices"));
        assert!(why(read(&["a", "a"], 2)).starts_with("there is already a device `a`"));
        assert!(why(read(&[""], 2)).contains("expected 1 to 256"));
    }
}
