//! `[control]`: the API by which the SOC and device agents speak to the gateway itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::app::{App, PostureMode, Sensitivity};
use super::cors::CrossSite;
use super::listen::{ServerCertificate, certificate, socket_address};
use super::rate::{self, RateLimit};
use super::reader::Table;
use super::source::Spot;
use super::upstream::UpstreamTls;
use super::{ActionRule, HostPattern};
use crate::control::call::Call;
use crate::control::calls::{self, CALLS};

/// The name by which policies and records know the control API. No `[[app]]` may have it.
pub const CONTROL: &str = "control";

/// `[control]`: the control API.
#[derive(Debug, Clone)]
pub struct Control {
    /// `address`
    pub address: SocketAddr,
    /// `[control.certificate]`: its server certificate, as in `[[listen.certificates]]`.
    pub certificate: ServerCertificate,
    /// `trust`: the trust domains whose certificates are admitted.
    pub trust: Vec<Arc<str>>,
    /// `policies`: the directory of its policies, which are a set of their own: a mistake in an app's policy cannot lock
    /// out those who have to mend it.
    pub policies: PathBuf,
    /// The API as policy sees it: an app with actions, and with the `rate_limit` of `[control]`.
    pub app: Arc<App>,
}

/// `[control]` and where its parts stand.
pub(super) struct Read<'a> {
    pub(super) control: Control,
    pub(super) address_spot: Spot<'a>,
    /// Each name of `trust`.
    pub(super) trust: Vec<(Arc<str>, Spot<'a>)>,
}

pub(super) fn read(mut table: Table<'_>) -> Option<Read<'_>> {
    let address = table.required_text("address");
    table.require("certificate", "`[control.certificate]`");
    let certificate = table.table("certificate").and_then(certificate);
    let trust = table.required_texts("trust");
    let policies = table.required_folder("policies");
    let rate_limit = table.table("rate_limit").and_then(rate::read);
    table.finish();

    let address = address?;
    let trust: Vec<_> = trust.iter().map(|text| (Arc::from(&**text), text.spot)).collect();
    let (certificate, _) = certificate?;
    let control = Control {
        address: socket_address(&address)?,
        app: Arc::new(app(certificate.hosts.clone(), rate_limit)),
        certificate,
        trust: trust.iter().map(|(name, _): &(Arc<str>, _)| Arc::clone(name)).collect(),
        policies: policies?,
    };
    Some(Read { control, address_spot: address.spot, trust })
}

/// The API as an app. What is no call of the API is `read` or `write`, which its policies need not permit to anyone.
fn app(hosts: Vec<HostPattern>, rate_limit: Option<RateLimit>) -> App {
    let rule = |call: &Call| ActionRule {
        method: Some(call.method.to_owned()),
        path: Some(call.pattern()),
        action: call.action.into(),
    };
    App {
        name: CONTROL.into(),
        hosts,
        upstreams: Vec::new(),
        upstream_tls: UpstreamTls::default(),
        owner: None,
        sensitivity: Sensitivity::Secret,
        groups: Vec::new(),
        posture: PostureMode::Policy,
        mode: Some(super::Mode::Enforce),
        actions: CALLS.iter().map(rule).collect(),
        strip_headers: Vec::new(),
        cross_site: CrossSite::Refuse,
        cors: None,
        assertion: None,
        client_cert: false,
        headers: Vec::new(),
        connect_timeout: Duration::ZERO,
        first_byte_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
        body_limit_bytes: Some(calls::largest_body_bytes()),
        rate_limit,
        health: None,
    }
}
