//! What becomes of events that come late, twice, or after a person has decided.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config;
use crate::facts::posture::FactName;
use crate::jose::jwks::Keys;
use crate::session::{AtProvider, Binding, Voucher};
use crate::signals::effect::effect;
use crate::signals::fixtures::{self, NOW_MS, Signer, TYP, claims_of};
use crate::signals::set::{Expected, SignedSet};
use crate::state::{Outcome, SubjectKind};

fn live() -> Live {
    Live::new(config::Posture {
        file: None,
        default_max_age: Duration::from_secs(86_400),
        max_age: [].into(),
        required: Vec::new(),
        sources: Vec::new(),
        osquery: config::Osquery::default(),
    })
}

fn alice() -> Subject {
    Subject::new(SubjectKind::User, "alice@example.org")
}

fn event(uri: &str, seconds_ago: i64, mut payload: Value, subject: Option<Value>) -> SecurityEvent {
    payload["event_timestamp"] = json!(NOW_MS / 1000 - seconds_ago);
    let mut claims = claims_of(uri, payload);
    claims["jti"] = json!(format!("{uri}-{seconds_ago}"));
    if let Some(subject) = subject {
        claims["sub_id"] = subject;
    }
    let (stream, signer) = (fixtures::stream(), Signer::new("k"));
    let allowed = stream.algorithms.iter().copied().collect();
    let expected =
        Expected { issuer: &stream.issuer, audience: &stream.audience, max_age: stream.max_age, now_ms: NOW_MS };
    let token = signer.token(TYP, &claims);
    SignedSet::read(&token, &allowed).unwrap().verify(&Keys::read(&signer.jwks()).unwrap(), &expected).unwrap()
}

/// Puts an event in force as the writer does; whether it changed anything.
fn take(live: &Live, event: &SecurityEvent) -> bool {
    let stream = fixtures::stream();
    let accepted = Accepted { stream: &stream, event, now_ms: NOW_MS };
    let Some(changes) = accepted.changes(&effect(event, &stream, NOW_MS), live) else { return false };
    let mut outcomes = changes.into_iter().map(|mut change| {
        let outcome = live.prepare(&mut change);
        if outcome == Outcome::Applied {
            live.apply(change);
        }
        outcome
    });
    let first = outcomes.next();
    outcomes.for_each(drop);
    first == Some(Outcome::Applied)
}

fn account(live: &Live, what: &str, seconds_ago: i64) -> bool {
    take(live, &event(&format!("risc/event-type/account-{what}"), seconds_ago, json!({}), None))
}

fn refused(live: &Live) -> bool {
    live.standing(&[alice()], NOW_MS, NOW_MS).is_err()
}

#[test]
fn an_account_is_what_was_last_said_of_it() {
    let live = live();
    assert!(account(&live, "disabled", 50) && refused(&live));
    assert!(account(&live, "enabled", 30) && !refused(&live));
    assert!(!account(&live, "disabled", 40) && !refused(&live), "what came late does not undo what is newer");
    assert!(account(&live, "disabled", 20) && refused(&live));
    assert!(!account(&live, "enabled", 25) && refused(&live));
    assert!(account(&live, "enabled", 10) && !refused(&live));
}

#[test]
fn an_older_disabling_that_comes_after_the_enabling_is_nothing() {
    let live = live();
    account(&live, "enabled", 30);
    assert!(!account(&live, "disabled", 40) && !refused(&live));
}

#[test]
fn what_is_purged_stays_so() {
    let live = live();
    account(&live, "disabled", 50);
    account(&live, "purged", 40);
    account(&live, "enabled", 30);
    assert!(refused(&live));
    assert_eq!(live.revocations.get(&alice()).unwrap().reason.as_deref(), Some("account-purged"));
}

#[test]
fn what_a_person_revoked_is_not_enabled_by_a_stream() {
    let live = live();
    let by_person = Revocation {
        subject: alice(),
        reason: None,
        by: "soc@example.org".into(),
        at_ms: NOW_MS - 60_000,
        until_ms: None,
    };
    live.apply(Change::Revoke(by_person.clone()));
    account(&live, "disabled", 50);
    assert_eq!(*live.revocations.get(&alice()).unwrap(), by_person, "it stays theirs");
    account(&live, "enabled", 40);
    assert!(refused(&live));
}

#[test]
fn who_must_authenticate_again_is_asked_by_the_newest_word() {
    let live = live();
    let revoked = |seconds_ago| event("caep/event-type/session-revoked", seconds_ago, json!({}), None);
    assert!(take(&live, &revoked(10)));
    assert!(!take(&live, &revoked(20)));
    let at = |seconds_ago: i64| NOW_MS - seconds_ago * 1000;
    assert!(live.standing(&[alice()], at(15), NOW_MS).is_err());
    assert!(live.standing(&[alice()], at(10) + 999, NOW_MS).is_err(), "the same second may be before");
    assert!(live.standing(&[alice()], at(9), NOW_MS).is_ok());
}

#[test]
fn compliance_and_risk_are_what_was_last_observed() {
    let live = live();
    let device = || Some(json!({"format": "opaque", "id": "laptop-7"}));
    let compliance = |status: &str, seconds_ago| {
        let payload = json!({"previous_status": "compliant", "current_status": status});
        event("caep/event-type/device-compliance-change", seconds_ago, payload, device())
    };
    assert!(take(&live, &compliance("not-compliant", 10)));
    assert!(!take(&live, &compliance("compliant", 20)));
    let fact = |name| {
        let posture = live.posture_of("laptop-7").unwrap();
        posture.facts().iter().find(|fact| fact.name == name).cloned().unwrap()
    };
    let compliant = fact(FactName::Compliant);
    assert_eq!((compliant.source.as_deref(), compliant.observed_at_ms), (Some("idp"), NOW_MS - 10_000));
    assert_eq!(serde_json::to_value(&compliant.value).unwrap(), json!(false));

    let risk = |level: &str, seconds_ago| {
        let payload = json!({"principal": "USER", "current_level": level});
        event("caep/event-type/risk-level-change", seconds_ago, payload, None)
    };
    assert!(take(&live, &risk("HIGH", 10)));
    assert!(!take(&live, &risk("LOW", 20)));
    assert_eq!(&*live.risks.get(&alice()).unwrap().level, "high");
}

#[test]
fn a_stream_is_what_its_transmitter_last_said() {
    let live = live();
    let status = |status: &str, seconds_ago| {
        event("ssf/event-type/stream-updated", seconds_ago, json!({ "status": status }), None)
    };
    take(&live, &status("paused", 20));
    take(&live, &status("enabled", 10));
    assert!(!take(&live, &status("paused", 15)));
    let stream = live.streams.get(&"idp".into()).unwrap();
    assert_eq!((&*stream.status, stream.heard_at_ms, stream.verified_at_ms), ("enabled", NOW_MS, None));
    take(&live, &event("ssf/event-type/verification", 5, json!({}), None));
    assert_eq!(live.streams.get(&"idp".into()).unwrap().verified_at_ms, Some(NOW_MS));
}

#[test]
fn what_was_seen_is_remembered_until_it_would_be_too_old() {
    let live = live();
    let event = event("caep/event-type/session-revoked", 10, json!({}), None);
    take(&live, &event);
    let seen = live.seen.all();
    assert_eq!(seen.len(), 1);
    let too_old_ms = NOW_MS + i64::try_from(fixtures::stream().max_age.as_millis()).unwrap();
    assert!(seen[0].until_ms > too_old_ms);
}

#[test]
fn a_session_that_is_named_ends_alone_and_one_that_is_not_known_ends_all() {
    let user = json!({"format": "email", "email": "alice@example.org"});
    let of = |user: &Value, id: &str, seconds_ago| {
        let session = json!({"format": "opaque", "id": id});
        let subject = json!({"format": "complex", "user": user, "session": session});
        event("caep/event-type/session-revoked", seconds_ago, json!({}), Some(subject))
    };
    let session = |id: &str| Subject::new(SubjectKind::Session, id);
    let stands = |live: &Live, subject: Subject| live.standing(&[subject], NOW_MS - 60_000, NOW_MS).is_ok();
    for named in ["session-1", "sid-1"] {
        let live = live();
        for number in ["1", "2"] {
            live.apply(Change::Establish(login(number)));
        }
        assert!(take(&live, &of(&user, named, 10)));
        assert!(!stands(&live, session("session-1")), "{named}");
        assert!(stands(&live, session("session-2")) && stands(&live, alice()), "{named}");
        assert_eq!(live.sessions.entries.len(), 1);
    }
    let live = live();
    live.apply(Change::Establish(login("1")));
    let bob = json!({"format": "email", "email": "bob@example.org"});
    assert!(take(&live, &of(&bob, "session-1", 12)));
    assert!(stands(&live, session("session-1")), "it is not his");
    assert!(take(&live, &of(&user, "session-3", 10)));
    assert!(!stands(&live, alice()), "more ends than was asked for, never less");
}

/// A login of Alice's.
fn login(number: &str) -> Session {
    Session {
        id: format!("session-{number}").into(),
        principal: alice().id,
        groups: [].into(),
        voucher: Voucher::Oidc { issuer: "https://idp.example.org".into() },
        acr: None,
        auth_time_ms: 0,
        established_at_ms: 0,
        expires_at_ms: NOW_MS + 60_000,
        binding: Binding { trust_domain: "staff".into(), holder: Subject::new(SubjectKind::Device, "laptop-7") },
        proofs: Vec::new(),
        provider: Some(AtProvider {
            sub: "u-1".into(),
            sid: Some(format!("sid-{number}").into()),
            refresh_token: None,
            id_token: None,
            claims_at_ms: 0,
        }),
    }
}
