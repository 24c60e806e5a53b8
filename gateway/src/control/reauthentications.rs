//! `/v1/reauthentications`: who must prove again who they are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Words;
use super::{Answer, Asking};
use crate::clock;
use crate::state::{Change, Reauthentication};

/// Why.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reauthenticate {
    /// Why, for the record.
    reason: Option<Words>,
}

pub(super) async fn ask(asking: &Asking<'_>) -> Answer {
    let Some(subject) = asking.subject() else { return Answer::no_target() };
    let Reauthenticate { reason } = match asking.optional_body() {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let cause = reason.map_or_else(|| "asked for".into(), Arc::from);
    let asked = Reauthentication { subject, since_ms: clock::now_ms(), cause, by: asking.by() };
    asking.changed(Change::Reauthenticate(asked)).await
}
