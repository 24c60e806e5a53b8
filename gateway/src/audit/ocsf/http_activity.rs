//! HTTP Activity (class 4002): one request.

use gaccong_policy::{PolicyId, Question};
use http::{Method, Version};
use serde::{Serialize, Serializer};

use super::objects::{Actor, Certificate, ConnectionInfo, Control, Device, Endpoint, Id, Metadata, Tls};
use super::text::{Bounds, Text};
use super::unmapped::{RequestPart, Unmapped, cut_reason, outcome};
use crate::audit::event::{Outcome, Phase, RequestEvent, Verdict};
use crate::reason::Reason;
use crate::request::identify::Identity;

const CLASS_UID: u32 = 4002;

/// The event of one request.
#[derive(Debug, Serialize)]
pub(super) struct HttpActivity<'a> {
    class_uid: u32,
    category_uid: u8,
    activity_id: u32,
    activity_name: Text<'a>,
    type_uid: u32,
    time: i64,
    metadata: Metadata<'a>,
    #[serde(flatten)]
    control: Control,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<Text<'a>>,
    http_request: HttpRequest<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_response: Option<HttpResponse>,
    src_endpoint: Endpoint<'a>,
    dst_endpoint: Endpoint<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_endpoint: Option<Endpoint<'a>>,
    connection_info: ConnectionInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizations: Option<Authorizations<'a>>,
    traffic: Traffic,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
    unmapped: Unmapped<RequestPart<'a>>,
}

impl<'a> HttpActivity<'a> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a RequestEvent, bounds: &'static Bounds) -> Self {
        let connection = &*event.connection;
        let question = event.asked.as_deref().map(|asked| asked.question());
        let activity_id = activity(&event.method);
        let duration_ms = event.duration_us / 1000;
        let ended = event.phase == Phase::Final;
        let host = event.host.as_deref().map(|host| bounds.name(host));
        let certificate = connection.identity.certificate().map(|it| Certificate::proven(it, bounds));
        Self {
            class_uid: CLASS_UID,
            category_uid: 4,
            activity_id,
            activity_name: bounds.token(event.method.as_str()),
            type_uid: CLASS_UID * 100 + activity_id,
            time: event.time_ms,
            metadata: Metadata::of(
                event.id,
                connection.via.is_some(),
                event.correlation.as_deref().map(|id| bounds.name(id)),
            ),
            control: control(event),
            status_code: event.decision.reason.or(cut_reason(event.outcome)),
            status_detail: status_detail(event, bounds),
            http_request: HttpRequest::of(event, host, bounds),
            http_response: event.status.map(|code| HttpResponse {
                code,
                length: event.bytes_out,
                latency: event.upstream_us.unwrap_or(event.duration_us) / 1000,
            }),
            src_endpoint: Endpoint::of(connection.source),
            dst_endpoint: Endpoint::named(connection.local, host, event.app.as_deref().map(|app| bounds.name(app))),
            proxy_endpoint: connection.via.map(Endpoint::of),
            connection_info: ConnectionInfo::inbound(connection.id),
            tls: connection.tls.as_ref().map(|tls| Tls::negotiated(tls, certificate, bounds)),
            actor: actor(event, bounds),
            device: device(event, question.as_ref(), bounds),
            authorizations: Authorizations::of(event, bounds),
            traffic: Traffic::of(event),
            start_time: event.time_ms,
            end_time: ended.then(|| event.time_ms.saturating_add_unsigned(duration_ms)),
            duration: ended.then_some(duration_ms),
            unmapped: Unmapped::request(event, question.as_ref(), bounds),
        }
    }
}

/// The activity of a method; 99 (Other) where OCSF has none.
fn activity(method: &Method) -> u32 {
    match *method {
        Method::CONNECT => 1,
        Method::DELETE => 2,
        Method::GET => 3,
        Method::HEAD => 4,
        Method::OPTIONS => 5,
        Method::POST => 6,
        Method::PUT => 7,
        Method::TRACE => 8,
        Method::PATCH => 9,
        _ => 99,
    }
}

fn control(event: &RequestEvent) -> Control {
    let decided = match event.decision.verdict {
        Verdict::Permit => Control::ALLOWED,
        Verdict::Deny => return Control::BLOCKED,
        Verdict::ObservedDeny => Control::OBSERVED,
    };
    match event.outcome {
        // The gateway's own answer after a permit (no upstream, no answer in time) has a reason and is no success.
        Outcome::Completed if event.decision.verdict == Verdict::Permit && event.decision.reason.is_some() => {
            decided.failed()
        }
        Outcome::Completed => decided,
        Outcome::Running => decided.running(),
        Outcome::ClientGone | Outcome::UpstreamFailed(_) => decided.failed(),
        Outcome::Cut(_) => Control::REVOKED,
        Outcome::BodyRefused(_) => Control::BLOCKED,
        Outcome::Panicked => Control::ERROR,
    }
}

/// What went wrong: the first detail, or else how the request ended.
fn status_detail<'a>(event: &'a RequestEvent, bounds: &Bounds) -> Option<Text<'a>> {
    match event.decision.details.first() {
        Some(detail) => Some(bounds.detail(detail)),
        None if event.outcome == Outcome::Completed => None,
        None => Some(bounds.detail(outcome(event.outcome))),
    }
}

/// Who asked: as policy was asked, or else as the certificate says.
fn actor<'a>(event: &'a RequestEvent, bounds: &Bounds) -> Option<Actor<'a>> {
    match (&event.asked, &event.connection.identity) {
        (Some(asked), _) => {
            let actor = Actor::of(asked.principal.kind, &asked.principal.id, &asked.groups, bounds);
            Some(actor.by(asked.credential.as_deref()))
        }
        (None, Identity::Proven { principal: Some(subject), .. }) => {
            Some(Actor::of(subject.kind, &subject.id, &[], bounds))
        }
        _ => None,
    }
}

fn device<'a>(event: &'a RequestEvent, question: Option<&Question<'a>>, bounds: &Bounds) -> Option<Device<'a>> {
    let id = match (&event.asked, &event.connection.identity) {
        (Some(asked), _) => asked.device.as_deref()?,
        (None, Identity::Proven { device, .. }) => device.as_deref()?,
        _ => return None,
    };
    let posture = question.and_then(|question| question.context.device.as_ref());
    Some(Device::of(bounds.name(id), event.connection.source.ip(), posture))
}

#[derive(Debug, Serialize)]
struct HttpRequest<'a> {
    uid: Id,
    http_method: Text<'a>,
    version: &'static str,
    url: Url<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
struct Url<'a> {
    scheme: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<Text<'a>>,
    path: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string: Option<Text<'a>>,
}

impl<'a> HttpRequest<'a> {
    fn of(event: &'a RequestEvent, hostname: Option<Text<'a>>, bounds: &Bounds) -> Self {
        Self {
            uid: Id(event.id),
            http_method: bounds.token(event.method.as_str()),
            version: match event.version {
                Version::HTTP_2 => "2",
                Version::HTTP_10 => "1.0",
                Version::HTTP_3 => "3",
                _ => "1.1",
            },
            url: Url {
                scheme: "https",
                hostname,
                path: Text { value: &event.path, max: bounds.path },
                query_string: event.query.as_deref().map(|value| Text { value, max: bounds.query }),
            },
            user_agent: event.user_agent.as_deref().map(|value| Text { value, max: bounds.user_agent }),
        }
    }
}

#[derive(Debug, Serialize)]
struct HttpResponse {
    code: u16,
    length: u64,
    latency: u64,
}

/// OCSF counts from the client's side: *in* is what the destination sent to the source.
#[derive(Debug, Serialize)]
struct Traffic {
    bytes_in: u64,
    bytes_out: u64,
    bytes: u64,
}

impl Traffic {
    const fn of(event: &RequestEvent) -> Self {
        Self {
            bytes_in: event.bytes_out,
            bytes_out: event.bytes_in,
            bytes: event.bytes_in.saturating_add(event.bytes_out),
        }
    }
}

/// `authorizations`: what policy decided, one entry for each policy that determined it.
#[derive(Debug)]
struct Authorizations<'a> {
    decision: &'static str,
    policies: &'a [PolicyId],
    bounds: &'static Bounds,
}

impl<'a> Authorizations<'a> {
    fn of(event: &'a RequestEvent, bounds: &'static Bounds) -> Option<Self> {
        event.asked.as_ref()?;
        let decision = match event.decision.verdict {
            Verdict::Permit => "allowed",
            Verdict::Deny | Verdict::ObservedDeny => "denied",
        };
        Some(Self { decision, policies: &event.decision.policies, bounds })
    }
}

impl Serialize for Authorizations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Authorization<'a> {
            decision: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            policy: Option<Policy<'a>>,
        }
        #[derive(Serialize)]
        struct Policy<'a> {
            uid: Text<'a>,
        }
        let decision = self.decision;
        if self.policies.is_empty() {
            return serializer.collect_seq([Authorization { decision, policy: None }]);
        }
        serializer.collect_seq(self.policies.iter().take(self.bounds.policies).map(|id| Authorization {
            decision,
            policy: Some(Policy { uid: Text { value: id, max: self.bounds.policy } }),
        }))
    }
}
