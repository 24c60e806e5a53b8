//! The entries of the store, one type a table. What is stored is their JSON; every field that is added later needs a
//! default, or a migration.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::subject::Subject;
use crate::facts::posture::{FactName, FactValue};
use crate::session::{Key, Session};
use crate::store::Table;

/// What is kept under a key of a table.
pub trait Entry: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The table.
    const TABLE: Table;
    /// What it is found by.
    type Key: Serialize + Clone + Eq + std::hash::Hash + Send + Sync;

    /// Its key.
    fn key(&self) -> Self::Key;
}

macro_rules! entry {
    ($entry:ident in $table:ident by $key:ty: |$it:ident| $of:expr) => {
        impl Entry for $entry {
            const TABLE: Table = Table::$table;
            type Key = $key;

            fn key(&self) -> $key {
                let $it = self;
                $of
            }
        }
    };
}

/// A subject that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Who or what.
    pub subject: Subject,
    /// Why, in the words of whoever revoked.
    #[serde(default)]
    pub reason: Option<Arc<str>>,
    /// Who revoked: a principal of the control API, or `signal:` and a stream.
    pub by: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// When it ends by itself, milliseconds since the Unix epoch; `None` for when it is lifted.
    #[serde(default)]
    pub until_ms: Option<i64>,
}
entry!(Revocation in Revocations by Subject: |it| it.subject.clone());

/// A subject that must have authenticated after a moment: what it proved before does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reauthentication {
    /// Who.
    pub subject: Subject,
    /// The moment, milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Why: the type of the signal, or the words of whoever asked.
    pub cause: Arc<str>,
    /// Who asked for it.
    pub by: Arc<str>,
}
entry!(Reauthentication in Reauthentications by Subject: |it| it.subject.clone());

/// What a lockdown closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeKind {
    /// One app, to everyone.
    App,
    /// Every app, to the members of a group.
    Group,
    /// Every app, to certificates of an issuer (distinguished name, RFC 4514).
    Issuer,
    /// Every app, to certificates of a trust domain.
    TrustDomain,
}

/// What exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// App, group, issuer or trust domain.
    pub kind: ScopeKind,
    /// Its name.
    pub name: Arc<str>,
}

impl ScopeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::App, Self::Group, Self::Issuer, Self::TrustDomain];

    /// As commands, calls and policies spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Group => "group",
            Self::Issuer => "issuer",
            Self::TrustDomain => "trust-domain",
        }
    }
}

impl FromStr for ScopeKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.as_str(), self.name)
    }
}

/// A lockdown, until another person lifts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockdown {
    /// What is closed.
    pub scope: Scope,
    /// Why.
    #[serde(default)]
    pub reason: Option<Arc<str>>,
    /// Who closed it, and so may not open it.
    pub by: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
}
entry!(Lockdown in Lockdowns by Scope: |it| it.scope.clone());

/// The alert level of the organisation: `context.alert_level` in policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// From 0, nothing unusual, to 5.
    pub level: u8,
    /// Why.
    #[serde(default)]
    pub reason: Option<Arc<str>>,
    /// Who set it.
    pub by: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
}
entry!(Alert in Alerts by (): |_it| ());

/// What one source last reported of one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The device.
    pub device: Arc<str>,
    /// Who reported: a configured source, or a stream of signals.
    pub source: Arc<str>,
    /// The person the device is assigned to.
    #[serde(default)]
    pub owner: Option<Arc<str>>,
    /// When the source observed it, milliseconds since the Unix epoch. An older report never replaces a newer one.
    pub observed_at_ms: i64,
    /// When it came in, milliseconds since the Unix epoch.
    pub received_at_ms: i64,
    /// Whether facts that it does not name stay as the source reported them before.
    #[serde(default)]
    pub partial: bool,
    /// The facts, one a name.
    pub facts: Vec<ReportedFact>,
}
entry!(Report in Posture by (Arc<str>, Arc<str>): |it| (Arc::clone(&it.device), Arc::clone(&it.source)));

/// One fact of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportedFact {
    /// Which.
    pub name: FactName,
    /// Its value, of the kind that the name has.
    pub value: FactValue,
    /// When it was observed, milliseconds since the Unix epoch.
    pub observed_at_ms: i64,
    /// How old it may become, seconds; `None` as the configuration says.
    #[serde(default)]
    pub max_age_s: Option<u32>,
}

/// A source of posture whose reports are not taken until a person has looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The source.
    pub source: Arc<str>,
    /// Why: how many of its devices it would have changed.
    pub cause: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
}
entry!(Hold in Holds by Arc<str>: |it| Arc::clone(&it.source));

/// How risky a principal is: `context.risk` in policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The principal.
    pub subject: Subject,
    /// `low`, `medium`, `high`.
    pub level: Arc<str>,
    /// Who says so.
    pub by: Arc<str>,
    /// When it was so, milliseconds since the Unix epoch. An older word never replaces a newer one.
    pub at_ms: i64,
}
entry!(Risk in Risks by Subject: |it| it.subject.clone());

/// What is known of a stream of signals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// `enabled`, `paused`, `disabled` (OpenID Shared Signals Framework 1.0 §8.1.2).
    pub status: Arc<str>,
    /// Since when it is that, by the word of its transmitter, milliseconds since the Unix epoch.
    #[serde(default)]
    pub status_at_ms: i64,
    /// When it was last heard, milliseconds since the Unix epoch.
    pub heard_at_ms: i64,
    /// When it was last verified, milliseconds since the Unix epoch.
    #[serde(default)]
    pub verified_at_ms: Option<i64>,
    /// The `state` of the verification that is awaited.
    #[serde(default)]
    pub awaited: Option<Arc<str>>,
}
entry!(Stream in Streams by Arc<str>: |it| Arc::clone(&it.name));

/// A signal that was accepted, remembered until a second one of the same id would be too old anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The stream.
    pub stream: Arc<str>,
    /// The signal's `jti` (RFC 7519 §4.1.7).
    pub jti: Arc<str>,
    /// Until when it is remembered, milliseconds since the Unix epoch.
    pub until_ms: i64,
}
entry!(Seen in Seen by (Arc<str>, Arc<str>): |it| (Arc::clone(&it.stream), Arc::clone(&it.jti)));

/// When a stream last said whether an account is good. An older word never undoes a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The stream.
    pub stream: Arc<str>,
    /// Whose account.
    pub subject: Subject,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
}
entry!(Account in Accounts by (Arc<str>, Subject): |it| (Arc::clone(&it.stream), it.subject.clone()));

/// An agent that is enrolled for a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The device.
    pub device: Arc<str>,
    /// SHA-256 of its node key, lower-case hexadecimal.
    pub node_key_sha256: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
}
entry!(Enrolment in Enrolments by Arc<str>: |it| Arc::clone(&it.device));

entry!(Session in Sessions by Arc<str>: |it| Arc::clone(&it.id));
entry!(Key in Keys by Arc<str>: |it| Arc::clone(&it.id));
