//! `/v1/revocations`: who and what is refused.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Words;
use super::{Answer, Asking};
use crate::clock;
use crate::state::{Change, Revocation, Subject, SubjectKind};

/// The longest revocation that ends by itself: ten years.
const MAX_FOR_S: u32 = 3650 * 86_400;

/// Why and for how long.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Revoke {
    /// Why, for the record.
    reason: Option<Words>,
    /// For how many seconds; without it until it is lifted.
    #[schema(minimum = 1, maximum = 315_360_000)]
    for_s: Option<u32>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revoked {
    /// The commit of the store that keeps it.
    store_serial: u64,
}

/// Every revocation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revocations {
    revocations: Vec<RevocationShown>,
}

/// A revocation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevocationShown {
    /// `user`, `workload`, `device`, `certificate`, `session`
    kind: &'static str,
    /// Who or what.
    id: Arc<str>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Arc<str>>,
    /// Who revoked.
    by: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    at_ms: i64,
    /// When it ends by itself, milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
}

pub(super) fn list(asking: &Asking<'_>) -> Answer {
    let now_ms = clock::now_ms();
    let mut revocations: Vec<_> = asking.gateway.state.live().revocations.all();
    revocations.retain(|it| it.until_ms.is_none_or(|until_ms| now_ms < until_ms));
    revocations.sort_by(|one, other| one.at_ms.cmp(&other.at_ms).then_with(|| one.subject.cmp(&other.subject)));
    let shown = revocations.into_iter().map(|it| RevocationShown {
        kind: it.subject.kind.as_str(),
        id: Arc::clone(&it.subject.id),
        reason: it.reason.clone(),
        by: Arc::clone(&it.by),
        at_ms: it.at_ms,
        until_ms: it.until_ms,
    });
    Answer::of(&Revocations { revocations: shown.collect() })
}

pub(super) async fn revoke(asking: &Asking<'_>) -> Answer {
    let Some(subject) = asking.subject() else { return Answer::no_target() };
    let Revoke { reason, for_s } = match asking.optional_body() {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    if for_s.is_some_and(|seconds| seconds == 0 || seconds > MAX_FOR_S) {
        return Answer::problem(StatusCode::BAD_REQUEST, format!("`for_s` must be from 1 to {MAX_FOR_S}"));
    }
    let at_ms = clock::now_ms();
    let until_ms = for_s.map(|seconds| at_ms + i64::from(seconds) * 1000).or_else(|| end_of(asking, &subject));
    let revocation = Revocation { subject, reason: reason.map(Arc::from), by: asking.by(), at_ms, until_ms };
    match asking.change(Change::Revoke(revocation)).await {
        Ok(applied) => Answer::of(&Revoked { store_serial: applied.serial }),
        Err(answer) => answer,
    }
}

/// When a session would have ended by itself: its revocation need not be kept for longer.
fn end_of(asking: &Asking<'_>, subject: &Subject) -> Option<i64> {
    let session = asking.gateway.state.live().sessions.entries.get(&subject.id);
    session.filter(|_| subject.kind == SubjectKind::Session).map(|session| session.expires_at_ms.saturating_add(1))
}

pub(super) async fn reinstate(asking: &Asking<'_>) -> Answer {
    let Some(subject) = asking.subject() else { return Answer::no_target() };
    let Some(present) = asking.gateway.state.live().revocations.get(&subject) else {
        return Answer::problem(StatusCode::NOT_FOUND, format!("{subject} is not revoked"));
    };
    asking.changed(Change::Reinstate { subject, revoked_at_ms: present.at_ms, by: asking.by() }).await
}
