//! Which certificates are valid and unrevoked now.

use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, SerialNumber, date_time_ymd};

use crate::facts::trust::testing::{Ca, Files, NOW_MS, ca_params, crl_params, leaf_params, trust};
use crate::facts::trust::{Standing, Trust};
use crate::reason::Reason;
use crate::request::identify::ClientCertificate;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// 2025-12-01, when the lists of these tests are due.
const CRL_DUE_MS: i64 = NOW_MS + 183 * DAY_MS;
/// 2026-01-01, when the leaf ends.
const LEAF_END_MS: i64 = NOW_MS + 214 * DAY_MS;

fn authenticated(trust: &Trust, ca: &Ca) -> ClientCertificate {
    trust.authenticate(&ca.issue(&leaf_params()), &[], NOW_MS).unwrap()
}

#[test]
fn without_lists_a_certificate_stands_until_it_ends() {
    let root = Ca::root("root");
    let trust = trust(&[&root.certificate], &[]);
    let certificate = authenticated(&trust, &root);
    let good = Ok(Standing { holds_until_ms: LEAF_END_MS });
    for (now_ms, expected) in [
        (NOW_MS, good),
        (LEAF_END_MS, good),
        (LEAF_END_MS + 1, Err(Reason::CertificateExpired)),
        (NOW_MS - 365 * DAY_MS, Err(Reason::CertificateNotYetValid)),
    ] {
        assert_eq!(trust.standing(&certificate, now_ms), expected);
    }
}

#[test]
fn lists_revoke_and_grow_stale() {
    let root = Ca::root("root");
    let unrevoked = trust(&[&root.certificate], &[root.crl(&[1, 0x41, 0x43, u64::MAX])]);
    let certificate = authenticated(&unrevoked, &root);
    assert_eq!(unrevoked.standing(&certificate, NOW_MS), Ok(Standing { holds_until_ms: CRL_DUE_MS }));
    assert_eq!(unrevoked.standing(&certificate, CRL_DUE_MS), Err(Reason::CrlStale));
    assert_eq!(unrevoked.standing(&certificate, LEAF_END_MS + 1), Err(Reason::CertificateExpired));

    let revoked = trust(&[&root.certificate], &[root.crl(&[1, 0x42])]);
    assert_eq!(revoked.standing(&certificate, NOW_MS), Err(Reason::CertificateRevoked));
    assert_eq!(
        revoked.standing(&certificate, CRL_DUE_MS),
        Err(Reason::CertificateRevoked),
        "a stale list still counts"
    );
}

#[test]
fn serial_numbers_of_every_length_are_found() {
    let root = Ca::root("root");
    for serial in [vec![1], vec![0x80], vec![0x7f; 20], [vec![0x80], vec![0; 18]].concat()] {
        let mut params = leaf_params();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let mut list = crl_params(&[7]);
        list.revoked_certs[0].serial_number = SerialNumber::from_slice(&serial);
        let trust = trust(&[&root.certificate], &[root.crl_from(&list)]);
        let certificate = trust.authenticate(&root.issue(&params), &[], NOW_MS).unwrap();
        assert_eq!(trust.standing(&certificate, NOW_MS), Err(Reason::CertificateRevoked), "{serial:x?}");
    }
}

#[test]
fn every_issuer_of_the_chain_must_have_a_list_and_not_be_on_one() {
    let root = Ca::root("root");
    let mut params = ca_params("middle");
    params.serial_number = Some(SerialNumber::from(0x99));
    let middle = root.issue_ca(params);
    let bundle = [&root.certificate, &middle.certificate];
    for (name, lists, expected) in [
        ("all good", vec![root.crl(&[]), middle.crl(&[])], Ok(Standing { holds_until_ms: CRL_DUE_MS })),
        ("intermediate revoked", vec![root.crl(&[0x99]), middle.crl(&[])], Err(Reason::CertificateRevoked)),
        ("revoked, leaf uncovered", vec![root.crl(&[0x99])], Err(Reason::CertificateRevoked)),
        (
            "same serial, other issuer",
            vec![root.crl(&[0x42]), middle.crl(&[0x99])],
            Ok(Standing { holds_until_ms: CRL_DUE_MS }),
        ),
        ("no list of the root's", vec![middle.crl(&[])], Err(Reason::CrlAbsent)),
        ("no list of the intermediate's", vec![root.crl(&[])], Err(Reason::CrlAbsent)),
    ] {
        let trust = trust(&bundle, &lists);
        let certificate = authenticated(&trust, &middle);
        assert_eq!(trust.standing(&certificate, NOW_MS), expected, "{name}");
    }
}

#[test]
fn a_list_speaks_only_of_what_is_in_its_scope() {
    let root = Ca::root("root");
    let at = |uri: &str| CrlDistributionPoint { uris: vec![uri.to_owned()] };
    let list = |uri: &str, scope| {
        let mut list = crl_params(&[]);
        list.issuing_distribution_point = Some(CrlIssuingDistributionPoint { distribution_point: at(uri), scope });
        root.crl_from(&list)
    };
    let mut params = leaf_params();
    params.crl_distribution_points = vec![at("http://crl/1")];
    let leaf = root.issue(&params);
    let good = Ok(Standing { holds_until_ms: CRL_DUE_MS });
    for (list, expected) in [
        (list("http://crl/1", None), good),
        (list("http://crl/1", Some(CrlScope::UserCertsOnly)), good),
        (list("http://crl/1", Some(CrlScope::CaCertsOnly)), Err(Reason::CrlAbsent)),
        (list("http://crl/2", None), Err(Reason::CrlAbsent)),
        (root.crl(&[]), good),
    ] {
        let trust = trust(&[&root.certificate], &[list]);
        let certificate = trust.authenticate(&leaf, &[], NOW_MS).unwrap();
        assert_eq!(trust.standing(&certificate, NOW_MS), expected);
    }
}

#[test]
fn a_ca_that_was_removed_vouches_no_more() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let certificate = authenticated(&trust(&[&root.certificate], &[]), &root);
    let reloaded = trust(&[&other.certificate], &[]);
    assert_eq!(reloaded.standing(&certificate, NOW_MS), Err(Reason::CertificateUntrusted));

    let mut renamed = Files::new(&[&root.certificate], &[]);
    renamed.clients.trust[0].name = "guests".into();
    assert_eq!(renamed.trust().standing(&certificate, NOW_MS), Err(Reason::CertificateUntrusted));
}

#[test]
fn an_issuer_that_has_expired_since_is_invalid() {
    let mut params = ca_params("root");
    params.not_after = date_time_ymd(2025, 6, 2);
    let root = Ca::self_signed(params);
    let trust = trust(&[&root.certificate], &[]);
    let certificate = authenticated(&trust, &root);
    assert_eq!(trust.standing(&certificate, NOW_MS), Ok(Standing { holds_until_ms: NOW_MS + DAY_MS }));
    assert_eq!(trust.standing(&certificate, NOW_MS + 2 * DAY_MS), Err(Reason::CertificateIssuerInvalid));
}
