//! The question about one certificate (RFC 6960 §4.1).

use aws_lc_rs::{digest, rand};
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::facts::trust::authority::Authority;
use crate::facts::trust::crl::strip_zeros;
use crate::facts::trust::der::{Fields, INTEGER, OCTET_STRING, SEQUENCE, element};
use crate::facts::trust::signature::key_parts;

/// SHA-1 (1.3.14.3.2.26). It names a CA here and vouches for nothing; every responder knows it (RFC 5019 §2.1.1).
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// id-pkix-ocsp-nonce
pub(super) const NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];

/// A question about one certificate.
pub(super) struct Question {
    issuer_name_hash: Vec<u8>,
    issuer_key_hash: Vec<u8>,
    /// Big-endian, without leading zero bytes.
    serial: Vec<u8>,
    /// That an answer was not made before (RFC 9654).
    pub(super) nonce: [u8; 32],
}

impl Question {
    /// About the certificate of `issuer` with this serial number.
    pub(super) fn new(issuer: &Authority, serial: &[u8]) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(&issuer.certificate).ok()?;
        let (_, key) = key_parts(x509.public_key().raw)?;
        let mut nonce = [0; 32];
        rand::fill(&mut nonce).ok()?;
        let sha1 = |bytes: &[u8]| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
        Some(Self {
            issuer_name_hash: sha1(x509.subject().as_raw()),
            issuer_key_hash: sha1(key),
            serial: serial.to_vec(),
            nonce,
        })
    }

    /// As it is sent.
    pub(super) fn der(&self) -> Vec<u8> {
        let request = element(SEQUENCE, &[&self.certificate_id()]);
        let nonce = element(OCTET_STRING, &[&element(OCTET_STRING, &[&self.nonce])]);
        let extension = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[NONCE]), &nonce]);
        let extensions = element(CONTEXT_2, &[&element(SEQUENCE, &[&extension])]);
        element(SEQUENCE, &[&element(SEQUENCE, &[&element(SEQUENCE, &[&request]), &extensions])])
    }

    /// CertID
    pub(super) fn certificate_id(&self) -> Vec<u8> {
        // An INTEGER whose first bit is set would be negative.
        let sign: &[u8] = if self.serial.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
        let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[SHA1]), &[0x05, 0x00]]);
        let name = element(OCTET_STRING, &[&self.issuer_name_hash]);
        let key = element(OCTET_STRING, &[&self.issuer_key_hash]);
        element(SEQUENCE, &[&algorithm, &name, &key, &element(INTEGER, &[sign, &self.serial])])
    }

    /// Whether `id`, a CertID in contents, is of the certificate in question.
    pub(super) fn is_about(&self, mut id: Fields<'_>) -> Option<bool> {
        let algorithm = id.sequence()?.contents(Tag::Oid)?;
        let name = id.contents(Tag::OctetString)?;
        let key = id.contents(Tag::OctetString)?;
        let serial = strip_zeros(id.contents(Tag::Integer)?);
        id.end()?;
        Some(
            algorithm == SHA1
                && name == self.issuer_name_hash
                && key == self.issuer_key_hash
                && serial == strip_zeros(&self.serial),
        )
    }
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const CONTEXT_2: u8 = 0xa2;
