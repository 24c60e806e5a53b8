//! Certification authorities of a trust domain: which certificates of a bundle may vouch for clients.

use aws_lc_rs::digest;
use rustls::DistinguishedName;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::signature::{self, Signed};
use crate::request::identify::distinguished_name;

/// A CA's name and key: SHA-256 over its subject and public key (DER).
pub(super) type AuthorityId = [u8; 32];

/// A CA certificate that may sign certificates.
pub(super) struct Authority {
    pub(super) id: AuthorityId,
    pub(super) certificate: CertificateDer<'static>,
    /// Distinguished name (RFC 4514).
    pub(super) name: String,
    pub(super) not_before_ms: i64,
    pub(super) not_after_ms: i64,
    /// Whether it may sign revocation lists.
    pub(super) signs_crls: bool,
}

impl Authority {
    /// Reads a certificate of a bundle; the error says why it can be no CA.
    pub(super) fn read(certificate: CertificateDer<'static>) -> Result<Self, String> {
        let (rest, x509) =
            X509Certificate::from_der(&certificate).map_err(|_| "a certificate cannot be parsed".to_owned())?;
        let name = distinguished_name(x509.subject());
        if !rest.is_empty() {
            return Err(format!("bytes follow the certificate of `{name}`"));
        }
        may_sign(&x509).map_err(|why| format!("`{name}` {why}"))?;
        let key_usage = x509.key_usage().ok().flatten();
        Ok(Self {
            id: authority_id(&x509),
            not_before_ms: milliseconds(x509.validity().not_before.timestamp()),
            not_after_ms: milliseconds(x509.validity().not_after.timestamp()),
            signs_crls: key_usage.is_some_and(|usage| usage.value.crl_sign()),
            name,
            certificate: certificate.clone(),
        })
    }

    /// The subject, as TLS names it to clients.
    pub(super) fn subject(&self) -> Option<DistinguishedName> {
        let (_, x509) = X509Certificate::from_der(&self.certificate).ok()?;
        Some(DistinguishedName::from(x509.subject().as_raw().to_vec()))
    }

    /// Whether `other`, a different CA, issued this one.
    pub(super) fn is_issued_by(
        &self,
        other: &Self,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> bool {
        let (Ok((_, own)), Ok((_, issuer))) =
            (X509Certificate::from_der(&self.certificate), X509Certificate::from_der(&other.certificate))
        else {
            return false;
        };
        self.id != other.id
            && own.issuer().as_raw() == issuer.subject().as_raw()
            && Signed::parse(&self.certificate)
                .is_some_and(|signed| signed.is_by(&issuer.tbs_certificate.subject_pki, algorithms))
    }
}

/// Refuses what is no CA certificate: without `CA:TRUE`, without `keyCertSign`, or with a weak key. An absent keyUsage
/// extension allows nothing here, although RFC 5280 would let it allow all.
pub(super) fn may_sign(x509: &X509Certificate<'_>) -> Result<(), String> {
    let constraints = x509.basic_constraints().map_err(|_| "has two basicConstraints extensions")?;
    if !constraints.is_some_and(|constraints| constraints.value.ca) {
        return Err("is not a CA: its basicConstraints do not say `CA:TRUE`".to_owned());
    }
    let usage = x509.key_usage().map_err(|_| "has a keyUsage extension that cannot be read")?;
    if !usage.is_some_and(|usage| usage.value.key_cert_sign()) {
        return Err("may not sign certificates: its keyUsage lacks `keyCertSign`".to_owned());
    }
    signature::check_strength(x509.public_key())
        .map_err(|key| format!("has {key}; use RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519"))
}

/// The id of the CA whose certificate this is.
pub(super) fn authority_id(x509: &X509Certificate<'_>) -> AuthorityId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(x509.subject().as_raw());
    context.update(x509.public_key().raw);
    sha256_bytes(&context.finish())
}

/// SHA-256 of `bytes`.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256_bytes(&digest::digest(&digest::SHA256, bytes))
}

fn sha256_bytes(digest: &digest::Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    bytes
}

/// Milliseconds of a Unix time in seconds.
pub(super) fn milliseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000)
}
