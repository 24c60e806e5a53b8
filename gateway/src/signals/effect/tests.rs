//! The table of `docs/OPERATIONS.md`: which event changes what.

use serde_json::{Value, json};

use super::*;
use crate::jose::jwks::Keys;
use crate::signals::error::SetError;
use crate::signals::event::EventType;
use crate::signals::fixtures::{self, NOW_MS, Signer, TYP, claims_of};
use crate::signals::set::{Expected, SignedSet};

const EVENT_MS: i64 = NOW_MS - 5_000;
/// The last millisecond of the second in which it happened.
const EVENT_END_MS: i64 = EVENT_MS + 999;

fn read(claims: &Value) -> Result<SecurityEvent, SetError> {
    let (stream, signer) = (fixtures::stream(), Signer::new("k"));
    let allowed = stream.algorithms.iter().copied().collect();
    let expected =
        Expected { issuer: &stream.issuer, audience: &stream.audience, max_age: stream.max_age, now_ms: NOW_MS };
    SignedSet::read(&signer.token(TYP, claims), &allowed)?.verify(&Keys::read(&signer.jwks()).unwrap(), &expected)
}

/// The effect of an event about Alice, or about `subject`.
fn effect_of(uri: &str, mut event: Value, subject: Option<Value>) -> Effect {
    event["event_timestamp"] = json!(EVENT_MS / 1000);
    let mut claims = claims_of(uri, event);
    if let Some(subject) = subject {
        claims["sub_id"] = subject;
    }
    effect(&read(&claims).unwrap(), &fixtures::stream(), NOW_MS)
}

fn alice() -> Subject {
    Subject::new(SubjectKind::User, "alice@example.org")
}

fn reauthenticate(subject: Subject) -> Effect {
    Effect::Reauthenticate { subject, since_ms: EVENT_END_MS }
}

fn account(standing: AccountStanding) -> Effect {
    Effect::Account { subject: alice(), standing, at_ms: EVENT_MS }
}

#[test]
fn events_about_a_person() {
    let credential = |kind: &str, change: &str| json!({"credential_type": kind, "change_type": change});
    let harmless = || Effect::None(NoEffect::Harmless);
    for (uri, event, expected) in [
        ("caep/event-type/session-revoked", json!({}), reauthenticate(alice())),
        ("caep/event-type/token-claims-change", json!({"claims": {"role": "x"}}), reauthenticate(alice())),
        ("caep/event-type/credential-change", credential("password", "update"), reauthenticate(alice())),
        ("caep/event-type/credential-change", credential("fido2-roaming", "delete"), reauthenticate(alice())),
        ("caep/event-type/credential-change", credential("password", "revoke"), reauthenticate(alice())),
        ("caep/event-type/credential-change", credential("x509", "revoke"), reauthenticate(alice())),
        ("caep/event-type/credential-change", credential("fido2-roaming", "create"), harmless()),
        ("caep/event-type/credential-change", credential("x509", "update"), harmless()),
        ("caep/event-type/assurance-level-change", json!({"change_direction": "decrease"}), reauthenticate(alice())),
        ("caep/event-type/assurance-level-change", json!({}), reauthenticate(alice())),
        ("caep/event-type/assurance-level-change", json!({"change_direction": "increase"}), harmless()),
        ("risc/event-type/credential-compromise", json!({"credential_type": "password"}), reauthenticate(alice())),
        ("risc/event-type/sessions-revoked", json!({}), reauthenticate(alice())),
        ("risc/event-type/account-disabled", json!({"reason": "hijacking"}), account(AccountStanding::Disabled)),
        ("risc/event-type/account-purged", json!({}), account(AccountStanding::Purged)),
        ("risc/event-type/account-enabled", json!({}), account(AccountStanding::Enabled)),
        (
            "caep/event-type/risk-level-change",
            json!({"principal": "USER", "current_level": "HIGH"}),
            Effect::Risk { subject: alice(), level: RiskLevel::High, at_ms: EVENT_MS },
        ),
        ("caep/event-type/session-presented", json!({}), Effect::None(NoEffect::UnknownType)),
        ("ssf/event-type/verification", json!({}), Effect::Verified),
        ("ssf/event-type/stream-updated", json!({"status": "paused"}), Effect::Status(StreamStatus::Paused)),
    ] {
        assert_eq!(effect_of(uri, event.clone(), None), expected, "{uri} {event}");
    }
}

#[test]
fn events_about_a_device() {
    let device = || Some(json!({"format": "opaque", "id": "laptop-7"}));
    let fact = |name, value| Effect::Fact { device: "laptop-7".into(), name, value, at_ms: EVENT_MS };
    for (status, compliant) in [("compliant", true), ("not-compliant", false)] {
        let event = json!({"previous_status": "compliant", "current_status": status});
        let changed = effect_of("caep/event-type/device-compliance-change", event, device());
        assert_eq!(changed, fact(FactName::Compliant, FactValue::Bool(compliant)));
    }
    let event = json!({"principal": "DEVICE", "current_level": "MEDIUM"});
    let changed = effect_of("caep/event-type/risk-level-change", event, device());
    assert_eq!(changed, fact(FactName::Risk, FactValue::Text("medium".into())));
}

#[test]
fn a_certificate_is_revoked_by_its_issuer_and_serial_number() {
    let event = json!({"credential_type": "x509", "change_type": "revoke",
                       "x509_issuer": "CN=Staff CA, O=Example", "x509_serial": "0A:3F"});
    let revoked = effect_of("caep/event-type/credential-change", event.clone(), None);
    let certificate = Subject::new(SubjectKind::Certificate, "CN=Staff CA,O=Example|0a3f");
    assert_eq!(revoked, Effect::RevokeCertificate(certificate));
    let mut bad = event;
    bad["x509_serial"] = json!("soon");
    assert_eq!(effect_of("caep/event-type/credential-change", bad, None), Effect::None(NoEffect::Unmapped));
}

#[test]
fn complex_subjects_name_the_user_before_the_device() {
    let user = json!({"format": "email", "email": "alice@example.org"});
    let device = json!({"format": "opaque", "id": "laptop-7"});
    let session = json!({"format": "opaque", "id": "s"});
    let laptop = Subject::new(SubjectKind::Device, "laptop-7");
    let unmapped = Effect::None(NoEffect::Unmapped);
    let ending = |holder| match reauthenticate(alice()) {
        Effect::Reauthenticate { since_ms, .. } => Effect::EndSession { session: "s".into(), holder, since_ms },
        other => other,
    };
    for (subject, expected) in [
        (json!({"format": "complex", "user": user, "device": device, "session": session}), ending(Some(alice()))),
        (json!({"format": "complex", "user": user}), reauthenticate(alice())),
        (json!({"format": "complex", "device": device, "session": session}), ending(Some(laptop))),
        (json!({"format": "complex", "user": {"format": "did", "url": "x"}, "device": device}), unmapped.clone()),
        (json!({"format": "complex", "session": session}), ending(None)),
        (json!({"format": "complex", "tenant": {"format": "opaque", "id": "ours"}}), unmapped.clone()),
        (json!({"format": "complex"}), unmapped),
    ] {
        let changed = effect_of("caep/event-type/session-revoked", json!({}), Some(subject.clone()));
        assert_eq!(changed, expected, "{subject}");
    }
}

#[test]
fn who_is_not_named_as_configured_is_nobody() {
    for subject in [
        json!({"format": "iss_sub", "iss": fixtures::ISSUER, "sub": "alice@example.org"}),
        json!({"format": "opaque", "id": "alice@example.org"}),
        json!({"format": "account", "uri": "acct:alice@example.org"}),
        json!({"format": "aliases", "identifiers": [{"format": "email", "email": "alice@example.org"}]}),
    ] {
        let changed = effect_of("risc/event-type/account-disabled", json!({}), Some(subject.clone()));
        assert_eq!(changed, Effect::None(NoEffect::Unmapped), "{subject}");
    }
    let session_risk = json!({"principal": "SESSION", "current_level": "HIGH"});
    let changed = effect_of("caep/event-type/risk-level-change", session_risk, None);
    assert_eq!(changed, Effect::None(NoEffect::Unmapped));
}

#[test]
fn names_of_an_issuer_are_those_of_that_issuer() {
    let mut stream = fixtures::stream();
    stream.names.users = Some(NameFormat::Sub);
    stream.names.issuer = "https://accounts.example.org/".into();
    stream.names.lower_case = true;
    let subject_of = |iss: &str| {
        let mut claims = claims_of("caep/event-type/session-revoked", json!({}));
        claims["sub_id"] = json!({"format": "iss_sub", "iss": iss, "sub": "Ánh@Example.org"});
        effect(&read(&claims).unwrap(), &stream, NOW_MS).subject()
    };
    let known = Subject::new(SubjectKind::User, "ánh@example.org");
    assert_eq!(subject_of("https://accounts.example.org/"), Some(known));
    assert_eq!(subject_of(fixtures::ISSUER), None);
}

#[test]
fn subjects_of_another_tenant_are_nobody() {
    let mut stream = fixtures::stream();
    stream.names.tenant = Some("ours".into());
    for (tenant, known) in [
        (json!({"format": "opaque", "id": "ours"}), true),
        (json!({"format": "iss_sub", "iss": "https://x", "sub": "ours"}), true),
        (json!({"format": "opaque", "id": "theirs"}), false),
        (json!({"format": "email", "email": "ours"}), false),
    ] {
        let mut claims = claims_of("caep/event-type/session-revoked", json!({}));
        let user = json!({"format": "email", "email": "alice@example.org"});
        claims["sub_id"] = json!({"format": "complex", "user": user, "tenant": tenant});
        let subject = effect(&read(&claims).unwrap(), &stream, NOW_MS).subject();
        assert_eq!(subject.is_some(), known, "{tenant}");
    }
}

#[test]
fn events_that_are_not_believed_change_nothing() {
    let mut stream = fixtures::stream();
    stream.events = vec![EventType::DeviceComplianceChange];
    let event = read(&fixtures::claims()).unwrap();
    assert_eq!(effect(&event, &stream, NOW_MS), Effect::None(NoEffect::NotBelieved));
}

#[test]
fn a_clock_that_is_ahead_does_not_reach_into_the_future() {
    let claims = claims_of("caep/event-type/session-revoked", json!({"event_timestamp": NOW_MS / 1000 + 30}));
    let expected = Effect::Reauthenticate { subject: alice(), since_ms: NOW_MS };
    assert_eq!(effect(&read(&claims).unwrap(), &fixtures::stream(), NOW_MS), expected);
}
