//! Bounded text: every string of a record is cut where its *escaped* form would be longer than its bound, and no
//! character that any reader takes for the end of a line is written as itself.

use std::io;
use std::sync::Arc;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// How long each kind of text may be, in bytes of escaped JSON, and how many items a list may have.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Path of a request.
    pub(super) path: usize,
    /// Query string.
    pub(super) query: usize,
    /// `User-Agent`.
    pub(super) user_agent: usize,
    /// Names of hosts, apps, principals, devices, and other short texts.
    pub(super) name: usize,
    /// Distinguished names.
    pub(super) distinguished_name: usize,
    /// Methods, digests, serial numbers.
    pub(super) token: usize,
    /// One detail.
    pub(super) detail: usize,
    /// Number of details.
    pub(super) details: usize,
    /// The id of one policy.
    pub(super) policy: usize,
    /// Number of policies.
    pub(super) policies: usize,
    /// All groups of a principal together.
    pub(super) groups_bytes: usize,
    /// Number of groups.
    pub(super) groups: usize,
}

impl Bounds {
    /// What no honest record exceeds.
    pub(super) const GENEROUS: Self = Self {
        path: 20 * 1024,
        query: 8 * 1024,
        user_agent: 1024,
        name: 2048,
        distinguished_name: 4096,
        token: 256,
        detail: 2048,
        details: 16,
        policy: 512,
        policies: 64,
        groups_bytes: 16 * 1024,
        groups: 1000,
    };

    /// With these, the longest possible record fits in a line.
    pub(super) const TIGHT: Self = Self {
        path: 6 * 1024,
        query: 3 * 1024,
        user_agent: 1024,
        name: 512,
        distinguished_name: 1024,
        token: 128,
        detail: 512,
        details: 4,
        policy: 256,
        policies: 16,
        groups_bytes: 3 * 1024,
        groups: 64,
    };

    /// `value` as a [`Text`] of at most [`Self::name`].
    pub(super) const fn name<'a>(&self, value: &'a str) -> Text<'a> {
        Text { value, max: self.name }
    }

    /// `value` as a [`Text`] of at most [`Self::token`].
    pub(super) const fn token<'a>(&self, value: &'a str) -> Text<'a> {
        Text { value, max: self.token }
    }

    /// `value` as a [`Text`] of at most [`Self::distinguished_name`].
    pub(super) const fn distinguished_name<'a>(&self, value: &'a str) -> Text<'a> {
        Text { value, max: self.distinguished_name }
    }

    /// `value` as a [`Text`] of at most [`Self::detail`].
    pub(super) const fn detail<'a>(&self, value: &'a str) -> Text<'a> {
        Text { value, max: self.detail }
    }

    /// `ids` of policies, each at most [`Self::policy`].
    pub(super) const fn policies<'a>(&self, ids: &'a [Arc<str>]) -> Texts<'a, Arc<str>> {
        Texts { values: ids, max: self.policy, count: self.policies }
    }

    /// The first of `groups` that fit, whole ones only.
    pub(super) fn groups<'a>(&self, groups: &'a [Arc<str>]) -> &'a [Arc<str>] {
        let mut left = self.groups_bytes;
        let fitting = groups.iter().take(self.groups).take_while(|group| {
            let rest = left.checked_sub(escaped_len(group));
            left = rest.unwrap_or_default();
            rest.is_some()
        });
        let count = fitting.count();
        groups.get(..count).unwrap_or_default()
    }
}

/// A text that is cut, with a marker, where it is longer than its bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// The text.
    pub(super) value: &'a str,
    /// Its bound, in bytes of escaped JSON; the marker comes on top.
    pub(super) max: usize,
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = cut(self.value, self.max);
        match self.value.len() - kept.len() {
            0 => serializer.serialize_str(self.value),
            omitted => serializer.collect_str(&format_args!("{kept}…[+{omitted} bytes]")),
        }
    }
}

/// A list of texts, at most `count` of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a, T> {
    /// The texts.
    pub(super) values: &'a [T],
    /// The bound of each.
    pub(super) max: usize,
    /// How many are written.
    pub(super) count: usize,
}

impl<T: AsRef<str>> Serialize for Texts<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for value in self.values.iter().take(self.count) {
            list.serialize_element(&Text { value: value.as_ref(), max: self.max })?;
        }
        match self.values.len().saturating_sub(self.count) {
            0 => {}
            omitted => list.serialize_element(&format_args!("…[+{omitted} items]"))?,
        }
        list.end()
    }
}

/// The longest beginning of `value` whose escaped form is at most `max` bytes.
pub(super) fn cut(value: &str, max: usize) -> &str {
    // No character grows by more than this when it is escaped, so a short text needs no scan.
    const MAX_GROWTH: usize = 6;
    if value.len().saturating_mul(MAX_GROWTH) <= max || (value.len() <= max && is_plain(value.as_bytes())) {
        return value;
    }
    let mut left = max;
    for (at, char) in value.char_indices() {
        match left.checked_sub(escaped_char_len(char)) {
            Some(rest) => left = rest,
            None => return value.get(..at).unwrap_or_default(),
        }
    }
    value
}

/// Whether no byte of `text` is longer when it is escaped.
fn is_plain(text: &[u8]) -> bool {
    // Without an early return, so that the compiler can compare many bytes at once.
    text.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\'))
}

fn escaped_len(value: &str) -> usize {
    value.chars().map(escaped_char_len).sum()
}

const fn escaped_char_len(char: char) -> usize {
    match char {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => 6,
        _ => char.len_utf8(),
    }
}

/// Compact JSON that escapes, beside what JSON asks for, DEL, the C1 controls (NEL among them) and the separators
/// U+2028 and U+2029: terminals act on some of them, and some readers of lines end a line at others.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneLine;

impl serde_json::ser::Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !may_need_escapes(fragment.as_bytes()) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut encoded = [0; 4];
        for char in fragment.chars() {
            match char {
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => write!(writer, "\\u{:04x}", u32::from(char))?,
                _ => writer.write_all(char.encode_utf8(&mut encoded).as_bytes())?,
            }
        }
        Ok(())
    }
}

/// Whether `text` (UTF-8) may have one of the characters that [`OneLine`] escapes beyond what JSON asks for.
pub(super) fn may_need_escapes(text: &[u8]) -> bool {
    // Without an early return, so that the compiler can compare many bytes at once.
    text.iter().fold(false, |found, byte| found | matches!(byte, 0x7f | 0xc2 | 0xe2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn json(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, OneLine)).expect("serializes");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn cuts_on_a_character_and_says_how_much() {
        assert_eq!(json(&Text { value: "đường", max: 4 }), r#""đư…[+5 bytes]""#);
        assert_eq!(json(&Text { value: "đường", max: 9 }), r#""đường""#);
    }

    #[test]
    fn escapes_what_ends_lines_elsewhere() {
        assert_eq!(json(&"a\u{7f}\u{85}\u{2028}\n…"), r#""a\u007f\u0085\u2028\n…""#);
    }

    proptest! {
        #[test]
        fn the_escaped_length_is_what_is_written(value in any::<String>()) {
            prop_assert_eq!(json(&value).len(), escaped_len(&value) + 2);
        }

        #[test]
        fn a_cut_text_is_within_its_bound_and_loses_nothing_needlessly(value in any::<String>(), max in 0_usize..100) {
            let kept = cut(&value, max);
            prop_assert!(value.starts_with(kept));
            prop_assert!(escaped_len(kept) <= max);
            if let Some(next) = value.strip_prefix(kept).and_then(|rest| rest.chars().next()) {
                prop_assert!(escaped_len(kept) + escaped_char_len(next) > max);
            }
        }

        #[test]
        fn escaping_is_read_back_unchanged(value in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&json(&value)).expect("JSON"), value);
        }
    }
}
