//! Logging out: here, which ends the session on every host, and at the identity provider.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use openidconnect::url::Url;
use serde::{Deserialize, Serialize};

use super::{Answer, Visit, see_other, status, with_cookie};
use crate::audit::authentication::{AuthenticationEvent, LoginActivity};
use crate::form;
use crate::pages::logout::{LogOut, LoggedOut};
use crate::pages::{Layout, Page};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::session::keys::random_id;
use crate::session::{Purpose, Session, cookie};

/// What the form bears: no other site can send it, and it counts for one session.
#[derive(Serialize, Deserialize)]
struct Token {
    session: Arc<str>,
    issued_at_ms: i64,
}

/// How long the question may be open, milliseconds.
const TOKEN_MS: i64 = 3_600_000;

/// Asks whether the person wants to log out: nobody is logged out by a link.
pub fn confirm(visit: &Visit<'_>) -> Answer {
    let auth = visit.auth()?;
    let Ok(Some(shown)) = visit.session() else { return ended(visit) };
    let token = Token { session: Arc::clone(&shown.session.id), issued_at_ms: visit.now_ms };
    let sealer = visit.gateway.state.live().sessions.sealer();
    let token = sealer.seal(Purpose::Form, &visit.normal.host, &token).ok_or(Reason::GatewayInternal)?;
    let provider = at_provider(visit, &shown.session).map(|url| url.origin().ascii_serialization());
    let page = LogOut {
        layout: status::layout(visit, "log-out-title", false),
        action: "/.gaccong/logout",
        token: &token,
        stay: "/",
        leads_to: std::iter::once(auth.host.origin()).chain(provider).map(Into::into).collect(),
    };
    Ok(page.document().response(StatusCode::OK))
}

/// Ends the session: its cookies count no more on any host, and what runs by it is cut.
pub async fn end(visit: &Visit<'_>, form: &Bytes) -> Answer {
    let auth = visit.auth()?;
    let Some(shown) = visit.session()? else { return ended(visit) };
    let session = &shown.session;
    let sealer = visit.gateway.state.live().sessions.sealer();
    let token = std::str::from_utf8(form).ok().and_then(|form| form::only(form, "token"));
    let token = token.and_then(|token| sealer.open::<Token>(Purpose::Form, &visit.normal.host, &token).ok());
    let is_ours = |it: &Token| it.session == session.id && visit.now_ms.saturating_sub(it.issued_at_ms) <= TOKEN_MS;
    if !token.as_ref().is_some_and(is_ours) {
        return Err(Box::new(Refused::because(Reason::RequestCrossSite, "the form to log out is not of this session")));
    }
    drop(sealer);
    let ending = session.ending(&session.principal, "the person has logged out", visit.now_ms);
    let kept = visit.gateway.state.change(ending.into(), Instant::now());
    kept.await.map_err(|error| Refused::because(Reason::GatewayInternal, error.to_string()))?;
    let event = AuthenticationEvent::of(LoginActivity::Logout, session);
    visit.gateway.audit.put(AuthenticationEvent { source: Some(visit.connection.facts.source), ..event });
    let response = match at_provider(visit, session) {
        Some(url) => see_other(url.as_str())?,
        None => see_other(&format!("{}/logged-out", auth.host.origin()))?,
    };
    Ok(with_cookie(response, cookie::NO_SESSION))
}

/// Says that the person is logged out.
pub fn ended(visit: &Visit<'_>) -> Answer {
    let language = visit.reader.language;
    let layout = Layout::new(language.say("logged-out-title"), language, &visit.snapshot.config.pages);
    Ok(LoggedOut { layout, log_in: Some("/") }.document().response(StatusCode::OK))
}

/// Where the identity provider ends its own session.
fn at_provider(visit: &Visit<'_>, session: &Session) -> Option<Url> {
    let provider = visit.snapshot.oidc.as_ref()?;
    let known = session.at(&provider.settings().issuer)?;
    // The provider repeats the state, which nothing is decided by.
    let state = random_id().ok()?;
    let back = format!("{}/logged-out", visit.auth().ok()?.host.origin());
    provider.end_session_url(known.id_token.as_ref(), &back, &state)
}
