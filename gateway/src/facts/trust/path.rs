//! From a client's certificate to a root of a trust domain.
//!
//! webpki builds the path and verifies signatures, CA flags, path lengths, name constraints and key purposes. It takes
//! an expired root, a CA without `keyCertSign` and a certificate without `clientAuth`, so those are judged here.

use std::cell::RefCell;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::authority::{AuthorityId, authority_id, may_sign, milliseconds};
use super::crl::{strip_zeros, uris};
use super::{Domain, Fault, MAX_CERTIFICATE_BYTES, Refused, Trust, signature};
use crate::reason::Reason;
use crate::request::identify::{ChainLink, ClientCertificate};

/// The most certificates that a client may send besides its own.
const MAX_INTERMEDIATES: usize = 4;

impl Trust {
    /// Whether chain and key of a client's certificate are good. A certificate that is expired or revoked passes: that
    /// is [`Self::standing`]'s to say.
    pub fn authenticate(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now_ms: i64,
    ) -> Result<ClientCertificate, Refused> {
        self.prove(end_entity, intermediates, now_ms).map_err(|fault| fault.refuse(end_entity))
    }

    fn prove(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now_ms: i64,
    ) -> Result<ClientCertificate, Fault> {
        check_bounds(end_entity, intermediates)?;
        let leaf = parse(end_entity)?;
        let question = Question { end_entity, leaf: &leaf, intermediates, now_ms, algorithms: self.algorithms.all };
        let mut refusal = Fault::new(Reason::CertificateUntrusted, "no trust domain vouches for it");
        for domain in &self.domains {
            match domain.prove(&question) {
                Ok(chain) => {
                    judge_leaf(&leaf, now_ms)?;
                    return ClientCertificate::new(domain.name.clone(), &leaf, chain)
                        .map_err(|malformed| Fault::new(Reason::CertificateMalformed, malformed.to_string()));
                }
                // Another domain that does not know the certificate has nothing to say of what is wrong with it.
                Err(fault) if refusal.reason == Reason::CertificateUntrusted => refusal = fault,
                Err(_) => {}
            }
        }
        Err(refusal)
    }
}

/// What a trust domain is asked.
struct Question<'a> {
    end_entity: &'a CertificateDer<'a>,
    leaf: &'a X509Certificate<'a>,
    intermediates: &'a [CertificateDer<'a>],
    now_ms: i64,
    algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
}

impl Domain {
    /// The chain from the leaf to below a root of this domain.
    fn prove(&self, question: &Question<'_>) -> Result<Vec<ChainLink>, Fault> {
        if question.leaf.issuer().as_raw() == question.leaf.subject().as_raw() {
            return Err(Fault::new(Reason::CertificateUntrusted, "self-signed"));
        }
        let end_entity = EndEntityCert::try_from(question.end_entity).map_err(|error| fault_of(&error))?;
        let own = self.intermediates.iter().map(|authority| &authority.certificate);
        let candidates: Vec<CertificateDer<'_>> =
            question.intermediates.iter().chain(own).map(|der| CertificateDer::from(der.as_ref())).collect();

        // webpki asks this of each path it finds, and searches on for another where the answer is no.
        let judged = RefCell::new(None);
        let judge = |path: &VerifiedPath<'_>| {
            let chain = self.judge_issuers(question, path);
            let verdict = chain.as_ref().map_or(Err(webpki::Error::UnknownIssuer), |_| Ok(()));
            judged.replace(Some(chain));
            verdict
        };
        let verified = end_entity.verify_for_usage(
            question.algorithms,
            &self.anchors,
            &candidates,
            time_of_verification(question),
            KeyUsage::client_auth(),
            None,
            Some(&judge),
        );
        match (verified.map(|_| ()), judged.into_inner()) {
            (Ok(()), Some(Ok(chain))) => Ok(chain),
            (Err(_), Some(Err(fault))) => Err(fault),
            (Err(error), _) => Err(weak_issuer(question).unwrap_or_else(|| fault_of(&error))),
            (Ok(()), _) => Err(Fault::new(Reason::CertificateUntrusted, "the path was not judged")),
        }
    }

    /// Every issuer on the path must be one that may sign, with a strong key, valid now.
    fn judge_issuers(&self, question: &Question<'_>, path: &VerifiedPath<'_>) -> Result<Vec<ChainLink>, Fault> {
        let root = self
            .anchors
            .iter()
            .position(|anchor| std::ptr::eq(anchor, path.anchor()))
            .and_then(|place| self.roots.get(place))
            .ok_or_else(|| Fault::new(Reason::CertificateUntrusted, "the root is not of this trust domain"))?;
        let now_ms = question.now_ms;
        if !(root.not_before_ms..=root.not_after_ms).contains(&now_ms) {
            let detail = format!("the root `{}` is expired or not yet valid", root.name);
            return Err(Fault::new(Reason::CertificateIssuerInvalid, detail));
        }
        // From the root down: each certificate's issuer is the one before it.
        let mut issuer = root.id;
        let mut chain = Vec::new();
        for intermediate in path.intermediate_certificates().rev() {
            let der = intermediate.der();
            let x509 = parse(&der)?;
            judge_intermediate(&x509, now_ms)?;
            chain.push(link(&x509, issuer));
            issuer = authority_id(&x509);
        }
        chain.push(link(question.leaf, issuer));
        chain.reverse();
        Ok(chain)
    }
}

fn check_bounds(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), Fault> {
    if intermediates.len() > MAX_INTERMEDIATES {
        let detail = format!("{} intermediate certificates, at most {MAX_INTERMEDIATES} are read", intermediates.len());
        return Err(Fault::new(Reason::CertificateMalformed, detail));
    }
    match std::iter::once(end_entity).chain(intermediates).map(|der| der.len()).find(|len| *len > MAX_CERTIFICATE_BYTES)
    {
        Some(len) => Err(Fault::new(
            Reason::CertificateMalformed,
            format!("a certificate of {len} bytes, at most {MAX_CERTIFICATE_BYTES} are read"),
        )),
        None => Ok(()),
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Fault> {
    match X509Certificate::from_der(der) {
        Ok(([], x509)) if x509.validity().not_before <= x509.validity().not_after => Ok(x509),
        Ok(([], _)) => Err(Fault::new(Reason::CertificateMalformed, "its validity ends before it begins")),
        Ok(_) => Err(Fault::new(Reason::CertificateMalformed, "bytes follow the certificate")),
        Err(_) => Err(Fault::new(Reason::CertificateMalformed, "not an X.509 certificate")),
    }
}

/// Now, or the nearest time at which the leaf is valid: its own expiry must not hide whether chain and key are good.
fn time_of_verification(question: &Question<'_>) -> UnixTime {
    let validity = question.leaf.validity();
    let now_s = question.now_ms.div_euclid(1_000);
    let time_s = now_s.min(validity.not_after.timestamp()).max(validity.not_before.timestamp());
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time_s).unwrap_or_default()))
}

fn judge_leaf(leaf: &X509Certificate<'_>, now_ms: i64) -> Result<(), Fault> {
    signature::check_strength(leaf.public_key())
        .map_err(|key| Fault::new(Reason::CertificateWeakKey, format!("it has {key}")))?;
    let purposes = leaf.extended_key_usage().ok().flatten();
    if !purposes.is_some_and(|purposes| purposes.value.client_auth) {
        return Err(Fault::new(Reason::CertificateWrongUsage, "its extendedKeyUsage lacks `clientAuth`"));
    }
    let usage =
        leaf.key_usage().map_err(|_| Fault::new(Reason::CertificateMalformed, "its keyUsage cannot be read"))?;
    if usage.is_some_and(|usage| !usage.value.digital_signature()) {
        return Err(Fault::new(Reason::CertificateWrongUsage, "its keyUsage lacks `digitalSignature`"));
    }
    if now_ms < milliseconds(leaf.validity().not_before.timestamp()) {
        return Err(Fault::new(Reason::CertificateNotYetValid, "its validity has not begun"));
    }
    Ok(())
}

fn judge_intermediate(x509: &X509Certificate<'_>, now_ms: i64) -> Result<(), Fault> {
    if let Err(key) = signature::check_strength(x509.public_key()) {
        return Err(Fault::new(Reason::CertificateWeakKey, format!("an intermediate CA has {key}")));
    }
    let invalid = |why: String| Fault::new(Reason::CertificateIssuerInvalid, format!("an intermediate CA {why}"));
    may_sign(x509).map_err(invalid)?;
    let validity = x509.validity();
    let valid_ms = milliseconds(validity.not_before.timestamp())..=milliseconds(validity.not_after.timestamp());
    if valid_ms.contains(&now_ms) { Ok(()) } else { Err(invalid("is expired or not yet valid".to_owned())) }
}

fn link(x509: &X509Certificate<'_>, issuer_key: AuthorityId) -> ChainLink {
    ChainLink {
        issuer_key,
        serial: strip_zeros(x509.raw_serial()).into(),
        not_after_ms: milliseconds(x509.validity().not_after.timestamp()),
        distribution_points: distribution_points(x509),
    }
}

/// SHA-256 of the URIs at which the certificate says that its revocation list is. Points for some reasons only, or of
/// another issuer, are left out: such lists are not taken.
fn distribution_points(x509: &X509Certificate<'_>) -> Box<[[u8; 32]]> {
    let extensions = x509.extensions().iter();
    let points = extensions.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(points.points.iter()),
        _ => None,
    });
    points
        .flatten()
        .filter(|point| point.reasons.is_none() && point.crl_issuer.is_none())
        .filter_map(|point| point.distribution_point.as_ref())
        .flat_map(uris)
        .collect()
}

/// A weak key of an intermediate makes its signatures fail to verify; this tells the cause.
fn weak_issuer(question: &Question<'_>) -> Option<Fault> {
    question.intermediates.iter().find_map(|der| {
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        let key = signature::check_strength(x509.public_key()).err()?;
        Some(Fault::new(Reason::CertificateWeakKey, format!("an intermediate CA has {key}")))
    })
}

fn fault_of(error: &webpki::Error) -> Fault {
    use webpki::Error as E;
    let reason = match error {
        E::UnknownIssuer
        | E::InvalidSignatureForPublicKey
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | E::CertDistrusted => Reason::CertificateUntrusted,
        // The leaf's own validity cannot be the cause: the time of verification lies in it.
        E::CertExpired { .. }
        | E::CertNotValidYet { .. }
        | E::EndEntityUsedAsCa
        | E::PathLenConstraintViolated
        | E::NameConstraintViolation => Reason::CertificateIssuerInvalid,
        E::CaUsedAsEndEntity | E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Reason::CertificateWrongUsage,
        E::UnsupportedSignatureAlgorithmContext(_) => Reason::CertificateWeakKey,
        _ => Reason::CertificateMalformed,
    };
    Fault::new(reason, format!("{error}"))
}
