//! Certificate revocation lists (RFC 5280 §5): complete ones, signed by a CA of their own trust domain.
//!
//! A list may have millions of entries. It is read as a stream, and what is kept of each entry is a hash of its serial
//! number.

mod elements;
mod pem;
mod revoked;
mod scope;
mod skeleton;
mod unverified;

use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::asn1_rs::Any;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::authority::{Authority, AuthorityId, milliseconds};
use super::signature::Signed;
use crate::request::identify::{ChainLink, distinguished_name};
pub(super) use revoked::strip_zeros;
pub(super) use scope::uris;
pub use unverified::Unverified;

/// A revocation list that was verified.
#[derive(Debug)]
pub(super) struct Crl {
    /// The CA that signed it.
    pub(super) issuer: AuthorityId,
    /// The CA's distinguished name (RFC 4514).
    pub(super) issuer_name: String,
    pub(super) this_update_ms: i64,
    pub(super) next_update_ms: i64,
    /// cRLNumber (RFC 5280 §5.2.3), big-endian.
    pub(super) number: Option<Vec<u8>>,
    scope: scope::Scope,
    revoked: revoked::Revoked,
}

impl Crl {
    /// Finds out who signed a list, which must be a CA that may.
    pub(super) fn verify<'a>(
        list: Unverified,
        authorities: impl IntoIterator<Item = &'a Authority>,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, String> {
        let signed = Signed::parse(&list.skeleton).ok_or("cannot be parsed")?;
        let head = Head::parse(signed.body).ok_or("its dates or its issuer cannot be parsed")?;
        let is_by =
            |x509: &X509Certificate<'_>| list.message.is_by(&x509.tbs_certificate.subject_pki, &signed, algorithms);
        let issuer = find_issuer(&head, authorities, is_by)?;
        Ok(Self {
            issuer: issuer.id,
            issuer_name: issuer.name.clone(),
            this_update_ms: head.this_update_ms,
            next_update_ms: head.next_update_ms,
            number: list.number,
            scope: list.scope,
            revoked: list.revoked,
        })
    }

    /// Whether it is of the same issuer and was made earlier than `other`.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        // Numbers without leading zeros: the longer is the greater.
        let number = |crl: &Self| crl.number.as_ref().map(|number| (number.len(), number.clone()));
        let lower_number = number(self).zip(number(other)).is_some_and(|(own, other)| own < other);
        self.issuer == other.issuer && (lower_number || self.this_update_ms < other.this_update_ms)
    }

    /// Whether it is of the same issuer, time and number as `other`.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let edition = |crl: &Self| (crl.issuer, crl.this_update_ms, crl.next_update_ms, crl.number.clone());
        edition(self) == edition(other)
    }

    /// Whether the list says anything of this certificate of its issuer.
    pub(super) fn covers(&self, link: &ChainLink, is_authority: bool) -> bool {
        self.scope.covers(link, is_authority)
    }

    /// Whether this certificate of its issuer is on the list.
    pub(super) fn revokes(&self, link: &ChainLink) -> bool {
        self.has(&link.serial)
    }

    /// Whether the issuer's certificate with this serial number is on the list.
    pub(super) fn has(&self, serial: &[u8]) -> bool {
        self.revoked.contains(serial)
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

fn find_issuer<'a>(
    head: &Head<'_>,
    authorities: impl IntoIterator<Item = &'a Authority>,
    is_by: impl Fn(&X509Certificate<'_>) -> bool,
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
        if is_by(&x509) {
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
