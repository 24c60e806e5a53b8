//! The questions: a day's mixture, spread over all apps.

use std::sync::Arc;

use gaccong_policy::{Certificate, Context, Device, Principal, PrincipalKind, Question, Request, Session};

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;
/// So many that no engine sees the same one soon again.
const COUNT: usize = 64;

/// Questions that own what they lend.
pub(crate) struct Questions(Vec<Facts>);

struct Facts {
    app: String,
    groups: Vec<Arc<str>>,
    is_disk_encrypted: bool,
}

impl Questions {
    /// Half of them are permitted, by one policy or two; the others are forbidden or nothing permits them.
    pub(crate) fn new(apps: usize) -> Self {
        let facts = |number: usize| {
            let app = app_name(number * apps / COUNT);
            let own = if number % 8 < 6 { format!("team-{app}") } else { "team-of-nothing".to_owned() };
            let groups =
                ["staff", &own, "guild-3", "guild-7", if number.is_multiple_of(3) { "contractors" } else { "lunch" }];
            let groups = groups.map(Arc::from).to_vec();
            Facts { app, groups, is_disk_encrypted: number % 4 != 1 }
        };
        Self((0..COUNT).map(facts).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Question<'_>> + Clone {
        self.0.iter().map(Facts::lend)
    }
}

/// The name of the app of this number.
pub(crate) fn app_name(number: usize) -> String {
    format!("app-{number}")
}

impl Facts {
    fn lend(&self) -> Question<'_> {
        let Self { app, groups, is_disk_encrypted } = self;
        Question {
            principal: Principal { kind: PrincipalKind::User, id: "alice@example.org", groups },
            action: "read",
            app,
            context: Context {
                device: Some(device(*is_disk_encrypted)),
                certificate: Some(Certificate {
                    trust_domain: "staff",
                    fingerprint: "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592",
                    issuer: "CN=Devices,O=Example",
                    serial: "01fc",
                    not_after_ms: NOW_MS + 86_400_000,
                }),
                session: Some(Session { method: "oidc", acr: Some("high"), auth_age_s: 1_200 }),
                ..Context::of(request(), NOW_MS)
            },
        }
    }
}

fn request() -> Request<'static> {
    let source_ip = [192, 0, 2, 7].into();
    Request { host: "app.example.org", path: "/guild/7/board", method: "GET", source_ip, site: None, origin: None }
}

fn device(is_disk_encrypted: bool) -> Device<'static> {
    Device {
        id: "laptop-7",
        managed: Some(true),
        platform: Some("linux"),
        os_version: Some("13.1"),
        disk_encrypted: Some(is_disk_encrypted),
        firewall: Some(true),
        screen_lock: Some(true),
        secure_boot: Some(true),
        edr_running: Some(true),
        patch_age_days: Some(3),
        compliant: Some(true),
        risk: Some("medium"),
        owner: Some("alice@example.org"),
        source: Some("mdm"),
        age_s: Some(40),
    }
}
