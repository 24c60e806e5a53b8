//! Golden lines, and the bound on hostile ones.

use std::sync::Arc;

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::audit::event::{ConnectionEvent, DecisionFacts, Outcome, Phase, RequestEvent, Verdict};
use crate::audit::fixtures::{self, TIME_MS};
use crate::reason::Reason;
use crate::request::decide::Asked;
use crate::request::identify::Subject;

fn line(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    write_line(event, &mut out).expect("a line");
    out
}

fn parsed(event: &Event) -> Value {
    serde_json::from_slice(&line(event)).expect("JSON")
}

fn request(event: RequestEvent) -> Value {
    parsed(&Event::Request(Box::new(event)))
}

fn connection(event: ConnectionEvent) -> Value {
    parsed(&Event::Connection(Box::new(event)))
}

/// What OCSF requires of every event, of its `metadata`, and of the objects that are used.
fn assert_required(record: &Value) {
    for path in [
        "/activity_id",
        "/category_uid",
        "/class_uid",
        "/type_uid",
        "/severity_id",
        "/time",
        "/metadata/version",
        "/metadata/product",
        "/metadata/product/vendor_name",
        "/connection_info/direction_id",
        "/action_id",
        "/disposition_id",
        "/status_id",
        "/src_endpoint/ip",
        "/dst_endpoint/ip",
    ] {
        assert!(record.pointer(path).is_some(), "{path} is required: {record}");
    }
    let class = record["class_uid"].as_u64().expect("a number");
    assert_eq!(record["type_uid"].as_u64(), record["activity_id"].as_u64().map(|activity| class * 100 + activity));
    if let Some(certificate) = record.pointer("/tls/certificate") {
        assert!(certificate["issuer"].is_string() && certificate["serial_number"].is_string());
        let fingerprint = &certificate["fingerprints"][0];
        assert_eq!(fingerprint["algorithm_id"], 3);
        assert!(fingerprint["value"].is_string());
    }
    if let Some(tls) = record.get("tls") {
        assert!(tls["version"].is_string());
    }
    if let Some(device) = record.get("device") {
        assert!(device["type_id"].is_u64());
    }
}

#[test]
fn a_permitted_request() {
    let record = request(fixtures::request());
    assert_required(&record);
    let mut expected = json!({
        "class_uid": 4002, "category_uid": 4, "activity_id": 3, "activity_name": "GET", "type_uid": 400203,
        "time": TIME_MS,
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "Gác Cổng", "vendor_name": "Gác Cổng", "version": env!("CARGO_PKG_VERSION")},
            "profiles": ["security_control", "host"],
            "uid": "00000000-0000-0000-0000-000000000001",
            "correlation_uid": "from-the-client",
        },
        "action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed",
        "status_id": 1, "status": "Success", "severity_id": 1, "severity": "Informational",
        "http_request": {
            "uid": "00000000-0000-0000-0000-000000000001", "http_method": "GET", "version": "2",
            "url": {"scheme": "https", "hostname": "payroll.example.org", "path": "/salaries/2026"},
            "user_agent": "curl/8.5",
        },
        "http_response": {"code": 200, "length": 2000, "latency": 9},
        "src_endpoint": {"ip": "203.0.113.9", "port": 51000},
        "dst_endpoint": {"ip": "192.0.2.1", "port": 443, "hostname": "payroll.example.org", "svc_name": "payroll"},
        "connection_info": {"uid": "00000000-0000-0000-0000-000000000007", "direction_id": 1, "protocol_num": 6},
        "tls": {
            "version": "1.3", "cipher": "TLS_AES_256_GCM_SHA384", "sni": "payroll.example.org",
            "certificate": {
                "serial_number": "0badcafe", "issuer": "CN=Laptop CA", "subject": "CN=alice",
                "fingerprints": [{"algorithm_id": 3, "algorithm": "SHA-256", "value": "ab".repeat(32)}],
                "created_time": TIME_MS - 1000, "expiration_time": TIME_MS + 1000,
            },
        },
        "actor": {"user": {
            "uid": "alice@example.org", "type_id": 1, "type": "User",
            "groups": [{"name": "finance"}, {"name": "staff"}],
        }},
        "device": {"uid": "laptop-17", "type_id": 0, "ip": "203.0.113.9"},
        "authorizations": [{"decision": "allowed", "policy": {"uid": "payroll.read"}}],
        "traffic": {"bytes_in": 2000, "bytes_out": 10, "bytes": 2010},
        "start_time": TIME_MS, "end_time": TIME_MS + 12, "duration": 12,
    });
    expected["unmapped"] = json!({"gaccong": {
        "version": 1, "phase": "final", "outcome": "completed",
        "connection": "00000000-0000-0000-0000-000000000007",
        "tls_group": "X25519MLKEM768", "alpn": "h2", "certificate_fingerprint": "ab".repeat(32),
        "policy_digest": "sha256:00", "policies": ["payroll.read"],
        "question": serde_json::to_value(fixtures::asked().question()).expect("a question"),
        "question_complete": true,
        "request_bytes": 10, "response_bytes": 2000,
        "duration_us": 12345, "decision_ns": 900, "upstream_us": 9000, "upstream": "10.0.0.7:8080",
    }});
    assert_eq!(record, expected);
}

#[test]
fn a_denied_request() {
    let event = fixtures::request();
    let record = request(RequestEvent {
        decision: DecisionFacts {
            verdict: Verdict::Deny,
            reason: Some(Reason::PolicyForbid),
            details: vec!["risk is high".to_owned()],
            ..event.decision.clone()
        },
        status: Some(403),
        upstream_us: None,
        upstream: None,
        ..event
    });
    assert_required(&record);
    assert_eq!((&record["action_id"], &record["disposition_id"]), (&json!(2), &json!(2)));
    assert_eq!((&record["status_id"], &record["status_code"]), (&json!(2), &json!("policy.forbid")));
    assert_eq!(record["status_detail"], "risk is high");
    assert_eq!(record["authorizations"], json!([{"decision": "denied", "policy": {"uid": "payroll.read"}}]));
    assert_eq!(record["http_response"]["latency"], 12);
    assert_eq!(record["unmapped"]["gaccong"]["reason"], "policy.forbid");
    assert_eq!(record["unmapped"]["gaccong"]["details"], json!(["risk is high"]));
}

#[test]
fn a_denial_that_is_only_observed() {
    let event = fixtures::request();
    let record = request(RequestEvent {
        decision: DecisionFacts {
            verdict: Verdict::ObservedDeny,
            reason: Some(Reason::PolicyNoPermit),
            policies: Default::default(),
            ..event.decision.clone()
        },
        ..event
    });
    assert_eq!((&record["action_id"], &record["disposition_id"]), (&json!(3), &json!(17)));
    assert_eq!(record["status_id"], 1);
    assert_eq!(record["authorizations"], json!([{"decision": "denied"}]));
}

#[test]
fn a_stream_that_was_cut_is_access_revoked() {
    let event = fixtures::request();
    let record = request(RequestEvent { outcome: Outcome::Cut(Reason::CertificateRevoked), ..event });
    assert_eq!((&record["action_id"], &record["disposition_id"]), (&json!(2), &json!(24)));
    assert_eq!(record["status_code"], "certificate.revoked");
    assert_eq!(record["unmapped"]["gaccong"]["cut_reason"], "certificate.revoked");
    assert_eq!(record["unmapped"]["gaccong"]["outcome"], "cut");
}

#[test]
fn an_opening_record_has_the_id_and_no_end() {
    let record = request(RequestEvent { phase: Phase::Opening, outcome: Outcome::Running, ..fixtures::request() });
    assert_required(&record);
    assert_eq!(record["metadata"]["uid"], "00000000-0000-0000-0000-000000000001");
    assert_eq!(record["unmapped"]["gaccong"]["phase"], "opening");
    assert_eq!(record["status_id"], 0);
    assert!(record.get("end_time").is_none() && record.get("duration").is_none());
}

#[test]
fn a_request_that_was_never_asked_about_names_who_the_certificate_names() {
    let record = request(RequestEvent {
        asked: None,
        method: Method::from_bytes(b"BREW").expect("method"),
        ..fixtures::request()
    });
    assert_required(&record);
    assert_eq!((&record["activity_id"], &record["activity_name"]), (&json!(99), &json!("BREW")));
    assert_eq!(record["actor"]["user"]["uid"], "alice@example.org");
    assert_eq!(record["device"]["uid"], "laptop-17");
    assert!(record.get("authorizations").is_none());
    assert!(record["unmapped"]["gaccong"].get("question").is_none());
}

#[test]
fn a_refused_handshake() {
    let record =
        connection(ConnectionEvent { via: Some("10.1.1.1:9".parse().expect("address")), ..fixtures::attempt() });
    assert_required(&record);
    assert_eq!(
        (&record["class_uid"], &record["type_uid"], &record["count"]),
        (&json!(4001), &json!(400105), &json!(1))
    );
    assert_eq!((&record["action_id"], &record["disposition_id"]), (&json!(2), &json!(2)));
    assert_eq!(record["status_code"], "certificate.untrusted");
    assert_eq!(record["tls"]["sni"], "payroll.example.org");
    assert_eq!(record["tls"]["certificate"]["subject"], "CN=mallory");
    assert_eq!(record["metadata"]["profiles"], json!(["security_control", "host", "network_proxy"]));
    assert_eq!(record["proxy_endpoint"], json!({"ip": "10.1.1.1", "port": 9}));
    assert_eq!(record["unmapped"]["gaccong"]["reason"], "certificate.untrusted");
}

#[test]
fn a_sum_has_a_count_and_what_is_not_tls_has_no_tls() {
    let record = connection(ConnectionEvent {
        reason: Reason::HandshakeNotTls,
        count: 4711,
        sni: None,
        certificate: None,
        ..fixtures::attempt()
    });
    assert_required(&record);
    assert_eq!((&record["count"], &record["unmapped"]["gaccong"]["count"]), (&json!(4711), &json!(4711)));
    assert!(record.get("tls").is_none());
}

#[test]
fn a_question_that_was_cut_says_so() {
    let groups: Arc<[Arc<str>]> = (0..5000).map(|n| Arc::from(format!("group-{n}"))).collect();
    let record =
        request(RequestEvent { asked: Some(Arc::new(Asked { groups, ..fixtures::asked() })), ..fixtures::request() });
    assert_eq!(record["unmapped"]["gaccong"]["question_complete"], false);
    let kept = record["unmapped"]["gaccong"]["question"]["principal"]["groups"].as_array().expect("groups").len();
    assert!((1..5000).contains(&kept));
}

#[test]
fn a_failed_line_leaves_the_buffer_as_it_was() {
    let mut out = b"before\n".to_vec();
    write_line(&Event::Connection(Box::new(fixtures::attempt())), &mut out).expect("a line");
    assert!(out.starts_with(b"before\n{") && out.ends_with(b"}\n"));
}

/// Texts that grow when they are escaped, end lines in some reader, or are just long.
fn hostile() -> impl Strategy<Value = Arc<str>> {
    let piece = prop_oneof![
        "\\PC{0,8}",
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\"\\\\]{1,8}",
        Just("\u{2028}\r\n".to_owned()),
        any::<String>()
    ];
    (piece, prop_oneof![Just(1_usize), 1_usize..20_000]).prop_map(|(piece, times)| {
        let times = times.min(80_000 / piece.len().max(1));
        Arc::from(piece.repeat(times))
    })
}

fn hostile_request() -> impl Strategy<Value = RequestEvent> {
    let texts = proptest::collection::vec(hostile(), 12);
    let list = proptest::collection::vec(hostile(), 0..40);
    (texts, list, any::<bool>()).prop_map(|(texts, list, denied)| {
        let text = |index: usize| Arc::clone(&texts[index]);
        let event = fixtures::request();
        let asked = fixtures::asked();
        RequestEvent {
            host: Some(text(0)),
            path: text(1),
            query: Some(text(2)),
            app: Some(text(3)),
            user_agent: Some(text(4)),
            correlation: Some(text(5)),
            upstream: Some(text(6)),
            asked: Some(Arc::new(Asked {
                principal: Subject { id: text(7), ..asked.principal.clone() },
                groups: list.clone().into(),
                device: Some(text(8)),
                action: text(9),
                host: text(0),
                path: text(1),
                certificate: Arc::new(crate::request::identify::ClientCertificate {
                    subject: text(10),
                    issuer: text(11),
                    serial: text(0),
                    trust_domain: text(3),
                    ..(*asked.certificate).clone()
                }),
                ..asked
            })),
            decision: DecisionFacts {
                verdict: if denied { Verdict::Deny } else { Verdict::Permit },
                reason: denied.then_some(Reason::PolicyError),
                policies: list.iter().cloned().collect(),
                would_permit: list.iter().cloned().collect(),
                policy_digest: Some(text(1)),
                details: list.iter().map(|it| it.to_string()).collect(),
            },
            ..event
        }
    })
}

fn assert_one_bounded_line(line: &[u8]) {
    assert!(line.len() <= LINE_LIMIT, "{} bytes", line.len());
    let (last, rest) = line.split_last().expect("not empty");
    assert_eq!(*last, b'\n');
    let text = std::str::from_utf8(rest).expect("UTF-8");
    assert!(!text.contains(|char: char| char.is_control() || "\u{2028}\u{2029}".contains(char)));
    serde_json::from_str::<Value>(text).expect("JSON");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_request_is_one_bounded_line_of_json(event in hostile_request()) {
        assert_one_bounded_line(&line(&Event::Request(Box::new(event))));
    }

    #[test]
    fn any_attempt_is_one_bounded_line_of_json(texts in proptest::collection::vec(hostile(), 6)) {
        let mut event = fixtures::attempt();
        event.detail = texts[0].to_string();
        event.sni = Some(Arc::clone(&texts[1]));
        if let Some(certificate) = &mut event.certificate {
            certificate.subject = Arc::clone(&texts[2]);
            certificate.issuer = Arc::clone(&texts[3]);
            certificate.serial = Arc::clone(&texts[4]);
            certificate.fingerprint = Arc::clone(&texts[5]);
        }
        assert_one_bounded_line(&line(&Event::Connection(Box::new(event))));
    }
}

/// Every field at its worst at once: the sum of the tight bounds is what keeps a line in its limit.
#[test]
fn the_worst_request_fits() {
    let worst: Arc<str> = Arc::from("\u{1}".repeat(100_000));
    let many: Vec<Arc<str>> = vec![Arc::from("\u{1}".repeat(42)); 2000];
    let event = fixtures::request();
    let asked = fixtures::asked();
    let mut certificate = (*asked.certificate).clone();
    for field in [
        &mut certificate.subject,
        &mut certificate.issuer,
        &mut certificate.serial,
        &mut certificate.fingerprint,
        &mut certificate.trust_domain,
    ] {
        *field = Arc::clone(&worst);
    }
    let certificate = Arc::new(certificate);
    let method = Method::from_bytes("M".repeat(1000).as_bytes()).expect("method");
    let tls = event.connection.tls.clone().map(|tls| crate::audit::event::TlsFacts { sni: Some(worst.clone()), ..tls });
    let connection = crate::audit::event::ConnectionFacts {
        id: event.connection.id,
        source: event.connection.source,
        via: Some(event.connection.local),
        local: event.connection.local,
        tls,
        identity: crate::request::identify::Identity::Proven {
            certificate: certificate.clone(),
            device: None,
            principal: None,
        },
    };
    let app = crate::config::App { name: worst.clone(), ..(*asked.app).clone() };
    let event = RequestEvent {
        connection: Arc::new(connection),
        host: Some(worst.clone()),
        path: worst.clone(),
        query: Some(worst.clone()),
        app: Some(worst.clone()),
        user_agent: Some(worst.clone()),
        correlation: Some(worst.clone()),
        upstream: Some(worst.clone()),
        method: method.clone(),
        asked: Some(Arc::new(Asked {
            principal: Subject { id: worst.clone(), ..asked.principal.clone() },
            groups: many.clone().into(),
            device: Some(worst.clone()),
            certificate,
            app: Arc::new(app),
            action: worst.clone(),
            host: worst.clone(),
            path: worst.clone(),
            method,
            ..asked
        })),
        decision: DecisionFacts {
            verdict: Verdict::Deny,
            reason: Some(Reason::PolicyError),
            policies: std::iter::repeat_n(worst.clone(), 100).collect(),
            would_permit: std::iter::repeat_n(worst.clone(), 100).collect(),
            policy_digest: Some(worst.clone()),
            details: vec![worst.to_string(); 100],
        },
        ..event
    };
    let line = line(&Event::Request(Box::new(event)));
    assert_one_bounded_line(&line);
    // Posture adds at most five more names, which the fixture cannot fill.
    assert!(line.len() + 5 * 600 <= LINE_LIMIT, "{} bytes", line.len());
}
