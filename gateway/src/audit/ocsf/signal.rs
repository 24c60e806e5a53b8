//! Entity Management (class 3004) of a signal: what a stream said of a person, a device or itself.

use serde::Serialize;

use super::objects::Metadata;
use super::text::{Bounds, Text};
use super::unmapped::{Unmapped, VERSION};
use crate::audit::signal::SignalEvent;

const CLASS_UID: u32 = 3004;

/// The event of a signal.
#[derive(Debug, Serialize)]
pub(super) struct SignalRecord<'a> {
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
    entity: Entity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<Text<'a>>,
    unmapped: Unmapped<SignalPart<'a>>,
}

/// `entity`: whom it is about.
#[derive(Debug, Serialize)]
struct Entity<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Text<'a>>,
    name: Text<'a>,
}

/// `unmapped.gaccong` of a signal.
#[derive(Debug, Serialize)]
struct SignalPart<'a> {
    version: u64,
    phase: &'static str,
    stream: Text<'a>,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    said_of: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    happened_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiating_entity: Option<Text<'a>>,
}

impl<'a> SignalRecord<'a> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a SignalEvent, bounds: &'static Bounds) -> Self {
        let (activity_id, activity_name) = activity(event.effect);
        let (severity_id, severity) = severity(event.effect);
        let signal = event.signal.as_ref();
        Self {
            class_uid: CLASS_UID,
            category_uid: 3,
            activity_id,
            activity_name,
            type_uid: CLASS_UID * 100 + activity_id,
            time: event.time_ms,
            metadata: Metadata::of_gateway(event.id),
            status_id: 1,
            status: "Success",
            severity_id,
            severity,
            entity: Entity::of(event, bounds),
            comment: signal.and_then(|signal| signal.reason.as_deref()).map(|reason| bounds.detail(reason)),
            unmapped: Unmapped {
                gaccong: SignalPart {
                    version: VERSION,
                    phase: "final",
                    stream: bounds.name(&event.stream),
                    effect: event.effect,
                    event: signal.map(|signal| signal.event_type.map_or("unknown", |known| known.as_str())),
                    jti: signal.map(|signal| bounds.name(&signal.jti)),
                    said_of: signal.map(|signal| bounds.name(&signal.said_of)),
                    happened_at: signal.map(|signal| signal.happened_at_ms),
                    initiating_entity: signal
                        .and_then(|signal| signal.initiating_entity.as_deref())
                        .map(|entity| bounds.token(entity)),
                },
            },
        }
    }
}

impl<'a> Entity<'a> {
    fn of(event: &'a SignalEvent, bounds: &Bounds) -> Self {
        match (&event.subject, &event.signal) {
            (Some(subject), _) => {
                let id = bounds.name(&subject.id);
                Self { r#type: subject.kind.as_str(), uid: Some(id), name: id }
            }
            (None, Some(signal)) => Self { r#type: "unknown", uid: None, name: bounds.name(&signal.said_of) },
            (None, None) => Self { r#type: "signal_stream", uid: None, name: bounds.name(&event.stream) },
        }
    }
}

fn activity(effect: &str) -> (u32, &'static str) {
    match effect {
        "reinstate" => (8, "Enable"),
        "revoke" | "revoke_certificate" => (9, "Disable"),
        "reauthenticate" | "fact" | "risk" | "stream" | "verified" => (3, "Update"),
        _ => (99, "Other"),
    }
}

/// What takes access away, or the means to, is worth a look.
fn severity(effect: &str) -> (u8, &'static str) {
    match effect {
        "lost" | "revoke" | "revoke_certificate" | "reauthenticate" => (3, "Medium"),
        "unmapped" | "replayed" | "outdated" => (2, "Low"),
        _ => (1, "Informational"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::audit::event::Event;
    use crate::audit::ocsf::{LINE_LIMIT, write_line};
    use crate::audit::signal::{Signal, SignalEvent};
    use crate::signals::event::EventType;
    use crate::state::{Subject, SubjectKind};

    fn event() -> SignalEvent {
        SignalEvent {
            id: Uuid::from_u128(3),
            time_ms: 5,
            stream: "idp".into(),
            signal: Some(Signal {
                jti: "token-1".into(),
                event_type: Some(EventType::SessionRevoked),
                said_of: "email alice@example.org".to_owned(),
                happened_at_ms: 4,
                initiating_entity: Some("admin".to_owned()),
                reason: Some("Landspeed".to_owned()),
            }),
            effect: "reauthenticate",
            subject: Some(Subject::new(SubjectKind::User, "alice@example.org")),
        }
    }

    fn record(event: SignalEvent) -> Value {
        let mut line = Vec::new();
        write_line(&Event::from(event), &mut line).unwrap();
        assert!(line.len() <= LINE_LIMIT && line.iter().filter(|byte| **byte == b'\n').count() == 1);
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_signal_and_what_it_changed() {
        let expected = json!({
            "class_uid": 3004, "category_uid": 3, "activity_id": 3, "activity_name": "Update", "type_uid": 300_403,
            "time": 5,
            "metadata": {
                "version": "1.8.0",
                "product": {"name": "Gác Cổng", "vendor_name": "Gác Cổng", "version": env!("CARGO_PKG_VERSION")},
                "uid": "00000000-0000-0000-0000-000000000003",
            },
            "status_id": 1, "status": "Success", "severity_id": 3, "severity": "Medium",
            "entity": {"type": "user", "uid": "alice@example.org", "name": "alice@example.org"},
            "comment": "Landspeed",
            "unmapped": {"gaccong": {
                "version": 1, "phase": "final", "stream": "idp", "effect": "reauthenticate", "event": "session-revoked",
                "jti": "token-1", "said_of": "email alice@example.org", "happened_at": 4, "initiating_entity": "admin",
            }},
        });
        assert_eq!(record(event()), expected);
    }

    #[test]
    fn a_subject_without_a_name_here_is_recorded_as_it_was_said() {
        let unmapped = record(SignalEvent { subject: None, effect: "unmapped", ..event() });
        assert_eq!(unmapped["entity"], json!({"type": "unknown", "name": "email alice@example.org"}));
        let lost = record(SignalEvent { signal: None, subject: None, effect: "lost", ..event() });
        assert_eq!(lost["entity"], json!({"type": "signal_stream", "name": "idp"}));
        assert_eq!(lost["unmapped"]["gaccong"].get("jti"), None);
    }

    #[test]
    fn the_longest_signal_is_one_line() {
        let mut long = event();
        let signal = long.signal.as_mut().unwrap();
        signal.said_of = "\n\"".repeat(40_000);
        signal.reason = Some("\u{2028}".repeat(40_000));
        record(long);
    }
}
