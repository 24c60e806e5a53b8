//! Which responses are believed, tried with some made on the spot.

use std::time::Duration;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, SerialNumber, SigningKey, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;

use super::Responder;
use super::judge::{Answer, Disbelief, Judge};
use super::question::{NONCE, Question};
use super::response::{NoAnswer, Response, Status};
use crate::config::{self, OnFailure};
use crate::facts::trust::authority::Authority;
use crate::facts::trust::der::{Fields, OCTET_STRING, SEQUENCE, element};
use crate::facts::trust::testing::{Ca, NOW_MS, ca_params};
use crate::reason::Reason;

const HOUR_MS: i64 = 60 * 60 * 1_000;
const GOOD: &[u8] = &[0x80, 0x00];
const REVOKED: &[u8] = b"\xa1\x11\x18\x0f20250531000000Z";
const UNKNOWN: &[u8] = &[0x82, 0x00];
const ECDSA_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// A CA, a question about its certificate 0x42, and what its responder would say.
struct World {
    ca: Ca,
    issuer: Authority,
    question: Question,
}

/// A response before it is signed.
struct Said<'a> {
    certificate_id: Vec<u8>,
    status: &'a [u8],
    this_update: &'a str,
    next_update: Option<&'a str>,
    nonce: Option<&'a [u8]>,
    certificates: Vec<CertificateDer<'static>>,
}

impl World {
    fn new() -> Self {
        let ca = Ca::root("root");
        let issuer = Authority::read(ca.der()).unwrap();
        let question = Question::new(&issuer, &[0x42]).unwrap();
        Self { ca, issuer, question }
    }

    fn said(&self) -> Said<'_> {
        Said {
            certificate_id: self.question.certificate_id(),
            status: GOOD,
            this_update: "20250531230000Z",
            next_update: Some("20250601010000Z"),
            nonce: Some(&self.question.nonce),
            certificates: Vec::new(),
        }
    }

    fn judge(&self, response: &[u8]) -> Result<Answer, Disbelief> {
        self.judge_with(response, None, false)
    }

    fn judge_with(
        &self,
        response: &[u8],
        responder: Option<&CertificateDer<'static>>,
        revoked: bool,
    ) -> Result<Answer, Disbelief> {
        let algorithms = default_provider().signature_verification_algorithms.all;
        let judge = Judge { issuer: &self.issuer, responder, algorithms, max_age_ms: HOUR_MS, now_ms: NOW_MS };
        judge.judge(response, &self.question, |_| revoked)
    }

    /// A responder's certificate by this CA.
    fn delegated(&self, change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
        delegated_by(&self.ca, change)
    }
}

fn delegated_by(ca: &Ca, change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from(0x77));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    (ca.issue_to(&params, &key), key)
}

impl Said<'_> {
    fn by(&self, key: &KeyPair) -> Vec<u8> {
        let time = |time: &str| element(0x18, &[time.as_bytes()]);
        let next_update = self.next_update.map_or(Vec::new(), |next| element(0xa0, &[&time(next)]));
        let single = [&*self.certificate_id, self.status, &time(self.this_update), &next_update].concat();
        let nonce = self.nonce.map_or(Vec::new(), |nonce| {
            let value = element(OCTET_STRING, &[&element(OCTET_STRING, &[nonce])]);
            let extension = element(SEQUENCE, &[&element(0x06, &[NONCE]), &value]);
            element(0xa1, &[&element(SEQUENCE, &[&extension])])
        });
        let responder_id = element(0xa2, &[&element(OCTET_STRING, &[&[0; 20]])]);
        let answers = element(SEQUENCE, &[&element(SEQUENCE, &[&single])]);
        let body = element(SEQUENCE, &[&responder_id, &time("20250531230000Z"), &answers, &nonce]);
        let signature = element(0x03, &[&[0], &key.sign(&body).unwrap()]);
        let certificates = match &*self.certificates {
            [] => Vec::new(),
            some => element(0xa0, &[&element(SEQUENCE, &some.iter().map(|der| &**der).collect::<Vec<_>>())]),
        };
        let basic = element(SEQUENCE, &[&body, &element(SEQUENCE, &[ECDSA_SHA256]), &signature, &certificates]);
        let kind = element(0x06, &[&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01]]);
        let bytes = element(SEQUENCE, &[&kind, &element(OCTET_STRING, &[&basic])]);
        element(SEQUENCE, &[&[0x0a, 0x01, 0x00], &element(0xa0, &[&bytes])])
    }
}

#[test]
fn an_issuer_answers_about_its_certificates() {
    let world = World::new();
    for (der, status) in [(GOOD, Status::Good), (REVOKED, Status::Revoked), (UNKNOWN, Status::Unknown)] {
        let answer = world.judge(&Said { status: der, ..world.said() }.by(world.ca.key())).unwrap();
        assert_eq!((answer.status, answer.fresh_until_ms), (status, NOW_MS + HOUR_MS));
    }
    // Made in advance for everyone, without a nonce.
    assert!(world.judge(&Said { nonce: None, ..world.said() }.by(world.ca.key())).is_ok());
    let old = Said { next_update: None, this_update: "20250531233000Z", ..world.said() };
    assert_eq!(world.judge(&old.by(world.ca.key())).unwrap().fresh_until_ms, NOW_MS + HOUR_MS / 2);
}

#[test]
fn answers_that_are_not_to_the_question_are_not_believed() {
    let world = World::new();
    let other = Question::new(&world.issuer, &[0x43]).unwrap();
    let stranger = Question::new(&Authority::read(Ca::root("other").der()).unwrap(), &[0x42]).unwrap();
    for (name, said, why) in [
        ("nonce", Said { nonce: Some(&other.nonce), ..world.said() }, Disbelief::Nonce),
        ("serial", Said { certificate_id: other.certificate_id(), ..world.said() }, Disbelief::OtherCertificate),
        ("issuer", Said { certificate_id: stranger.certificate_id(), ..world.said() }, Disbelief::OtherCertificate),
        ("future", Said { this_update: "20250601000501Z", ..world.said() }, Disbelief::Early),
        ("stale", Said { next_update: Some("20250601000000Z"), ..world.said() }, Disbelief::Stale),
        ("old", Said { next_update: None, ..world.said() }, Disbelief::Stale),
    ] {
        assert_eq!(world.judge(&said.by(world.ca.key())), Err(why), "{name}");
    }
}

#[test]
fn only_the_issuer_and_whom_it_delegates_answer() {
    let world = World::new();
    let said = world.said();
    assert_eq!(world.judge(&said.by(&KeyPair::generate().unwrap())), Err(Disbelief::Signer));
    assert_eq!(world.judge(&said.by(Ca::self_signed(ca_params("root")).key())), Err(Disbelief::Signer));

    let by = |(certificate, key): (CertificateDer<'static>, KeyPair)| {
        Said { certificates: vec![certificate], ..world.said() }.by(&key)
    };
    assert!(world.judge(&by(world.delegated(|_| {}))).is_ok());
    let revoked = by(world.delegated(|_| {}));
    assert_eq!(world.judge_with(&revoked, None, true), Err(Disbelief::Signer));
    for (name, delegated) in [
        (
            "another purpose",
            world.delegated(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ),
        ("no purpose", world.delegated(|params| params.extended_key_usages.clear())),
        ("expired", world.delegated(|params| params.not_after = date_time_ymd(2025, 5, 1))),
        ("by another CA of that name", delegated_by(&Ca::root("root"), |_| {})),
    ] {
        assert_eq!(world.judge(&by(delegated)), Err(Disbelief::Signer), "{name}");
    }

    // The operator may name a responder that the issuer knows nothing of.
    let (chosen, key) = delegated_by(&Ca::root("elsewhere"), |_| {});
    assert!(world.judge_with(&said.by(&key), Some(&chosen), false).is_ok());
    assert_eq!(world.judge(&said.by(&key)), Err(Disbelief::Signer));
}

#[test]
fn no_byte_of_a_response_can_be_changed() {
    let world = World::new();
    let good = world.said().by(world.ca.key());
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 0x01;
        assert!(world.judge(&changed).is_err(), "byte {place}");
        assert!(Response::parse(&good[..place]).is_err(), "the first {place} bytes");
    }
    assert!(Response::parse(&[&good[..], &[0]].concat()).is_err());
}

#[test]
fn hard_needs_a_fresh_good_answer_and_soft_only_no_revocation() {
    let responder = |on_failure| {
        let settings = config::Ocsp {
            url: "http://ocsp.example/".parse().unwrap(),
            ca: Vec::new(),
            on_failure,
            responder: None,
            every: Duration::from_secs(300),
            timeout: Duration::from_secs(5),
            wait: Duration::from_secs(1),
            max_age: Duration::from_secs(3600),
        };
        Responder::open(&settings).unwrap()
    };
    let (hard, soft) = (responder(OnFailure::Hard), responder(OnFailure::Soft));
    let answer = |status, fresh_until_ms| Some(Answer { status, this_update_ms: 0, fresh_until_ms });
    let (fresh_ms, stale_ms) = (NOW_MS + 1, NOW_MS);
    for (answer, if_hard, if_soft) in [
        (answer(Status::Good, fresh_ms), Ok(fresh_ms), Ok(i64::MAX)),
        (answer(Status::Good, stale_ms), Err(Reason::OcspUnknown), Ok(i64::MAX)),
        (answer(Status::Unknown, fresh_ms), Err(Reason::OcspUnknown), Ok(i64::MAX)),
        (None, Err(Reason::OcspUnknown), Ok(i64::MAX)),
        (answer(Status::Revoked, fresh_ms), Err(Reason::CertificateRevoked), Err(Reason::CertificateRevoked)),
        (answer(Status::Revoked, stale_ms), Err(Reason::CertificateRevoked), Err(Reason::CertificateRevoked)),
    ] {
        assert_eq!(hard.holds_until_ms(answer, NOW_MS), if_hard, "{answer:?}");
        assert_eq!(soft.holds_until_ms(answer, NOW_MS), if_soft, "{answer:?}");
    }
    // Asked again before it ends, however soon, and no more rarely than configured.
    let rests = |left_ms| {
        hard.rests(&Answer { status: Status::Good, this_update_ms: 0, fresh_until_ms: NOW_MS + left_ms }, NOW_MS)
    };
    assert_eq!(rests(4_000), Duration::from_secs(3));
    assert_eq!(rests(7 * 24 * HOUR_MS), Duration::from_secs(300));
}

#[test]
fn a_responder_may_refuse() {
    let refused = |der: &[u8]| Response::parse(der).err();
    assert_eq!(refused(&[0x30, 0x03, 0x0a, 0x01, 0x03]), Some(NoAnswer::Refused(3)));
    assert_eq!(refused(&[0x30, 0x03, 0x0a, 0x01, 0x00]), Some(NoAnswer::Malformed));
}

#[test]
fn a_question_names_its_certificate() {
    let world = World::new();
    for serial in [&[0x42][..], &[0x80, 0x01], &[0xff; 20], &[]] {
        let question = Question::new(&world.issuer, serial).unwrap();
        let id = question.certificate_id();
        assert_eq!(question.is_about(Fields::of_sequence(&id).unwrap()), Some(true), "{serial:x?}");
        assert!(Fields::of_sequence(&question.der()).is_some());
    }
}
