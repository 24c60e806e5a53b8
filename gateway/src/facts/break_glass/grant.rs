//! A grant: who may come in by breaking the glass, to which apps, why, and for how long. Signatures are made over its
//! bytes as they stand in the file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use gaccong_policy::PrincipalKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::request::identify::{ClientCertificate, Subject};

/// The longest that a grant may be in force.
pub const MAX_DURATION_MS: i64 = 4 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
/// How many of the named signers must have signed.
pub const THRESHOLD: usize = 2;
/// The longest file of a grant.
pub const MAX_BYTES: usize = 64 << 10;
/// The most apps of one grant.
const MAX_APPS: usize = 100;
/// The longest reason.
const MAX_REASON_BYTES: usize = 1000;

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What kind of document was signed: no signature over anything else can be taken for one over a grant.
    pub format: Format,
    /// Its name, which is that of its file too.
    pub id: Arc<str>,
    /// To whom it is given.
    #[serde(rename = "for")]
    pub holder: Holder,
    /// The apps that it opens.
    pub apps: Vec<Arc<str>>,
    /// Why it was given, for those who read the records.
    pub reason: String,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// The version of the grant's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first.
    #[serde(rename = "gaccong-break-glass-grant/1")]
    V1,
}

/// To whom a grant is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A person, by the name that policies know.
    User(String),
    /// A service, by the name that policies know.
    Workload(String),
    /// Whoever holds this certificate: its SHA-256, in lower-case hexadecimal.
    Certificate(String),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "the person `{id}`"),
            Self::Workload(id) => write!(f, "the service `{id}`"),
            Self::Certificate(fingerprint) => write!(f, "the certificate {fingerprint}"),
        }
    }
}

impl Grant {
    /// Reads a grant, and makes sure that it grants no more than a grant may.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("it has {} bytes, more than the {MAX_BYTES} allowed", bytes.len()));
        }
        let grant: Self = serde_json::from_slice(bytes).map_err(|error| format!("this is not a grant: {error}"))?;
        grant.check()?;
        Ok(grant)
    }

    /// Makes sure that it grants no more than a grant may.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Self { id, apps, reason, not_before, not_after, .. } = self;
        if !is_id(id) {
            return Err(format!("`{id}` is not the id of a grant: 1 to 64 letters, digits, `-` and `_`"));
        }
        if apps.is_empty() || apps.len() > MAX_APPS {
            return Err(format!("it names {} apps; 1 to {MAX_APPS} are allowed", apps.len()));
        }
        if reason.trim().is_empty() || reason.len() > MAX_REASON_BYTES {
            return Err(format!("the reason has {} bytes; write one of 1 to {MAX_REASON_BYTES}", reason.len()));
        }
        let lasts_ms = self.not_after_ms().saturating_sub(self.not_before_ms());
        if lasts_ms <= 0 {
            return Err(format!("it ends at {not_after}, not after its beginning at {not_before}"));
        }
        if lasts_ms > MAX_DURATION_MS {
            let hours = MAX_DURATION_MS / HOUR_MS;
            return Err(format!("it lasts from {not_before} to {not_after}, longer than the {hours} hours allowed"));
        }
        Ok(())
    }

    /// When it begins, milliseconds since the Unix epoch.
    pub fn not_before_ms(&self) -> i64 {
        self.not_before.as_millisecond()
    }

    /// When it ends, milliseconds since the Unix epoch.
    pub fn not_after_ms(&self) -> i64 {
        self.not_after.as_millisecond()
    }

    /// Whether it is in force.
    pub fn holds_at(&self, now_ms: i64) -> bool {
        (self.not_before_ms()..self.not_after_ms()).contains(&now_ms)
    }

    /// Whether it was given to whoever proves to be this.
    pub fn is_for(&self, certificate: &ClientCertificate, principal: &Subject) -> bool {
        match &self.holder {
            Holder::User(id) => principal.kind == PrincipalKind::User && *principal.id == **id,
            Holder::Workload(id) => principal.kind == PrincipalKind::Workload && *principal.id == **id,
            Holder::Certificate(fingerprint) => *certificate.fingerprint == **fingerprint,
        }
    }

    /// Whether it opens this app.
    pub fn opens(&self, app: &str) -> bool {
        self.apps.iter().any(|name| **name == *app)
    }
}

/// Whether this can be the id of a grant. It is part of the names of files, which it must not blur: no dots.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// The name of the file of a grant.
pub fn file_name(id: &str) -> String {
    format!("{id}.json")
}

/// The name of the file of a signature: 64 bytes, as RFC 8032 has them.
pub fn signature_name(id: &str, signer: &str) -> String {
    format!("{id}.{signer}.sig")
}

/// The id of the grant whose file has this name.
pub fn id_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix(".json").filter(|id| is_id(id))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "format": "gaccong-break-glass-grant/1",
            "id": "fire-1",
            "for": {"user": "lan@example.org"},
            "apps": ["payroll"],
            "reason": "the identity provider is down",
            "not_before": "2026-01-01T08:00:00Z",
            "not_after": "2026-01-01T12:00:00Z",
        })
    }

    fn parse(document: &Value) -> Result<Grant, String> {
        Grant::parse(document.to_string().as_bytes())
    }

    #[test]
    fn a_grant_of_four_hours_is_the_longest() {
        let grant = parse(&document()).unwrap();
        let begin = grant.not_before_ms();
        assert!(!grant.holds_at(begin - 1) && grant.holds_at(begin));
        assert!(grant.holds_at(begin + 4 * 3_600_000 - 1) && !grant.holds_at(begin + 4 * 3_600_000));
        for end in ["2026-01-01T12:00:00.001Z", "2026-01-01T13:00:00Z", "2026-01-01T08:00:00Z", "2025-01-01T08:00:00Z"]
        {
            let mut longer = document();
            longer["not_after"] = end.into();
            assert!(parse(&longer).is_err(), "{end}");
        }
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        let changes: [(&str, Value); 9] = [
            ("format", "gaccong-policy-bundle/1".into()),
            ("id", "../fire".into()),
            ("id", "fire.lan".into()),
            ("for", json!({"user": "a", "workload": "b"})),
            ("for", json!({})),
            ("apps", json!([])),
            ("apps", json!(vec!["a"; MAX_APPS + 1])),
            ("reason", " ".into()),
            ("comment", "unknown".into()),
        ];
        for (key, value) in changes {
            let mut bad = document();
            bad[key] = value.clone();
            assert!(parse(&bad).is_err(), "{key} {value}");
        }
        let mut twice = document().to_string();
        twice.insert_str(1, "\"id\": \"fire-2\",");
        assert!(Grant::parse(twice.as_bytes()).is_err(), "a grant must read in one way only");
    }
}
