//! What the records say of changes. Posture reports and signals have the records of the calls that brought them.

use std::sync::Arc;

use uuid::Uuid;

use super::change::Change;
use crate::audit::event::{Activity, StateEvent};
use crate::clock;

/// The record of a store that was read.
pub(super) fn opened(serial: u64) -> StateEvent {
    StateEvent {
        id: Uuid::now_v7(),
        time_ms: clock::now_ms(),
        activity: Activity::Read,
        entity: "store",
        kind: "embedded",
        name: "store".into(),
        by: "gateway".into(),
        cause: None,
        until_ms: None,
        store_serial: Some(serial),
    }
}

/// The record of a change that has come into force; `None` for one that needs none of its own.
pub(super) fn of(change: &Change, store_serial: Option<u64>) -> Option<StateEvent> {
    let event = |activity, entity, kind, name: &Arc<str>, by: &Arc<str>| StateEvent {
        id: Uuid::now_v7(),
        time_ms: clock::now_ms(),
        activity,
        entity,
        kind,
        name: Arc::clone(name),
        by: Arc::clone(by),
        cause: None,
        until_ms: None,
        store_serial,
    };
    Some(match change {
        Change::Revoke(it) => {
            let event = event(Activity::Create, "revocation", it.subject.kind.as_str(), &it.subject.id, &it.by);
            StateEvent { cause: it.reason.clone(), until_ms: it.until_ms, ..event }
        }
        Change::Reinstate { subject, by, .. } => {
            event(Activity::Delete, "revocation", subject.kind.as_str(), &subject.id, by)
        }
        Change::Reauthenticate(it) => {
            let event = event(Activity::Create, "reauthentication", it.subject.kind.as_str(), &it.subject.id, &it.by);
            StateEvent { cause: Some(Arc::clone(&it.cause)), ..event }
        }
        Change::Lock(it) => {
            let event = event(Activity::Create, "lockdown", it.scope.kind.as_str(), &it.scope.name, &it.by);
            StateEvent { cause: it.reason.clone(), ..event }
        }
        Change::Lift { scope, by } => event(Activity::Delete, "lockdown", scope.kind.as_str(), &scope.name, by),
        Change::Alert(it) => {
            let event = event(Activity::Update, "alert", "level", &it.level.to_string().into(), &it.by);
            StateEvent { cause: it.reason.clone(), ..event }
        }
        Change::Hold(it) => {
            let event = event(Activity::Create, "hold", "source", &it.source, &"gateway".into());
            StateEvent { cause: Some(Arc::clone(&it.cause)), ..event }
        }
        Change::Release { source, by } => event(Activity::Delete, "hold", "source", source, by),
        Change::Risk(it) => {
            let event = event(Activity::Update, "risk", it.subject.kind.as_str(), &it.subject.id, &it.by);
            StateEvent { cause: Some(Arc::clone(&it.level)), ..event }
        }
        Change::Enrol(it) => event(Activity::Create, "enrolment", "device", &it.device, &it.device),
        Change::Unenrol(device) => event(Activity::Delete, "enrolment", "device", device, device),
        Change::Report(_)
        | Change::Forget { .. }
        | Change::Stream(_)
        | Change::Account(_)
        | Change::Seen(_)
        | Change::Unsee(..)
        // Logins have records of their own.
        | Change::Establish(_)
        | Change::Discard(_)
        | Change::Key(_)
        | Change::Unkey(_) => return None,
    })
}
