//! A person has proven who they are: the session that comes of it.

use std::sync::Arc;
use std::time::Instant;

use crate::audit::authentication::{AuthenticationEvent, LoginActivity};
use crate::oidc::OidcError;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::identify::Credential;
use crate::request::own::Visit;
use crate::session::keys::random_id;
use crate::session::{AtProvider, Binding, LoginMethod, Session, Voucher};
use crate::state::{Change, Subject, SubjectKind};

/// What a person has proven.
#[derive(Debug)]
pub struct Proven {
    /// Who they are.
    pub principal: Arc<str>,
    /// Their groups by the word of the identity provider, sorted.
    pub groups: Arc<[Arc<str>]>,
    /// By whose word.
    pub voucher: Voucher,
    /// The authentication context class, where it is known.
    pub acr: Option<Arc<str>>,
    /// When, milliseconds since the Unix epoch.
    pub auth_time_ms: i64,
    /// Until when, at most, it can be proof, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
    /// What else the session stands on.
    pub proofs: Vec<Subject>,
    /// The session at the identity provider.
    pub provider: Option<AtProvider>,
}

/// The most sessions of one person. A further one takes the place of that which was unused for the longest time.
const SESSIONS_PER_PERSON: usize = 100;

/// How much the clocks of the gateway and of whoever says when a person logged in may differ, milliseconds.
const SKEW_MS: i64 = 60_000;

/// Whether a person, or their device, must have logged in after they did.
pub fn is_from_before(visit: &Visit<'_>, principal: &Arc<str>, binding: &Binding, auth_time_ms: i64) -> bool {
    let asked = &visit.gateway.state.live().reauthentications;
    let person = Subject::new(SubjectKind::User, Arc::clone(principal));
    [&person, &binding.holder]
        .into_iter()
        .filter_map(|subject| asked.get(subject))
        .any(|asked| auth_time_ms.saturating_add(SKEW_MS) <= asked.since_ms)
}

/// Keeps the session of a person who has logged in. Who had one on this device before goes on under its id, so that every
/// host knows of the stronger login at once.
pub async fn session(visit: &Visit<'_>, binding: &Binding, proven: Proven) -> Result<Session, Box<Refused>> {
    let auth = visit.auth()?;
    let sessions = &visit.gateway.state.live().sessions;
    let theirs = sessions.of_person(&proven.principal);
    let lasts_ms = i64::try_from(auth.session.as_millis()).unwrap_or(i64::MAX);
    let expires_at_ms = visit.now_ms.saturating_add(lasts_ms).min(proven.not_after_ms);
    // A session that ends earlier than its cookies on other hosts say would come back with them: then it has a new id.
    let before = before(visit, &theirs, binding, proven.voucher.method());
    let (goes_on, ends) = match before {
        Some(before) if before.expires_at_ms <= expires_at_ms => (Some(before), None),
        before => (None, before),
    };
    let is_one_too_many = goes_on.is_none() && ends.is_none() && theirs.len() >= SESSIONS_PER_PERSON;
    let ends = if is_one_too_many { longest_unused(visit, &theirs) } else { ends };
    if goes_on.is_none() && ends.is_none() && sessions.entries.len() >= auth.max_sessions {
        let detail = format!("there are {} sessions", sessions.entries.len());
        return Err(Box::new(Refused::because(Reason::LoginLimit, detail)));
    }
    let id = match &goes_on {
        Some(before) => Arc::clone(&before.id),
        None => random_id().map_err(|error| Refused::because(Reason::GatewayInternal, error.to_string()))?.into(),
    };
    let session = Session {
        id,
        principal: proven.principal,
        groups: proven.groups,
        voucher: proven.voucher,
        acr: proven.acr,
        auth_time_ms: proven.auth_time_ms,
        established_at_ms: visit.now_ms,
        expires_at_ms,
        binding: binding.clone(),
        proofs: proven.proofs,
        provider: proven.provider,
    };
    let _turn = visit.gateway.logins.acquire().await;
    let ending = ends.iter().flat_map(|it| it.ending(&"gateway".into(), "another login takes its place", visit.now_ms));
    let changes = ending.chain([Change::Establish(session.clone())]).collect();
    let kept = visit.gateway.state.change(changes, Instant::now()).await;
    kept.map_err(|error| Refused::because(Reason::GatewayInternal, error.to_string()))?;
    sessions.note_use(&session.id, visit.now_ms);
    let event = AuthenticationEvent::of(LoginActivity::Login, &session);
    visit.gateway.audit.put(AuthenticationEvent { source: Some(visit.connection.facts.source), ..event });
    Ok(session)
}

/// The session that a login goes on under: that of the browser, or, for a card, which shows no cookie, that of the same
/// device.
fn before(visit: &Visit<'_>, theirs: &[Arc<Session>], binding: &Binding, method: LoginMethod) -> Option<Arc<Session>> {
    let live = visit.gateway.state.live();
    let stands = |it: &&Arc<Session>| {
        visit.now_ms < it.expires_at_ms
            && it.binding == *binding
            && live.standing(&Credential::of_session(it).subjects, it.established_at_ms, visit.now_ms).is_ok()
    };
    let shown = visit.session().ok().flatten().map(|shown| shown.session.id.clone());
    let is_same = |it: &&Arc<Session>| match method {
        LoginMethod::Smartcard => it.method() == LoginMethod::Smartcard,
        LoginMethod::Oidc => Some(&it.id) == shown.as_ref(),
    };
    theirs.iter().filter(is_same).find(stands).cloned()
}

fn longest_unused(visit: &Visit<'_>, theirs: &[Arc<Session>]) -> Option<Arc<Session>> {
    let sessions = &visit.gateway.state.live().sessions;
    theirs.iter().min_by_key(|it| sessions.used_at_ms(&it.id).max(Some(it.established_at_ms))).cloned()
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
