//! Every reason for which a request is refused: what the client gets, and what the record says.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use gaccong::reason::Reason;
use gaccong_tests::pki::{self, Certified, HOUR, Pki};
use gaccong_tests::setup::{Setup, posture, posture_at};
use gaccong_tests::upstream::{Echo, Raw, raw};
use gaccong_tests::{Answer, Client, Gateway, audit, eventually};
use serde_json::json;
use tokio::io::AsyncWriteExt;

/// A request and how it is refused.
struct Row {
    reason: Reason,
    who: Who,
    /// The app, whose host is `{app}.example.test`.
    app: &'static str,
    /// What is sent; `{host}` stands for the host.
    bytes: &'static str,
}

#[derive(Clone, Copy)]
enum Who {
    /// A person on a compliant laptop.
    Alice,
    /// A person on a laptop whose disk is not encrypted.
    Bob,
    /// A person whom no policy permits anything.
    Carol,
    /// Nobody: no certificate.
    Anonymous,
    Expired,
    Revoked,
    /// A laptop whose certificate names no person.
    DeviceOnly,
    /// A person whose certificate names no device.
    PersonOnly,
    /// A laptop of which nothing was ever reported.
    Unreported,
    /// A laptop last heard of a month ago.
    Silent,
    /// A laptop that does not report a required fact.
    Partial,
    /// A laptop whose last update is said to be older than any machine.
    Absurd,
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n";

const ROWS: &[Row] = &[
    Row { reason: Reason::CertificateAbsent, who: Who::Anonymous, app: "echo", bytes: GET },
    Row { reason: Reason::CertificateExpired, who: Who::Expired, app: "echo", bytes: GET },
    Row { reason: Reason::CertificateRevoked, who: Who::Revoked, app: "echo", bytes: GET },
    Row { reason: Reason::RequestHostAbsent, who: Who::Alice, app: "echo", bytes: "GET / HTTP/1.1\r\n\r\n" },
    Row {
        reason: Reason::RequestHostAmbiguous,
        who: Who::Alice,
        app: "echo",
        bytes: "GET / HTTP/1.1\r\nHost: {host}\r\nHost: payroll.example.test\r\n\r\n",
    },
    Row {
        reason: Reason::RequestHostMisdirected,
        who: Who::Alice,
        app: "echo",
        bytes: "GET / HTTP/1.1\r\nHost: app.other.test\r\n\r\n",
    },
    Row {
        reason: Reason::RequestHostUnknown,
        who: Who::Alice,
        app: "echo",
        bytes: "GET / HTTP/1.1\r\nHost: nobody.example.test\r\n\r\n",
    },
    Row {
        reason: Reason::RequestPathAmbiguous,
        who: Who::Alice,
        app: "echo",
        bytes: "GET /a/%2e%2e/b HTTP/1.1\r\nHost: {host}\r\n\r\n",
    },
    Row {
        reason: Reason::RequestTarget,
        who: Who::Alice,
        app: "echo",
        bytes: "OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    },
    Row {
        reason: Reason::RequestMethod,
        who: Who::Alice,
        app: "echo",
        bytes: "TRACE / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    },
    Row {
        reason: Reason::RequestMethod,
        who: Who::Alice,
        app: "echo",
        bytes: "CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    },
    Row {
        reason: Reason::RequestUpgrade,
        who: Who::Alice,
        app: "echo",
        bytes: "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    },
    Row {
        reason: Reason::RequestConnectionAuth,
        who: Who::Alice,
        app: "echo",
        bytes: "GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: NTLM TlRMTVNTUAAB\r\n\r\n",
    },
    Row {
        reason: Reason::RequestConnectionAuth,
        who: Who::Alice,
        app: "echo",
        bytes: "GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: negotiate YII=\r\n\r\n",
    },
    Row {
        reason: Reason::RequestCrossSite,
        who: Who::Alice,
        app: "echo",
        bytes: "POST / HTTP/1.1\r\nHost: {host}\r\nOrigin: https://evil.test\r\nContent-Length: 0\r\n\r\n",
    },
    Row {
        reason: Reason::RequestBodyTooLarge,
        who: Who::Alice,
        app: "small",
        bytes: "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 11\r\n\r\n01234567890",
    },
    Row {
        reason: Reason::RequestBodyTooLarge,
        who: Who::Alice,
        app: "small",
        bytes: "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
    },
    Row {
        reason: Reason::RequestBodyMalformed,
        who: Who::Alice,
        app: "echo",
        bytes: "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
    },
    Row {
        reason: Reason::RequestOwnPath,
        who: Who::Alice,
        app: "echo",
        bytes: "GET /.gaccong/nothing HTTP/1.1\r\nHost: {host}\r\n\r\n",
    },
    Row { reason: Reason::PrincipalAbsent, who: Who::DeviceOnly, app: "echo", bytes: GET },
    Row { reason: Reason::DeviceAbsent, who: Who::PersonOnly, app: "echo", bytes: GET },
    Row { reason: Reason::PostureAbsent, who: Who::Unreported, app: "echo", bytes: GET },
    Row { reason: Reason::PostureStale, who: Who::Silent, app: "echo", bytes: GET },
    Row { reason: Reason::PostureIncomplete, who: Who::Partial, app: "echo", bytes: GET },
    Row { reason: Reason::PolicyNoPermit, who: Who::Carol, app: "echo", bytes: GET },
    Row { reason: Reason::PolicyForbid, who: Who::Bob, app: "payroll", bytes: GET },
    Row { reason: Reason::PolicyError, who: Who::Absurd, app: "echo", bytes: GET },
    Row { reason: Reason::UpstreamConnect, who: Who::Alice, app: "refused", bytes: GET },
    Row { reason: Reason::UpstreamTimeout, who: Who::Alice, app: "stalled", bytes: GET },
    Row { reason: Reason::UpstreamProtocol, who: Who::Alice, app: "babble", bytes: GET },
    Row {
        reason: Reason::UpstreamConnectionAuth,
        who: Who::Alice,
        app: "echo",
        bytes: "GET /ntlm HTTP/1.1\r\nHost: {host}\r\n\r\n",
    },
];

/// Requests that hyper refuses before they reach us: the answer is hyper's own, the record is ours.
const UNPARSED: &[(Reason, u16, &str)] = &[
    (Reason::RequestMalformed, 400, "GET / HTTP/1.1\r\nbad header\r\n\r\n"),
    (Reason::RequestMalformed, 400, "\u{1}\u{2}\u{3} garbage\r\n\r\n"),
    (Reason::RequestMalformed, 400, "GET / HTTP/1.1\r\nHost: echo.example.test\r\nX: a\0b\r\n\r\n"),
    (Reason::RequestMalformed, 400, "GET / HTTP/1.1\r\nHost: echo.example.test\r\nX: a\r\n folded\r\n\r\n"),
    (
        Reason::RequestFraming,
        400,
        "POST / HTTP/1.1\r\nHost: echo.example.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ),
    (Reason::RequestFraming, 400, "POST / HTTP/1.1\r\nHost: echo.example.test\r\nContent-Length: -1\r\n\r\n"),
    (Reason::RequestFraming, 400, "POST / HTTP/1.1\r\nHost: echo.example.test\r\nTransfer-Encoding: gzip\r\n\r\n"),
];

/// Reasons that have a test of their own, and where.
const ELSEWHERE: &[(Reason, &str)] = &[
    (Reason::CertificateNotYetValid, "handshakes"),
    (Reason::PrincipalRevoked, "revocation"),
    (Reason::DeviceRevoked, "revocation"),
    (Reason::SessionRevoked, "revocation"),
    (Reason::Lockdown, "revocation"),
    (Reason::SessionAbsent, "session_faults, browser"),
    (Reason::SessionExpired, "session_faults"),
    (Reason::SessionIdle, "session_faults"),
    (Reason::SessionInvalid, "session_faults"),
    (Reason::SessionOtherDevice, "session_faults, browser"),
    (Reason::SessionPrincipalMismatch, "session_faults, tokens"),
    (Reason::LoginStateInvalid, "login_faults"),
    (Reason::LoginCodeInvalid, "login_faults"),
    (Reason::LoginProviderUnavailable, "provider_faults"),
    (Reason::LoginProviderRefused, "login_faults"),
    (Reason::LoginTokenInvalid, "login_faults"),
    (Reason::LoginPrincipalAbsent, "login_faults"),
    (Reason::LoginLimit, "session_faults"),
    (Reason::SessionStepUp, "browser, tokens"),
    (Reason::TokenMalformed, "tokens"),
    (Reason::TokenUntrusted, "tokens"),
    (Reason::TokenExpired, "tokens"),
    (Reason::TokenAudience, "tokens"),
    (Reason::TokenBinding, "tokens"),
    (Reason::TokenKeysUnavailable, "tokens"),
    (Reason::TokenPrincipalAbsent, "tokens"),
    (Reason::CertificateUntrusted, "handshakes"),
    (Reason::CertificateWrongUsage, "handshakes"),
    (Reason::CertificateWeakKey, "handshakes"),
    (Reason::CertificateIssuerInvalid, "handshakes"),
    (Reason::CertificateMalformed, "handshakes"),
    (Reason::CertificateUnnamed, "handshakes"),
    (Reason::CrlStale, "handshakes, validity"),
    (Reason::CrlAbsent, "handshakes"),
    (Reason::OcspUnknown, "ocsp"),
    (Reason::HandshakeNotTls, "handshakes"),
    (Reason::HandshakeTimeout, "handshakes"),
    (Reason::HandshakeAborted, "handshakes"),
    (Reason::HandshakeIncompatible, "handshakes"),
    (Reason::HandshakeUnknownName, "handshakes"),
    (Reason::HandshakeFailed, "handshakes"),
    (Reason::ConnectionLimit, "limits"),
    (Reason::ConnectionSourceLimit, "limits"),
    (Reason::ConnectionProxyHeader, "limits"),
    (Reason::ConnectionFlood, "flood"),
    (Reason::RequestSourceLimit, "limits"),
    (Reason::RequestHeadTimeout, "limits"),
    (Reason::RequestHeadTooLarge, "limits"),
    (Reason::RequestBodyTooSlow, "bodies"),
    (Reason::RequestRateLimited, "rates"),
    (Reason::BreakGlassNoGrant, "break_glass"),
    (Reason::UpstreamUnavailable, "upstreams"),
    (Reason::StreamIdle, "streams_cut"),
    (Reason::AuditQueueFull, "recorded"),
    (Reason::GatewayDraining, "drain"),
    (Reason::GatewayInternal, "no request can bring it about on purpose: a test in the crate makes a handler panic"),
];

const DISK: &str = r#"
@id("payroll-needs-encryption")
@reason("The disk of this device is not encrypted.")
@advice("Turn on disk encryption and try again.")
@reason_vi("Ổ đĩa của thiết bị này chưa được mã hóa.")
@advice_vi("Hãy bật mã hóa ổ đĩa rồi thử lại.")
forbid (principal, action, resource == App::"payroll")
when { context has device && context.device has disk_encrypted && !context.device.disk_encrypted };
"#;

#[test]
fn every_reason_has_a_test() {
    let in_tables = ROWS.iter().map(|row| row.reason).chain(UNPARSED.iter().map(|row| row.0));
    let tested: BTreeSet<_> = in_tables.chain(ELSEWHERE.iter().map(|row| row.0)).collect();
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !tested.contains(reason)).collect();
    assert!(missing.is_empty(), "no test asks for {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_answers_and_is_recorded() {
    let world = World::start().await;
    for row in ROWS {
        let answer = world.ask(row).await;
        world.assert_refused(row, &answer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_parsed_is_recorded_too() {
    let gateway = start_with_echo().await;
    let alice = gateway.alice();
    for (seen, (reason, status, bytes)) in UNPARSED.iter().enumerate() {
        let answer = alice.raw("echo.example.test", bytes.as_bytes()).await.unwrap();
        assert_eq!(answer.status, *status, "{bytes:?}");
        let records = eventually(&format!("a record of {bytes:?}"), || async {
            let records: Vec<_> = gateway.records().into_iter().filter(|record| record.is_final()).collect();
            (records.len() > seen).then_some(records)
        })
        .await;
        assert_eq!(records.len(), seen + 1, "exactly one record for {bytes:?}");
        assert_eq!(records[seen].reason(), Some(reason.code()), "{bytes:?}");
    }
}

async fn start_with_echo() -> Gateway {
    let echo = Echo::h1().await;
    let url = echo.url().to_owned();
    Gateway::start(|setup| {
        setup.app("echo", &url);
    })
    .await
}

/// One gateway with everything that can go wrong behind it.
struct World {
    gateway: Gateway,
    echo: Echo,
    expired: Certified,
    revoked: Certified,
    _upstreams: [Raw; 2],
}

impl World {
    async fn start() -> Self {
        let echo = Echo::h1().await;
        let refused = raw::nobody().await;
        let stalled = Raw::start(|mut stream| async move {
            raw::read_head(&mut stream).await;
            std::future::pending::<()>().await;
        })
        .await;
        let babble = Raw::start(|mut stream| async move {
            raw::read_head(&mut stream).await;
            let _ = stream.write_all(b"220 mail.example.test ESMTP\r\n").await;
        })
        .await;

        let mut certificates = None;
        let gateway = Gateway::start(|setup| {
            setup.set("clients", "certificate = \"optional\"").set("clients", "on_invalid = \"page\"");
            setup.set("posture", "required = [\"disk_encrypted\"]");
            setup.certificate("other", &["app.other.test"], "");
            setup.app("echo", echo.url()).app("payroll", echo.url());
            setup.app_with("small", &[echo.url()], "body_limit_bytes = 10");
            setup.app("refused", &refused).app("babble", &babble.url());
            setup.app_with("stalled", &[&stalled.url()], "first_byte_timeout_ms = 200");
            setup.policies.insert("payroll.cedar", DISK.to_owned());
            report_devices(setup);
            certificates = Some(invalid_certificates(setup));
        })
        .await;
        let (expired, revoked) = certificates.unwrap();
        Self { gateway, echo, expired, revoked, _upstreams: [stalled, babble] }
    }

    fn client(&self, who: Who) -> Client {
        let pki = self.gateway.pki();
        let laptop = |device: &str, person: &str| pki.laptops.issue(pki::laptop(device, person));
        let certified = match who {
            Who::Anonymous => return self.gateway.anonymous(),
            Who::Alice => pki.alice(),
            Who::Bob => pki.bob(),
            Who::Carol => laptop("laptop-9", "carol@example.org"),
            Who::Expired => self.expired.clone(),
            Who::Revoked => self.revoked.clone(),
            Who::DeviceOnly => pki.laptops.issue(pki::device("laptop-7")),
            Who::PersonOnly => pki.people.issue(pki::person("alice@example.org")),
            Who::Unreported => laptop("laptop-unreported", "alice@example.org"),
            Who::Silent => laptop("laptop-silent", "alice@example.org"),
            Who::Partial => laptop("laptop-partial", "alice@example.org"),
            Who::Absurd => laptop("laptop-absurd", "alice@example.org"),
        };
        self.gateway.client(&certified)
    }

    async fn ask(&self, row: &Row) -> Answer {
        let host = format!("{}.example.test", row.app);
        let bytes = row.bytes.replace("{host}", &host);
        let answer = self.client(row.who).raw(&host, bytes.as_bytes()).await;
        answer.unwrap_or_else(|| panic!("no answer for {}: {bytes:?}", row.reason))
    }

    async fn assert_refused(&self, row: &Row, answer: &Answer) {
        let what = format!("{}: {:?}", row.reason, row.bytes);
        assert_eq!(answer.reason(), Some(row.reason.code()), "{what}: {}", answer.text());
        assert_eq!(answer.status, row.reason.status(), "{what}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");

        let record = self.gateway.final_record(answer.id()).await;
        assert_eq!(record.class(), audit::HTTP_ACTIVITY, "{what}");
        assert_eq!(record.reason(), Some(row.reason.code()), "{what}");
        assert_eq!(record.status(), Some(u64::from(row.reason.status().as_u16())), "{what}");
        let finals = self.gateway.records().into_iter().filter(|r| r.id() == answer.id() && r.is_final());
        assert_eq!(finals.count(), 1, "{what}: exactly one final record");
        if !row.reason.code().starts_with("upstream.") {
            assert_eq!(record.action(), "Denied", "{what}");
        }
    }
}

fn report_devices(setup: &mut Setup) {
    let month_ago = jiff::Timestamp::now() - Duration::from_secs(30 * 24 * 3600);
    let encrypted = json!({"disk_encrypted": true});
    setup.device("laptop-9", posture("carol@example.org", &encrypted));
    setup.device("laptop-silent", posture_at("alice@example.org", &encrypted, month_ago));
    setup.device("laptop-partial", posture("alice@example.org", &json!({"compliant": true})));
    let absurd = json!({"disk_encrypted": true, "patch_age_days": 1_000_000});
    setup.device("laptop-absurd", posture("alice@example.org", &absurd));
}

fn invalid_certificates(setup: &Setup) -> (Certified, Certified) {
    let Pki { laptops, .. } = &setup.pki;
    let mut params = pki::laptop("laptop-7", "alice@example.org");
    params.not_before = (SystemTime::now() - 48 * HOUR).into();
    params.not_after = (SystemTime::now() - 24 * HOUR).into();
    let revoked = laptops.issue(pki::laptop("laptop-7", "alice@example.org"));
    setup.write("laptops.crl", &laptops.crl(&[&revoked]));
    (laptops.issue(params), revoked)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_refused_request_reaches_an_upstream() {
    let world = World::start().await;
    let ours = |row: &&Row| !row.reason.code().starts_with("upstream.") && !row.reason.code().contains(".body_");
    for row in ROWS.iter().filter(ours) {
        let answer = world.ask(row).await;
        assert_eq!(answer.reason(), Some(row.reason.code()));
    }
    assert_eq!(world.echo.requests(), 0);

    let row = Row { reason: Reason::PolicyNoPermit, who: Who::Alice, app: "echo", bytes: GET };
    assert_eq!(world.ask(&row).await.status, 200);
    assert_eq!(world.echo.requests(), 1, "the upstream counts at all");
}
