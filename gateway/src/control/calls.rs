//! The table of calls. Routing, actions for policy and the OpenAPI document are all made from it.

use http::Method;

use crate::control::call::{About, Call, Operation, Shape, segments};
use crate::control::{alert, lockdowns, posture, problem, reauthentications, revocations, sessions, signals};
use crate::osquery::protocol;
use crate::signals::set::MAX_SET_BYTES;
use crate::state::{ScopeKind, SubjectKind};

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
        summary: "Who is logged in, by pages; of one `user`, or on one `device`, where the query names one.",
        filters: &["user", "device", "after"],
        response: Shape::of::<sessions::Sessions>(),
        ..call(Operation::ListSessions, "GET", "/v1/sessions", "control:list")
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

#[cfg(test)]
mod tests {
    use super::*;

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
