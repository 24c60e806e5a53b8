//! What passes between an app's host and the host where people log in, each part sealed for the host that reads it.
//!
//! A login is one *flow*: begun on an app's host ([`Flow`], a cookie there), asked for on the other ([`Ticket`], in the
//! URL), perhaps waiting for the identity provider ([`Pending`], a cookie there), and ended where it began ([`Code`], in
//! the URL). Each tab has a flow of its own. A code is worth nothing without the cookie of its flow, on another host, or
//! over another device's connection.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Binding, Session};
use crate::secret::Secret;

/// How long a person may take to log in, milliseconds.
pub const FLOW_MS: i64 = 15 * 60_000;

/// How long a code may be on its way, milliseconds.
pub const CODE_MS: i64 = 60_000;

/// How the cookie of a flow begins; the flow's id follows.
pub const FLOW_COOKIE: &str = "__Secure-gaccong-flow-";

/// How the cookie of a login at the identity provider begins; the flow's id follows.
pub const PENDING_COOKIE: &str = "__Secure-gaccong-login-";

/// The longest path and query that a flow remembers; the page's script remembers longer ones.
pub const MAX_RETURN_BYTES: usize = 1024;

/// A login as the host knows it where it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Its id.
    pub id: Arc<str>,
    /// Whose connection began it.
    pub binding: Binding,
    /// Where the person wanted to go: path and query.
    pub return_to: String,
    /// When it was begun, milliseconds since the Unix epoch.
    pub begun_at_ms: i64,
}

/// What a login must be like, beyond being one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// The authentication context class (OpenID Connect Core §3.1.2.1, `acr_values`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Arc<str>>,
    /// How long ago the person may have proven who they are (`max_age`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
    /// Whether a session that is there does not count: it was taken away.
    #[serde(default)]
    pub login_again: bool,
}

impl Demand {
    /// Whether a session is what is wanted.
    pub fn is_met_by(&self, session: &Session, now_ms: i64) -> bool {
        let recent = |max_age_s: u32| now_ms - session.auth_time_ms <= i64::from(max_age_s) * 1000;
        !self.login_again
            && self.acr.as_ref().is_none_or(|acr| session.acr.as_ref() == Some(acr))
            && self.max_age_s.is_none_or(recent)
    }
}

/// What a host asks of the host where people log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The flow.
    pub flow: Arc<str>,
    /// The host that asks, with its port where it is not 443.
    pub host: Arc<str>,
    /// Whose connection began the flow.
    pub binding: Binding,
    /// What is asked for.
    pub demand: Demand,
    /// When, milliseconds since the Unix epoch.
    pub issued_at_ms: i64,
}

/// A login that waits for the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What was asked for.
    pub ticket: Ticket,
    /// What the ID token must repeat (OpenID Connect Core §3.1.2.1).
    pub nonce: Secret,
    /// The proof for the code exchange (RFC 7636 §4.1).
    pub verifier: Secret,
    /// When the person was sent there, milliseconds since the Unix epoch.
    pub begun_at_ms: i64,
    /// Whether the person was sent there a second time, to prove anew who they are.
    #[serde(default)]
    pub again: bool,
}

/// The end of a login, for the host where it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The flow, which ends with it.
    pub flow: Arc<str>,
    /// Whose connection may end it.
    pub binding: Binding,
    /// The session, as the cookie bears it.
    pub session: Session,
    /// Whether the session's groups are to be looked up here.
    pub groups_kept: bool,
    /// When, milliseconds since the Unix epoch.
    pub issued_at_ms: i64,
}
