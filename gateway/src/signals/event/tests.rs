//! Types, payloads, and what is said besides.

use serde_json::json;

use super::*;

#[test]
fn a_type_has_one_uri_and_one_name() {
    for event_type in EventType::ALL {
        assert_eq!(EventType::of_uri(&event_type.uri()), Some(event_type));
        assert!(event_type.uri().ends_with(&format!("/{}", event_type.as_str())));
    }
    let uri = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    assert_eq!(EventType::of_uri(uri), Some(EventType::SessionRevoked));
    for unknown in ["", "session-revoked", &uri.replace("caep", "risc"), &format!("{uri}/"), &uri.to_uppercase()] {
        assert_eq!(EventType::of_uri(unknown), None, "{unknown}");
    }
}

#[test]
fn payloads_are_read() {
    use EventType as T;
    let x509 = json!({"credential_type": "x509", "change_type": "revoke", "x509_issuer": "CN=CA", "x509_serial": "0a"});
    for (event_type, payload, expected) in [
        (T::SessionRevoked, json!({"event_timestamp": 1}), Event::SessionRevoked),
        (
            T::CredentialChange,
            x509,
            Event::CredentialChange(CredentialChange {
                change_type: CredentialChangeType::Revoke,
                credential_type: "x509".to_owned(),
                x509_issuer: Some("CN=CA".to_owned()),
                x509_serial: Some("0a".to_owned()),
            }),
        ),
        (
            T::AssuranceLevelChange,
            json!({"namespace": "NIST-AAL", "current_level": "nist-aal1", "change_direction": "decrease"}),
            Event::AssuranceLevelChange { direction: Some(Direction::Decrease) },
        ),
        (T::AssuranceLevelChange, json!({"current_level": "x"}), Event::AssuranceLevelChange { direction: None }),
        (
            T::DeviceComplianceChange,
            json!({"previous_status": "compliant", "current_status": "not-compliant"}),
            Event::DeviceComplianceChange { compliant: false },
        ),
        (
            T::RiskLevelChange,
            json!({"principal": "USER", "current_level": "HIGH"}),
            Event::RiskLevelChange { principal: RiskPrincipal::User, level: RiskLevel::High },
        ),
        (T::Verification, json!({"state": "abc"}), Event::Verification { state: Some("abc".to_owned()) }),
        (T::Verification, json!({}), Event::Verification { state: None }),
        (
            T::StreamUpdated,
            json!({"status": "paused", "reason": "license"}),
            Event::StreamUpdated { status: StreamStatus::Paused },
        ),
    ] {
        assert_eq!(Event::read(event_type, &payload).unwrap(), expected, "{payload}");
    }
}

#[test]
fn payloads_that_lack_what_decides_are_refused() {
    use EventType as T;
    for (event_type, payload) in [
        (T::CredentialChange, json!({"change_type": "revoke"})),
        (T::CredentialChange, json!({"credential_type": "password", "change_type": "stolen"})),
        (T::AssuranceLevelChange, json!({"change_direction": "sideways"})),
        (T::DeviceComplianceChange, json!({})),
        (T::DeviceComplianceChange, json!({"current_status": "unknown"})),
        (T::DeviceComplianceChange, json!({"current_status": true})),
        (T::RiskLevelChange, json!({"principal": "USER"})),
        (T::RiskLevelChange, json!({"principal": "USER", "current_level": "high"})),
        (T::RiskLevelChange, json!({"current_level": "HIGH"})),
        (T::Verification, json!({"state": 7})),
        (T::StreamUpdated, json!({"status": "gone"})),
        (T::StreamUpdated, json!({})),
    ] {
        assert!(Event::read(event_type, &payload).is_err(), "{payload}");
    }
}

#[test]
fn commentary_never_fails_an_event_and_a_false_time_does() {
    let read = |payload| Circumstances::read(&payload);
    for (reason, kept) in [
        (json!({"de": "Landeswechsel", "en": "Landspeed"}), Some("Landspeed")),
        (json!({"vi": "Đổi nước"}), Some("Đổi nước")),
        (json!("plain"), Some("plain")),
        (json!({"en": 7}), None),
        (json!({}), None),
        (json!([1]), None),
    ] {
        let circumstances = read(json!({"reason_admin": reason, "initiating_entity": "admin"})).unwrap();
        assert_eq!(circumstances.reason_admin.as_deref(), kept, "{reason}");
        assert_eq!(circumstances.initiating_entity.as_deref(), Some("admin"));
    }
    let long = read(json!({"reason_admin": "x".repeat(60_000)})).unwrap().reason_admin.unwrap();
    assert!(long.len() <= MAX_REASON_BYTES);
    assert_eq!(
        read(json!({"event_timestamp": 1_615_304_991})).unwrap().happened_at.unwrap().first_ms(),
        1_615_304_991_000
    );
    for time in [json!("2026-11-22"), json!(-1), json!(1e300), json!(null), json!([1])] {
        assert!(read(json!({"event_timestamp": time})).is_err(), "{time}");
    }
}
