//! Whether a response is to be believed, and what it says of the certificate in question (RFC 6960 §3.2).

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::question::Question;
use super::response::{NoAnswer, Response, Single, Status};
use crate::facts::trust::authority::{Authority, milliseconds};
use crate::facts::trust::signature::{Signed, check_strength};

/// How far ahead of ours a responder's clock may be.
const SKEW_MS: i64 = 5 * 60 * 1_000;

/// What is known of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::facts::trust) struct Answer {
    pub(in crate::facts::trust) status: Status,
    pub(super) this_update_ms: i64,
    /// Until when it counts, milliseconds since the Unix epoch.
    pub(in crate::facts::trust) fresh_until_ms: i64,
}

/// Why a response is not believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Disbelief {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("its signature is neither by the issuer nor by a responder that the issuer vouches for")]
    Signer,
    #[error("its nonce is not the one that was asked with")]
    Nonce,
    #[error("it says nothing of the certificate")]
    OtherCertificate,
    #[error("it is from the future")]
    Early,
    #[error("it is stale")]
    Stale,
}

/// Who may answer for a CA.
pub(super) struct Judge<'a> {
    pub(super) issuer: &'a Authority,
    /// The certificate of a responder of the operator's choice.
    pub(super) responder: Option<&'a CertificateDer<'static>>,
    pub(super) algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
    /// How old an answer without nextUpdate may be.
    pub(super) max_age_ms: i64,
    pub(super) now_ms: i64,
}

impl Judge<'_> {
    /// What the response says of the certificate in question. `is_revoked` tells of a delegated responder's serial number.
    pub(super) fn judge(
        &self,
        der: &[u8],
        question: &Question,
        is_revoked: impl Fn(&[u8]) -> bool,
    ) -> Result<Answer, Disbelief> {
        let response = Response::parse(der)?;
        if !self.is_by_responder(&response, is_revoked) {
            return Err(Disbelief::Signer);
        }
        if response.nonce.is_some_and(|nonce| nonce != question.nonce) {
            return Err(Disbelief::Nonce);
        }
        let about = |single: &&Single<'_>| question.is_about(single.certificate_id) == Some(true);
        let single = response.answers.iter().find(about).ok_or(Disbelief::OtherCertificate)?;
        if single.this_update_ms > self.now_ms.saturating_add(SKEW_MS) {
            return Err(Disbelief::Early);
        }
        let without = single.this_update_ms.saturating_add(self.max_age_ms);
        let fresh_until_ms = single.next_update_ms.unwrap_or(without);
        if fresh_until_ms <= self.now_ms {
            return Err(Disbelief::Stale);
        }
        Ok(Answer { status: single.status, this_update_ms: single.this_update_ms, fresh_until_ms })
    }

    fn is_by_responder(&self, response: &Response<'_>, is_revoked: impl Fn(&[u8]) -> bool) -> bool {
        let is_by = |x509: &X509Certificate<'_>| response.signed.is_by(x509.public_key(), self.algorithms);
        let Ok((_, issuer)) = X509Certificate::from_der(&self.issuer.certificate) else { return false };
        let chosen = self.responder.and_then(|responder| X509Certificate::from_der(responder).ok());
        if is_by(&issuer) || chosen.is_some_and(|(_, chosen)| self.is_valid_now(&chosen) && is_by(&chosen)) {
            return true;
        }
        response.certificates.iter().any(|der| match X509Certificate::from_der(der) {
            Ok(([], x509)) => self.is_delegated(der, &x509, &issuer) && is_by(&x509) && !is_revoked(x509.raw_serial()),
            _ => false,
        })
    }

    /// Whether the issuer has made it a responder (§4.2.2.2): signed by the issuer's own key, for this purpose.
    fn is_delegated(&self, der: &[u8], x509: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
        let purposes = x509.extended_key_usage().ok().flatten();
        self.is_valid_now(x509)
            && purposes.is_some_and(|purposes| purposes.value.ocsp_signing)
            && check_strength(x509.public_key()).is_ok()
            && x509.issuer().as_raw() == issuer.subject().as_raw()
            && Signed::parse(der).is_some_and(|signed| signed.is_by(issuer.public_key(), self.algorithms))
    }

    fn is_valid_now(&self, x509: &X509Certificate<'_>) -> bool {
        let validity = x509.validity();
        let begin_ms = milliseconds(validity.not_before.timestamp());
        (begin_ms..=milliseconds(validity.not_after.timestamp())).contains(&self.now_ms)
    }
}
