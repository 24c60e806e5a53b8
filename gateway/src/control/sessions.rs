//! `/v1/sessions`: who is logged in.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Asking};
use crate::clock;
use crate::session::Session;
use crate::state::SubjectKind;

/// Sessions of one page.
const PAGE: usize = 1_000;

/// A page of sessions, by id.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    sessions: Vec<SessionShown>,
    /// Where more follow: what to ask for next, as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Arc<str>>,
}

/// A session. What opens it is not shown.
#[derive(Debug, Serialize, ToSchema)]
struct SessionShown {
    /// What it is revoked by.
    id: Arc<str>,
    /// The person.
    user: Arc<str>,
    /// The groups that the identity provider says.
    groups: Vec<Arc<str>>,
    /// `oidc`, `smartcard`
    method: &'static str,
    /// The authentication class, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<Arc<str>>,
    /// The trust domain of the certificate that it is bound to.
    trust_domain: Arc<str>,
    /// What it is bound to: `device`, or `user` or `workload` where certificates name no device.
    holder_kind: &'static str,
    /// The name of that.
    holder: Arc<str>,
    /// When the person last proved who they are, milliseconds since the Unix epoch.
    auth_time_ms: i64,
    /// When it was begun or made stronger, milliseconds since the Unix epoch.
    established_at_ms: i64,
    /// When it was last used on this node, milliseconds since the Unix epoch; 0 for not since the process began.
    used_at_ms: i64,
    /// When it ends, milliseconds since the Unix epoch.
    expires_at_ms: i64,
}

pub(super) fn list(asking: &Asking<'_>) -> Answer {
    let (user, device) = (asking.only("user"), asking.only("device"));
    let after = asking.only("after").unwrap_or_default();
    let now_ms = clock::now_ms();
    let live = asking.gateway.state.live();
    let counts = |session: &Session| {
        let subject = session.subject();
        now_ms < session.expires_at_ms
            && live.standing(std::slice::from_ref(&subject), session.established_at_ms, now_ms).is_ok()
    };
    let mut sessions = live.sessions.entries.all();
    sessions.retain(|it| {
        *it.id > *after
            && user.as_ref().is_none_or(|user| *user == it.principal)
            && device.as_ref().is_none_or(|device| is_of_device(it, device))
            && counts(it)
    });
    sessions.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let more = sessions.len() > PAGE;
    sessions.truncate(PAGE);
    let next = sessions.last().filter(|_| more).map(|it| Arc::clone(&it.id));
    let shown = sessions.iter().map(|it| SessionShown::of(it, live.sessions.used_at_ms(&it.id).unwrap_or(0)));
    Answer::of(&Sessions { sessions: shown.collect(), next })
}

fn is_of_device(session: &Session, device: &str) -> bool {
    let holder = &session.binding.holder;
    holder.kind == SubjectKind::Device && *holder.id == *device
}

impl SessionShown {
    fn of(session: &Session, used_at_ms: i64) -> Self {
        Self {
            id: Arc::clone(&session.id),
            user: Arc::clone(&session.principal),
            groups: session.groups.to_vec(),
            method: session.method().as_str(),
            acr: session.acr.clone(),
            trust_domain: Arc::clone(&session.binding.trust_domain),
            holder_kind: session.binding.holder.kind.as_str(),
            holder: Arc::clone(&session.binding.holder.id),
            auth_time_ms: session.auth_time_ms,
            established_at_ms: session.established_at_ms,
            used_at_ms,
            expires_at_ms: session.expires_at_ms,
        }
    }
}
