//! The table of calls: what can be asked of the control API, under which action, and about whom. Routing, actions for
//! policy and the OpenAPI document are all made from it.

use std::sync::Arc;

use http::Method;
use utoipa::openapi::ComponentsBuilder;
use utoipa::{PartialSchema, ToSchema};

use crate::config::PathPattern;
use crate::control::{alert, lockdowns, posture, problem, reauthentications, revocations, signals};
use crate::osquery::protocol;
use crate::request::decide::Target;
use crate::signals::set::MAX_SET_BYTES;
use crate::state::{ScopeKind, SubjectKind};

/// One call.
#[derive(Debug)]
pub struct Call {
    /// What is done; also the operation's id.
    pub operation: Operation,
    /// `GET`
    pub method: &'static str,
    /// `/v1/devices/{id}`: a segment in braces stands for any one.
    pub path: &'static str,
    /// The action that policy is asked for.
    pub action: &'static str,
    /// Whom it is about.
    pub about: About,
    /// Keys of the query that it can do without.
    pub filters: &'static [&'static str],
    /// The largest body.
    pub body_max_bytes: u64,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What is sent.
    pub request: Option<Shape>,
    /// Whether it may be left out.
    pub request_optional: bool,
    /// What is answered; `None` for no content.
    pub response: Option<Shape>,
}

/// Whom a call is about: `context.target` in policies. It stands in the target of the request, so that policy decides
/// before a byte of the body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Nobody.
    Nobody,
    /// The one in the path, of this kind.
    Path(&'static str),
    /// The one in the query: `kind`, one of these, and `id`.
    Query(&'static [&'static str]),
    /// The one thing of this kind.
    Only(&'static str),
    /// The device of the caller's certificate.
    OwnDevice,
}

/// A JSON body's shape.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its name in the document.
    pub name: fn() -> String,
    /// Adds it, and what it is made of, to the document.
    pub add: fn(ComponentsBuilder) -> ComponentsBuilder,
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T: ToSchema + PartialSchema>() -> Option<Self> {
        let add = |components: ComponentsBuilder| {
            let mut parts = Vec::new();
            T::schemas(&mut parts);
            components.schema_from::<T>().schemas_from_iter(parts)
        };
        Some(Self { name: || T::name().into_owned(), add })
    }
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the summaries of the calls say it")]
pub enum Operation {
    Explain,
    ListRevocations,
    Revoke,
    Reinstate,
    Reauthenticate,
    ListLockdowns,
    Lock,
    Lift,
    GetAlert,
    SetAlert,
    Signal,
    ListDevices,
    ShowDevice,
    ReportDevice,
    ForgetDevice,
    ReportDevices,
    ReleaseSource,
    OsqueryEnroll,
    OsqueryConfig,
    OsqueryLog,
    OsqueryDistributedRead,
    OsqueryDistributedWrite,
    OpenApi,
}

const SUBJECTS: About = About::Query(&[
    SubjectKind::User.as_str(),
    SubjectKind::Workload.as_str(),
    SubjectKind::Device.as_str(),
    SubjectKind::Certificate.as_str(),
    SubjectKind::Session.as_str(),
]);
const SCOPES: About = About::Query(&[
    ScopeKind::App.as_str(),
    ScopeKind::Group.as_str(),
    ScopeKind::Issuer.as_str(),
    ScopeKind::TrustDomain.as_str(),
]);

/// A small body.
const SMALL: u64 = 16 << 10;
/// An ordinary one.
const ORDINARY: u64 = 1 << 20;
/// What a whole fleet comes to.
const FLEET: u64 = 64 << 20;

const fn call(operation: Operation, method: &'static str, path: &'static str, action: &'static str) -> Call {
    Call {
        operation,
        method,
        path,
        action,
        about: About::Nobody,
        filters: &[],
        body_max_bytes: 0,
        summary: "",
        request: None,
        request_optional: false,
        response: None,
    }
}

const DEVICE: About = About::Path("device");

/// A call of osquery's remote API.
const fn osquery(operation: Operation, path: &'static str, body_max_bytes: u64) -> Call {
    Call { about: About::OwnDevice, body_max_bytes, ..call(operation, "POST", path, "control:osquery") }
}

/// Every call.
pub static CALLS: &[Call] = &[
    Call {
        summary: "What policy says to a question, and why.",
        body_max_bytes: ORDINARY,
        request: Shape::of::<problem::Question>(),
        response: Shape::of::<problem::Explanation>(),
        ..call(Operation::Explain, "POST", "/v1/decisions/explain", "control:explain")
    },
    Call {
        summary: "Who and what is revoked.",
        response: Shape::of::<revocations::Revocations>(),
        ..call(Operation::ListRevocations, "GET", "/v1/revocations", "control:list")
    },
    Call {
        summary: "Refuses a subject from now on, and cuts what it has open.",
        about: SUBJECTS,
        body_max_bytes: SMALL,
        request: Shape::of::<revocations::Revoke>(),
        request_optional: true,
        response: Shape::of::<revocations::Revoked>(),
        ..call(Operation::Revoke, "POST", "/v1/revocations", "control:revoke")
    },
    Call {
        summary: "Ends a revocation.",
        about: SUBJECTS,
        ..call(Operation::Reinstate, "DELETE", "/v1/revocations", "control:reinstate")
    },
    Call {
        summary: "Makes a subject authenticate again, and cuts what it has open.",
        about: SUBJECTS,
        body_max_bytes: SMALL,
        request: Shape::of::<reauthentications::Reauthenticate>(),
        request_optional: true,
        ..call(Operation::Reauthenticate, "POST", "/v1/reauthentications", "control:reauthenticate")
    },
    Call {
        summary: "What is closed.",
        response: Shape::of::<lockdowns::Lockdowns>(),
        ..call(Operation::ListLockdowns, "GET", "/v1/lockdowns", "control:list")
    },
    Call {
        summary: "Closes an app, or all apps to a group, an issuer or a trust domain, and cuts what is open there.",
        about: SCOPES,
        body_max_bytes: SMALL,
        request: Shape::of::<lockdowns::Lock>(),
        request_optional: true,
        ..call(Operation::Lock, "POST", "/v1/lockdowns", "control:lockdown")
    },
    Call {
        summary: "Opens again what another person has closed.",
        about: SCOPES,
        ..call(Operation::Lift, "DELETE", "/v1/lockdowns", "control:lift")
    },
    Call {
        summary: "The alert level.",
        response: Shape::of::<alert::AlertLevel>(),
        ..call(Operation::GetAlert, "GET", "/v1/alert", "control:list")
    },
    Call {
        summary: "Sets the alert level, by which everything that runs is decided again.",
        about: About::Only("alert"),
        body_max_bytes: SMALL,
        request: Shape::of::<alert::SetAlert>(),
        ..call(Operation::SetAlert, "PUT", "/v1/alert", "control:alert")
    },
    Call {
        summary: "Takes in a Security Event Token (RFC 8935).",
        about: About::Query(&["stream"]),
        body_max_bytes: MAX_SET_BYTES as u64,
        ..call(Operation::Signal, "POST", signals::PATH, "control:signal")
    },
    Call {
        summary: "Every device of which something is known, by pages.",
        filters: &["after"],
        response: Shape::of::<posture::Devices>(),
        ..call(Operation::ListDevices, "GET", "/v1/devices", "control:list")
    },
    Call {
        summary: "All that is known of a device, and who reported it.",
        about: DEVICE,
        response: Shape::of::<posture::Device>(),
        ..call(Operation::ShowDevice, "GET", "/v1/devices/{id}", "control:list")
    },
    Call {
        summary: "Reports the facts of a device, in place of those that the same source reported before.",
        about: DEVICE,
        body_max_bytes: SMALL,
        request: Shape::of::<posture::Facts>(),
        response: Shape::of::<posture::TakenReport>(),
        ..call(Operation::ReportDevice, "PUT", "/v1/devices/{id}/posture", "control:report")
    },
    Call {
        summary: "Forgets what was reported of a device; of one `source`, where the query names one.",
        about: DEVICE,
        filters: &["source"],
        ..call(Operation::ForgetDevice, "DELETE", "/v1/devices/{id}/posture", "control:forget")
    },
    Call {
        summary: "Reports the facts of a whole fleet, in the form of the posture file. Policy is asked for each device.",
        about: About::Only("source"),
        filters: &["source"],
        body_max_bytes: FLEET,
        request: Shape::of::<posture::Fleet>(),
        response: Shape::of::<posture::TakenBatch>(),
        ..call(Operation::ReportDevices, "POST", "/v1/posture", "control:report")
    },
    Call {
        summary: "Lets a source of posture go on that was held because it changed too much. Only a person can.",
        about: About::Path("source"),
        ..call(Operation::ReleaseSource, "POST", "/v1/sources/{name}/release", "control:release")
    },
    Call {
        summary: "osquery: a node enrols with the certificate of its device.",
        request: Shape::of::<protocol::EnrollRequest>(),
        response: Shape::of::<protocol::EnrollResponse>(),
        ..osquery(Operation::OsqueryEnroll, "/osquery/enroll", ORDINARY)
    },
    Call {
        summary: "osquery: what a node is to look at.",
        request: Shape::of::<protocol::NodeRequest>(),
        response: Shape::of::<protocol::ConfigResponse>(),
        ..osquery(Operation::OsqueryConfig, "/osquery/config", SMALL)
    },
    Call {
        summary: "osquery: what a node saw.",
        request: Shape::of::<protocol::LogRequest>(),
        response: Shape::of::<protocol::NodeResponse>(),
        ..osquery(Operation::OsqueryLog, "/osquery/log", 4 * ORDINARY)
    },
    Call {
        summary: "osquery: what a node is to look at now.",
        request: Shape::of::<protocol::NodeRequest>(),
        response: Shape::of::<protocol::DistributedReadResponse>(),
        ..osquery(Operation::OsqueryDistributedRead, "/osquery/distributed/read", SMALL)
    },
    Call {
        summary: "osquery: what it saw then.",
        request: Shape::of::<protocol::DistributedWriteRequest>(),
        response: Shape::of::<protocol::NodeResponse>(),
        ..osquery(Operation::OsqueryDistributedWrite, "/osquery/distributed/write", ORDINARY)
    },
    Call { summary: "This document.", ..call(Operation::OpenApi, "GET", "/openapi.json", "control:openapi") },
];

/// The call of a method and a normal path.
pub fn find(method: &Method, path: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.method == method.as_str() && segments(call.path, path).is_some())
}

/// The largest body of any call.
pub fn largest_body_bytes() -> u64 {
    CALLS.iter().map(|call| call.body_max_bytes).max().unwrap_or_default()
}

impl Call {
    /// Where it is found, for the rules that map requests to actions.
    pub fn pattern(&self) -> PathPattern {
        PathPattern::Template(self.path)
    }

    /// The variable segments of its path, decoded.
    pub fn parameters(&self, path: &str) -> Vec<Arc<str>> {
        segments(self.path, path).unwrap_or_default().into_iter().map(decoded).collect()
    }

    /// Whom it is about, where the request says so in one way only. The device `self` is the caller's own.
    pub fn target(&self, path: &str, query: Option<&str>, own_device: Option<&Arc<str>>) -> Option<Arc<Target>> {
        let (kind, id) = match self.about {
            About::Nobody => return None,
            About::Only(kind) => (kind, Arc::from("")),
            About::OwnDevice => ("device", Arc::clone(own_device?)),
            About::Path(kind) => match self.parameters(path).into_iter().next()? {
                own if kind == "device" && &*own == "self" => (kind, Arc::clone(own_device?)),
                id => (kind, id),
            },
            About::Query(kinds) => {
                let kind = only(query, "kind")?;
                (*kinds.iter().find(|known| **known == &*kind)?, only(query, "id").filter(|id| !id.is_empty())?)
            }
        };
        (id.len() <= MAX_ID_BYTES).then(|| Arc::new(Target { kind, id }))
    }
}

/// The longest name of a subject.
const MAX_ID_BYTES: usize = 2048;

/// The segments of `path` that stand where `template` has braces, where the two agree.
pub fn segments<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let (mut wanted, mut found, mut variable) = (template.split('/'), path.split('/'), Vec::new());
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(variable),
            (Some(wanted), Some(segment)) if wanted.starts_with('{') && !segment.is_empty() => variable.push(segment),
            (Some(wanted), Some(segment)) if wanted == segment => {}
            _ => return None,
        }
    }
}

/// The value of a key of the query that is there exactly once.
pub fn only(query: Option<&str>, key: &str) -> Option<Arc<str>> {
    let mut values = query?.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name == key).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then(|| decoded(&value.replace('+', " ")))
}

fn decoded(text: &str) -> Arc<str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_agree_with_templates() {
        assert_eq!(segments("/v1/devices/{id}/posture", "/v1/devices/laptop-7/posture"), Some(vec!["laptop-7"]));
        assert_eq!(segments("/v1/alert", "/v1/alert"), Some(vec![]));
        for other in ["/v1/devices//posture", "/v1/devices/a/b/posture", "/v1/devices/a", "/v1/devices/a/posture/"] {
            assert_eq!(segments("/v1/devices/{id}/posture", other), None, "{other}");
        }
    }

    #[test]
    fn whom_a_call_is_about_is_said_in_one_way_or_not_at_all() {
        let revoke = find(&Method::POST, "/v1/revocations").unwrap();
        let target = |query| revoke.target("/v1/revocations", Some(query), None).map(|it| (it.kind, it.id.to_string()));
        assert_eq!(target("kind=user&id=a%2Bb@x"), Some(("user", "a+b@x".into())));
        assert_eq!(target("id=spiffe://a/b&kind=workload"), Some(("workload", "spiffe://a/b".into())));
        for unclear in
            ["", "kind=user", "kind=user&id=", "kind=user&kind=device&id=a", "kind=cat&id=a", "kind=app&id=a"]
        {
            assert_eq!(target(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn every_call_is_found_and_is_told_from_the_others() {
        for call in CALLS {
            let path = call.path.replace("{id}", "x").replace("{name}", "x");
            let found = find(&Method::from_bytes(call.method.as_bytes()).unwrap(), &path).unwrap();
            assert_eq!(found.operation, call.operation, "{} {}", call.method, call.path);
            assert!(call.action.starts_with("control:") && call.summary.ends_with('.'));
        }
    }
}
