//! What a session is bound to: the device, or whoever else holds the certificate, in its trust domain. Not the
//! certificate itself: it changes when it is renewed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::request::identify::Identity;
use crate::state::{Subject, SubjectKind};

/// Whose connections may use a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binding {
    /// The trust domain that vouches for the holder.
    pub trust_domain: Arc<str>,
    /// The device; where certificates name none, the person or workload.
    pub holder: Subject,
}

impl Binding {
    /// What the sessions of a connection are bound to; `None` where nothing is proven.
    pub fn of(identity: &Identity) -> Option<Self> {
        let Identity::Proven { certificate, device, principal } = identity else { return None };
        let device = device.as_ref().map(|device| Subject::new(SubjectKind::Device, Arc::clone(device)));
        let named = || principal.as_ref().map(|it| Subject::new(it.kind.into(), Arc::clone(&it.id)));
        Some(Self { trust_domain: Arc::clone(&certificate.trust_domain), holder: device.or_else(named)? })
    }

    /// Whether a connection is the holder's.
    pub fn holds_for(&self, identity: &Identity) -> bool {
        Self::of(identity).as_ref() == Some(self)
    }
}
