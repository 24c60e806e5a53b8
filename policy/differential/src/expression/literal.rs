//! Literals, many of them at the limits of their types.

use arbitrary::Result;

use super::{Author, Type};
use crate::world::{APP_GROUPS, APPS, GROUPS, NUMBERS, PRINCIPALS, TEXTS};

const DATETIMES: &[&str] = &[
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01T07:30:00.500Z",
    "2026-01-02T07:30:00.500+0730",
    "2025-12-31T12:00:00-1130",
    "1970-01-01",
    "1969-12-31T23:59:59.999Z",
    "2024-02-29",
    "0001-01-01",
    "9999-12-31T23:59:59.999Z",
];

const DURATIONS: &[&str] = &[
    "0ms",
    "1ms",
    "-1ms",
    "1s",
    "90m",
    "7h",
    "1d",
    "-1d2h3m4s5ms",
    "36500d",
    "9223372036854775807ms",
    "-9223372036854775808ms",
    "106751991167d",
];

const ADDRESSES: &[&str] = &[
    "192.0.2.1",
    "192.0.2.0/24",
    "192.0.2.1/32",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "127.0.0.0/8",
    "127.0.0.1",
    "224.0.0.0/4",
    "::1",
    "::/0",
    "2001:db8::/32",
    "2001:db8::7",
    "2001:db8::7/128",
    "ff00::/8",
    "::ffff:c000:201",
];

const DECIMALS: &[&str] =
    &["0.0", "1.0", "1.00", "1.5", "-1.5", "0.0001", "-0.0", "922337203685477.5807", "-922337203685477.5808"];

impl Author<'_, '_> {
    pub(super) fn literal(&mut self, kind: Type) -> Result<String> {
        Ok(match kind {
            Type::Bool => (if self.bytes.arbitrary()? { "true" } else { "false" }).to_owned(),
            Type::Long => self.integer()?,
            Type::Text => quoted(self.bytes.choose(TEXTS)?),
            Type::Datetime => self.constructed("datetime", DATETIMES)?,
            Type::Duration if self.bytes.ratio(1, 4)? => {
                format!("duration(\"{}ms\")", self.bytes.int_in_range(-200_000_000..=200_000_000_i64)?)
            }
            Type::Duration => self.constructed("duration", DURATIONS)?,
            Type::Ip => self.constructed("ip", ADDRESSES)?,
            Type::Decimal => self.constructed("decimal", DECIMALS)?,
            Type::User if self.is_for_people && self.bytes.ratio(1, 3)? => "principal".to_owned(),
            Type::User => self.entity("User", PRINCIPALS)?,
            Type::Group => self.entity("Group", GROUPS)?,
            Type::App if self.bytes.ratio(1, 3)? => "resource".to_owned(),
            Type::App => self.entity("App", APPS)?,
            Type::AppGroup => self.entity("AppGroup", APP_GROUPS)?,
            Type::Action if self.bytes.ratio(1, 3)? => "action".to_owned(),
            Type::Action => self.entity("Action", self.world.actions())?,
            Type::Part(_) => self.part(kind)?,
            Type::Record => self.record()?,
        })
    }

    pub(super) fn integer(&mut self) -> Result<String> {
        let number = match self.bytes.int_in_range(0..=5_u8)? {
            0 => self.bytes.arbitrary()?,
            1 | 2 => *self.bytes.choose(NUMBERS)?,
            _ => self.bytes.int_in_range(-3..=100)?,
        };
        Ok(number.to_string())
    }

    fn constructed(&mut self, constructor: &str, texts: &[&str]) -> Result<String> {
        Ok(format!("{constructor}(\"{}\")", self.bytes.choose(texts)?))
    }

    pub(super) fn entity(&mut self, kind: &str, names: &[&str]) -> Result<String> {
        Ok(format!("{kind}::{}", quoted(self.bytes.choose(names)?)))
    }

    /// A pattern for `like`.
    pub(super) fn pattern(&mut self) -> Result<String> {
        const PIECES: &[&str] = &["*", "a", "/", "b", "\\*", "\\u{111}", "đ", "G", "o", "**", "\\\\", "\\0", "\\\""];
        let count = self.bytes.int_in_range(0..=5_u8)?;
        let pieces = (0..count).map(|_| self.bytes.choose(PIECES).copied());
        Ok(format!("\"{}\"", pieces.collect::<Result<String>>()?))
    }
}

/// A string literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
