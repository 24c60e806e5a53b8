//! Makes what `gaccong policy replay` is measured with: a log of many decisions, written by the gateway's own writer, the
//! configuration of its apps, and policies to replay it with.
//!
//!     cargo run --release -p gaccong-bench --bin replay-log -- /tmp/replay
//!     gaccong policy replay -c /tmp/replay/gaccong.toml --policy /tmp/replay/policies

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use gaccong::audit::event::{ConnectionFacts, DecisionFacts, Event, Outcome, Phase, RequestEvent, TlsFacts, Verdict};
use gaccong::audit::ocsf;
use gaccong::config::{App, CrossSite, PostureMode, Sensitivity, UpstreamTls};
use gaccong::facts::posture::{DevicePosture, Fact, FactName, FactValue};
use gaccong::reason::Reason;
use gaccong::request::cross_site::Initiator;
use gaccong::request::decide::Asked;
use gaccong::request::identify::{ClientCertificate, Identity, Names, Subject};
use gaccong_policy::PrincipalKind;
use http::{Method, Version};
use uuid::Uuid;

const START_MS: i64 = 1_767_225_600_000;
const SEGMENT_BYTES: u64 = 256 << 20;
const GROUPS: u64 = 40;
const FORBIDS: u64 = 20;
const POLICIES_PER_APP: u64 = 10;

/// Makes a log of decisions and everything to replay it with.
#[derive(Parser)]
struct Arguments {
    /// The folder to be made.
    out: PathBuf,
    /// How many decisions.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Of how many persons, each with a laptop.
    #[arg(long, default_value_t = 20_000)]
    persons: u64,
    /// For how many apps, each with ten policies.
    #[arg(long, default_value_t = 100)]
    apps: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    fs::create_dir_all(arguments.out.join("policies"))?;
    fs::create_dir_all(arguments.out.join("audit"))?;
    fs::write(arguments.out.join("gaccong.toml"), configuration(arguments.apps))?;
    fs::write(arguments.out.join("policies/all.cedar"), policies(arguments.apps))?;
    write_log(&arguments, &arguments.out.join("audit"))
}

fn write_log(arguments: &Arguments, directory: &Path) -> Result<()> {
    let apps: Vec<Arc<App>> = (0..arguments.apps).map(app).collect();
    let (mut line, mut written, mut number) = (Vec::new(), SEGMENT_BYTES, 0);
    let mut segment = BufWriter::new(File::create("/dev/null")?);
    for n in 0..arguments.records {
        if written >= SEGMENT_BYTES {
            segment.flush()?;
            number += 1;
            let name = format!("gaccong-20260101T000000Z-1-{number:04}.jsonl");
            (segment, written) = (BufWriter::with_capacity(1 << 20, File::create(directory.join(name))?), 0);
        }
        let chosen = apps.get(usize::try_from(mixed(n) % arguments.apps)?);
        let Some(app) = chosen else { continue };
        line.clear();
        ocsf::write_line(&Event::Request(Box::new(request(n, app, mixed(n + 1) % arguments.persons))), &mut line)?;
        segment.write_all(&line)?;
        written += line.len() as u64;
    }
    segment.flush()?;
    Ok(())
}

/// A number that looks like chance and is the same each time (splitmix64).
const fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

fn request(n: u64, app: &Arc<App>, person: u64) -> RequestEvent {
    let time_ms = START_MS.saturating_add_unsigned(n);
    let asked = asked(app, person, time_ms);
    let refused = mixed(n + 2).is_multiple_of(20);
    let connection = ConnectionFacts {
        id: Uuid::from_u128(u128::from(n / 10) << 64),
        source: (asked.source_ip, 51_000).into(),
        via: None,
        local: ([192, 0, 2, 1], 443).into(),
        tls: Some(TlsFacts {
            version: "1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            group: "X25519MLKEM768",
            alpn: "h2",
            sni: Some(Arc::clone(&asked.host)),
        }),
        identity: Identity::Proven {
            certificate: Arc::clone(&asked.certificate),
            device: asked.device.clone(),
            principal: Some(asked.principal.clone()),
        },
    };
    RequestEvent {
        phase: Phase::Final,
        id: Uuid::from_u128(u128::from(time_ms.unsigned_abs()) << 80 | 7 << 76 | 2 << 62 | u128::from(n)),
        time_ms,
        connection: Arc::new(connection),
        method: Method::GET,
        version: Version::HTTP_2,
        host: Some(Arc::clone(&asked.host)),
        path: Arc::clone(&asked.path),
        query: None,
        app: Some(Arc::clone(&app.name)),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into()),
        correlation: None,
        asked: Some(Arc::new(asked)),
        decision: DecisionFacts {
            verdict: if refused { Verdict::Deny } else { Verdict::Permit },
            reason: refused.then_some(Reason::PolicyNoPermit),
            policies: (!refused).then(|| Arc::from(format!("{}-1", app.name))).into_iter().collect(),
            policy_digest: Some("5f".repeat(32).into()),
            would_permit: Default::default(),
            details: Vec::new(),
        },
        outcome: Outcome::Completed,
        status: Some(if refused { 403 } else { 200 }),
        bytes_in: 0,
        bytes_out: mixed(n) % 100_000,
        duration_us: 12_345,
        decision_ns: 420,
        upstream_us: (!refused).then_some(9_000),
        upstream: (!refused).then(|| "10.0.0.7:8080".into()),
    }
}

fn asked(app: &Arc<App>, person: u64, now_ms: i64) -> Asked {
    let source: Arc<str> = "mdm".into();
    let fact = |name, value| Fact {
        name,
        value,
        source: Some(Arc::clone(&source)),
        rank: 0,
        observed_at_ms: now_ms - 60_000,
        max_age_ms: 86_400_000,
    };
    let yes = |n: u64| FactValue::Bool(!mixed(person + n).is_multiple_of(50));
    let facts = vec![
        fact(FactName::Managed, yes(1)),
        fact(FactName::Platform, FactValue::Text("windows".into())),
        fact(FactName::OsVersion, FactValue::Text("10.0.26100.4349".into())),
        fact(FactName::DiskEncrypted, yes(2)),
        fact(FactName::Firewall, yes(3)),
        fact(FactName::EdrRunning, yes(4)),
        fact(FactName::PatchAgeDays, FactValue::Long((mixed(person) % 45).cast_signed())),
        fact(FactName::Compliant, yes(5)),
    ];
    let id: Arc<str> = format!("person-{person}@example.gov.vn").into();
    let groups: Vec<Arc<str>> = (0..8).map(|n| format!("group-{}", mixed(person + n) % GROUPS).into()).collect();
    let certificate = ClientCertificate {
        trust_domain: "laptops".into(),
        names: Names::default(),
        subject: format!("CN={id},OU=People,O=Ministry,C=VN").into(),
        issuer: "CN=Laptops Issuing CA 3,O=Ministry,C=VN".into(),
        serial: format!("{:032x}", mixed(person)).into(),
        fingerprint: format!("{:064x}", mixed(person)).into(),
        der: Box::default(),
        not_before_ms: START_MS - 86_400_000,
        not_after_ms: START_MS + 90 * 86_400_000,
        chain: Vec::new(),
    };
    let [.., a, b] = person.to_be_bytes();
    Asked {
        principal: Subject { kind: PrincipalKind::User, id: Arc::clone(&id) },
        groups: groups.into(),
        device: Some(format!("laptop-{person}").into()),
        posture: Some(Arc::new(DevicePosture::new(Some(id), facts))),
        credential: None,
        certificate: Arc::new(certificate),
        app: Arc::clone(app),
        action: "read".into(),
        websocket: false,
        initiator: Initiator::default(),
        host: format!("{}.example.gov.vn", app.name).into(),
        path: format!("/documents/2026/{person}/attachments").into(),
        method: Method::GET,
        target: None,
        source_ip: [10, 1, a, b].into(),
        threat: None,
        grant: None,
        risk: None,
        alert_level: 0,
        signal_lost: false,
        now_ms,
    }
}

fn app(n: u64) -> Arc<App> {
    Arc::new(App {
        name: format!("app-{n}").into(),
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

/// As much of a configuration as a replay needs.
fn configuration(apps: u64) -> String {
    let mut toml = "[policy]\ndirectory = \"policies\"\n[audit]\ndirectory = \"audit\"\n".to_owned();
    for n in 0..apps {
        let host = format!("app-{n}.example.gov.vn");
        // Writing to a string cannot fail.
        let _ =
            writeln!(toml, "[[app]]\nname = \"app-{n}\"\nhosts = [\"{host}\"]\nupstreams = [\"http://10.0.0.7:8080\"]");
    }
    toml
}

/// Twenty policies for all apps and ten for each.
fn policies(apps: u64) -> String {
    let mut text = String::new();
    for n in 0..FORBIDS {
        let _ = writeln!(
            text,
            "@id(\"forbid-{n}\") forbid (principal is User, action, resource) unless {{ context has device && \
             context.device has patch_age_days && context.device.patch_age_days <= {} }};",
            40 + n
        );
    }
    for (app, n) in (0..apps).flat_map(|app| (0..POLICIES_PER_APP).map(move |n| (app, n))) {
        let _ = writeln!(
            text,
            "@id(\"app-{app}-{n}\") permit (principal in Group::\"group-{}\", action == Action::\"read\", resource == \
             App::\"app-{app}\") when {{ context has device && context.device has disk_encrypted && \
             context.device.disk_encrypted && context.request.path like \"/documents/*\" }};",
            mixed(app + n) % GROUPS
        );
    }
    text
}
