//! Names in events: bounded, and fit to be shown.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::Deserialize;

use crate::text::is_unprintable;

/// The longest name, in bytes; as long as a name in a certificate may be.
pub const MAX_NAME_BYTES: usize = 512;

/// An identifier out of an event: not empty, at most [`MAX_NAME_BYTES`], and nothing in it that cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(Arc<str>);

/// A text that is no [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is empty, longer than {MAX_NAME_BYTES} bytes, or has characters that cannot be shown")]
pub struct NotAName;

impl TryFrom<String> for Name {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        let good = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(is_unprintable);
        if good { Ok(Self(text.into())) } else { Err(NotAName) }
    }
}

impl Name {
    /// The text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_long_or_cannot_be_shown_is_no_name() {
        for good in ["a", "Nguyễn Văn A", &"x".repeat(MAX_NAME_BYTES)] {
            assert_eq!(&*Name::try_from(good.to_owned()).unwrap(), good);
        }
        for bad in ["", "a\nb", "a\0", "alice\u{202e}moc.elpmaxe@", &"x".repeat(MAX_NAME_BYTES + 1)] {
            assert_eq!(Name::try_from(bad.to_owned()), Err(NotAName), "{bad:?}");
        }
    }
}
