//! Round trips: what the authority makes is read again by the libraries that will meet it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::*;

fn authority(dir: &Path, key: KeyKind) -> Authority {
    let request = AuthorityRequest { name: "Laptop CA".into(), validity: Validity::days(30), key };
    Authority::create(dir, &request).unwrap()
}

fn alice(purpose: Purpose) -> LeafRequest {
    let names = vec![
        Name::CommonName("alice's laptop".into()),
        Name::Uri("urn:gaccong:device:lap-1".into()),
        Name::Email("alice@example.org".into()),
        Name::Upn("alice@corp.example".into()),
        Name::Dns("lap-1.example.org".into()),
        Name::Ip("192.0.2.7".parse().unwrap()),
    ];
    LeafRequest { purpose, names, validity: Validity::days(7), key: KeyKind::P256 }
}

fn verify(authority: &Authority, issued: &Issued, usage: KeyUsage) -> Result<(), webpki::Error> {
    let leaf = CertificateDer::from(issued.certificate_der.clone());
    let anchor = anchor_from_trusted_cert(authority.certificate())?;
    EndEntityCert::try_from(&leaf)?
        .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &[anchor], &[], UnixTime::now(), usage, None, None)
        .map(|_| ())
}

#[test]
fn every_kind_of_key_makes_certificates_that_verify_for_their_purpose_only() {
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072, KeyKind::Ed25519] {
        let dir = tempfile::tempdir().unwrap();
        let authority = authority(dir.path(), key);
        let client = authority.issue(&LeafRequest { key, ..alice(Purpose::Client) }).unwrap();
        verify(&authority, &client, KeyUsage::client_auth()).unwrap();
        assert!(verify(&authority, &client, KeyUsage::server_auth()).is_err(), "{key:?}");
        let server = authority.issue(&alice(Purpose::Server)).unwrap();
        verify(&authority, &server, KeyUsage::server_auth()).unwrap();
        assert!(verify(&authority, &server, KeyUsage::client_auth()).is_err(), "{key:?}");
    }
}

#[test]
fn an_expired_certificate_does_not_verify() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path(), KeyKind::P256);
    let request = LeafRequest { validity: Validity::past_days(9, 2), ..alice(Purpose::Client) };
    let issued = authority.issue(&request).unwrap();
    let error = verify(&authority, &issued, KeyUsage::client_auth()).unwrap_err();
    assert!(matches!(error, webpki::Error::CertExpired { .. }), "{error:?}");
}

#[test]
fn a_leaf_carries_every_name_it_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let issued = authority(dir.path(), KeyKind::P256).issue(&alice(Purpose::Client)).unwrap();
    let (_, certificate) = X509Certificate::from_der(&issued.certificate_der).unwrap();
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert!(names.contains(&GeneralName::URI("urn:gaccong:device:lap-1")));
    assert!(names.contains(&GeneralName::RFC822Name("alice@example.org")));
    assert!(names.contains(&GeneralName::DNSName("lap-1.example.org")));
    assert!(names.contains(&GeneralName::IPAddress(&[192, 0, 2, 7])));
    let upn = names.iter().find_map(|name| match name {
        GeneralName::OtherName(oid, value) if oid.to_id_string() == "1.3.6.1.4.1.311.20.2.3" => Some(*value),
        _ => None,
    });
    let utf8_string = [b"\xa0\x14\x0c\x12".as_slice(), b"alice@corp.example"].concat();
    assert_eq!(upn, Some(utf8_string.as_slice()));
    assert_eq!(certificate.subject().to_string(), "CN=alice's laptop");
}

#[test]
fn the_root_may_sign_leaves_and_lists_only() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path(), KeyKind::P256);
    let (_, root) = X509Certificate::from_der(authority.certificate()).unwrap();
    let constraints = root.basic_constraints().unwrap().unwrap().value;
    assert_eq!((constraints.ca, constraints.path_len_constraint), (true, Some(0)));
    let usage = root.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
}

#[test]
fn a_revoked_certificate_is_on_the_next_list_and_stays_there() {
    let dir = tempfile::tempdir().unwrap();
    let serial = {
        let authority = authority(dir.path(), KeyKind::P256);
        let kept = authority.issue(&alice(Purpose::Client)).unwrap();
        let lost = authority.issue(&alice(Purpose::Client)).unwrap();
        assert_ne!(kept.entry.serial, lost.entry.serial);
        lost.entry.serial
    };
    let authority = Authority::open(dir.path()).unwrap();
    let at = now();
    let revocation = Revocation { serial: serial.to_uppercase(), reason: RevocationReason::KeyCompromise, at };
    assert_eq!(authority.revoke(&revocation).unwrap().revoked_at, Some(at));
    let again = Revocation { reason: RevocationReason::Superseded, at: later(at, days_long(1)), ..revocation };
    assert_eq!(authority.revoke(&again).unwrap().reason, Some(RevocationReason::KeyCompromise));

    let pem = std::fs::read(authority.write_crl(Validity::days(3)).unwrap()).unwrap();
    let der = x509_parser::pem::parse_x509_pem(&pem).unwrap().1.contents;
    let (_, list) = CertificateRevocationList::from_der(&der).unwrap();
    let (_, root) = X509Certificate::from_der(authority.certificate()).unwrap();
    list.verify_signature(root.public_key()).unwrap();
    let revoked: Vec<_> =
        list.iter_revoked_certificates().map(|entry| index::hex(&entry.serial().to_bytes_be())).collect();
    assert_eq!(revoked, [serial]);
    assert!(list.next_update().unwrap().timestamp() > at.as_second());
    let numbered = list.extensions().iter().any(|e| matches!(e.parsed_extension(), ParsedExtension::CRLNumber(_)));
    assert!(numbered);
}

#[test]
fn what_was_not_issued_cannot_be_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let revocation = Revocation { serial: "00ff".into(), reason: RevocationReason::Unspecified, at: now() };
    let error = authority(dir.path(), KeyKind::P256).revoke(&revocation).unwrap_err();
    assert!(matches!(&error, PkiError::UnknownCertificate(serial) if serial == "00ff"));
    assert!(error.is_usage());
}

#[test]
fn keys_are_private_and_nothing_is_overwritten_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(&dir.path().join("ca"), KeyKind::P256);
    let issued = authority.issue(&alice(Purpose::Client)).unwrap();
    let name = dir.path().join("out/alice.laptop");
    let written = issued.write(&name, false).unwrap();
    issued.write_p12(&name, "secret", false).unwrap();
    for private in ["ca/ca.key", "out/alice.laptop.key", "out/alice.laptop.p12"] {
        let mode = std::fs::metadata(dir.path().join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    assert_eq!(serial_of(&written.certificate).unwrap(), issued.entry.serial);
    assert!(matches!(issued.write(&name, false), Err(PkiError::Exists(_))));
    issued.write(&name, true).unwrap();
    let request = AuthorityRequest { name: "x".into(), validity: Validity::days(1), key: KeyKind::P256 };
    assert!(matches!(Authority::create(&dir.path().join("ca"), &request), Err(PkiError::AuthorityExists(_))));
    assert!(matches!(Authority::open(&dir.path().join("nowhere")), Err(PkiError::NoAuthority(_))));
}

#[test]
fn impossible_requests_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path(), KeyKind::P256);
    let nobody = LeafRequest { names: Vec::new(), ..alice(Purpose::Client) };
    assert!(matches!(authority.issue(&nobody), Err(PkiError::Unnamed)));
    let foreign = LeafRequest { names: vec![Name::Dns("máy.example".into())], ..alice(Purpose::Client) };
    assert!(matches!(authority.issue(&foreign), Err(PkiError::Name { .. })));
    let backwards = LeafRequest { validity: Validity::past_days(1, 2), ..alice(Purpose::Client) };
    assert!(matches!(authority.issue(&backwards), Err(PkiError::Validity { .. })));
    assert_eq!(authority.entries().unwrap(), []);
}

#[test]
fn keys_are_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path(), KeyKind::P256);
    let issued = authority.issue(&alice(Purpose::Client)).unwrap();
    let printed = format!("{authority:?} {issued:?}");
    assert!(printed.contains(&issued.entry.serial) && !printed.to_ascii_lowercase().contains("key"), "{printed}");
}

#[test]
fn openssl_opens_the_p12() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path(), KeyKind::P256);
    let name = dir.path().join("alice");
    let path = authority.issue(&alice(Purpose::Client)).unwrap().write_p12(&name, "demo", false).unwrap();
    let opened = Command::new("openssl").args(["pkcs12", "-nodes", "-passin", "pass:demo", "-in"]).arg(path).output();
    // A machine without `openssl` proves it by the crate's own reader below.
    if let Ok(opened) = opened {
        let text = String::from_utf8_lossy(&opened.stdout).into_owned();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "{text}");
        assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 1);
    }
    let data = std::fs::read(dir.path().join("alice.p12")).unwrap();
    let policy = p12_keystore::Pkcs12ImportPolicy::Strict;
    let store = p12_keystore::KeyStore::from_pkcs12(&data, "demo", policy).unwrap();
    assert_eq!(store.private_key_chain().unwrap().1.certs().len(), 2);
    assert!(p12_keystore::KeyStore::from_pkcs12(&data, "wrong", policy).is_err());
}
