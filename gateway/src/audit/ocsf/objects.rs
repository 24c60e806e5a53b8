//! The objects that both classes of events share, with the attributes that OCSF requires of each.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gaccong_policy::PrincipalKind;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::text::{Bounds, Text};
use crate::audit::event::{PresentedCertificate, TlsFacts};
use crate::request::identify::ClientCertificate;
use crate::request::identify::Credential;

/// `metadata`
#[derive(Debug, Serialize)]
pub(super) struct Metadata<'a> {
    version: &'static str,
    product: Product,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    profiles: &'static [&'static str],
    uid: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_uid: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: &'static str,
}

impl<'a> Metadata<'a> {
    /// The metadata of a record of the gateway itself.
    pub(super) fn of_gateway(id: Uuid) -> Self {
        Self { profiles: &[], ..Self::of(id, false, None) }
    }

    /// The metadata of the record `id`. `proxied` says whether a load balancer stands in front.
    pub(super) fn of(id: Uuid, proxied: bool, correlation: Option<Text<'a>>) -> Self {
        Self {
            version: super::SCHEMA_VERSION,
            product: Product { name: "Gác Cổng", vendor_name: "Gác Cổng", version: env!("CARGO_PKG_VERSION") },
            profiles: match proxied {
                true => &["security_control", "host", "network_proxy"],
                false => &["security_control", "host"],
            },
            uid: Id(id),
            correlation_uid: correlation,
        }
    }
}

/// A UUID in its usual form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub(super) Uuid);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// `src_endpoint`, `dst_endpoint`, `proxy_endpoint`
#[derive(Debug, Serialize)]
pub(super) struct Endpoint<'a> {
    ip: IpAddr,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    svc_name: Option<Text<'a>>,
}

impl<'a> Endpoint<'a> {
    /// An address without names.
    pub(super) fn of(address: SocketAddr) -> Self {
        Self::named(address, None, None)
    }

    /// An address, the host asked for there, and the service behind it.
    pub(super) fn named(address: SocketAddr, hostname: Option<Text<'a>>, svc_name: Option<Text<'a>>) -> Self {
        Self { ip: address.ip().to_canonical(), port: address.port(), hostname, svc_name }
    }
}

/// `connection_info`
#[derive(Debug, Serialize)]
pub(super) struct ConnectionInfo {
    uid: Id,
    direction_id: u8,
    protocol_num: u8,
}

impl ConnectionInfo {
    /// An inbound TCP connection.
    pub(super) const fn inbound(id: Uuid) -> Self {
        Self { uid: Id(id), direction_id: 1, protocol_num: 6 }
    }
}

/// `tls`
#[derive(Debug, Serialize)]
pub(super) struct Tls<'a> {
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate<'a>>,
}

impl<'a> Tls<'a> {
    /// What was negotiated, and the client's certificate.
    pub(super) fn negotiated(tls: &'a TlsFacts, certificate: Option<Certificate<'a>>, bounds: &Bounds) -> Self {
        let sni = tls.sni.as_deref().map(|name| bounds.name(name));
        Self { version: tls.version, cipher: Some(tls.cipher), sni, certificate }
    }

    /// What is known of a handshake that failed.
    pub(super) const fn failed(sni: Option<Text<'a>>, certificate: Option<Certificate<'a>>) -> Self {
        // OCSF requires a version and none was agreed on.
        Self { version: "unknown", cipher: None, sni, certificate }
    }
}

/// `tls.certificate`
#[derive(Debug, Serialize)]
pub(super) struct Certificate<'a> {
    serial_number: Text<'a>,
    issuer: Text<'a>,
    subject: Text<'a>,
    fingerprints: [Fingerprint<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    created_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Fingerprint<'a> {
    algorithm_id: u8,
    algorithm: &'static str,
    value: Text<'a>,
}

impl<'a> Certificate<'a> {
    /// A certificate whose chain and key are good.
    pub(super) fn proven(certificate: &'a ClientCertificate, bounds: &Bounds) -> Self {
        Self {
            serial_number: bounds.token(&certificate.serial),
            issuer: bounds.distinguished_name(&certificate.issuer),
            subject: bounds.distinguished_name(&certificate.subject),
            fingerprints: [Fingerprint::sha256(bounds.token(&certificate.fingerprint))],
            created_time: Some(certificate.not_before_ms),
            expiration_time: Some(certificate.not_after_ms),
        }
    }

    /// A certificate that was refused.
    pub(super) fn presented(certificate: &'a PresentedCertificate, bounds: &Bounds) -> Self {
        Self {
            serial_number: bounds.token(&certificate.serial),
            issuer: bounds.distinguished_name(&certificate.issuer),
            subject: bounds.distinguished_name(&certificate.subject),
            fingerprints: [Fingerprint::sha256(bounds.token(&certificate.fingerprint))],
            created_time: None,
            expiration_time: None,
        }
    }
}

impl<'a> Fingerprint<'a> {
    const fn sha256(value: Text<'a>) -> Self {
        Self { algorithm_id: 3, algorithm: "SHA-256", value }
    }
}

/// `actor`
#[derive(Debug, Serialize)]
pub(super) struct Actor<'a> {
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session<'a>>,
}

/// A login session.
#[derive(Debug, Serialize)]
struct Session<'a> {
    uid: &'a str,
    /// Milliseconds since the Unix epoch.
    created_time: i64,
    /// Milliseconds since the Unix epoch.
    expiration_time: i64,
}

#[derive(Debug, Serialize)]
struct User<'a> {
    uid: Text<'a>,
    type_id: u8,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Groups::is_empty")]
    groups: Groups<'a>,
}

impl<'a> Actor<'a> {
    /// The principal `id` and the groups it is known to be in.
    pub(super) fn of(kind: PrincipalKind, id: &'a str, groups: &'a [Arc<str>], bounds: &Bounds) -> Self {
        let (type_id, r#type) = match kind {
            PrincipalKind::User => (1, "User"),
            // The account of a computer.
            PrincipalKind::Device => (3, "System"),
            PrincipalKind::Workload => (4, "Service"),
        };
        Self {
            user: User { uid: bounds.name(id), type_id, r#type, groups: Groups(bounds.groups(groups)) },
            session: None,
        }
    }

    /// The same, by the session that the request has shown.
    pub(super) fn by(self, credential: Option<&'a Credential>) -> Self {
        let session = credential.and_then(|it| {
            let uid = it.session.as_deref()?;
            Some(Session { uid, created_time: it.established_at_ms, expiration_time: it.expires_at_ms })
        });
        Self { session, ..self }
    }
}

#[derive(Debug)]
struct Groups<'a>(&'a [Arc<str>]);

impl Groups<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Groups<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Group<'a> {
            name: &'a str,
        }
        serializer.collect_seq(self.0.iter().map(|name| Group { name }))
    }
}

/// `device`
#[derive(Debug, Serialize)]
pub(super) struct Device<'a> {
    uid: Text<'a>,
    type_id: u8,
    ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_managed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_compliant: Option<bool>,
}

impl<'a> Device<'a> {
    /// The device `id` at `ip`, and what policy saw of it.
    pub(super) fn of(id: Text<'a>, ip: IpAddr, posture: Option<&gaccong_policy::Device<'_>>) -> Self {
        Self {
            uid: id,
            // Unknown: a certificate does not say whether it is a laptop.
            type_id: 0,
            ip: ip.to_canonical(),
            is_managed: posture.and_then(|facts| facts.managed),
            is_compliant: posture.and_then(|facts| facts.compliant),
        }
    }
}

/// What the gateway did, in the words of the `security_control` profile and of the base event.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Control {
    action_id: u8,
    action: &'static str,
    disposition_id: u8,
    disposition: &'static str,
    status_id: u8,
    status: &'static str,
    severity_id: u8,
    severity: &'static str,
}

impl Control {
    /// Let through.
    pub(super) const ALLOWED: Self = Self {
        action_id: 1,
        action: "Allowed",
        disposition_id: 1,
        disposition: "Allowed",
        status_id: 1,
        status: "Success",
        severity_id: 1,
        severity: "Informational",
    };
    /// Refused.
    pub(super) const BLOCKED: Self = Self {
        action_id: 2,
        action: "Denied",
        disposition_id: 2,
        disposition: "Blocked",
        severity_id: 2,
        severity: "Low",
        ..Self::ALLOWED.failed()
    };
    /// Let through although enforcement would have refused.
    pub(super) const OBSERVED: Self = Self {
        action_id: 3,
        action: "Observed",
        disposition_id: 17,
        disposition: "Logged",
        severity_id: 2,
        severity: "Low",
        ..Self::ALLOWED
    };
    /// Let through at first, then cut because access was taken away.
    pub(super) const REVOKED: Self = Self {
        action_id: 2,
        action: "Denied",
        disposition_id: 24,
        disposition: "Access Revoked",
        severity_id: 3,
        severity: "Medium",
        ..Self::ALLOWED.failed()
    };
    /// The gateway itself failed.
    pub(super) const ERROR: Self = Self {
        action_id: 2,
        action: "Denied",
        disposition_id: 27,
        disposition: "Error",
        severity_id: 4,
        severity: "High",
        ..Self::ALLOWED.failed()
    };

    /// The same, but what was attempted did not succeed.
    pub(super) const fn failed(self) -> Self {
        Self { status_id: 2, status: "Failure", ..self }
    }

    /// The same, but it is not known yet whether what was attempted succeeds.
    pub(super) const fn running(self) -> Self {
        Self { status_id: 0, status: "Unknown", ..self }
    }
}
