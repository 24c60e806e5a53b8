//! Entity Management (class 3004), activities Create, Update and Delete: what is kept has changed.

use gaccong_policy::PrincipalKind;
use serde::Serialize;

use super::objects::{Actor, Metadata};
use super::text::{Bounds, Text};
use super::unmapped::{Unmapped, VERSION};
use crate::audit::event::{Activity, StateEvent};

const CLASS_UID: u32 = 3004;

/// The event of a change.
#[derive(Debug, Serialize)]
pub(super) struct StateChange<'a> {
    class_uid: u32,
    category_uid: u8,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    time: i64,
    metadata: Metadata<'a>,
    status_id: u8,
    status: &'static str,
    severity_id: u8,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<Text<'a>>,
    entity: Entity<'a>,
    actor: Actor<'a>,
    unmapped: Unmapped<StatePart<'a>>,
}

/// `entity`: what has changed, and of whom.
#[derive(Debug, Serialize)]
struct Entity<'a> {
    r#type: &'static str,
    name: Text<'a>,
    uid: Text<'a>,
}

/// `unmapped.gaccong` of a change.
#[derive(Debug, Serialize)]
struct StatePart<'a> {
    version: u64,
    phase: &'static str,
    entity: &'static str,
    kind: &'static str,
    id: Text<'a>,
    by: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
    /// Whether it survives the process.
    kept: bool,
    /// How many commits the store had with it. A store with fewer is older than this record.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_serial: Option<u64>,
}

impl<'a> StateChange<'a> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a StateEvent, bounds: &'static Bounds) -> Self {
        let (activity_id, activity_name) = match event.activity {
            Activity::Create => (1, "Create"),
            Activity::Read => (2, "Read"),
            Activity::Update => (3, "Update"),
            Activity::Delete => (4, "Delete"),
        };
        let kept = event.store_serial.is_some();
        Self {
            class_uid: CLASS_UID,
            category_uid: 3,
            activity_id,
            activity_name,
            type_uid: CLASS_UID * 100 + activity_id,
            time: event.time_ms,
            metadata: Metadata::of_gateway(event.id),
            status_id: if kept { 1 } else { 2 },
            status: if kept { "Success" } else { "Failure" },
            severity_id: if event.activity == Activity::Read { 1 } else { 3 },
            severity: if event.activity == Activity::Read { "Informational" } else { "Medium" },
            comment: event.cause.as_deref().map(|cause| bounds.detail(cause)),
            entity: Entity { r#type: event.entity, name: bounds.name(event.kind), uid: bounds.name(&event.name) },
            actor: Actor::of(PrincipalKind::User, &event.by, &[], bounds),
            unmapped: Unmapped {
                gaccong: StatePart {
                    version: VERSION,
                    phase: "final",
                    entity: event.entity,
                    kind: event.kind,
                    id: bounds.name(&event.name),
                    by: bounds.name(&event.by),
                    until_ms: event.until_ms,
                    kept,
                    store_serial: event.store_serial,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::audit::event::Event;
    use crate::audit::ocsf::write_line;

    #[test]
    fn a_revocation() {
        let event = StateEvent {
            id: Uuid::from_u128(3),
            time_ms: 5,
            activity: Activity::Create,
            entity: "revocation",
            kind: "user",
            name: "bob@example.org".into(),
            by: "soc@example.org".into(),
            cause: Some("stolen laptop".into()),
            until_ms: None,
            store_serial: Some(7),
        };
        let mut line = Vec::new();
        write_line(&Event::from(event), &mut line).unwrap();
        let record: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&record["class_uid"], &record["type_uid"]), (&json!(3004), &json!(300_401)));
        assert_eq!(record["comment"], "stolen laptop");
        assert_eq!(record["entity"], json!({"type": "revocation", "name": "user", "uid": "bob@example.org"}));
        assert_eq!(record["actor"]["user"]["uid"], "soc@example.org");
        let part = &record["unmapped"]["gaccong"];
        assert_eq!((&part["store_serial"], &part["kept"]), (&json!(7), &json!(true)));
    }
}
