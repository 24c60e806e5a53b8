//! The tour: what to ask, what will be answered, and why. Each step is one value, from which the `curl` line is printed and
//! the request is sent.

use std::path::{Path, PathBuf};

use http::Method;
use serde::Serialize;

use super::Prepared;
use crate::reason::Reason;

/// One request of the tour.
#[derive(Debug, Clone)]
pub struct Step {
    /// Who asks for what.
    pub title: &'static str,
    /// Why it is answered as it is.
    pub why: &'static str,
    /// What is sent.
    pub request: StepRequest,
    /// What must come back.
    pub expected: Answer,
}

/// A request, exactly as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRequest {
    /// The method.
    pub method: Method,
    /// `https` to the gateway, `http` to the management port.
    pub scheme: &'static str,
    /// The host without port.
    pub host: &'static str,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The path, never normalised on the way.
    pub path: &'static str,
    /// Headers beside `Host`.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Option<&'static str>,
    /// The CA that the server's certificate must be of.
    pub ca: PathBuf,
    /// The client certificate.
    pub client: Option<ClientFiles>,
}

/// A client certificate and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An HTTP response.
    Http {
        /// Its status.
        status: u16,
        /// Its `Gaccong-Reason`.
        reason: Option<String>,
    },
    /// The TLS connection was refused, by an alert or by closing it.
    HandshakeRefused,
    /// Nothing answered, or nothing that could be read.
    Failed,
}

impl Answer {
    fn ok() -> Self {
        Self::Http { status: 200, reason: None }
    }

    fn refused(reason: Reason) -> Self {
        Self::Http { status: reason.status().as_u16(), reason: Some(reason.code().to_owned()) }
    }
}

const PAYROLL: &str = "payroll.localhost";
const WIKI: &str = "wiki.localhost";
const CONTROL: &str = "control.localhost";

/// The steps, in the order in which they tell the story.
pub fn tour(prepared: &Prepared) -> Vec<Step> {
    let from = Visitor { dir: &prepared.dir, port: prepared.ports.gateway };
    let mut steps = people(from);
    steps.extend(certificates(from));
    steps.extend(services(from));
    steps.extend(hostile(from));
    steps.extend(control(prepared));
    steps.push(metrics(prepared));
    steps
}

fn people(from: Visitor<'_>) -> Vec<Step> {
    let vietnamese = vec![("Accept", "text/html"), ("Accept-Language", "vi")];
    let upload = |host, path| StepRequest {
        method: Method::POST,
        body: Some("a line that alice adds"),
        ..from.get("alice", host, path)
    };
    vec![
        Step {
            title: "alice reads payroll",
            why: "Her laptop is compliant and she is in finance, which may read payroll.",
            request: from.get("alice", PAYROLL, "/payslips"),
            expected: Answer::ok(),
        },
        Step {
            title: "alice writes to payroll",
            why: "Only payroll officers may write there; a forbid says so in words.",
            request: upload(PAYROLL, "/upload"),
            expected: Answer::refused(Reason::PolicyForbid),
        },
        Step {
            title: "alice writes to the wiki",
            why: "Staff may read and write on the intranet.",
            request: upload(WIKI, "/upload"),
            expected: Answer::ok(),
        },
        Step {
            title: "alice follows the wiki's events",
            why: "A stream of server-sent events passes as it comes. Ctrl-C ends it.",
            request: StepRequest {
                headers: vec![("Accept", "text/event-stream")],
                ..from.get("alice", WIKI, "/events")
            },
            expected: Answer::ok(),
        },
        Step {
            title: "bob reads payroll",
            why: "He is in finance too, but his laptop is not compliant.",
            request: from.get("bob", PAYROLL, "/payslips"),
            expected: Answer::refused(Reason::PolicyForbid),
        },
        Step {
            title: "bob, in a browser that speaks Vietnamese",
            why: "The same refusal as a page, with the policy's words and advice in his language.",
            request: StepRequest { headers: vietnamese, ..from.get("bob", PAYROLL, "/payslips") },
            expected: Answer::refused(Reason::PolicyForbid),
        },
    ]
}

fn certificates(from: Visitor<'_>) -> Vec<Step> {
    vec![
        Step {
            title: "the kiosk reads the wiki",
            why: "Its certificate names a device and no person.",
            request: from.get("kiosk", WIKI, "/"),
            expected: Answer::refused(Reason::PrincipalAbsent),
        },
        Step {
            title: "the lost laptop reads the wiki",
            why: "Its certificate is on the revocation list.",
            request: from.get("revoked", WIKI, "/"),
            expected: Answer::refused(Reason::CertificateRevoked),
        },
        Step {
            title: "alice's old certificate",
            why: "It ended yesterday.",
            request: from.get("expired", WIKI, "/"),
            expected: Answer::refused(Reason::CertificateExpired),
        },
        Step {
            title: "no certificate at all",
            why: "The gateway ends the TLS handshake with an alert; there is no page to see.",
            request: from.anonymous(WIKI, "/"),
            expected: Answer::HandshakeRefused,
        },
    ]
}

fn services(from: Visitor<'_>) -> Vec<Step> {
    vec![
        Step {
            title: "the reporting service reads the wiki's API",
            why: "A policy permits its SPIFFE ID there; services have no device and need no posture.",
            request: from.get("reports", WIKI, "/api/pages"),
            expected: Answer::ok(),
        },
        Step {
            title: "the reporting service reads payroll",
            why: "No policy permits it: what is not permitted is refused.",
            request: from.get("reports", PAYROLL, "/payslips"),
            expected: Answer::refused(Reason::PolicyNoPermit),
        },
    ]
}

fn hostile(from: Visitor<'_>) -> Vec<Step> {
    vec![
        Step {
            title: "a path with two readings",
            why: "`%2e%2e` is a parent folder to some servers and a name to others, so no policy can be right about it.",
            request: from.get("alice", WIKI, "/public/%2e%2e/private"),
            expected: Answer::refused(Reason::RequestPathAmbiguous),
        },
        Step {
            title: "TRACE",
            why: "It would echo headers to the client that are not meant for it.",
            request: StepRequest { method: Method::TRACE, ..from.get("alice", WIKI, "/") },
            expected: Answer::refused(Reason::RequestMethod),
        },
        Step {
            title: "a host without an app",
            why: "The certificate is good for it, but no app has this host.",
            request: from.get("alice", "intranet.localhost", "/"),
            expected: Answer::refused(Reason::RequestHostUnknown),
        },
    ]
}

fn control(prepared: &Prepared) -> Vec<Step> {
    let from = Visitor { dir: &prepared.dir, port: prepared.ports.gateway };
    let to_control = Visitor { port: prepared.ports.control, ..from };
    let revocation = |method| StepRequest {
        method,
        ..to_control.get("soc", CONTROL, "/v1/revocations?kind=user&id=alice@example.org")
    };
    let report = |path| StepRequest {
        method: Method::PUT,
        headers: vec![("Content-Type", "application/json")],
        body: Some(r#"{"facts": {"disk_encrypted": true}}"#),
        ..to_control.get("kiosk", CONTROL, path)
    };
    vec![
        Step {
            title: "the SOC revokes alice",
            why: "From now on she is refused, and what she had open is cut. `gaccong revoke user` does the same.",
            request: revocation(Method::POST),
            expected: Answer::ok(),
        },
        Step {
            title: "alice reads the wiki once more",
            why: "Nothing is wrong with her certificate or her laptop; she is revoked.",
            request: from.get("alice", WIKI, "/"),
            expected: Answer::refused(Reason::PrincipalRevoked),
        },
        Step {
            title: "the SOC lets alice in again",
            why: "The store keeps both, and the records say who did it.",
            request: revocation(Method::DELETE),
            expected: Answer::Http { status: 204, reason: None },
        },
        Step {
            title: "the kiosk reports of itself",
            why: "A device's own certificate is enough to report of that device.",
            request: report("/v1/devices/self/posture"),
            expected: Answer::ok(),
        },
        Step {
            title: "the kiosk reports of alice's laptop",
            why: "The control API has policies too, and they permit a device to report of itself only.",
            request: report("/v1/devices/laptop-alice/posture"),
            expected: Answer::refused(Reason::PolicyNoPermit),
        },
    ]
}

fn metrics(prepared: &Prepared) -> Step {
    let from = Visitor { dir: &prepared.dir, port: prepared.ports.management };
    Step {
        title: "the metrics of all this",
        why: "Prometheus text on the management port; look for gaccong_requests_total.",
        request: StepRequest { scheme: "http", ..from.anonymous("127.0.0.1", "/metrics") },
        expected: Answer::ok(),
    }
}

/// Where requests come from and go to.
#[derive(Debug, Clone, Copy)]
struct Visitor<'a> {
    dir: &'a Path,
    port: u16,
}

impl Visitor<'_> {
    fn get(self, who: &str, host: &'static str, path: &'static str) -> StepRequest {
        let file = |ending: &str| self.dir.join("certs").join(format!("{who}.{ending}"));
        let client = Some(ClientFiles { certificate: file("pem"), key: file("key") });
        StepRequest { client, ..self.anonymous(host, path) }
    }

    fn anonymous(self, host: &'static str, path: &'static str) -> StepRequest {
        StepRequest {
            method: Method::GET,
            scheme: "https",
            host,
            port: self.port,
            path,
            headers: Vec::new(),
            body: None,
            ca: self.dir.join("pki/servers/ca.pem"),
            client: None,
        }
    }
}
