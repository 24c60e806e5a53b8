//! Certificate revocation lists (RFC 5280 §5): complete ones, signed by a CA of their own trust domain.
//!
//! A list may have millions of entries, so what is kept of each is its serial number and nothing else, in one sorted
//! array.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateRevocationListDer, SignatureVerificationAlgorithm};
use webpki::{BorrowedCertRevocationList, CertRevocationList};
use x509_parser::asn1_rs::Any;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::authority::{Authority, AuthorityId, milliseconds, sha256};
use super::signature::Signed;
use crate::request::identify::certificate::MAX_SERIAL_BYTES;
use crate::request::identify::{ChainLink, distinguished_name};

/// A serial number, big-endian, with zeros before it.
type Serial = [u8; MAX_SERIAL_BYTES];

/// A revocation list that was verified.
#[derive(Debug)]
pub(super) struct Crl {
    /// The CA that signed it.
    pub(super) issuer: AuthorityId,
    /// The CA's distinguished name (RFC 4514).
    pub(super) issuer_name: String,
    pub(super) this_update_ms: i64,
    pub(super) next_update_ms: i64,
    scope: Scope,
    /// Sorted.
    revoked: Box<[Serial]>,
}

/// Which certificates of its issuer a list speaks of (RFC 5280 §5.2.5).
#[derive(Debug, Default)]
struct Scope {
    only_end_entities: bool,
    only_authorities: bool,
    /// SHA-256 of the URIs one of which a certificate must name as its distribution point; `None` for every certificate.
    distribution_points: Option<Box<[[u8; 32]]>>,
}

impl Crl {
    /// Reads a file of lists, DER or PEM; the error says what is wrong with the first that is.
    pub(super) fn read_all(
        file: &[u8],
        authorities: &[Authority],
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Vec<Self>, String> {
        const DER_SEQUENCE: u8 = 0x30;
        if file.first() == Some(&DER_SEQUENCE) {
            return Ok(vec![Self::read(file, authorities, algorithms)?]);
        }
        let lists = CertificateRevocationListDer::pem_slice_iter(file)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "neither DER nor PEM".to_owned())?;
        if lists.is_empty() {
            return Err("no `X509 CRL` section in it".to_owned());
        }
        lists.iter().map(|der| Self::read(der, authorities, algorithms)).collect()
    }

    /// Reads and verifies one list. webpki refuses delta and indirect lists, those partitioned by reason, and unknown
    /// critical extensions.
    fn read(
        der: &[u8],
        authorities: &[Authority],
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, String> {
        let list = BorrowedCertRevocationList::from_der(der).map_err(|error| format!("cannot be used: {error}"))?;
        let signed = Signed::parse(der).ok_or("cannot be parsed")?;
        let head = Head::parse(signed.body).ok_or("its dates or its issuer cannot be parsed")?;
        let issuer = find_issuer(&head, &signed, authorities, algorithms)?;
        let revoked = read_serials(&list)?;
        let scope = match CertRevocationList::from(list).issuing_distribution_point() {
            Some(extension) => Scope::parse(extension)?,
            None => Scope::default(),
        };
        Ok(Self {
            issuer: issuer.id,
            issuer_name: issuer.name.clone(),
            this_update_ms: head.this_update_ms,
            next_update_ms: head.next_update_ms,
            scope,
            revoked,
        })
    }

    /// Whether the list says anything of this certificate of its issuer.
    pub(super) fn covers(&self, link: &ChainLink, is_authority: bool) -> bool {
        let excluded = if is_authority { self.scope.only_end_entities } else { self.scope.only_authorities };
        let here = match &self.scope.distribution_points {
            Some(points) => points.iter().any(|point| link.distribution_points.contains(point)),
            None => true,
        };
        here && !excluded
    }

    /// Whether this certificate of its issuer is on the list.
    pub(super) fn revokes(&self, link: &ChainLink) -> bool {
        // A serial number too long for any list is in no honest certificate.
        pad(&link.serial).is_none_or(|serial| self.revoked.binary_search(&serial).is_ok())
    }
}

/// The fields of a list that stand before its entries.
struct Head<'a> {
    issuer: X509Name<'a>,
    this_update_ms: i64,
    next_update_ms: i64,
}

impl<'a> Head<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let (_, list) = Any::from_der(body).ok()?;
        let (after_version, _) = Any::from_der(list.data).ok()?;
        let (after_algorithm, _) = Any::from_der(after_version).ok()?;
        let (after_issuer, issuer) = X509Name::from_der(after_algorithm).ok()?;
        let (after_this_update, this_update) = ASN1Time::from_der(after_issuer).ok()?;
        let (_, next_update) = ASN1Time::from_der(after_this_update).ok()?;
        Some(Self {
            issuer,
            this_update_ms: milliseconds(this_update.timestamp()),
            next_update_ms: milliseconds(next_update.timestamp()),
        })
    }
}

/// The CA that signed a list, which must be one that may.
fn find_issuer<'a>(
    head: &Head<'_>,
    signed: &Signed<'_>,
    authorities: &'a [Authority],
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
) -> Result<&'a Authority, String> {
    let name = distinguished_name(&head.issuer);
    let mut name_is_known = false;
    let mut may_not_sign = false;
    for authority in authorities {
        let Ok((_, x509)) = X509Certificate::from_der(&authority.certificate) else { continue };
        if x509.subject().as_raw() != head.issuer.as_raw() {
            continue;
        }
        name_is_known = true;
        if signed.is_by(&x509.tbs_certificate.subject_pki, algorithms) {
            if authority.signs_crls {
                return Ok(authority);
            }
            may_not_sign = true;
        }
    }
    Err(if may_not_sign {
        format!("its issuer `{name}` may not sign revocation lists: its keyUsage lacks `cRLSign`")
    } else if name_is_known {
        format!("its signature is not by the key of `{name}` in the CA bundle")
    } else {
        format!("its issuer `{name}` is not in the CA bundle; add that CA to `ca`")
    })
}

fn read_serials(list: &BorrowedCertRevocationList<'_>) -> Result<Box<[Serial]>, String> {
    let mut serials = Vec::new();
    for (place, entry) in list.into_iter().enumerate() {
        let entry = entry.map_err(|error| format!("entry {} cannot be used: {error}", place + 1))?;
        // A certificate with a longer serial number than fits is refused as malformed, so nothing is lost.
        serials.extend(pad(strip_zeros(entry.serial_number)));
    }
    serials.sort_unstable();
    serials.dedup();
    Ok(serials.into_boxed_slice())
}

impl Scope {
    /// Reads an issuingDistributionPoint, whose form webpki has checked.
    fn parse(extension: &[u8]) -> Result<Self, String> {
        const CANNOT_BE_PARSED: &str = "its issuingDistributionPoint cannot be parsed";
        const URI: u32 = 6;
        let mut scope = Self::default();
        let (_, point) = Any::from_der(extension).map_err(|_| CANNOT_BE_PARSED)?;
        for field in elements(point.data).ok_or(CANNOT_BE_PARSED)? {
            match field.tag().0 {
                0 => {
                    let (_, full_name) = Any::from_der(field.data).map_err(|_| CANNOT_BE_PARSED)?;
                    let names = elements(full_name.data).ok_or(CANNOT_BE_PARSED)?;
                    let uris = names.iter().filter(|name| name.tag().0 == URI).map(|name| sha256(name.data));
                    scope.distribution_points = Some(uris.collect());
                }
                1 => scope.only_end_entities = field.data != [0],
                2 => scope.only_authorities = field.data != [0],
                _ => {}
            }
        }
        Ok(scope)
    }
}

/// The elements of a SEQUENCE's contents.
fn elements(mut contents: &[u8]) -> Option<Vec<Any<'_>>> {
    let mut elements = Vec::new();
    while !contents.is_empty() {
        let (rest, element) = Any::from_der(contents).ok()?;
        elements.push(element);
        contents = rest;
    }
    Some(elements)
}

/// SHA-256 of each URI of a distribution point's name.
pub(super) fn uris<'a>(name: &'a DistributionPointName<'_>) -> impl Iterator<Item = [u8; 32]> + 'a {
    let names = match name {
        DistributionPointName::FullName(names) => names.as_slice(),
        DistributionPointName::NameRelativeToCRLIssuer(_) => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(sha256(uri.as_bytes())),
        _ => None,
    })
}

/// A big-endian number without leading zero bytes.
pub(super) fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn pad(serial: &[u8]) -> Option<Serial> {
    let mut padded = [0; MAX_SERIAL_BYTES];
    let start = MAX_SERIAL_BYTES.checked_sub(serial.len())?;
    padded.get_mut(start..)?.copy_from_slice(serial);
    Some(padded)
}
