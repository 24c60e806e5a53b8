//! What an exchange leaves behind whose task panics.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Request;
use serde_json::Value;

use super::*;
use crate::audit::event::Verdict;
use crate::audit::log::AuditLog;
use crate::audit::{fixtures, read};
use crate::facts::snapshot::Listener;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::pki::{Authority, AuthorityRequest, KeyKind, LeafRequest, Name, Purpose, Validity};
use crate::process::load;
use crate::state::{State, Writer};
use crate::store::Store;

const CONFIG: &str = r#"
[listen]
address = "127.0.0.1:0"
[[listen.certificates]]
chain = "server.pem"
key = "file:server.key"
[[clients.trust]]
name = "people"
ca = ["pki/ca.pem"]
person = "email"
[[app]]
name = "payroll"
hosts = ["payroll.example.org"]
upstreams = ["http://127.0.0.1:9"]
[policy]
directory = "policies"
[audit]
directory = "audit"
"#;

fn gateway(dir: &Path) -> (Arc<Gateway>, AuditLog) {
    let (gateway, audit, _writer) = gateway_with(dir, None);
    (gateway, audit)
}

/// A gateway, and what changes its store.
pub(crate) fn gateway_with(dir: &Path, store: Option<Box<dyn Store>>) -> (Arc<Gateway>, AuditLog, Writer) {
    let (validity, key) = (Validity::days(1), KeyKind::P256);
    let request = AuthorityRequest { name: "test".to_owned(), validity, key };
    let authority = Authority::create(&dir.join("pki"), &request).unwrap();
    let names = vec![Name::Dns("payroll.example.org".to_owned())];
    let server = LeafRequest { purpose: Purpose::Server, names, validity, key };
    authority.issue(&server).unwrap().write(&dir.join("server"), false).unwrap();
    fs::create_dir(dir.join("policies")).unwrap();
    fs::write(dir.join("policies/all.cedar"), "@id(\"all\") permit (principal, action, resource);").unwrap();
    fs::write(dir.join("gaccong.toml"), CONFIG).unwrap();

    let snapshot = load::load(&dir.join("gaccong.toml"), None).unwrap().snapshot;
    let audit = AuditLog::start(&snapshot.config.audit, &snapshot.config.limits).unwrap();
    let (state, writer) = State::load(&snapshot.config.posture, store).unwrap();
    (Arc::new(Gateway::new(snapshot, state, &audit, Metrics::new().unwrap())), audit, writer)
}

/// Panics in the middle of an exchange, and returns the records.
fn records_of_a_panic(in_the_middle: impl FnOnce(&mut Exchange) + Send + 'static) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, audit) = gateway(dir.path());
    let facts = fixtures::request().connection;
    let connection = Arc::new(Connection::new(gateway, Listener::Apps, facts, Arc::from([]), Arc::default(), false));
    let of_task = Arc::clone(&connection);
    let task = std::thread::spawn(move || {
        let (parts, ()) = Request::get("/salaries").body(()).unwrap().into_parts();
        let mut exchange = Exchange::begin(&of_task, Head::of(&parts, false), 1).unwrap();
        in_the_middle(&mut exchange);
        panic!("on purpose");
    });
    assert!(task.join().is_err());
    assert_eq!((connection.running(), connection.live().len()), (0, 0), "nothing is left of it");
    assert!(connection.source.begin_request(1).is_ok(), "its place is free");
    assert!(audit.shutdown(Duration::from_secs(10)));
    read::records(&dir.path().join("audit"))
}

fn only(records: &[Value]) -> &Value {
    let [record] = records else { panic!("{} records", records.len()) };
    assert_eq!(record["unmapped"]["gaccong"]["outcome"], "panicked", "{record}");
    assert_eq!(record["action"], "Denied", "{record}");
    record
}

#[test]
fn a_panic_before_the_decision_leaves_its_record() {
    let records = records_of_a_panic(|_| {});
    assert_eq!(only(&records)["status_code"], "gateway.internal");
}

#[test]
fn a_panic_after_the_permit_leaves_its_record() {
    let records = records_of_a_panic(|exchange| {
        let decision = DecisionFacts {
            verdict: Verdict::Permit,
            reason: None,
            policies: Default::default(),
            would_permit: Default::default(),
            policy_digest: None,
            details: Vec::new(),
        };
        let ticker = Arc::clone(&exchange.connection.gateway.ticker);
        let asked = Arc::new(fixtures::asked());
        exchange.live(|head| LiveRequest::new(head, asked, decision, 0, i64::MAX, &ticker)).unwrap();
    });
    assert_eq!(only(&records)["actor"]["user"]["uid"], "alice@example.org");
    assert_eq!(only(&records)["status_code"], "gateway.internal");
}
