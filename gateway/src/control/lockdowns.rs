//! `/v1/lockdowns`: what is closed until another person opens it.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Words;
use super::{Answer, Asking};
use crate::clock;
use crate::facts::snapshot::Snapshot;
use crate::state::{Change, Lockdown, Scope, ScopeKind};

/// Why.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Lock {
    /// Why, for the record.
    reason: Option<Words>,
}

/// Everything that is closed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Lockdowns {
    lockdowns: Vec<LockdownShown>,
}

/// A lockdown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockdownShown {
    /// `app`, `group`, `issuer`, `trust-domain`
    kind: &'static str,
    /// Its name.
    id: Arc<str>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Arc<str>>,
    /// Who closed it.
    by: Arc<str>,
    /// When, milliseconds since the Unix epoch.
    at_ms: i64,
}

pub(super) fn list(asking: &Asking<'_>) -> Answer {
    let mut lockdowns = asking.gateway.state.live().lockdowns.all();
    lockdowns.sort_by(|one, other| one.scope.cmp(&other.scope));
    let shown = lockdowns.into_iter().map(|it| LockdownShown {
        kind: it.scope.kind.as_str(),
        id: Arc::clone(&it.scope.name),
        reason: it.reason.clone(),
        by: Arc::clone(&it.by),
        at_ms: it.at_ms,
    });
    Answer::of(&Lockdowns { lockdowns: shown.collect() })
}

pub(super) async fn lock(asking: &Asking<'_>) -> Answer {
    let Some(scope) = asking.scope() else { return Answer::no_target() };
    if !is_known(&scope, &asking.gateway.snapshot.load()) {
        // Whoever closes what is not there would believe that something is closed.
        return Answer::problem(StatusCode::NOT_FOUND, format!("the configuration knows no {scope}"));
    }
    let Lock { reason } = match asking.optional_body() {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    // Whoever closed it first stays the one who may not open it.
    if let Some(before) = asking.gateway.state.live().lockdowns.get(&scope) {
        return Answer::problem(StatusCode::CONFLICT, format!("{scope} is closed already, by `{}`", before.by));
    }
    asking
        .changed(Change::Lock(Lockdown {
            scope,
            reason: reason.map(Arc::from),
            by: asking.by(),
            at_ms: clock::now_ms(),
        }))
        .await
}

pub(super) async fn lift(asking: &Asking<'_>) -> Answer {
    let Some(scope) = asking.scope() else { return Answer::no_target() };
    let Some(lockdown) = asking.gateway.state.live().lockdowns.get(&scope) else {
        return Answer::problem(StatusCode::NOT_FOUND, format!("{scope} is not closed"));
    };
    if lockdown.by == asking.by() {
        let detail = format!("`{}` has closed {scope}: another person must open it", lockdown.by);
        return Answer::problem(StatusCode::CONFLICT, detail);
    }
    asking.changed(Change::Lift { scope, by: asking.by() }).await
}

/// Whether there is such a thing, as far as the configuration can tell: groups and issuers may be any.
fn is_known(scope: &Scope, snapshot: &Snapshot) -> bool {
    match scope.kind {
        ScopeKind::App => snapshot.routes.of_app(&scope.name).is_some(),
        ScopeKind::TrustDomain => snapshot.config.clients.trust.iter().any(|domain| domain.name == scope.name),
        ScopeKind::Group | ScopeKind::Issuer => true,
    }
}
