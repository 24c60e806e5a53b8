//! Authentication (class 3002): somebody has logged in, or tried to (Logon), or a session has ended (Logoff).

use gaccong_policy::PrincipalKind;
use serde::Serialize;

use super::objects::{Actor, Device, Endpoint, Metadata};
use super::text::{Bounds, Text};
use super::unmapped::{Unmapped, VERSION};
use crate::audit::authentication::{AuthenticationEvent, LoginActivity};
use crate::session::LoginMethod;
use crate::state::SubjectKind;

const CLASS_UID: u32 = 3002;

/// The event.
#[derive(Debug, Serialize)]
pub(super) struct Authentication<'a> {
    class_uid: u32,
    category_uid: u8,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    time: i64,
    metadata: Metadata<'a>,
    status_id: u8,
    status: &'static str,
    severity_id: u8,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<Text<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    #[serde(flatten)]
    user: Actor<'a>,
    service: Service,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    unmapped: Unmapped<LoginPart<'a>>,
}

#[derive(Debug, Serialize)]
struct Protocol {
    auth_protocol_id: u8,
    auth_protocol: &'static str,
}

impl Protocol {
    const fn of(method: LoginMethod) -> Self {
        match method {
            LoginMethod::Oidc => Self { auth_protocol_id: 4, auth_protocol: "OpenID" },
            LoginMethod::Smartcard => Self { auth_protocol_id: 99, auth_protocol: "TLS client certificate" },
        }
    }
}

#[derive(Debug, Serialize)]
struct Service {
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct SessionObject<'a> {
    uid: Text<'a>,
}

/// `unmapped.gaccong` of a login.
#[derive(Debug, Serialize)]
struct LoginPart<'a> {
    version: u64,
    phase: &'static str,
    activity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<Text<'a>>,
    /// Whose connection: device, or whoever else holds the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HolderPart<'a>>,
}

#[derive(Debug, Serialize)]
struct HolderPart<'a> {
    trust_domain: Text<'a>,
    kind: &'static str,
    id: Text<'a>,
}

impl<'a> Authentication<'a> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a AuthenticationEvent, bounds: &'static Bounds) -> Self {
        let (activity_id, activity_name) = match event.activity {
            LoginActivity::Login => (1, "Logon"),
            _ => (2, "Logoff"),
        };
        let failed = event.refused.is_some();
        let holder = event.binding.as_ref();
        let device = holder.filter(|it| it.holder.kind == SubjectKind::Device).zip(event.source);
        Self {
            class_uid: CLASS_UID,
            category_uid: 3,
            activity_id,
            activity_name,
            type_uid: CLASS_UID * 100 + activity_id,
            time: event.time_ms,
            metadata: Metadata::of_gateway(event.id),
            status_id: if failed { 2 } else { 1 },
            status: if failed { "Failure" } else { "Success" },
            severity_id: if failed { 2 } else { 1 },
            severity: if failed { "Low" } else { "Informational" },
            status_code: event.refused.map(|reason| reason.code()),
            status_detail: event.detail.as_deref().map(|detail| bounds.detail(detail)),
            protocol: event.method.map(Protocol::of),
            user: Actor::of(PrincipalKind::User, event.principal.as_deref().unwrap_or("unknown"), &[], bounds),
            service: Service { name: "Gác Cổng" },
            session: event.session.as_deref().map(|uid| SessionObject { uid: bounds.token(uid) }),
            src_endpoint: event.source.map(Endpoint::of),
            device: device.map(|(it, source)| Device::of(bounds.name(&it.holder.id), source.ip(), None)),
            unmapped: Unmapped {
                gaccong: LoginPart {
                    version: VERSION,
                    phase: "final",
                    activity: event.activity.as_str(),
                    reason: event.refused.map(|reason| reason.code()),
                    method: event.method.map(LoginMethod::as_str),
                    acr: event.acr.as_deref().map(|acr| bounds.token(acr)),
                    holder: holder.map(|it| HolderPart {
                        trust_domain: bounds.token(&it.trust_domain),
                        kind: it.holder.kind.as_str(),
                        id: bounds.name(&it.holder.id),
                    }),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::audit::event::Event;
    use crate::audit::ocsf::{LINE_LIMIT, write_line};
    use crate::reason::Reason;
    use crate::secret::Secret;
    use crate::session::{AtProvider, Binding, Session, Voucher};
    use crate::state::Subject;

    fn session() -> Session {
        Session {
            id: "session-1".into(),
            principal: "alice@example.org".into(),
            groups: [].into(),
            voucher: Voucher::Oidc { issuer: "https://idp.example.org".into() },
            acr: Some("mfa".into()),
            auth_time_ms: 1,
            established_at_ms: 2,
            expires_at_ms: 3,
            binding: Binding { trust_domain: "staff".into(), holder: Subject::new(SubjectKind::Device, "laptop-7") },
            proofs: Vec::new(),
            provider: Some(AtProvider {
                sub: "u-1".into(),
                sid: None,
                refresh_token: Some(Secret::new("s3cr3t")),
                id_token: Some(Secret::new("s3cr3t")),
                claims_at_ms: 2,
            }),
        }
    }

    fn record(event: AuthenticationEvent) -> Value {
        let mut line = Vec::new();
        write_line(&Event::from(event), &mut line).unwrap();
        assert!(line.len() <= LINE_LIMIT && !line.windows(6).any(|bytes| bytes == b"s3cr3t"));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_login() {
        let event = AuthenticationEvent {
            id: Uuid::from_u128(3),
            time_ms: 5,
            source: Some("192.0.2.7:5000".parse().unwrap()),
            ..AuthenticationEvent::of(LoginActivity::Login, &session())
        };
        let expected = json!({
            "class_uid": 3002, "category_uid": 3, "activity_id": 1, "activity_name": "Logon", "type_uid": 300_201,
            "time": 5,
            "metadata": {
                "version": "1.8.0",
                "product": {"name": "Gác Cổng", "vendor_name": "Gác Cổng", "version": env!("CARGO_PKG_VERSION")},
                "uid": "00000000-0000-0000-0000-000000000003",
            },
            "status_id": 1, "status": "Success", "severity_id": 1, "severity": "Informational",
            "auth_protocol_id": 4, "auth_protocol": "OpenID",
            "user": {"uid": "alice@example.org", "type_id": 1, "type": "User"},
            "service": {"name": "Gác Cổng"}, "session": {"uid": "session-1"},
            "src_endpoint": {"ip": "192.0.2.7", "port": 5000},
            "device": {"uid": "laptop-7", "type_id": 0, "ip": "192.0.2.7"},
            "unmapped": {"gaccong": {
                "version": 1, "phase": "final", "activity": "login", "method": "oidc", "acr": "mfa",
                "holder": {"trust_domain": "staff", "kind": "device", "id": "laptop-7"},
            }},
        });
        assert_eq!(record(event), expected);
    }

    #[test]
    fn logins_that_fail_and_sessions_that_end() {
        let detail = Some("x\n".repeat(50_000));
        let failed = AuthenticationEvent::failed(Reason::LoginTokenInvalid, detail, &session().binding);
        let failed = record(failed);
        assert_eq!((&failed["status"], &failed["status_code"]), (&json!("Failure"), &json!("login.token_invalid")));
        assert_eq!((&failed["user"]["uid"], failed.get("session")), (&json!("unknown"), None));
        let ended = record(AuthenticationEvent::of(LoginActivity::BackchannelLogout, &session()));
        assert_eq!((&ended["type_uid"], &ended["status"]), (&json!(300_202), &json!("Success")));
        assert_eq!(ended["unmapped"]["gaccong"]["activity"], "backchannel_logout");
    }
}
