//! A person has proven who they are: the session that comes of it.

use std::sync::Arc;
use std::time::Instant;

use crate::audit::authentication::{AuthenticationEvent, LoginActivity};
use crate::oidc::OidcError;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::own::Visit;
use crate::session::keys::random_id;
use crate::session::{AtProvider, Binding, LoginMethod, Session};
use crate::state::Change;

/// What a person has proven.
#[derive(Debug)]
pub struct Proven {
    /// Who they are.
    pub principal: Arc<str>,
    /// Their groups by the word of the identity provider, sorted.
    pub groups: Arc<[Arc<str>]>,
    /// How.
    pub method: LoginMethod,
    /// The authentication context class, where it is known.
    pub acr: Option<Arc<str>>,
    /// When, milliseconds since the Unix epoch.
    pub auth_time_ms: i64,
    /// The session at the identity provider.
    pub provider: Option<AtProvider>,
}

/// Keeps the session of a person who has logged in. Who had one on this device before goes on under its id, so that every
/// host knows of the stronger login at once.
pub async fn session(visit: &Visit<'_>, binding: &Binding, proven: Proven) -> Result<Session, Box<Refused>> {
    let auth = visit.auth()?;
    let sessions = &visit.gateway.state.live().sessions.entries;
    let before = visit.session().ok().flatten().map(|shown| shown.session);
    let before = before.filter(|it| it.principal == proven.principal && it.binding == *binding);
    if before.is_none() && sessions.len() >= auth.max_sessions {
        let detail = format!("there are {} sessions, as many as `auth.max_sessions` allows", sessions.len());
        return Err(Box::new(Refused::because(Reason::LoginLimit, detail)));
    }
    let id = match &before {
        Some(before) => Arc::clone(&before.id),
        None => random_id().map_err(|error| Refused::because(Reason::GatewayInternal, error.to_string()))?.into(),
    };
    let lasts_ms = i64::try_from(auth.session.as_millis()).unwrap_or(i64::MAX);
    let session = Session {
        id,
        principal: proven.principal,
        groups: proven.groups,
        method: proven.method,
        acr: proven.acr,
        auth_time_ms: proven.auth_time_ms,
        established_at_ms: visit.now_ms,
        expires_at_ms: visit.now_ms.saturating_add(lasts_ms),
        binding: binding.clone(),
        provider: proven.provider,
    };
    let kept = visit.gateway.state.change(vec![Change::Establish(session.clone())], Instant::now()).await;
    kept.map_err(|error| Refused::because(Reason::GatewayInternal, error.to_string()))?;
    visit.gateway.state.live().sessions.note_use(&session.id, visit.now_ms);
    let event = AuthenticationEvent::of(LoginActivity::Login, &session);
    visit.gateway.audit.put(AuthenticationEvent { source: Some(visit.connection.facts.source), ..event });
    Ok(session)
}

/// Records a login that came to nothing.
pub fn note_failure(visit: &Visit<'_>, refused: &Refused) {
    let detail = (!refused.details.is_empty()).then(|| refused.details.join("; "));
    let event = AuthenticationEvent::failed(refused.reason, detail, &visit.binding);
    visit.gateway.audit.put(AuthenticationEvent { source: Some(visit.connection.facts.source), ..event });
}

/// The refusal of a login that came to nothing.
pub fn refused(error: OidcError) -> Box<Refused> {
    Box::new(Refused::because(error.reason(), error.to_string()))
}
