//! `unmapped.gaccong`: what OCSF has no place for. Attributes are added to it, never changed, while its version is the same.

use gaccong_policy::{BreakGlass, Context, Device, PolicyId, Principal, Question, Request, Target, Threat};
use serde::Serialize;

use super::grant::GrantPart;
use super::objects::Id;
use super::text::{Bounds, Text, Texts, cut};
use crate::audit::event::{ConnectionEvent, Outcome, Phase, RequestEvent};
use crate::reason::Reason;

/// The version of `unmapped.gaccong`.
pub const VERSION: u64 = 1;

/// `unmapped`
#[derive(Debug, Serialize)]
pub(super) struct Unmapped<T> {
    pub(super) gaccong: T,
}

/// `unmapped.gaccong` of a request.
#[derive(Debug, Serialize)]
pub(super) struct RequestPart<'a> {
    version: u64,
    phase: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_reason: Option<Reason>,
    connection: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_fingerprint: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_digest: Option<Text<'a>>,
    policies: Texts<'a, PolicyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_permit: Option<Texts<'a, PolicyId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Texts<'a, String>>,
    /// The grant by which the request came in, where it broke the glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<Question<'a>>,
    /// False where the question was too long and had to be cut: it cannot be asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    question_complete: Option<bool>,
    request_bytes: u64,
    response_bytes: u64,
    duration_us: u64,
    decision_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Text<'a>>,
}

impl<'a> Unmapped<RequestPart<'a>> {
    /// Of `event`, whose complete question is `question`.
    pub(super) fn request(event: &'a RequestEvent, question: Option<&Question<'a>>, bounds: &Bounds) -> Self {
        let decision = &event.decision;
        let tls = event.connection.tls.as_ref();
        let asked = question.map(|question| fit(question, bounds));
        Self {
            gaccong: RequestPart {
                version: VERSION,
                phase: match event.phase {
                    Phase::Opening => "opening",
                    Phase::Final => "final",
                },
                outcome: outcome(event.outcome),
                reason: decision.reason,
                cut_reason: cut_reason(event.outcome),
                connection: Id(event.connection.id),
                tls_group: tls.map(|tls| tls.group),
                alpn: tls.map(|tls| tls.alpn),
                certificate_fingerprint: event
                    .connection
                    .identity
                    .certificate()
                    .map(|it| bounds.token(&it.fingerprint)),
                policy_digest: decision.policy_digest.as_deref().map(|digest| bounds.token(digest)),
                policies: bounds.policies(&decision.policies),
                would_permit: (!decision.would_permit.is_empty()).then(|| bounds.policies(&decision.would_permit)),
                details: (!decision.details.is_empty()).then_some(Texts {
                    values: &decision.details,
                    max: bounds.detail,
                    count: bounds.details,
                }),
                grant: event
                    .asked
                    .as_deref()
                    .and_then(|asked| asked.grant.as_deref())
                    .map(|it| GrantPart::of(it, bounds)),
                question: asked.map(|(question, _)| question),
                question_complete: asked.map(|(_, complete)| complete),
                request_bytes: event.bytes_in,
                response_bytes: event.bytes_out,
                duration_us: event.duration_us,
                decision_ns: event.decision_ns,
                upstream_us: event.upstream_us,
                upstream: event.upstream.as_deref().map(|name| bounds.name(name)),
            },
        }
    }
}

/// The name of an outcome.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Running => "running",
        Outcome::Completed => "completed",
        Outcome::ClientGone => "client_gone",
        Outcome::UpstreamFailed(_) => "upstream_failed",
        Outcome::Cut(_) => "cut",
        Outcome::BodyRefused(_) => "body_refused",
        Outcome::Panicked => "panicked",
    }
}

/// Why a request that was let through did not end well.
pub(super) const fn cut_reason(outcome: Outcome) -> Option<Reason> {
    match outcome {
        Outcome::Cut(reason) | Outcome::BodyRefused(reason) | Outcome::UpstreamFailed(reason) => Some(reason),
        Outcome::Panicked => Some(Reason::GatewayInternal),
        Outcome::Running | Outcome::Completed | Outcome::ClientGone => None,
    }
}

/// `unmapped.gaccong` of a refused connection attempt.
#[derive(Debug, Serialize)]
pub(super) struct ConnectionPart<'a> {
    version: u64,
    phase: &'static str,
    reason: Reason,
    connection: Id,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_fingerprint: Option<Text<'a>>,
}

impl<'a> Unmapped<ConnectionPart<'a>> {
    /// Of `event`.
    pub(super) fn connection(event: &'a ConnectionEvent, bounds: &Bounds) -> Self {
        Self {
            gaccong: ConnectionPart {
                version: VERSION,
                phase: "final",
                reason: event.reason,
                connection: Id(event.id),
                count: event.count,
                certificate_fingerprint: event.certificate.as_ref().map(|it| bounds.token(&it.fingerprint)),
            },
        }
    }
}

/// `question` with each text cut to its bound, and whether it is still complete.
fn fit<'a>(question: &Question<'a>, bounds: &Bounds) -> (Question<'a>, bool) {
    let mut complete = true;
    let mut fit = |value: &'a str, max: usize| {
        let kept = cut(value, max);
        complete &= kept.len() == value.len();
        kept
    };
    let Principal { kind, id, groups } = question.principal;
    let context = &question.context;
    let fitted = Question {
        principal: Principal { kind, id: fit(id, bounds.name), groups: bounds.groups(groups) },
        action: fit(question.action, bounds.name),
        app: fit(question.app, bounds.name),
        context: Context {
            device: context.device.map(|device| Device {
                id: fit(device.id, bounds.name),
                platform: device.platform.map(|it| fit(it, bounds.name)),
                os_version: device.os_version.map(|it| fit(it, bounds.name)),
                risk: device.risk.map(|it| fit(it, bounds.name)),
                owner: device.owner.map(|it| fit(it, bounds.name)),
                source: device.source.map(|it| fit(it, bounds.name)),
                ..device
            }),
            certificate: context.certificate.map(|certificate| gaccong_policy::Certificate {
                trust_domain: fit(certificate.trust_domain, bounds.name),
                fingerprint: fit(certificate.fingerprint, bounds.token),
                issuer: fit(certificate.issuer, bounds.distinguished_name),
                serial: fit(certificate.serial, bounds.token),
                ..certificate
            }),
            session: context.session.map(|session| gaccong_policy::Session {
                method: fit(session.method, bounds.name),
                acr: session.acr.map(|it| fit(it, bounds.name)),
                ..session
            }),
            threat: context.threat.map(|it| Threat { list: fit(it.list, bounds.name) }),
            target: context.target.map(|it| Target { kind: fit(it.kind, bounds.name), id: fit(it.id, bounds.name) }),
            risk: context.risk.map(|it| fit(it, bounds.name)),
            break_glass: context.break_glass.map(|it| BreakGlass { grant: fit(it.grant, bounds.name) }),
            request: Request {
                host: fit(context.request.host, bounds.name),
                path: fit(context.request.path, bounds.path),
                method: fit(context.request.method, bounds.token),
                ..context.request
            },
            ..*context
        },
    };
    let complete = complete && fitted.principal.groups.len() == groups.len();
    (fitted, complete)
}
