//! Events for the tests of this module.

use std::sync::Arc;
use std::time::Duration;

use gaccong_policy::PrincipalKind;
use http::{Method, Version};
use uuid::Uuid;

use super::event::{
    ConnectionEvent, ConnectionFacts, DecisionFacts, Outcome, Phase, PresentedCertificate, RequestEvent, TlsFacts,
    Verdict,
};
use crate::config::{App, CrossSite, PostureMode, Sensitivity, UpstreamTls};
use crate::facts::break_glass::grant::Format;
use crate::facts::break_glass::{Grant, Holder, Signed};
use crate::reason::Reason;
use crate::request::cross_site::Initiator;
use crate::request::decide::Asked;
use crate::request::identify::credential::{self, Credential};
use crate::request::identify::{ClientCertificate, Identity, Names, Subject};
use crate::session::Voucher;
use crate::state::Subjects;

pub(crate) const TIME_MS: i64 = 1_767_225_600_000;

fn certificate() -> Arc<ClientCertificate> {
    Arc::new(ClientCertificate {
        trust_domain: "laptops".into(),
        names: Names::default(),
        subject: "CN=alice".into(),
        issuer: "CN=Laptop CA".into(),
        serial: "0badcafe".into(),
        fingerprint: "ab".repeat(32).into(),
        der: Box::default(),
        not_before_ms: TIME_MS - 1000,
        not_after_ms: TIME_MS + 1000,
        chain: Vec::new(),
    })
}

/// Alice logged in a minute ago.
pub(crate) fn credential() -> Credential {
    Credential {
        method: credential::Method::Login(Voucher::Oidc { issuer: "https://id.example.org".into() }),
        principal: alice(),
        groups: Arc::default(),
        acr: Some("phr".into()),
        auth_time_ms: Some(TIME_MS - 60_000),
        established_at_ms: TIME_MS - 60_000,
        expires_at_ms: TIME_MS + 3_600_000,
        session: Some("session-1".into()),
        subjects: Subjects::new(),
    }
}

fn app() -> Arc<App> {
    Arc::new(App {
        name: "payroll".into(),
        hosts: Vec::new(),
        upstreams: Vec::new(),
        upstream_tls: UpstreamTls::default(),
        owner: None,
        sensitivity: Sensitivity::Internal,
        groups: Vec::new(),
        posture: PostureMode::Required,
        mode: None,
        actions: Vec::new(),
        strip_headers: Vec::new(),
        cross_site: CrossSite::Refuse,
        cors: None,
        assertion: None,
        client_cert: false,
        headers: Vec::new(),
        connect_timeout: Duration::ZERO,
        first_byte_timeout: Duration::ZERO,
        idle_timeout: Duration::ZERO,
        body_limit_bytes: None,
        rate_limit: None,
        health: None,
    })
}

fn alice() -> Subject {
    Subject { kind: PrincipalKind::User, id: "alice@example.org".into() }
}

fn connection() -> ConnectionFacts {
    ConnectionFacts {
        id: Uuid::from_u128(7),
        source: "203.0.113.9:51000".parse().expect("address"),
        via: None,
        local: "192.0.2.1:443".parse().expect("address"),
        tls: Some(TlsFacts {
            version: "1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            group: "X25519MLKEM768",
            alpn: "h2",
            sni: Some("payroll.example.org".into()),
        }),
        identity: Identity::Proven {
            certificate: certificate(),
            device: Some("laptop-17".into()),
            principal: Some(alice()),
        },
    }
}

pub(crate) fn asked() -> Asked {
    Asked {
        principal: alice(),
        groups: [Arc::from("finance"), Arc::from("staff")].into(),
        device: Some("laptop-17".into()),
        posture: None,
        credential: None,
        certificate: certificate(),
        app: app(),
        action: "read".into(),
        websocket: false,
        initiator: Initiator::default(),
        host: "payroll.example.org".into(),
        path: "/salaries/2026".into(),
        method: Method::GET,
        source_ip: "203.0.113.9".parse().expect("address"),
        target: None,
        threat: None,
        grant: None,
        risk: None,
        alert_level: 0,
        signal_lost: false,
        now_ms: TIME_MS,
    }
}

/// Alice may reach `payroll` from 08:00 to 12:00 on New Year's Day of 2026 (UTC).
pub(crate) fn grant() -> Signed {
    let time = |text: &str| text.parse().expect("a time");
    let grant = Grant {
        format: Format::V1,
        id: "fire-1".into(),
        holder: Holder::User("alice@example.org".to_owned()),
        apps: vec!["payroll".into()],
        reason: "the identity provider is down".to_owned(),
        not_before: time("2026-01-01T08:00:00Z"),
        not_after: time("2026-01-01T12:00:00Z"),
    };
    Signed { grant, signers: vec!["lan".into(), "minh".into()] }
}

/// A permitted request that ended well.
pub(crate) fn request() -> RequestEvent {
    RequestEvent {
        phase: Phase::Final,
        id: Uuid::from_u128(1),
        time_ms: TIME_MS,
        connection: Arc::new(connection()),
        method: Method::GET,
        version: Version::HTTP_2,
        host: Some("payroll.example.org".into()),
        path: "/salaries/2026".into(),
        query: None,
        app: Some("payroll".into()),
        user_agent: Some("curl/8.5".into()),
        correlation: Some("from-the-client".into()),
        asked: Some(Arc::new(asked())),
        decision: DecisionFacts {
            verdict: Verdict::Permit,
            reason: None,
            policies: [Arc::from("payroll.read")].into_iter().collect(),
            would_permit: Default::default(),
            policy_digest: Some("sha256:00".into()),
            details: Vec::new(),
        },
        outcome: Outcome::Completed,
        status: Some(200),
        bytes_in: 10,
        bytes_out: 2000,
        duration_us: 12_345,
        decision_ns: 900,
        upstream_us: Some(9_000),
        upstream: Some("10.0.0.7:8080".into()),
    }
}

/// A refused handshake.
pub(crate) fn attempt() -> ConnectionEvent {
    ConnectionEvent {
        id: Uuid::from_u128(9),
        time_ms: TIME_MS,
        source: "203.0.113.9:51000".parse().expect("address"),
        via: None,
        local: "192.0.2.1:443".parse().expect("address"),
        reason: Reason::CertificateUntrusted,
        detail: "no trust domain has the issuer `CN=Evil`".to_owned(),
        sni: Some("payroll.example.org".into()),
        certificate: Some(PresentedCertificate {
            fingerprint: "cd".repeat(32).into(),
            subject: "CN=mallory".into(),
            issuer: "CN=Evil".into(),
            serial: "01".into(),
        }),
        count: 1,
    }
}
