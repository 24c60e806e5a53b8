//! What is recorded of logins and of the ends of sessions. No token, code or cookie is ever part of it.

use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::event::Event;
use crate::clock;
use crate::reason::Reason;
use crate::session::{Binding, LoginMethod, Session};

/// A login, or the end of a session.
#[derive(Debug, Clone)]
pub struct AuthenticationEvent {
    /// The record's id.
    pub id: Uuid,
    /// When, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What has happened.
    pub activity: LoginActivity,
    /// The person, as far as known.
    pub principal: Option<Arc<str>>,
    /// Whose connection it was, or the session was bound to.
    pub binding: Option<Binding>,
    /// The session's id.
    pub session: Option<Arc<str>>,
    /// How the person logged in.
    pub method: Option<LoginMethod>,
    /// The authentication class.
    pub acr: Option<Arc<str>>,
    /// Where the browser was, where it was one that asked.
    pub source: Option<SocketAddr>,
    /// Why nobody was logged in.
    pub refused: Option<Reason>,
    /// More of why, for the SOC; bounded, no control characters.
    pub detail: Option<String>,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginActivity {
    /// Somebody has logged in, or tried to.
    Login,
    /// The person has logged out.
    Logout,
    /// The identity provider has said that the session is over (OpenID Connect Back-Channel Logout 1.0).
    BackchannelLogout,
    /// The identity provider did not refresh the session's claims any more.
    EndedByProvider,
}

impl LoginActivity {
    /// How records name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::BackchannelLogout => "backchannel_logout",
            Self::EndedByProvider => "ended_by_provider",
        }
    }
}

impl AuthenticationEvent {
    /// Something has happened to a session: it was begun, or it ended.
    pub fn of(activity: LoginActivity, session: &Session) -> Self {
        Self {
            principal: Some(Arc::clone(&session.principal)),
            binding: Some(session.binding.clone()),
            session: Some(Arc::clone(&session.id)),
            method: Some(session.method()),
            acr: session.acr.clone(),
            ..Self::without(activity)
        }
    }

    /// A login came to nothing, for this reason.
    pub fn failed(reason: Reason, detail: Option<String>, binding: &Binding) -> Self {
        Self { refused: Some(reason), detail, binding: Some(binding.clone()), ..Self::without(LoginActivity::Login) }
    }

    fn without(activity: LoginActivity) -> Self {
        Self {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            activity,
            principal: None,
            binding: None,
            session: None,
            method: None,
            acr: None,
            source: None,
            refused: None,
            detail: None,
        }
    }
}

impl From<AuthenticationEvent> for Event {
    fn from(event: AuthenticationEvent) -> Self {
        Self::Authentication(Box::new(event))
    }
}
