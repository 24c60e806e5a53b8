//! What policy is asked about one request, owned: it outlives the request in its record, and can be asked again.

use std::net::IpAddr;
use std::sync::Arc;

use gaccong_policy as policy;
use http::Method;
use policy::Mode;

use super::Target;
use crate::config::App;
use crate::facts::break_glass::Signed;
use crate::facts::posture::DevicePosture;
use crate::request::cross_site::{Initiator, Site};
use crate::request::identify::{self, ClientCertificate, Credential};

/// Everything that policy is asked about one request, owned: for the decision, for the record, and to ask again when
/// facts change while the request is running.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asks.
    pub principal: identify::Subject,
    /// Its groups at the time.
    pub groups: Arc<[Arc<str>]>,
    /// The device.
    pub device: Option<Arc<str>>,
    /// What was known of the device.
    pub posture: Option<Arc<DevicePosture>>,
    /// The session or token.
    pub credential: Option<Arc<Credential>>,
    /// The certificate.
    pub certificate: Arc<ClientCertificate>,
    /// The app.
    pub app: Arc<App>,
    /// The action.
    pub action: Arc<str>,
    /// Whether it opens a WebSocket.
    pub websocket: bool,
    /// The page that made a browser send it.
    pub initiator: Initiator,
    /// The normal host.
    pub host: Arc<str>,
    /// The normal path.
    pub path: Arc<str>,
    /// The method.
    pub method: Method,
    /// Whom a call of the control API is about.
    pub target: Option<Arc<Target>>,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The threat list that has the address.
    pub threat: Option<Arc<str>>,
    /// The grant by which the glass is broken.
    pub grant: Option<Arc<Signed>>,
    /// How risky the principal is.
    pub risk: Option<Arc<str>>,
    /// The alert level.
    pub alert_level: i64,
    /// Whether a stream of signals is lost.
    pub signal_lost: bool,
    /// When it was asked, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl Asked {
    /// The mode in which it is decided, where `usual` is that of the policies. Whoever breaks the glass is never only observed.
    pub fn mode(&self, usual: Mode) -> Mode {
        match self.grant {
            Some(_) => Mode::Enforce,
            None => self.app.mode.unwrap_or(usual),
        }
    }

    /// When the first of the facts that it rests on ends by itself, milliseconds since the Unix epoch.
    pub(super) fn holds_until_ms(&self) -> Option<i64> {
        let posture = self.posture.as_ref().and_then(|posture| posture.holds_until_ms(self.now_ms));
        let grant = self.grant.as_ref().map(|signed| signed.grant.not_after_ms());
        let credential = self.credential.as_ref().map(|credential| credential.expires_at_ms);
        [posture, grant, credential].into_iter().flatten().min()
    }

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
                session: self.credential.as_deref().map(|credential| policy::Session {
                    method: credential.method.as_str(),
                    acr: credential.acr.as_deref(),
                    auth_age_s: age_s(credential, self.now_ms),
                }),
                threat: self.threat.as_deref().map(|list| policy::Threat { list }),
                target: self.target.as_deref().map(|target| policy::Target { kind: target.kind, id: &target.id }),
                risk: self.risk.as_deref(),
                break_glass: self.grant.as_deref().map(|signed| policy::BreakGlass { grant: &signed.grant.id }),
                alert_level: self.alert_level,
                signal_lost: self.signal_lost,
                request: policy::Request {
                    host: &self.host,
                    path: &self.path,
                    method: self.method.as_str(),
                    source_ip: self.source_ip,
                    site: self.initiator.site.map(Site::as_str),
                    origin: self.initiator.origin.as_deref(),
                },
                now_ms: self.now_ms,
            },
        }
    }
}

/// How long ago whoever asks proved who they are. What is not known was as long ago as can be.
fn age_s(credential: &Credential, now_ms: i64) -> i64 {
    credential.auth_time_ms.map_or(i64::from(u32::MAX), |at_ms| now_ms.saturating_sub(at_ms).max(0) / 1000)
}
