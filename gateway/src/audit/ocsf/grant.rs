//! Entity Management (class 3004) of grants for emergencies: one came into force, ended, or is not good.

use std::sync::Arc;

use serde::Serialize;

use super::entity_management::{ACTIVATE, CLASS_UID, Entity, EntityManagement, LoadResult};
use super::objects::Metadata;
use super::text::{Bounds, Text, Texts};
use super::unmapped::{Unmapped, VERSION};
use crate::audit::event::{GrantChange, GrantEvent};
use crate::facts::break_glass::{Holder, Signed};

const DEACTIVATE: u32 = 11;

/// That somebody may break the glass is worth a look, whoever it is.
const IN_FORCE: LoadResult = LoadResult { status_id: 1, status: "Success", severity_id: 4, severity: "High" };
const OVER: LoadResult = LoadResult { status_id: 1, status: "Success", severity_id: 1, severity: "Informational" };
const REFUSED: LoadResult = LoadResult { status_id: 2, status: "Failure", severity_id: 3, severity: "Medium" };

/// `unmapped.gaccong` of a change of a grant.
#[derive(Debug, Serialize)]
pub(super) struct ChangePart<'a> {
    version: u64,
    phase: &'static str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantPart<'a>>,
}

/// A grant, in the records of its changes and of the requests that it lets in.
#[derive(Debug, Serialize)]
pub(super) struct GrantPart<'a> {
    id: Text<'a>,
    reason: Text<'a>,
    #[serde(rename = "for")]
    holder: HolderPart<'a>,
    apps: Texts<'a, Arc<str>>,
    signers: Texts<'a, Arc<str>>,
    not_before: i64,
    not_after: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum HolderPart<'a> {
    User(Text<'a>),
    Workload(Text<'a>),
    Certificate(Text<'a>),
}

impl<'a> GrantPart<'a> {
    /// A grant, with texts cut at `bounds`.
    pub(super) fn of(Signed { grant, signers }: &'a Signed, bounds: &Bounds) -> Self {
        let names = |values| Texts { values, max: bounds.token, count: bounds.details };
        Self {
            id: bounds.token(&grant.id),
            reason: bounds.detail(&grant.reason),
            holder: match &grant.holder {
                Holder::User(id) => HolderPart::User(bounds.name(id)),
                Holder::Workload(id) => HolderPart::Workload(bounds.name(id)),
                Holder::Certificate(fingerprint) => HolderPart::Certificate(bounds.token(fingerprint)),
            },
            apps: names(&grant.apps),
            signers: names(signers),
            not_before: grant.not_before_ms(),
            not_after: grant.not_after_ms(),
        }
    }
}

impl<'a> EntityManagement<'a, ChangePart<'a>> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of_grant(event: &'a GrantEvent, bounds: &'static Bounds) -> Self {
        let (activity_id, activity_name, result) = match event.change {
            GrantChange::InForce => (ACTIVATE, "Activate", IN_FORCE),
            GrantChange::Refused => (ACTIVATE, "Activate", REFUSED),
            GrantChange::Ended | GrantChange::Withdrawn => (DEACTIVATE, "Deactivate", OVER),
        };
        let part = ChangePart {
            version: VERSION,
            phase: "final",
            result: match event.change {
                GrantChange::InForce => "in_force",
                GrantChange::Ended => "ended",
                GrantChange::Withdrawn => "withdrawn",
                GrantChange::Refused => "refused",
            },
            grant: event.grant.as_deref().map(|signed| GrantPart::of(signed, bounds)),
        };
        Self {
            class_uid: CLASS_UID,
            category_uid: 3,
            activity_id,
            activity_name,
            type_uid: CLASS_UID * 100 + activity_id,
            time: event.time_ms,
            metadata: Metadata::of_gateway(event.id),
            result,
            status_detail: event.why.as_deref().map(|why| bounds.detail(why)),
            entity: Entity { name: "break-glass grant", r#type: "grant", uid: bounds.name(&event.name), version: None },
            actor: None,
            unmapped: Unmapped { gaccong: part },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::audit::event::Event;
    use crate::audit::fixtures;
    use crate::audit::ocsf::{LINE_LIMIT, write_line};

    fn record(event: GrantEvent) -> Value {
        let mut line = Vec::new();
        write_line(&Event::from(event), &mut line).unwrap();
        assert!(line.len() <= LINE_LIMIT);
        serde_json::from_slice(&line).unwrap()
    }

    fn event(change: GrantChange) -> GrantEvent {
        let signed = Arc::new(fixtures::grant());
        let event = GrantEvent::of(change, Arc::clone(&signed.grant.id), Some(signed), None, 5);
        GrantEvent { id: Uuid::from_u128(3), ..event }
    }

    #[test]
    fn a_grant_that_came_into_force() {
        let expected = json!({
            "class_uid": 3004, "category_uid": 3, "activity_id": 10, "activity_name": "Activate", "type_uid": 300_410,
            "time": 5,
            "metadata": {
                "version": "1.8.0",
                "product": {"name": "Gác Cổng", "vendor_name": "Gác Cổng", "version": env!("CARGO_PKG_VERSION")},
                "uid": "00000000-0000-0000-0000-000000000003",
            },
            "status_id": 1, "status": "Success", "severity_id": 4, "severity": "High",
            "entity": {"name": "break-glass grant", "type": "grant", "uid": "fire-1"},
            "unmapped": {"gaccong": {
                "version": 1, "phase": "final", "result": "in_force",
                "grant": {
                    "id": "fire-1", "reason": "the identity provider is down", "for": {"user": "alice@example.org"},
                    "apps": ["payroll"], "signers": ["lan", "minh"],
                    "not_before": 1_767_254_400_000_i64, "not_after": 1_767_268_800_000_i64,
                },
            }},
        });
        assert_eq!(record(event(GrantChange::InForce)), expected);
    }

    #[test]
    fn grants_that_end_and_files_that_are_none() {
        let ended = record(event(GrantChange::Ended));
        assert_eq!(
            (&ended["activity_name"], &ended["unmapped"]["gaccong"]["result"]),
            (&json!("Deactivate"), &json!("ended"))
        );
        let why = Some("x\n".repeat(50_000));
        let refused = record(GrantEvent { grant: None, why, ..event(GrantChange::Refused) });
        assert_eq!((&refused["status"], refused["unmapped"]["gaccong"].get("grant")), (&json!("Failure"), None));
    }
}
