//! Which bundles and lists are taken.

use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, IsCa, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

use crate::facts::trust::testing::{Ca, Files, NOW_MS, ca_params, crl_params, leaf_params};
use crate::reason::Reason;

fn errors(files: &Files) -> Vec<String> {
    files.load(None).err().unwrap_or_default().into_iter().map(|problem| problem.message).collect()
}

fn warnings(files: &Files) -> Vec<String> {
    files.load(None).unwrap().warnings.into_iter().map(|problem| problem.message).collect()
}

fn assert_one(messages: &[String], part: &str) {
    assert!(messages.len() == 1 && messages[0].contains(part), "{messages:?} should be one message with `{part}`");
}

#[test]
fn good_files_load_without_a_word() {
    let root = Ca::root("root");
    let files = Files::new(&[&root.certificate], &[root.crl(&[1])]);
    assert_eq!(warnings(&files), Vec::<String>::new());
    let trust = files.trust();
    assert_eq!(trust.crl_next_updates_ms().map(|(name, _)| name).collect::<Vec<_>>(), ["CN=root"]);
    assert_eq!(trust.authorities_not_after_ms().map(|(name, _)| name).collect::<Vec<_>>(), ["CN=root"]);
}

#[test]
fn bundles_that_are_refused() {
    let with = |change: fn(&mut rcgen::CertificateParams)| {
        let mut params = ca_params("root");
        change(&mut params);
        Files::new(&[&Ca::self_signed(params).certificate], &[])
    };
    assert_one(&errors(&with(|ca| ca.is_ca = IsCa::NoCa)), "`CA:TRUE`");
    assert_one(&errors(&with(|ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign])), "`keyCertSign`");
    assert_one(&errors(&with(|ca| ca.key_usages.clear())), "`keyCertSign`");
    assert_one(&errors(&Files::new(&[], &[])), "empty");

    let files = Files::new(&[&Ca::root("root").certificate], &[]);
    files.write("ca.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    assert_one(&errors(&files), "cannot be parsed");
    files.write("ca.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    assert_one(&errors(&files), "cannot be read");
    let mut absent = files;
    absent.clients.trust[0].ca = vec!["/nonexistent/ca.pem".into()];
    assert_one(&errors(&absent), "cannot be read");
}

#[test]
fn lists_that_are_refused() {
    let root = Ca::root("root");
    let one = |list: String| errors(&Files::new(&[&root.certificate], &[list]));
    assert_one(&one(Ca::root("stranger").crl(&[])), "not in the CA bundle");
    assert_one(&one(Ca::root("root").crl(&[])), "not by the key");
    assert_one(&one(String::new()), "no `X509 CRL`");
    assert_one(&one("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".to_owned()), "cannot be used");

    let mut params = ca_params("root");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let without_crl_sign = root.with_certificate(&params);
    assert_one(&errors(&Files::new(&[&without_crl_sign], &[root.crl(&[])])), "`cRLSign`");
}

#[test]
fn lists_that_do_not_tell_all_are_refused() {
    const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
    const DELTA: &[u8] = &[0x55, 0x1d, 27];
    const DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 28];
    const UNKNOWN: &[u8] = &[0x55, 0x1d, 99];
    const ONLY_USERS: &[u8] = &[0x81, 1, 0xff];
    const INDIRECT: &[u8] = &[0x84, 1, 0xff];
    let root = Ca::root("root");
    let mut list = crl_params(&[]);
    list.issuing_distribution_point = Some(CrlIssuingDistributionPoint {
        distribution_point: CrlDistributionPoint { uris: vec!["http://crl/1".to_owned()] },
        scope: Some(CrlScope::UserCertsOnly),
    });
    let der = CertificateRevocationListDer::from_pem_slice(root.crl_from(&list).as_bytes()).unwrap();
    for (from, to, part) in [
        (CRL_NUMBER, DELTA, "UnsupportedDeltaCrl"),
        (DISTRIBUTION_POINT, UNKNOWN, "UnsupportedCriticalExtension"),
        (ONLY_USERS, INDIRECT, "UnsupportedIndirectCrl"),
        (b"crl/1", b"crl/2", "not by the key"),
    ] {
        let files = Files::new(&[&root.certificate], &[String::new()]);
        files.write("0.crl", replaced(&der, from, to));
        assert_one(&errors(&files), part);
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

#[test]
fn all_faults_are_told_at_once() {
    let root = Ca::root("root");
    let files = Files::new(&[&root.certificate], &[String::new(), Ca::root("stranger").crl(&[]), root.crl(&[])]);
    assert_eq!(errors(&files).len(), 2);
}

#[test]
fn what_needs_attention_is_warned_of() {
    let expiring = |year, month, day| {
        let mut params = ca_params("root");
        params.not_after = date_time_ymd(year, month, day);
        warnings(&Files::new(&[&Ca::self_signed(params).certificate], &[]))
    };
    assert_one(&expiring(2025, 5, 31), "expired at 2025-05-31T00:00:00Z");
    assert_one(&expiring(2025, 6, 20), "expires at 2025-06-20T00:00:00Z");

    let root = Ca::root("root");
    let due = |month, day| {
        let mut list = crl_params(&[]);
        list.next_update = date_time_ymd(2025, month, day);
        warnings(&Files::new(&[&root.certificate], &[root.crl_from(&list)]))
    };
    assert_one(&due(6, 1), "was due at 2025-06-01T00:00:00Z");
    assert_one(&due(6, 3), "is due at 2025-06-03T00:00:00Z");

    let (one, two) = (Ca::root("one"), Ca::root("two"));
    let files = Files::new(&[&one.certificate, &two.certificate], &[one.crl(&[])]);
    assert_one(&warnings(&files), "no revocation list of `CN=two`");
}

#[test]
fn lists_in_der_and_several_in_one_file() {
    let (one, two) = (Ca::root("one"), Ca::root("two"));
    let files = Files::new(&[&one.certificate, &two.certificate], &[one.crl(&[]) + &two.crl(&[0x42])]);
    let trust = files.trust();
    let certificate = trust.authenticate(&two.issue(&leaf_params()), &[], NOW_MS).unwrap();
    assert_eq!(trust.standing(&certificate, NOW_MS), Err(Reason::CertificateRevoked));

    let pem = two.crl(&[0x42]);
    let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
    files.write("0.crl", &*der);
    assert_eq!(files.trust().standing(&certificate, NOW_MS), Err(Reason::CertificateRevoked));
}

#[test]
fn the_last_good_list_stays_in_force() {
    let (one, two) = (Ca::root("one"), Ca::root("two"));
    let files = Files::new(&[&one.certificate, &two.certificate], &[one.crl(&[0x42]), two.crl(&[])]);
    let before = files.trust();
    let revoked_before = before.authenticate(&one.issue(&leaf_params()), &[], NOW_MS).unwrap();
    let revoked_since = before.authenticate(&two.issue(&leaf_params()), &[], NOW_MS).unwrap();
    assert!(before.standing(&revoked_since, NOW_MS).is_ok());

    files.write("0.crl", "garbage");
    files.write("1.crl", two.crl(&[0x42]));
    let loaded = files.load(Some(&before)).unwrap();
    assert_one(
        &loaded.warnings.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>(),
        "last good one stays",
    );
    assert_eq!(loaded.trust.standing(&revoked_before, NOW_MS), Err(Reason::CertificateRevoked));
    assert_eq!(loaded.trust.standing(&revoked_since, NOW_MS), Err(Reason::CertificateRevoked));

    // It stays over any number of reloads, but not without a trust to take it from.
    assert!(files.load(Some(&loaded.trust)).is_ok());
    assert_one(&errors(&files), "cannot be loaded");
}
