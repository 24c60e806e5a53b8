//! Secrets: what must appear in no log, no record and no answer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A token, a code, or another text that opens something. It can be stored and sent, and not be printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret from here on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who must send or compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stored_and_not_printed() {
        let secret = Secret::new("open sesame");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"open sesame\"");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.reveal(), "open sesame");
    }
}
