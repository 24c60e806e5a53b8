//! What a request brings beside its connection: a login session, or an access token.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::{Identity, Subject};
use crate::config::Auth;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::session::{Carried, Presented, Session, Voucher};
use crate::state::{self, Live, SubjectKind, Subjects};
use gaccong_policy::PrincipalKind;

/// A session or token that was verified, and what it says of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// How whoever asks has proven who they are: `context.session.method` in policies.
    pub method: Method,
    /// Who asks.
    pub principal: Subject,
    /// The groups that the issuer says, sorted.
    pub groups: Arc<[Arc<str>]>,
    /// The authentication context class, where it is known.
    pub acr: Option<Arc<str>>,
    /// When whoever asks last proved who they are, milliseconds since the Unix epoch, where it is known.
    pub auth_time_ms: Option<i64>,
    /// Since when it counts as proof, milliseconds since the Unix epoch: what is to be proven anew must be newer.
    pub established_at_ms: i64,
    /// When it ends, milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
    /// The session's id.
    pub session: Option<Arc<str>>,
    /// Everyone and everything that it proves to be.
    pub subjects: Subjects,
}

/// How whoever asks has proven who they are, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A login.
    Login(Voucher),
    /// An access token.
    Token {
        /// Its issuer.
        issuer: Arc<str>,
    },
}

impl Method {
    /// `context.session.method` in policies.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Login(voucher) => voucher.method().as_str(),
            Self::Token { .. } => "token",
        }
    }
}

impl Credential {
    /// Whether it is an access token.
    pub const fn is_token(&self) -> bool {
        matches!(self.method, Method::Token { .. })
    }

    /// The trust domain and the issuer of the card that it came of, where it came of one.
    pub const fn card(&self) -> Option<(&Arc<str>, &Arc<str>)> {
        match &self.method {
            Method::Login(Voucher::Smartcard { trust_domain, issuer }) => Some((trust_domain, issuer)),
            _ => None,
        }
    }

    /// What a session says.
    pub fn of_session(session: &Session) -> Self {
        let mut subjects = Subjects::new();
        subjects.push(state::Subject::new(SubjectKind::User, Arc::clone(&session.principal)));
        subjects.push(state::Subject::new(SubjectKind::Session, Arc::clone(&session.id)));
        subjects.extend(session.proofs.iter().cloned());
        Self {
            method: Method::Login(session.voucher.clone()),
            principal: Subject { kind: PrincipalKind::User, id: Arc::clone(&session.principal) },
            groups: Arc::clone(&session.groups),
            acr: session.acr.clone(),
            auth_time_ms: Some(session.auth_time_ms),
            established_at_ms: session.established_at_ms,
            expires_at_ms: session.expires_at_ms,
            session: Some(Arc::clone(&session.id)),
            subjects,
        }
    }

    /// The same as it stands now: a session's groups may have changed since, and it may have become stronger.
    pub fn current(self: &Arc<Self>, live: &Live) -> Arc<Self> {
        let kept = self.session.as_ref().and_then(|id| live.sessions.entries.get(id));
        kept.map_or_else(|| Arc::clone(self), |session| Arc::new(Self::of_session(&session)))
    }
}

/// A session that a request has shown.
#[derive(Debug)]
pub struct Shown {
    /// The session itself.
    pub session: Arc<Session>,
    /// What it says.
    pub credential: Arc<Credential>,
    /// Its cookie anew, where the browser's does not know that the session is in use.
    pub renewed: Option<HeaderValue>,
}

/// The session of a request's cookie, where it has one that counts for this connection.
///
/// # Errors
/// There is one, and it does not count.
pub fn session(
    live: &Live,
    auth: &Auth,
    identity: &Identity,
    headers: &HeaderMap,
    host: &str,
    now_ms: i64,
) -> Result<Option<Shown>, Box<Refused>> {
    let sealer = live.sessions.sealer();
    let carried = match Presented::read(headers, host, &sealer) {
        Presented::None => return Ok(None),
        Presented::Invalid(why) => return Err(Box::new(Refused::because(Reason::SessionInvalid, why))),
        Presented::Session(carried) => carried,
    };
    let kept = live.sessions.entries.get(&carried.session.id);
    let is_elsewhere = carried.groups_kept && kept.is_none();
    let carried_at_ms = carried.used_at_ms;
    let session = kept.unwrap_or_else(|| Arc::new(carried.session));
    if !session.binding.holds_for(identity) {
        let whose = format!("session {} of `{}`, of {}", session.id, session.principal, session.binding.holder);
        return Err(Box::new(Refused::because(Reason::SessionOtherDevice, whose)));
    }
    if now_ms >= session.expires_at_ms || is_elsewhere {
        return Err(Reason::SessionExpired.into());
    }
    let idle_ms = i64::try_from(auth.idle.as_millis()).unwrap_or(i64::MAX);
    let used_at_ms = live.sessions.used_at_ms(&session.id).unwrap_or_default().max(carried_at_ms);
    if now_ms.saturating_sub(used_at_ms) >= idle_ms {
        return Err(Reason::SessionIdle.into());
    }
    live.sessions.note_use(&session.id, now_ms);
    let is_old = now_ms.saturating_sub(carried_at_ms) >= idle_ms / RENEWALS_PER_IDLE_TIME;
    let renewed = is_old.then(|| Carried::of(&session, now_ms).set_cookie(host, &sealer, now_ms)).flatten();
    Ok(Some(Shown { credential: Arc::new(Credential::of_session(&session)), session, renewed }))
}

/// How often a cookie in use is made anew within the time that a session may be idle. Only a node that has just started
/// needs the cookie to know.
const RENEWALS_PER_IDLE_TIME: i64 = 4;
