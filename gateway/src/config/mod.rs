//! The configuration: `gaccong.toml`, read once into the types below, every one of which is already valid.
//!
//! Nothing behind this module meets a string that still has to be parsed, a path that is relative to something unknown,
//! or a number out of its bounds. `load` opens the files, `reader` takes typed values out of TOML and remembers where
//! they stood, one module a table turns them into the checked types, `check` compares tables with each other. *All*
//! errors are gathered; [`Diagnostic`] prints them.

mod action;
mod app;
mod assertion;
mod audit;
mod auth;
mod break_glass;
mod check;
mod clients;
mod control;
mod cors;
mod decision;
pub mod diagnostic;
mod group_rule;
mod host;
mod identity_headers;
mod jwks;
mod jwt;
mod limits;
mod listen;
mod load;
mod management;
mod name;
mod oidc;
mod pages;
mod rate;
pub(crate) mod reader;
mod reporter;
mod revocation;
mod signals;
mod signing;
pub(crate) mod source;
mod store;
mod upstream;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

pub use gaccong_policy::Mode;

pub use action::{ActionRule, PathPattern};
pub use app::{App, Health, PostureMode, Sensitivity};
pub use assertion::Assertion;
pub use audit::{Audit, AuditSink};
pub use auth::{Auth, AuthHost};
pub use break_glass::BreakGlass;
pub use clients::{CertificateMode, Clients, OnInvalid, TrustDomain};
pub use control::{CONTROL, Control};
pub use cors::{Cors, CrossSite, Origin};
pub use decision::{Identity, Policy, Posture, ThreatList};
pub use diagnostic::{Diagnostic, Severity};
pub use group_rule::GroupRule;
pub use host::HostPattern;
pub use identity_headers::{IdentityHeader, IdentityValue};
pub use jwks::{Endpoint, JwksSource};
pub use jwt::{JwtIssuer, TokenBinding};
pub use limits::Limits;
pub use listen::{Listen, ServerCertificate, TlsVersion};
pub use load::{Invalid, Loaded, Readable, load};
pub use management::{Management, ManagementTls};
pub use name::{NameRule, NameSource};
pub use oidc::Oidc;
pub use pages::{Contact, Pages};
pub use rate::RateLimit;
pub use reporter::{DEFAULT_RANK, HoldRule, Osquery, PostureSource, Reporter};
pub use revocation::{CrlFetch, Ocsp, OnFailure};
pub use signals::{Delivery, NameFormat, SerialBase, SignalStream, SubjectNames};
pub use signing::{Signer, Signing};
pub use store::Store;
pub use upstream::{Scheme, Target, Upstream, UpstreamTls};

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from, absolute.
    pub file: PathBuf,
    /// `[listen]`
    pub listen: Listen,
    /// `[clients]`
    pub clients: Clients,
    /// `[[app]]`, in the order of the file.
    pub apps: Vec<Arc<App>>,
    /// `[policy]`
    pub policy: Policy,
    /// `[identity]`
    pub identity: Identity,
    /// `[posture]`
    pub posture: Posture,
    /// `[[threat]]`, in the order of the file.
    pub threats: Vec<ThreatList>,
    /// `[management]`
    pub management: Management,
    /// `[control]`, where there is one.
    pub control: Option<Control>,
    /// `[auth]`, where there is one.
    pub auth: Option<Arc<Auth>>,
    /// `[assertion]`
    pub assertion: Assertion,
    /// `[[signals]]`, in the order of the file.
    pub signals: Vec<Arc<SignalStream>>,
    /// `[break_glass]`
    pub break_glass: Option<BreakGlass>,
    /// `[store]`, where there is one.
    pub store: Option<Store>,
    /// `[pages]`
    pub pages: Arc<Pages>,
    /// `[audit]`
    pub audit: Audit,
    /// `[limits]`
    pub limits: Limits,
    /// Every file that was read or will be read while loading (configuration, includes, certificates, keys, CRLs, groups,
    /// posture, threat lists), the policy directory and the directories of includes: what a reload watches.
    pub watched: Vec<PathBuf>,
}

/// Where a private key is: `file:…` now; `credential:…` and `pkcs11:…` have their place here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRef {
    /// A PEM file.
    File(PathBuf),
}
