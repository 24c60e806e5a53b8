//! The posture file: JSON, read in one pass without a tree, since it may hold a hundred thousand devices.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use super::wire::{Reported, Text, Time, WrittenFact};
use super::{DevicePosture, Fact, Posture};
use crate::config::{self, Diagnostic};
use crate::facts::json;

const MAX_FILE_BYTES: u64 = 512 << 20;

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
            let device: Reported = map.next_value()?;
            let posture = posture(device, self.settings)?;
            if devices.insert((&*id.0).into(), Arc::new(posture)).is_some() {
                return Err(A::Error::custom(format!("there is already a device `{}`", id.0)));
            }
        }
        Ok(devices)
    }
}

fn posture<E: Error>(device: Reported, settings: &config::Posture) -> Result<DevicePosture, E> {
    let source = device.source.map(|source| source.0);
    let facts = device.facts.0.into_iter().map(|fact| check(fact, source.as_ref(), device.observed_at, settings));
    Ok(DevicePosture::new(device.owner.map(|owner| owner.0), facts.collect::<Result<Vec<_>, E>>()?))
}

fn check<E: Error>(
    fact: WrittenFact,
    source: Option<&Arc<str>>,
    device: Option<Time>,
    settings: &config::Posture,
) -> Result<Fact, E> {
    let name = fact.name;
    let observed_at = fact.observed_at.or(device);
    let unobserved =
        || E::custom(format!("nothing says when `{}` was observed: `observed_at` is missing", name.as_str()));
    let source_name = source.map(|source| &**source);
    let configured = settings.max_age_of(name, source_name);
    let max_age = fact.max_age_s.map_or(configured, |seconds| Duration::from_secs(seconds.into()));
    Ok(Fact {
        name,
        value: fact.value,
        source: source.cloned(),
        rank: settings.rank_of(source_name),
        observed_at_ms: observed_at.ok_or_else(unobserved)?.unix_ms,
        max_age_ms: i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::posture::{FactName, FactValue};

    fn settings() -> config::Posture {
        config::Posture {
            file: None,
            default_max_age: Duration::from_secs(60),
            max_age: [(FactName::Firewall, Duration::from_secs(5))].into(),
            required: Vec::new(),
            sources: Vec::new(),
            osquery: config::Osquery::default(),
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
            Fact { name, value, source, rank: 100, observed_at_ms, max_age_ms }
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
