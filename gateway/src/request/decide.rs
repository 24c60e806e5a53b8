//! The decision: from the facts in hand to a permit or a refusal.

use std::net::IpAddr;
use std::sync::Arc;

use gaccong_policy as policy;
use http::Method;

use crate::config::App;
use crate::facts::posture::DevicePosture;
use crate::request::identify::{ClientCertificate, Subject};

/// Everything that policy is asked about one request, owned: for the decision, for the record, and to ask again when
/// facts change while the request is running.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asks.
    pub principal: Subject,
    /// Its groups at the time.
    pub groups: Arc<[Arc<str>]>,
    /// The device.
    pub device: Option<Arc<str>>,
    /// What was known of the device.
    pub posture: Option<Arc<DevicePosture>>,
    /// The certificate.
    pub certificate: Arc<ClientCertificate>,
    /// The app.
    pub app: Arc<App>,
    /// The action.
    pub action: Arc<str>,
    /// The normal host.
    pub host: Arc<str>,
    /// The normal path.
    pub path: Arc<str>,
    /// The method.
    pub method: Method,
    /// The client's address.
    pub source_ip: IpAddr,
    /// When it was asked, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl Asked {
    /// The question as policy takes it. Facts that are stale at `now_ms` are not in it.
    pub fn question(&self) -> policy::Question<'_> {
        policy::Question {
            principal: policy::Principal { kind: self.principal.kind, id: &self.principal.id, groups: &self.groups },
            action: &self.action,
            app: &self.app.name,
            context: policy::Context {
                device: self.device.as_deref().map(|id| match &self.posture {
                    Some(posture) => posture.as_of(id, self.now_ms),
                    None => policy::Device { id, ..policy::Device::default() },
                }),
                certificate: Some(policy::Certificate {
                    trust_domain: &self.certificate.trust_domain,
                    fingerprint: &self.certificate.fingerprint,
                    issuer: &self.certificate.issuer,
                    serial: &self.certificate.serial,
                    not_after_ms: self.certificate.not_after_ms,
                }),
                session: None,
                request: policy::Request {
                    host: &self.host,
                    path: &self.path,
                    method: self.method.as_str(),
                    source_ip: self.source_ip,
                },
                now_ms: self.now_ms,
            },
        }
    }
}
