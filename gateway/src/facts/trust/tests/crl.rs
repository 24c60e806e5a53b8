//! How lists are read: as streams, whatever their length, and only in one form.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{KeyPair, SerialNumber};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

use crate::facts::trust::Trust;
use crate::facts::trust::authority::Authority;
use crate::facts::trust::crl::{Crl, Unverified};
use crate::facts::trust::testing::{Ca, Files, NOW_MS, crl_params, leaf_params};
use crate::reason::Reason;

fn der(pem: &str) -> Vec<u8> {
    CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

fn verify(ca: &Ca, der: &[u8]) -> Result<Crl, String> {
    let list = Unverified::read_all(der)?.pop().unwrap();
    Crl::verify(list, &[Authority::read(ca.der()).unwrap()], default_provider().signature_verification_algorithms.all)
}

#[test]
fn signatures_of_every_kind_are_verified() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA512,
    ] {
        let key = || KeyPair::generate_for(algorithm).unwrap();
        let (ca, other) = (Ca::with_key("root", key()), Ca::with_key("root", key()));
        let list = der(&ca.crl(&[7]));
        assert!(verify(&ca, &list).is_ok(), "{algorithm:?}");
        let error = verify(&other, &list).err().unwrap();
        assert!(error.contains("not by the key"), "{algorithm:?}: {error}");
    }
}

#[test]
fn no_byte_of_a_list_can_be_changed() {
    let ca = Ca::root("root");
    let good = der(&ca.crl(&[7, 8, 9]));
    assert!(verify(&ca, &good).is_ok());
    for place in 0..good.len() {
        for bit in [0x01, 0x80] {
            let mut changed = good.clone();
            changed[place] ^= bit;
            assert!(verify(&ca, &changed).is_err(), "bit {bit:#x} of byte {place}");
        }
        assert!(verify(&ca, &good[..place]).is_err(), "the first {place} bytes");
    }
    assert!(verify(&ca, &[&good[..], &[0]].concat()).is_err());
}

#[test]
fn entries_of_many_batches_are_all_read() {
    let ca = Ca::root("root");
    let mut params = crl_params(&[]);
    let entry = crl_params(&[1]).revoked_certs.pop().unwrap();
    let serial = |number: u32| SerialNumber::from_slice(&[&[0x11; 16], &number.to_be_bytes()[..]].concat());
    const ENTRIES: u32 = 6_000;
    params.revoked_certs = (0..ENTRIES)
        .map(|number| {
            let mut entry = entry.clone();
            entry.serial_number = serial(number);
            entry
        })
        .collect();
    let pem = ca.crl_from(&params);
    assert!(der(&pem).len() > 3 * 64 * 1024);
    for file in [pem.clone().into_bytes(), der(&pem)] {
        assert_eq!(Unverified::read_all(&*file).unwrap().pop().unwrap().len(), ENTRIES as usize);
        let files = Files::new(&[&ca.certificate], &[String::new()]);
        files.write("0.crl", &file);
        let trust = files.trust();
        for (number, expected) in [(0, true), (2_999, true), (ENTRIES - 1, true), (ENTRIES, false)] {
            let mut leaf = leaf_params();
            leaf.serial_number = Some(serial(number));
            let certificate = trust.authenticate(&ca.issue(&leaf), &[], NOW_MS).unwrap();
            let revoked = trust.standing(&certificate, NOW_MS) == Err(Reason::CertificateRevoked);
            assert_eq!(revoked, expected, "{number}");
        }
    }
}

#[test]
fn a_list_says_its_number() {
    let ca = Ca::root("root");
    let mut params = crl_params(&[]);
    params.crl_number = SerialNumber::from_slice(&[0x01, 0x00]);
    assert_eq!(verify(&ca, &der(&ca.crl_from(&params))).unwrap().number.as_deref(), Some(&[1, 0][..]));
}

#[test]
fn a_file_that_has_not_changed_is_not_read_again() {
    let ca = Ca::root("root");
    let files = Files::new(&[&ca.certificate], &[ca.crl(&[7])]);
    let list_of = |trust: &Trust| Arc::clone(&trust.domains[0].crl_files.values().next().unwrap().lists()[0]);
    const MINUTE: Duration = Duration::from_secs(60);
    let minute_ago = SystemTime::now() - MINUTE;
    files.date("0.crl", minute_ago);
    let first = files.trust();
    let second = files.load(Some(&first)).unwrap().trust;
    assert!(Arc::ptr_eq(&list_of(&first), &list_of(&second)));

    // Another list, which claims to be as old.
    files.write("0.crl", ca.crl(&[8]));
    files.date("0.crl", minute_ago);
    let third = files.load(Some(&second)).unwrap().trust;
    assert!(!Arc::ptr_eq(&list_of(&second), &list_of(&third)));

    // Too young to be told from a later one of the same moment.
    files.date("0.crl", SystemTime::now() + MINUTE);
    let fourth = files.load(Some(&third)).unwrap().trust;
    let fifth = files.load(Some(&fourth)).unwrap().trust;
    assert!(!Arc::ptr_eq(&list_of(&fourth), &list_of(&fifth)));
}
