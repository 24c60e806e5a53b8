//! A snapshot: configuration, policy and every fact as they stood at one moment. One request sees one snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use gaccong_policy::PolicySet;

use crate::config::{App, Config, HostPattern};
use crate::facts::break_glass::BreakGlass;
use crate::facts::groups::Groups;
use crate::facts::posture::Posture;
use crate::facts::threat::Threats;
use crate::facts::trust::Trust;
use crate::oidc::Provider;
use crate::process::policies::Bundle;
use crate::request::accept::tls::ServerTls;
use crate::request::forward::pool::Pool;
use crate::request::identify::Identity;
use crate::session::Voucher;
use crate::signals::stream::Streams;
use crate::tokens::Issuers;

/// Everything that a request is judged by.
#[derive(Debug)]
pub struct Snapshot {
    /// Rises with each snapshot of the process.
    pub epoch: u64,
    /// The configuration.
    pub config: Arc<Config>,
    /// Server certificates by name.
    pub tls: ServerTls,
    /// The management listener's own certificate, where it has one.
    pub management_tls: Option<ServerTls>,
    /// Who vouches for clients.
    pub trust: Arc<Trust>,
    /// Who is a member of what.
    pub groups: Groups,
    /// What was reported of devices.
    pub posture: Posture,
    /// Which addresses are dangerous.
    pub threats: Threats,
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// The signed bundle that the policies are, where signatures are asked for.
    pub bundle: Option<Bundle>,
    /// The streams of signals.
    pub signals: Streams,
    /// The OpenID provider where people log in, where there is one.
    pub oidc: Option<Arc<Provider>>,
    /// The issuers of access tokens.
    pub tokens: Issuers,
    /// Hosts and their apps.
    pub routes: Routes,
    /// The control API, where there is one.
    pub control: Option<Control>,
    /// The way in for emergencies, where there is one.
    pub break_glass: Option<BreakGlass>,
}

/// The sockets on which requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// That of the apps.
    Apps,
    /// That of the control API.
    Control,
}

/// The control API: its own certificate and its own policies, so that what happens to those of the apps does not
/// concern it.
#[derive(Debug)]
pub struct Control {
    /// Its server certificate.
    pub tls: ServerTls,
    /// What policy and records know it as.
    pub app: Arc<App>,
    /// The trust domains whose certificates are admitted.
    pub trust: Vec<Arc<str>>,
    /// Its policies.
    pub policies: Arc<PolicySet>,
}

/// What answers for a host, and the policies that decide who may reach it.
#[derive(Debug)]
pub struct Resource<'a> {
    /// The app.
    pub app: &'a Arc<App>,
    /// The way to it; `None` for the control API, which the gateway answers itself.
    pub route: Option<&'a Arc<Route>>,
    /// The policies.
    pub policies: &'a Arc<PolicySet>,
}

impl Snapshot {
    /// What answers for a normal host on a listener.
    pub fn resource(&self, listener: Listener, host: &str) -> Option<Resource<'_>> {
        match listener {
            Listener::Apps => {
                let route = self.routes.of_host(host)?;
                Some(Resource { app: &route.app, route: Some(route), policies: &self.policies })
            }
            Listener::Control => {
                let control = self.control.as_ref()?;
                Some(Resource { app: &control.app, route: None, policies: &control.policies })
            }
        }
    }
}

impl Snapshot {
    /// Whether people may still be vouched for by whoever did it.
    pub fn trusts(&self, voucher: &Voucher) -> bool {
        self.config.auth.as_ref().is_some_and(|auth| match voucher {
            Voucher::Oidc { issuer } => {
                self.oidc.as_ref().is_some_and(|provider| provider.settings().issuer == *issuer)
            }
            Voucher::Smartcard { trust_domain, .. } => auth.trust.contains(trust_domain),
        })
    }

    /// The way in for emergencies, where whoever proves to be this has no other.
    pub fn emergency(&self, listener: Listener, identity: &Identity) -> Option<&BreakGlass> {
        let break_glass = self.break_glass.as_ref().filter(|_| listener == Listener::Apps)?;
        break_glass.trust.contains(&identity.certificate()?.trust_domain).then_some(break_glass)
    }
}

/// An app and the way to it.
#[derive(Debug)]
pub struct Route {
    /// The app.
    pub app: Arc<App>,
    /// Its upstreams.
    pub pool: Arc<Pool>,
}

/// Hosts and their apps. An exact name wins over a wildcard.
#[derive(Debug, Default)]
pub struct Routes {
    exact: HashMap<String, Arc<Route>>,
    wildcard: HashMap<String, Arc<Route>>,
    by_app: HashMap<Arc<str>, Arc<Route>>,
}

impl Routes {
    /// Indexes the routes by host.
    pub fn new(routes: impl IntoIterator<Item = Arc<Route>>) -> Self {
        let mut index = Self::default();
        for route in routes {
            for host in &route.app.hosts {
                match host {
                    HostPattern::Exact(name) => index.exact.insert(name.clone(), Arc::clone(&route)),
                    HostPattern::Wildcard(parent) => index.wildcard.insert(parent.clone(), Arc::clone(&route)),
                };
            }
            index.by_app.insert(Arc::clone(&route.app.name), route);
        }
        index
    }

    /// The route of a normal host.
    pub fn of_host(&self, host: &str) -> Option<&Arc<Route>> {
        self.exact.get(host).or_else(|| self.wildcard.get(host.split_once('.')?.1))
    }

    /// Every route.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.by_app.values()
    }

    /// The route of an app.
    pub fn of_app(&self, name: &str) -> Option<&Arc<Route>> {
        self.by_app.get(name)
    }
}
