//! What the JSON files of facts have in common: bounded reading, one top-level key, errors with their place.

use std::fmt;
use std::path::Path;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use crate::config::Diagnostic;
use crate::config::diagnostic::suggestion;
use crate::config::source::{read_bounded, unreadable};

/// Reads a JSON file of at most `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<String, Vec<Diagnostic>> {
    read_bounded(path, max_bytes).map_err(|error| vec![unreadable(path, &error)])
}

/// A JSON error as a diagnostic. A line that is too long to be read is not shown.
pub(super) fn diagnostic(path: &Path, text: &str, error: &serde_json::Error) -> Diagnostic {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = error.to_string();
    let message = words.strip_suffix(&place).unwrap_or(&words);
    let found = Diagnostic::at(path, error.line(), error.column(), message);
    let line = error.line().checked_sub(1).and_then(|index| text.lines().nth(index)).filter(|line| line.len() <= 160);
    Diagnostic {
        source_line: line.map(str::to_owned),
        underline: line.map(|_| (error.column().max(1) - 1, 1)),
        ..found
    }
}

/// An object with exactly one key, whose value `seed` takes.
pub(super) struct Only<S> {
    pub(super) key: &'static str,
    pub(super) seed: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Only<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Only<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the key `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S::Value, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom(format!("`{}` is missing", self.key)));
        };
        self.check::<A::Error>(&key)?;
        let value = map.next_value_seed(self.seed)?;
        match map.next_key::<String>()? {
            None => Ok(value),
            Some(extra) => Err(A::Error::custom(format!("`{extra}` has no place beside `{}`", self.key))),
        }
    }
}

impl<S> Only<S> {
    fn check<E: Error>(&self, key: &str) -> Result<(), E> {
        match key == self.key {
            true => Ok(()),
            false => Err(E::custom(format!("unknown key `{key}`{}", suggestion(key, [self.key])))),
        }
    }
}
