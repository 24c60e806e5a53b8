//! The question: every fact about one request that policy may weigh, and nothing else.
//!
//! A question borrows: the caller keeps its facts where they are and lends them for one decision. It serializes to the
//! *complete question* that a record carries, so that any decision can be asked again later.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One request as policy sees it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Question<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// What the request does to the app: `read`, `write`, or an action that the configuration names.
    pub action: &'a str,
    /// The name of the app. Its groups, owner and sensitivity are those given when the policies were loaded.
    pub app: &'a str,
    /// Everything else.
    pub context: Context<'a>,
}

/// Who asks: a person or a workload. A device asks of the gateway itself only.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Principal<'a> {
    /// Person, workload or device.
    pub kind: PrincipalKind,
    /// The name by which policies know it: `alice@example.org`, `spiffe://prod.example/billing`.
    pub id: &'a str,
    /// The groups it is a member of; none for a device.
    pub groups: &'a [Arc<str>],
}

/// The kinds of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person: `User::"…"` in Cedar.
    User,
    /// A service or a job: `Workload::"…"` in Cedar.
    Workload,
    /// An agent that speaks for its device: `Device::"…"` in Cedar. Only where the vocabulary knows
    /// [devices](crate::Vocabulary::devices).
    Device,
}

impl PrincipalKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::User, Self::Workload, Self::Device];

    /// The entity type in Cedar.
    pub const fn entity_type(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Workload => "Workload",
            Self::Device => "Device",
        }
    }
}

/// The facts beside principal, action and app.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Context<'a> {
    /// The device the request comes from and its fresh posture; `None` where no device is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device<'a>>,
    /// The client certificate of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate<'a>>,
    /// The login session, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session<'a>>,
    /// What threat intelligence says of the client's address; `None` where it is on no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threat: Option<Threat<'a>>,
    /// Whom a call of the control API is about; `None` for an app, and where a call is about nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target<'a>>,
    /// The risk of the principal, as signals report it: `low`, `medium`, `high`; `None` where none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<&'a str>,
    /// The grant under which the principal breaks the glass, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass<'a>>,
    /// How alarmed the organisation is: 0, the normal state, to 5.
    #[serde(skip_serializing_if = "is_default")]
    pub alert_level: i64,
    /// Whether a configured stream of signals is quiet or paused, so that bad news may not arrive.
    #[serde(skip_serializing_if = "is_default")]
    pub signal_lost: bool,
    /// The request itself.
    pub request: Request<'a>,
    /// The time of the decision, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl<'a> Context<'a> {
    /// That of a request of which nothing else is known.
    pub const fn of(request: Request<'a>, now_ms: i64) -> Self {
        Self {
            device: None,
            certificate: None,
            session: None,
            threat: None,
            target: None,
            risk: None,
            break_glass: None,
            alert_level: 0,
            signal_lost: false,
            request,
            now_ms,
        }
    }
}

/// A device and what was last reported of it. A fact that is absent or too old is `None`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Device<'a> {
    /// The device's name, from its certificate.
    pub id: &'a str,
    /// Whether the organisation manages it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<bool>,
    /// `windows`, `macos`, `linux`, `android`, `ios`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<&'a str>,
    /// The version of the operating system, as reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_version: Option<&'a str>,
    /// Whether the system disk is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_encrypted: Option<bool>,
    /// Whether the host firewall is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall: Option<bool>,
    /// Whether the screen locks by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_lock: Option<bool>,
    /// Whether the machine booted with secure boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// Whether endpoint detection and response is running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edr_running: Option<bool>,
    /// Days since the last security update was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_age_days: Option<i64>,
    /// The verdict of the device manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliant: Option<bool>,
    /// `low`, `medium`, `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<&'a str>,
    /// The person the device is assigned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
    /// Who reported the facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// Seconds since the oldest of the facts present was observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_s: Option<i64>,
}

/// What the client certificate says.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Certificate<'a> {
    /// The trust domain that vouches for it, as the configuration names it.
    pub trust_domain: &'a str,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: &'a str,
    /// Distinguished name of the issuer (RFC 4514).
    pub issuer: &'a str,
    /// Serial number, lower-case hexadecimal.
    pub serial: &'a str,
    /// End of validity, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
}

/// How the person logged in.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Session<'a> {
    /// `oidc`, `token`, `smartcard`.
    pub method: &'a str,
    /// Authentication context class reference (OpenID Connect Core §2, `acr`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// Seconds since the person authenticated.
    pub auth_age_s: i64,
}

/// What threat intelligence says of where the request comes from.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Threat<'a> {
    /// The name of the list that the client's address is on.
    pub list: &'a str,
}

/// Whom or what a call of the control API is about.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Target<'a> {
    /// `user`, `workload`, `device`, `certificate`, `session`, `app`, `group`, `issuer`, `trust-domain`, `source`, `stream`,
    /// `grant`, `alert`.
    pub kind: &'a str,
    /// Its name.
    pub id: &'a str,
}

/// A way in for emergencies, when what decides otherwise is out of order.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BreakGlass<'a> {
    /// The id of the grant.
    pub grant: &'a str,
}

/// The request in its one normal form.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Request<'a> {
    /// Host without port, lower-case.
    pub host: &'a str,
    /// Normal path, without query.
    pub path: &'a str,
    /// Method, upper-case.
    pub method: &'a str,
    /// The address of the client.
    pub source_ip: IpAddr,
    /// From whose page a browser sends it: `same-origin`, `same-site`, `cross-site`, `none` (Fetch Metadata, `Sec-Fetch-Site`);
    /// `None` where the client does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<&'a str>,
    /// The origin of that page (RFC 6454 §7); `None` where the client does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'a str>,
}

/// Whether a fact that is always there is as in normal times: it is then left out of the JSON.
pub(crate) fn is_default<T: Default + PartialEq>(fact: &T) -> bool {
    *fact == T::default()
}
