//! The provider says that a person has logged out elsewhere (OpenID Connect Back-Channel Logout 1.0 §2.5-2.8).
//!
//! Whoever calls shows no certificate: the token is what proves that it is the provider.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::{AtProvider, Session};
use crate::audit::authentication::{AuthenticationEvent, LoginActivity};
use crate::clock;
use crate::form;
use crate::gateway::Gateway;
use crate::oidc::{LogoutToken, MAX_LOGOUT_TOKEN_AGE, OidcError, Provider};
use crate::state::{Change, MAX_CHANGES, Seen};

/// Where the provider calls: on the management listener, and on the host where people log in.
pub const PATHS: [&str; 2] = ["/backchannel-logout", "/.gaccong/backchannel-logout"];

/// The largest form that is read.
pub const MAX_FORM_BYTES: usize = 32 * 1024;

/// How long one may take.
pub const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call ends no session.
enum Refused {
    /// It is no good call.
    Invalid(String),
    /// What it asks for cannot be done now.
    NotNow(String),
}

/// Answers a call, whose form is this.
pub async fn answer(gateway: &Arc<Gateway>, form: &[u8]) -> Response<Bytes> {
    let metrics = gateway.metrics.sessions();
    match log_out(gateway, form).await {
        Ok(()) => {
            metrics.logout("ended");
            response(StatusCode::OK, Bytes::new())
        }
        Err(Refused::Invalid(why)) => {
            metrics.logout("refused");
            tracing::warn!(why, "a back-channel logout is refused");
            let body = json!({"error": "invalid_request", "error_description": why});
            response(StatusCode::BAD_REQUEST, body.to_string().into())
        }
        Err(Refused::NotNow(why)) => {
            metrics.logout("failed");
            tracing::error!(why, "a back-channel logout cannot be done");
            let body = json!({"error": "temporarily_unavailable", "error_description": "try again"});
            response(StatusCode::SERVICE_UNAVAILABLE, body.to_string().into())
        }
    }
}

async fn log_out(gateway: &Arc<Gateway>, form: &[u8]) -> Result<(), Refused> {
    let invalid = |why: &str| Refused::Invalid(why.to_owned());
    let provider = gateway.snapshot.load().oidc.clone().ok_or_else(|| invalid("nobody logs in here"))?;
    let form = std::str::from_utf8(form).map_err(|_| invalid("the form is not text"))?;
    let token = form::only(form, "logout_token").ok_or_else(|| invalid("the form has not one `logout_token`"))?;
    let now_ms = clock::now_ms();
    let token = provider.logout_token(&token, now_ms).await.map_err(|error| match error {
        // A provider that is told that a token is bad does not send it again.
        OidcError::Unavailable(_) | OidcError::KeyUnknown => Refused::NotNow(error.to_string()),
        other => Refused::Invalid(other.to_string()),
    })?;
    let seen = seen(&provider, &token);
    let live = gateway.state.live();
    if live.seen.get(&(Arc::clone(&seen.stream), Arc::clone(&seen.jti))).is_some() {
        return Err(invalid("the token was used before"));
    }
    let issuer = &provider.settings().issuer;
    let is_meant = |session: &Session| session.at(issuer).is_some_and(|known| is_meant(known, &token));
    let sessions = live.sessions.entries.matching(is_meant);
    end(gateway, &provider, &sessions, seen, now_ms).await
}

/// Whether a token is about a session. One whose id at the provider is not known is meant with its person.
fn is_meant(known: &AtProvider, token: &LogoutToken) -> bool {
    let same_person = token.sub.as_ref().is_none_or(|sub| *sub == known.sub);
    let same_session = match (&token.sid, &known.sid) {
        (None, _) => true,
        (Some(told), Some(known)) => told == known,
        (Some(_), None) => token.sub.is_some(),
    };
    same_person && same_session
}

/// That the token was used. The issuer is a URL, and so the name of no stream of signals.
fn seen(provider: &Provider, token: &LogoutToken) -> Seen {
    let settings = provider.settings();
    let keep_ms = i64::try_from((MAX_LOGOUT_TOKEN_AGE + 2 * settings.leeway).as_millis()).unwrap_or(i64::MAX);
    Seen {
        stream: Arc::clone(&settings.issuer),
        jti: Arc::clone(&token.jti),
        until_ms: token.iat_ms.saturating_add(keep_ms),
    }
}

/// Ends them all. The token counts as used once the last has ended: until then it can be sent again.
async fn end(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    sessions: &[Arc<Session>],
    seen: Seen,
    now_ms: i64,
) -> Result<(), Refused> {
    let issuer = &provider.settings().issuer;
    let mut changes: Vec<Change> =
        sessions.iter().flat_map(|session| session.ending(issuer, "logged out at the provider", now_ms)).collect();
    changes.push(Change::Seen(seen));
    for changes in changes.chunks(MAX_CHANGES) {
        let kept = gateway.state.change(changes.to_vec(), Instant::now()).await;
        kept.map_err(|error| Refused::NotNow(error.to_string()))?;
    }
    for session in sessions {
        gateway.audit.put(AuthenticationEvent::of(LoginActivity::BackchannelLogout, session));
    }
    Ok(())
}

/// Not cached, whatever it says (§2.8).
fn response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{AtProvider, Binding, Voucher};
    use crate::state::{Subject, SubjectKind};

    fn session(sub: &str, sid: Option<&str>) -> Session {
        Session {
            id: "id".into(),
            principal: "alice@example.org".into(),
            groups: [].into(),
            voucher: Voucher::Oidc { issuer: "https://idp.example.org".into() },
            acr: None,
            auth_time_ms: 1,
            established_at_ms: 2,
            expires_at_ms: 3,
            binding: Binding { trust_domain: "staff".into(), holder: Subject::new(SubjectKind::Device, "laptop-7") },
            proofs: Vec::new(),
            provider: Some(AtProvider {
                sub: sub.into(),
                sid: sid.map(Into::into),
                refresh_token: None,
                id_token: None,
                claims_at_ms: 2,
            }),
        }
    }

    #[test]
    fn a_token_ends_the_sessions_that_it_names() {
        for (token_sub, token_sid, sub, sid, meant) in [
            (Some("u-1"), None, "u-1", Some("s-1"), true),
            (Some("u-1"), None, "u-1", None, true),
            (Some("u-1"), None, "u-2", None, false),
            (Some("u-1"), Some("s-1"), "u-1", Some("s-1"), true),
            (Some("u-1"), Some("s-1"), "u-1", Some("s-2"), false),
            (Some("u-1"), Some("s-1"), "u-2", Some("s-1"), false),
            (Some("u-1"), Some("s-1"), "u-1", None, true),
            (None, Some("s-1"), "u-1", Some("s-1"), true),
            (None, Some("s-1"), "u-1", Some("s-2"), false),
            (None, Some("s-1"), "u-1", None, false),
        ] {
            let token = LogoutToken {
                sub: token_sub.map(Into::into),
                sid: token_sid.map(Into::into),
                jti: "j".into(),
                iat_ms: 1,
            };
            assert_eq!(
                is_meant(session(sub, sid).provider.as_ref().unwrap(), &token),
                meant,
                "{token:?} {sub} {sid:?}"
            );
        }
    }
}
