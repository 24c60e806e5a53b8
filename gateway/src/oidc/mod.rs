//! The relying party of OpenID Connect Core 1.0: how a person logs in at the organisation's provider.
//!
//! `discovery` learns where the provider is and by which keys it signs, in the background; `login` sends a browser there
//! and reads what it brings back; `id_token` is the one way from a token to claims, `claims` the one from claims to a
//! principal; `refresh` keeps claims current; `logout` ends sessions, ours at the provider and the provider's here.
//!
//! Nothing of a token, a code or a secret is in an error, a log line or a record.

mod claims;
mod discovery;
mod error;
mod http;
mod id_token;
mod login;
mod logout;
mod provider;
mod refresh;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use error::{OidcError, RefreshError};
pub use logout::{LogoutToken, MAX_LOGOUT_TOKEN_AGE};
pub use provider::Provider;

use crate::secret::Secret;
pub use crate::session::tickets::Demand;

/// A login that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What the ID token must bear.
    pub nonce: Secret,
    /// What proves that whoever ends the login has begun it (RFC 7636).
    pub verifier: Secret,
}

/// A login that was begun, as it was remembered until the browser came back.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// What was asked for.
    pub demand: &'a Demand,
    /// As of [`Begun`].
    pub nonce: &'a Secret,
    /// As of [`Begun`].
    pub verifier: &'a Secret,
    /// When, milliseconds since the Unix epoch.
    pub begun_at_ms: i64,
}

/// What the provider sends the browser back with (RFC 6749 §4.1.2).
#[derive(Clone, Copy)]
pub struct AuthorizationResponse<'a> {
    /// What is exchanged for tokens.
    pub code: &'a str,
    /// Of which provider it says to be (RFC 9207).
    pub iss: Option<&'a str>,
}

/// A person has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who, as policies know them.
    pub principal: Arc<str>,
    /// Their groups, sorted.
    pub groups: Arc<[Arc<str>]>,
    /// The authentication class that the provider tells.
    pub acr: Option<Arc<str>>,
    /// When that was, milliseconds since the Unix epoch; 0 where the provider does not tell, so that it counts as long ago.
    pub auth_time_ms: i64,
    /// Who, as the provider knows them.
    pub sub: Arc<str>,
    /// The session at the provider.
    pub sid: Option<Arc<str>>,
    /// By what claims are refreshed.
    pub refresh_token: Option<Secret>,
    /// The ID token, by which the provider knows whose session to end.
    pub id_token: Option<Secret>,
}

/// What the provider says of a person now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Who the person is and what their groups are; `None` where the provider only said that the session goes on, an error
    /// where what it said beside that cannot be used.
    pub claims: Result<Option<Current>, OidcError>,
    /// The refresh token that replaces the one that was used, where there is one.
    pub refresh_token: Option<Secret>,
    /// The ID token that replaces the last one, where there is one.
    pub id_token: Option<Secret>,
}

/// Claims as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Who, as policies know them.
    pub principal: Arc<str>,
    /// Their groups, sorted.
    pub groups: Arc<[Arc<str>]>,
}
