//! Who is asking: what the certificate of this connection proves, by the rules of its trust domain.

pub mod brought;
pub mod certificate;
pub mod credential;
mod distinguished_name;
mod naming;
mod spiffe;
pub mod token;

use std::sync::Arc;

use gaccong_policy::PrincipalKind;

use crate::facts::trust::Presented;
use crate::reason::Reason;
pub use certificate::{ChainLink, ClientCertificate, Names};
pub use credential::Credential;
pub use distinguished_name::distinguished_name;
pub use naming::{Named, identify};

/// What a connection proves. Made once, after the handshake.
#[derive(Debug, Clone)]
pub enum Identity {
    /// No certificate was presented, and none is required.
    Anonymous,
    /// A genuine certificate that is no longer valid (`on_invalid = "page"`): every request is refused for this reason.
    Invalid {
        /// Expired or revoked.
        reason: Reason,
        /// The certificate, for the record.
        certificate: Arc<ClientCertificate>,
    },
    /// A valid certificate and what it names.
    Proven {
        /// The certificate.
        certificate: Arc<ClientCertificate>,
        /// The device, where the trust domain's certificates name one.
        device: Option<Arc<str>>,
        /// The person or workload, where the trust domain's certificates name one.
        principal: Option<Subject>,
    },
}

/// A principal's kind and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Person or workload.
    pub kind: PrincipalKind,
    /// The name policies know.
    pub id: Arc<str>,
}

impl Identity {
    /// What a complete handshake proves, by what its verifier found.
    ///
    /// A revocation list that is stale or absent does not settle a connection's identity, nor does a responder's silence:
    /// the list may be renewed, and the responder heard, while the connection lives. Each request asks for the certificate's standing and is refused until then.
    pub fn of(presented: Option<&Presented>) -> Self {
        let Some(Presented { certificate, named, standing }) = presented else { return Self::Anonymous };
        let certificate = Arc::clone(certificate);
        match standing {
            Ok(_) | Err(Reason::CrlStale | Reason::CrlAbsent | Reason::OcspUnknown) => {
                let Named { device, principal } = named.clone();
                Self::Proven { certificate, device, principal }
            }
            Err(reason) => Self::Invalid { reason: *reason, certificate },
        }
    }

    /// The device that is proven.
    pub fn device(&self) -> Option<&Arc<str>> {
        if let Self::Proven { device, .. } = self { device.as_ref() } else { None }
    }

    /// The certificate that was presented, valid or not.
    pub fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        match self {
            Self::Anonymous => None,
            Self::Invalid { certificate, .. } | Self::Proven { certificate, .. } => Some(certificate),
        }
    }
}
