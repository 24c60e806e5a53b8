//! The verifier that rustls asks during a handshake, one for each connection.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::{Domain, Fault, Refused, Standing, Trust};
use crate::config::{CertificateMode, OnInvalid};
use crate::reason::Reason;
use crate::request::identify::{ClientCertificate, Named};

/// A certificate whose chain and key are good, and how it stood at the handshake.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The certificate.
    pub certificate: Arc<ClientCertificate>,
    /// Whom it names.
    pub named: Named,
    /// Whether it was valid and unrevoked.
    pub standing: Result<Standing, Reason>,
}

/// Judges the client's certificate of one connection and keeps the judgement, so that nothing is verified twice.
pub struct ClientVerifier {
    trust: Arc<Trust>,
    mode: CertificateMode,
    on_invalid: OnInvalid,
    among: Option<Among>,
    outcome: OnceLock<Result<Presented, Refused>>,
}

/// The only trust domains that are asked for.
struct Among {
    domains: Vec<Arc<str>>,
    hints: Vec<DistinguishedName>,
}

impl ClientVerifier {
    /// A verifier for one connection.
    pub fn new(trust: Arc<Trust>, mode: CertificateMode, on_invalid: OnInvalid) -> Self {
        Self { trust, mode, on_invalid, among: None, outcome: OnceLock::new() }
    }

    /// The same, asking for certificates of these trust domains only: a browser then offers a person's card, and not the
    /// device's certificate.
    #[must_use]
    pub fn among(self, domains: &[Arc<str>]) -> Self {
        let named = self.trust.domains.iter().filter(|domain| domains.contains(&domain.name));
        let hints = named.flat_map(Domain::hints).collect();
        Self { among: Some(Among { domains: domains.to_vec(), hints }), ..self }
    }

    /// What was found; `None` where the client has sent no certificate. Only after a *complete* handshake has the
    /// client also proven that it holds the key.
    pub fn outcome(&self) -> Option<&Result<Presented, Refused>> {
        self.outcome.get()
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now_ms: i64,
    ) -> Result<Presented, Refused> {
        let certificate = self.trust.authenticate(end_entity, intermediates, now_ms)?;
        if self.among.as_ref().is_some_and(|among| !among.domains.contains(&certificate.trust_domain)) {
            let detail = "this host asks for certificates of other trust domains";
            return Err(Fault::new(Reason::CertificateUntrusted, detail).refuse(end_entity));
        }
        let named = self.trust.named(&certificate);
        let named = named.map_err(|reason| Fault::new(reason, "chain and key are good").refuse(end_entity))?;
        let standing = self.trust.standing(&certificate, now_ms);
        match standing {
            Err(reason) if !self.completes(reason) => {
                Err(Fault::new(reason, "chain and key are good").refuse(end_entity))
            }
            standing => Ok(Presented { certificate: Arc::new(certificate), named, standing }),
        }
    }

    /// Whether the handshake completes so that requests can be told why they are refused.
    fn completes(&self, reason: Reason) -> bool {
        // What a responder says is heard after the handshake.
        if reason == Reason::OcspUnknown {
            return true;
        }
        let can_be_told = matches!(
            reason,
            Reason::CertificateExpired | Reason::CertificateRevoked | Reason::CrlStale | Reason::CrlAbsent
        );
        self.on_invalid == OnInvalid::Page && can_be_told
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mode == CertificateMode::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.among.as_ref().map_or(&self.trust.hints, |among| &among.hints)
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let now_ms = i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000);
        match self.outcome.get_or_init(|| self.judge(end_entity, intermediates, now_ms)) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refused) => Err(certificate_error(refused.reason).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.trust.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.trust.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}

impl std::fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientVerifier").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// The error of rustls that sends the alert for a reason.
fn certificate_error(reason: Reason) -> CertificateError {
    match reason {
        Reason::CertificateExpired => CertificateError::Expired,
        Reason::CertificateNotYetValid => CertificateError::NotValidYet,
        Reason::CertificateRevoked => CertificateError::Revoked,
        Reason::CertificateUntrusted | Reason::CertificateIssuerInvalid => CertificateError::UnknownIssuer,
        Reason::CertificateWrongUsage => CertificateError::InvalidPurpose,
        Reason::CertificateMalformed => CertificateError::BadEncoding,
        Reason::CrlStale => CertificateError::ExpiredRevocationList,
        Reason::CrlAbsent | Reason::OcspUnknown => CertificateError::UnknownRevocationStatus,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}
