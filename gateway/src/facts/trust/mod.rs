//! Trust: the CAs and revocation lists that vouch for client certificates.
//!
//! Two questions are kept apart. [`Trust::authenticate`], asked once a handshake: do chain and key hold? What is found
//! does not change while the connection lives. [`Trust::standing`], asked for every request: is the certificate valid
//! and unrevoked *now*, by the trust that is in force now?

mod authority;
pub mod crl;
mod crl_files;
mod der;
mod fetch;
mod load;
mod message;
pub mod ocsp;
mod path;
mod signature;
mod standing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verifier;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use crate::audit::event::PresentedCertificate;
use crate::config::TrustDomain;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::identify::certificate::{MAX_CERTIFICATE_BYTES, presented};
use crate::request::identify::{ClientCertificate, Named, identify};
use crate::text::printable;
use authority::{Authority, AuthorityId};
use crl::Crl;
use crl_files::CrlFile;
use fetch::Fetcher;
pub use load::{LoadedTrust, TrustProblem};
use ocsp::{Answers, Responder};
pub use standing::Standing;
pub use verifier::{ClientVerifier, Presented};

/// The longest detail of a refusal, in bytes.
const MAX_DETAIL_BYTES: usize = 256;

/// All trust domains, as loaded at one time. Never changed: a reload makes a new one.
pub struct Trust {
    domains: Vec<Domain>,
    /// Names of all CAs, which browsers need to offer the right certificate.
    hints: Vec<DistinguishedName>,
    /// What may sign certificates, revocation lists and handshakes: nothing with MD5 or SHA-1.
    algorithms: WebPkiSupportedAlgorithms,
    /// What responders have said of certificates; the same for every trust of the process.
    answers: Arc<Answers>,
}

/// One trust domain.
struct Domain {
    name: Arc<str>,
    /// How its certificates name devices and principals.
    naming: TrustDomain,
    /// Where paths end. Each is the authority at the same place in `roots`.
    anchors: Vec<TrustAnchor<'static>>,
    roots: Vec<Authority>,
    /// CAs of the bundle that another CA of it issued.
    intermediates: Vec<Authority>,
    /// End of validity of each root, milliseconds since the Unix epoch.
    roots_end_ms: HashMap<AuthorityId, i64>,
    /// Whether the configuration names revocation lists, so that a certificate must be covered by one.
    checks_revocation: bool,
    crls: HashMap<AuthorityId, Vec<Arc<Crl>>>,
    /// The lists that each file held, for the next reload.
    crl_files: HashMap<PathBuf, CrlFile>,
    /// What fetches its lists.
    fetchers: Vec<Arc<Fetcher>>,
    responder: Option<Responder>,
}

/// A client certificate that was refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// What is wrong, for the record: bounded and printable.
    pub detail: String,
    /// What could be read of the certificate.
    pub presented: Option<PresentedCertificate>,
}

/// Why a certificate is refused, before it is known what to tell of it.
#[derive(Debug)]
struct Fault {
    reason: Reason,
    detail: String,
}

impl Fault {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    fn refuse(self, end_entity: &CertificateDer<'_>) -> Refused {
        Refused {
            reason: self.reason,
            detail: printable(&self.detail, MAX_DETAIL_BYTES),
            presented: Some(presented(end_entity)),
        }
    }
}

impl Trust {
    /// Whom a certificate names, by the rules of its trust domain.
    fn named(&self, certificate: &ClientCertificate) -> Result<Named, Reason> {
        identify(&certificate.names, &self.domain_of(certificate).ok_or(Reason::CertificateUntrusted)?.naming)
    }

    fn domain_of(&self, certificate: &ClientCertificate) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name == certificate.trust_domain)
    }

    /// Rises when more is known of a certificate.
    pub fn version(&self) -> u64 {
        self.answers.version()
    }

    /// Starts what keeps the revocation lists current, where it does not run yet. It ends with the trust that has it.
    pub fn keep_current(&self, gateway: &Arc<Gateway>) {
        self.domains.iter().flat_map(|domain| &domain.fetchers).for_each(|fetcher| fetcher.start(gateway));
    }

    /// Each revocation list in force: the CA's name and the time of its next update, milliseconds since the Unix epoch.
    pub fn crl_next_updates_ms(&self) -> impl Iterator<Item = (&str, i64)> {
        let lists = self.domains.iter().flat_map(|domain| domain.crls.values().flatten());
        lists.map(|crl| (crl.issuer_name.as_str(), crl.next_update_ms))
    }

    /// Each CA: its name and the end of its validity, milliseconds since the Unix epoch.
    pub fn authorities_not_after_ms(&self) -> impl Iterator<Item = (&str, i64)> {
        let authorities = self.domains.iter().flat_map(Domain::authorities);
        authorities.map(|authority| (authority.name.as_str(), authority.not_after_ms))
    }
}

impl Domain {
    /// All CAs of the bundle.
    fn authorities(&self) -> impl Iterator<Item = &Authority> + Clone {
        self.roots.iter().chain(&self.intermediates)
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.domains.iter().map(|domain| &domain.name);
        f.debug_tuple("Trust").field(&names.collect::<Vec<_>>()).finish()
    }
}
