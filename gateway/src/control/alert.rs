//! `/v1/alert`: the alert level, by which policies can be stricter.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Words;
use super::{Answer, Asking};
use crate::clock;
use crate::state::{Alert, Change};

/// The highest level.
const HIGHEST: u8 = 5;

/// The level to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetAlert {
    /// From 0, nothing unusual, to 5.
    #[schema(maximum = 5)]
    level: u8,
    /// Why, for the record.
    #[serde(default)]
    reason: Option<Words>,
}

/// The level as it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertLevel {
    /// From 0, nothing unusual, to 5.
    level: u8,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Arc<str>>,
    /// Who set it, where it was ever set.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Arc<str>>,
    /// When, milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<i64>,
}

pub(super) fn get(asking: &Asking<'_>) -> Answer {
    let alert = asking.gateway.state.live().alerts.get(&());
    Answer::of(&AlertLevel {
        level: alert.as_ref().map_or(0, |alert| alert.level),
        reason: alert.as_ref().and_then(|alert| alert.reason.clone()),
        by: alert.as_ref().map(|alert| Arc::clone(&alert.by)),
        at_ms: alert.as_ref().map(|alert| alert.at_ms),
    })
}

pub(super) async fn set(asking: &Asking<'_>) -> Answer {
    let SetAlert { level, reason } = match asking.body() {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    if level > HIGHEST {
        return Answer::problem(StatusCode::BAD_REQUEST, format!("`level` must be from 0 to {HIGHEST}"));
    }
    asking
        .changed(Change::Alert(Alert { level, reason: reason.map(Arc::from), by: asking.by(), at_ms: clock::now_ms() }))
        .await
}
