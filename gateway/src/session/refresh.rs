//! Claims of sessions kept current, in the background: who has left a group, or the company, must not keep what came of it.
//!
//! Only sessions that were used since are asked about. One that the provider has ended ends here. While the provider does
//! not answer, sessions go on until their own end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{AtProvider, Session};
use crate::audit::authentication::{AuthenticationEvent, LoginActivity};
use crate::clock;
use crate::gateway::Gateway;
use crate::oidc::{Current, Provider, RefreshError, Refreshed};
use crate::outgoing::backoff::{after_failures, jittered};
use crate::secret::Secret;
use crate::state::Change;

/// How often is looked.
const PERIOD: Duration = Duration::from_secs(1);
/// Sessions that the provider is asked about at once.
const AT_ONCE: usize = 8;
/// After so many questions of a round without an answer the provider is taken to be silent: one may be about a person only.
const SILENT_AFTER: usize = 3;

/// Keeps claims current until the process ends. A process on its way out leaves that to its successor.
pub async fn run(gateway: Arc<Gateway>) {
    let mut rounds_without_answer = 0;
    loop {
        let wait = PERIOD.max(after_failures(rounds_without_answer));
        tokio::time::sleep(if rounds_without_answer == 0 { PERIOD } else { jittered(wait) }).await;
        let Some(provider) = gateway.snapshot.load().oidc.clone() else { continue };
        if gateway.draining() || !provider.settings().refresh {
            continue;
        }
        let answered = round(&gateway, &provider).await;
        rounds_without_answer = if answered { 0 } else { rounds_without_answer + 1 };
    }
}

/// Asks about every session whose claims have become old. Returns whether the provider answered.
async fn round(gateway: &Arc<Gateway>, provider: &Arc<Provider>) -> bool {
    let unanswered = AtomicUsize::new(0);
    let now_ms = clock::now_ms();
    let asking = (Arc::clone(gateway), Arc::clone(provider));
    let Ok(mut due) = tokio::task::spawn_blocking(move || due(&asking.0, &asking.1, now_ms)).await else { return true };
    // No session is always the first, and so none keeps the others from being asked about.
    let first = usize::try_from(now_ms).unwrap_or_default().checked_rem(due.len()).unwrap_or_default();
    due.rotate_left(first);
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, |session| {
            let unanswered = &unanswered;
            async move {
                let is_silent = unanswered.load(Ordering::Relaxed) >= SILENT_AFTER;
                if !is_silent && !refresh(gateway, provider, &session).await {
                    unanswered.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .await;
    unanswered.load(Ordering::Relaxed) == 0
}

fn due(gateway: &Gateway, provider: &Provider, now_ms: i64) -> Vec<Arc<Session>> {
    let after_ms = i64::try_from(provider.settings().refresh_after.as_millis()).unwrap_or(i64::MAX);
    let live = gateway.state.live();
    let sessions = &live.sessions;
    let issuer = &provider.settings().issuer;
    sessions.entries.matching(|session| {
        let Some(known) = session.at(issuer).filter(|known| known.refresh_token.is_some()) else { return false };
        let is_old = now_ms.saturating_sub(known.claims_at_ms) >= after_ms && now_ms < session.expires_at_ms;
        is_old
            && sessions.used_at_ms(&session.id).is_some_and(|used_ms| used_ms > known.claims_at_ms)
            && live.revocations.get(&session.subject()).is_none()
    })
}

/// Asks about one. Returns whether there was an answer.
async fn refresh(gateway: &Arc<Gateway>, provider: &Provider, session: &Arc<Session>) -> bool {
    let Some(known) = &session.provider else { return true };
    let Some(token) = &known.refresh_token else { return true };
    let asked = provider.refresh(token, &known.sub).await;
    let metrics = gateway.metrics.sessions();
    match asked {
        Ok(refreshed) => {
            metrics.refreshed(match refreshed.claims {
                Ok(Some(_)) => "refreshed",
                Ok(None) => "unchanged",
                Err(_) => "unusable",
            });
            keep(gateway, provider, session, refreshed).await;
            true
        }
        Err(RefreshError::Refused(why)) => {
            metrics.refreshed("ended");
            end(gateway, provider, session, why).await;
            true
        }
        Err(RefreshError::Unusable(why)) => {
            metrics.refreshed("unusable");
            tracing::warn!(why, session = %session.id, "claims of a session are not refreshed; it goes on");
            // Asked for again when they would have been anyway.
            let unchanged = Refreshed { claims: Ok(None), refresh_token: None, id_token: None };
            keep(gateway, provider, session, unchanged).await;
            true
        }
        Err(RefreshError::Unavailable(why)) => {
            metrics.refreshed("unavailable");
            tracing::warn!(why, "claims of a session are not refreshed; it goes on");
            false
        }
    }
}

async fn keep(gateway: &Arc<Gateway>, provider: &Provider, session: &Arc<Session>, refreshed: Refreshed) {
    let Refreshed { claims, refresh_token, id_token } = refreshed;
    let groups = match claims {
        Ok(Some(Current { principal, .. })) if principal != session.principal => {
            let why = "the provider gives the person another name".to_owned();
            return end(gateway, provider, session, why).await;
        }
        Ok(Some(Current { groups, .. })) => groups,
        Ok(None) => Arc::clone(&session.groups),
        Err(error) => {
            // The provider has not ended the session. The refresh token may be a new one all the same.
            tracing::warn!(%error, session = %session.id, "what the provider says of a session cannot be used");
            Arc::clone(&session.groups)
        }
    };
    let newer = |new: Option<Secret>, old: &Option<Secret>| new.or_else(|| old.clone());
    let at_provider = session.provider.as_ref().map(|known| AtProvider {
        refresh_token: newer(refresh_token, &known.refresh_token),
        id_token: newer(id_token, &known.id_token),
        claims_at_ms: clock::now_ms(),
        ..known.clone()
    });
    let renewed = Session { groups, provider: at_provider, ..(**session).clone() };
    change(gateway, vec![Change::Establish(renewed)]).await;
}

async fn end(gateway: &Arc<Gateway>, provider: &Provider, session: &Session, why: String) {
    let now = gateway.state.live().sessions.entries.get(&session.id);
    if now.is_some_and(|now| now.established_at_ms != session.established_at_ms) {
        // The person has logged in again meanwhile: the answer is about what was before.
        return;
    }
    let ending = session.ending(&provider.settings().issuer, &why, clock::now_ms());
    change(gateway, ending.into()).await;
    let event = AuthenticationEvent::of(LoginActivity::EndedByProvider, session);
    gateway.audit.put(AuthenticationEvent { detail: Some(why), ..event });
}

async fn change(gateway: &Gateway, changes: Vec<Change>) {
    if let Err(error) = gateway.state.change(changes, Instant::now()).await {
        tracing::error!(%error, "what the provider says of a session is not kept");
    }
}
