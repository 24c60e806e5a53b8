//! Typed values out of TOML. Whatever is wrong is recorded with its place, and reading goes on: what a reader returns
//! in place of a bad value never leaves the loader, since one recorded error is enough to refuse the configuration.

use std::borrow::Cow;
use std::fs;
use std::ops::{Deref, Range, RangeInclusive};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use toml_span::Span;
use toml_span::value::{Key, Table as Toml, Value, ValueInner};

use super::KeyRef;
use super::diagnostic::{one_of, suggestion};
use super::source::{Findings, Source, Spot, readable_file, words};

/// A table whose keys are taken one by one; what is left at the end is unknown.
pub(crate) struct Table<'a> {
    keys: Toml<'a>,
    known: Vec<&'static str>,
    /// The table's header, or the inline table.
    pub(crate) spot: Spot<'a>,
}

/// A string and where it stands.
#[derive(Clone)]
pub(crate) struct Text<'a> {
    value: Cow<'a, str>,
    /// Where it stands, without its quotes.
    pub(crate) spot: Spot<'a>,
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.value
    }
}

impl<'a> Text<'a> {
    /// A part of the text, for errors about it only.
    pub(crate) fn part(&self, part: Range<usize>) -> Spot<'a> {
        self.spot.part(&self.value, part)
    }

    /// Records an error about all of it and returns `None`.
    pub(crate) fn refuse<T>(&self, message: impl Into<String>, expected: impl Into<String>) -> Option<T> {
        self.spot.refuse(message, expected)
    }
}

/// The tables and keys of a file.
pub(crate) fn parse<'a>(source: &'a Source, findings: &'a Findings) -> Option<Table<'a>> {
    let spot = Spot { source, findings, span: Span::new(0, 0) };
    match toml_span::parse(&source.text).map(|mut root| root.take()) {
        Ok(ValueInner::Table(keys)) => Some(Table::new(spot, keys)),
        Ok(_) => spot.refuse("this is not a table", "keys and tables"),
        Err(error) => spot.at(error.span).refuse(error.to_string(), ""),
    }
}

impl<'a> Table<'a> {
    pub(crate) fn new(spot: Spot<'a>, keys: Toml<'a>) -> Self {
        Self { keys, known: Vec::new(), spot }
    }

    /// Ends the reading: every key that was not asked for is an error.
    pub(crate) fn finish(self) {
        for key in self.keys.keys() {
            let hint = suggestion(&key.name, self.known.iter().copied());
            self.spot.at(key.span).error(format!("unknown key `{}`{hint}", key.name), "");
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Takes a key, whatever its value, and tells where it stands.
    pub(super) fn take_key(&mut self, key: &'static str) -> Option<Spot<'a>> {
        self.keys.remove_entry(key).map(|(key, _)| self.spot.at(key.span))
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<Text<'a>> {
        self.take(key).and_then(|value| text(self.spot, value))
    }

    pub(crate) fn required_text(&mut self, key: &'static str) -> Option<Text<'a>> {
        self.require(key, "a string");
        self.text(key)
    }

    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<Text<'a>> {
        let spot = self.spot;
        self.list(key, "a list of strings").into_iter().filter_map(|value| text(spot, value)).collect()
    }

    /// A list of strings with at least one entry.
    pub(super) fn required_texts(&mut self, key: &'static str) -> Vec<Text<'a>> {
        self.require_entries(key, "a list of strings");
        self.texts(key)
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.take(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            wrong_kind(self.spot, &value, "`true` or `false`");
            default
        })
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == &*text).map(|(_, meaning)| *meaning);
        found.or_else(|| {
            text.refuse(format!("unknown `{key}`: `{}`", &*text), one_of(words.iter().map(|(word, _)| *word)))
        })
    }

    /// `true`, `false`, or nothing.
    pub(crate) fn optional_flag(&mut self, key: &'static str) -> Option<bool> {
        let (given, flag) = (self.has(key), self.flag(key, false));
        given.then_some(flag)
    }

    /// A number from 0, or nothing.
    pub(crate) fn optional_count(&mut self, key: &'static str) -> Option<i64> {
        let (given, count) = (self.has(key), self.count(key, 0, 0..=u32::MAX));
        given.then_some(count.into())
    }

    pub(super) fn integer(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(value) = self.take(key) else { return default };
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        let Some(number) = value.as_integer() else {
            wrong_kind(self.spot, &value, expected());
            return default;
        };
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.spot.at(value.span).error(format!("`{key}` is out of range: `{number}`"), expected());
                default
            }
        }
    }

    pub(super) fn count(&mut self, key: &'static str, default: u32, range: RangeInclusive<u32>) -> u32 {
        let number = self.integer(key, default.into(), (*range.start()).into()..=(*range.end()).into());
        u32::try_from(number).unwrap_or(default)
    }

    pub(super) fn size(&mut self, key: &'static str, default: u32, range: RangeInclusive<u32>) -> usize {
        self.count(key, default, range) as usize
    }

    pub(super) fn milliseconds(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.integer(key, default, range))
    }

    pub(super) fn seconds(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.integer(key, default, range))
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&mut self, key: &'static str, default: f64) -> f64 {
        let Some(value) = self.take(key) else { return default };
        match value.as_float().or_else(|| value.as_integer().map(|number| number as f64)) {
            Some(number) if (0.0..=1.0).contains(&number) => number,
            _ => {
                self.spot
                    .at(value.span)
                    .error(format!("`{key}` is no fraction"), "a number from 0 to 1, such as `0.001`");
                default
            }
        }
    }

    /// A file that need not be readable now: whoever reads it has a last good version to fall back on.
    pub(super) fn required_path(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.required_text(key)?;
        let path = text.spot.resolve(&text);
        text.spot.findings.watch(path.clone());
        Some(path)
    }

    /// A file that can be read.
    pub(super) fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        self.text(key).and_then(|path| file(&path))
    }

    pub(super) fn required_file(&mut self, key: &'static str) -> Option<PathBuf> {
        self.required_text(key).and_then(|path| file(&path))
    }

    /// A folder that can be listed, and is not watched.
    pub(super) fn folder(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.text(key)?;
        let path = text.spot.resolve(&text);
        match fs::read_dir(&path) {
            Ok(_) => Some(path),
            Err(error) => text.refuse(format!("cannot read the folder `{}`: {}", &*text, words(&error)), ""),
        }
    }

    /// A folder that can be listed.
    pub(super) fn required_folder(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.required_text(key)?;
        let path = text.spot.resolve(&text);
        match fs::read_dir(&path) {
            Ok(_) => {
                text.spot.findings.watch(path.clone());
                Some(path)
            }
            Err(error) => text.refuse(format!("cannot read the folder `{}`: {}", &*text, words(&error)), ""),
        }
    }

    pub(super) fn key(&mut self, key: &'static str) -> Option<KeyRef> {
        self.text(key).and_then(|text| private_key(&text))
    }

    pub(super) fn required_key(&mut self, key: &'static str) -> Option<KeyRef> {
        self.required_text(key).and_then(|text| private_key(&text))
    }

    /// `file:` and the path to a public key, which anyone may read.
    pub(super) fn required_public_key(&mut self, key: &'static str) -> Option<KeyRef> {
        let text = self.required_text(key)?;
        key_path(&text).and_then(|name| file_at(&text, name)).map(KeyRef::File)
    }

    pub(crate) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        self.take(key).and_then(|value| table(self.spot, value, "a table"))
    }

    /// A table that may be absent because every key in it has a default.
    pub(crate) fn table_or_empty(&mut self, key: &'static str) -> Table<'a> {
        let spot = self.spot;
        self.table(key).unwrap_or_else(|| Table::new(spot, Toml::new()))
    }

    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let spot = self.spot;
        self.list(key, "a list of tables").into_iter().filter_map(|value| table(spot, value, "a table")).collect()
    }

    /// A table of tables, whose keys are names of the operator's.
    pub(crate) fn named_tables(&mut self, key: &'static str) -> Vec<(Text<'a>, Table<'a>)> {
        let Some(named) = self.table(key) else { return Vec::new() };
        let spot = named.spot;
        let read = |(key, value): (Key<'a>, _)| {
            Some((Text { spot: spot.at(key.span), value: key.name }, table(spot, value, "a table")?))
        };
        named.keys.into_iter().filter_map(read).collect()
    }

    /// All keys that are left, whose names are the operator's, and the strings they are set to.
    pub(super) fn named_texts(&mut self) -> Vec<(Text<'a>, Text<'a>)> {
        let spot = self.spot;
        let read =
            |(key, value): (Key<'a>, _)| Some((Text { spot: spot.at(key.span), value: key.name }, text(spot, value)?));
        std::mem::take(&mut self.keys).into_iter().filter_map(read).collect()
    }

    fn list(&mut self, key: &'static str, expected: &str) -> Vec<Value<'a>> {
        let Some(mut value) = self.take(key) else { return Vec::new() };
        match value.take() {
            ValueInner::Array(list) => list,
            other => {
                value.set(other);
                wrong_kind(self.spot, &value, expected);
                Vec::new()
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.keys.remove(key)
    }

    /// Records an error at the table's header where `key` is absent.
    pub(crate) fn require(&mut self, key: &'static str, expected: &str) {
        if !self.has(key) {
            self.spot.error(format!("`{key}` is missing"), format!("{expected} as `{key}`"));
        }
    }

    /// The same for a list, which must not be empty either.
    pub(super) fn require_entries(&mut self, key: &'static str, expected: &str) {
        self.require(key, expected);
        if let Some(value) = self.keys.get(key).filter(|value| value.as_array().is_some_and(Vec::is_empty)) {
            self.spot.at(value.span).error(format!("`{key}` is empty"), "at least one entry");
        }
    }
}

fn table<'a>(spot: Spot<'a>, mut value: Value<'a>, expected: &str) -> Option<Table<'a>> {
    match value.take() {
        ValueInner::Table(keys) => Some(Table::new(spot.at(header(spot, value.span)), keys)),
        other => {
            value.set(other);
            wrong_kind(spot, &value, expected);
            None
        }
    }
}

/// The first line of a table's span, without a comment: its header, or as much of an inline table.
fn header(spot: Spot<'_>, span: Span) -> Span {
    let text = spot.source.text.get(span.start..span.end).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let end =
        if line.starts_with('[') { line.rfind(']').map_or(line.len(), |bracket| bracket + 1) } else { line.len() };
    Span::new(span.start, span.start + end)
}

fn text<'a>(spot: Spot<'a>, mut value: Value<'a>) -> Option<Text<'a>> {
    match value.take() {
        ValueInner::String(text) => Some(Text { spot: spot.at(value.span), value: text }),
        other => {
            value.set(other);
            wrong_kind(spot, &value, "a string");
            None
        }
    }
}

fn wrong_kind(spot: Spot<'_>, value: &Value<'_>, expected: impl Into<String>) {
    let found = value.as_ref().type_str();
    let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
    spot.at(value.span).error(format!("this is {article} {found}"), expected);
}

/// A path to a file that can be read.
pub(super) fn file(text: &Text<'_>) -> Option<PathBuf> {
    file_at(text, text)
}

/// The same where the path is a part of the text.
pub(super) fn file_at(text: &Text<'_>, name: &str) -> Option<PathBuf> {
    let path = text.spot.resolve(name);
    text.spot.findings.watch(path.clone());
    match readable_file(&path) {
        Ok(_) => Some(path),
        Err(error) => text.refuse(format!("cannot read `{name}`: {}", words(&error)), ""),
    }
}

fn private_key(text: &Text<'_>) -> Option<KeyRef> {
    key_path(text).and_then(|name| key_file(text, name))
}

/// The path in `file:server.key`.
fn key_path<'t>(text: &'t Text<'_>) -> Option<&'t str> {
    match text.split_once(':') {
        Some(("file", name)) => Some(name),
        Some((scheme @ ("credential" | "pkcs11"), _)) => {
            text.part(0..scheme.len()).refuse(format!("keys from `{scheme}:` are not supported yet"), "`file:`")
        }
        Some((scheme, _)) if !scheme.contains('/') => {
            text.part(0..scheme.len()).refuse(format!("unknown key scheme `{scheme}`"), "`file:`")
        }
        _ => text.refuse("a key needs a scheme that says where it is", format!("`file:{}`", &**text)),
    }
}

fn key_file(text: &Text<'_>, name: &str) -> Option<KeyRef> {
    let path = text.spot.resolve(name);
    text.spot.findings.watch(path.clone());
    match readable_file(&path) {
        Ok(metadata) => {
            if metadata.permissions().mode() & 0o007 != 0 {
                text.spot.warn(
                    format!("every user of this machine can reach the private key `{name}`"),
                    "mode 0600 or 0640",
                );
            }
            Some(KeyRef::File(path))
        }
        Err(error) => text.refuse(format!("cannot read the key `{name}`: {}", words(&error)), ""),
    }
}
